/** What tests do with a session over and over: ask, read the answer, leave. */
import { fields, type Message, type Peer, query, TERMINATE, values } from "#test/src/gateway/wire.ts";

/** Runs one text in the simple protocol. @returns everything up to ReadyForQuery */
export async function ask(peer: Peer, sql: string): Promise<readonly Message[]> {
  peer.send(query(sql));
  return peer.upTo("Z");
}

/** Says Terminate, and waits for the end. */
export async function leave(...peers: readonly Peer[]): Promise<void> {
  for (const peer of peers) {
    peer.send(TERMINATE);
    await peer.closed();
  }
}

/** The types of the messages, e.g. `TDCZ`. */
export function tags(messages: readonly Message[]): string {
  return messages.map(({ tag }) => tag).join("");
}

export function rows(messages: readonly Message[]): readonly (readonly (string | null)[])[] {
  return messages.filter(({ tag }) => tag === "D").map(values);
}

/** The fields of the first error. @throws Error when there is none */
export function errorIn(messages: readonly Message[]): Readonly<Record<string, string>> {
  const error = messages.find(({ tag }) => tag === "E");
  if (error === undefined) throw new Error(`no error among ${tags(messages)}`);
  return fields(error);
}
