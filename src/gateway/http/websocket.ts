/**
 * WebSocket (RFC 6455): once the target has agreed, bytes are passed on both ways as they are, recorded up to the limit. Frames
 * are not read, so that no path under a mask on bodies gets this far.
 */
import type { Duplex, Readable, Writable } from "node:stream";
import { checkUpgrade, type HeaderPair } from "#protocols/http/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { asFault } from "#src/gateway/as-fault.ts";
import { respond, switchedHeaders } from "./answer.ts";
import type { Handover } from "./exchange.ts";
import type { Forwarding } from "./forwarding.ts";
import type { UpstreamRequest } from "./upstream/exchange.ts";

/** @throws Fault where no answer has begun */
export async function handOver(
  forwarding: Forwarding,
  request: UpstreamRequest,
  handover: Handover,
  credential: readonly HeaderPair[],
): Promise<void> {
  const { exchange, api, masks, session, record, stopper } = forwarding;
  const upgrade = checkUpgrade(exchange.headers, exchange.method, masks);
  if (upgrade instanceof Fault) throw upgrade;
  if (upgrade === null) throw new Fault("request-ambiguous", "the request asks for a protocol that is not WebSocket");
  const answer = await api.pool.upgrade(request, session.id);
  stopper.headCame();
  if (answer.kind === "response") return respond(forwarding, answer.response, credential.length > 0);
  const headers = switchedHeaders(forwarding, answer.headers, credential.length > 0);
  record.head("out", 101, headers);
  const client = handover.accept(headers);
  const target = answer.socket;
  const cut = (): void => {
    client.destroy();
    target.destroy();
  };
  stopper.signal.addEventListener("abort", cut, { once: true });
  target.on("error", cut);
  client.on("error", cut);
  try {
    await Promise.all([passing(forwarding, client, target, handover.head, "in"), passing(forwarding, target, client, answer.head, "out")]);
    record.done("101 Switching Protocols", 0);
  } catch (error) {
    cut();
    record.failed(stopper.signal.reason instanceof Fault ? stopper.signal.reason : asFault(error));
  }
}

/** One direction, until its side has ended. */
function passing(
  { session, record }: Forwarding,
  source: Duplex & Readable,
  sink: Duplex & Writable,
  head: Buffer,
  direction: "in" | "out",
): Promise<void> {
  const body = record.body(direction, false);
  return new Promise((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      try {
        session.passed(chunk.length, direction === "out");
        body.write(chunk);
        if (direction === "in") body.settle();
      } catch (error) {
        reject(error);
        return;
      }
      if (!sink.write(chunk)) source.pause();
    };
    if (head.length > 0) take(head);
    source.on("data", take);
    sink.on("drain", () => source.resume());
    const end = (outcome: "done" | "cut"): void => {
      try {
        if (!session.over) body.end(outcome);
        sink.end();
        resolve();
      } catch (error) {
        reject(error);
      }
    };
    source.once("end", () => end("done"));
    source.once("close", () => end("cut"));
  });
}
