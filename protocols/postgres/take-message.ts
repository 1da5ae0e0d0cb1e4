/** Cuts one whole message off bytes that were collected: for the exchanges before a session, which are short. */
import { Fault } from "#protocols/wire/fault.ts";

export interface Message {
  readonly tag: number;
  /** A view of what was received. */
  readonly body: Buffer;
  readonly rest: Buffer;
}

/**
 * @param bytesMax of the body; judged from the header, before more is collected
 * @returns undefined when more bytes are needed
 * @throws Fault `malformed-message`, `message-too-large`
 */
export function takeMessage(received: Buffer, bytesMax: number): Message | undefined {
  if (received.length < 5) return undefined;
  const length = received.readUInt32BE(1);
  if (length < 4) throw new Fault("malformed-message", `a message announces ${length} bytes`);
  if (length - 4 > bytesMax) throw new Fault("message-too-large", `a message announces ${length - 4} bytes; ${bytesMax} are allowed here`);
  if (received.length < 1 + length) return undefined;
  return { tag: received[0] ?? 0, body: received.subarray(5, 1 + length), rest: received.subarray(1 + length) };
}
