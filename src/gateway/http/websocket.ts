/**
 * WebSocket (RFC 6455): once the target has agreed, bytes are passed on both ways, recorded up to the limit. Frames
 * are not read, so that no path under a mask on bodies gets this far.
 */
import type { Duplex, Readable, Writable } from "node:stream";
import { Blanker, checkUpgrade, type HeaderPair, Literals } from "#protocols/http/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { asFault } from "#src/gateway/as-fault.ts";
import { respond, switchedHeaders } from "./answer.ts";
import type { Handover } from "./exchange.ts";
import type { Forwarding } from "./forwarding.ts";
import { PAUSE_MS } from "./limits.ts";
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

/**
 * One direction, until its side has ended. What comes from the target is not hidden in its frames (RFC 6455 section 5.1), so
 * that a credential can be blanked there: it stays as long.
 */
function passing(
  { api, session, record }: Forwarding,
  source: Duplex & Readable,
  sink: Duplex & Writable,
  head: Buffer,
  direction: "in" | "out",
): Promise<void> {
  const body = record.body(direction, false);
  const blanker = new Blanker(direction === "out" ? api.literals : new Literals([]));
  return new Promise((resolve, reject) => {
    const hand = (pieces: readonly Buffer[]): void => {
      for (const piece of pieces) {
        body.write(piece);
        if (direction === "in") body.settle();
        if (!sink.write(piece)) source.pause();
      }
    };
    const safely = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        reject(error);
      }
    };
    const silence = setTimeout(() => safely(() => hand(blanker.pause())), PAUSE_MS).unref();
    const take = (chunk: Buffer): void =>
      safely(() => {
        session.passed(chunk.length, direction === "out");
        hand(blanker.write(chunk));
        silence.refresh();
      });
    if (head.length > 0) take(head);
    source.on("data", take);
    sink.on("drain", () => source.resume());
    const end = (outcome: "done" | "cut"): void =>
      safely(() => {
        clearTimeout(silence);
        if (!sink.destroyed) hand(blanker.end());
        if (!session.over) body.end(outcome);
        sink.end();
        resolve();
      });
    source.once("end", () => end("done"));
    source.once("close", () => end("cut"));
  });
}
