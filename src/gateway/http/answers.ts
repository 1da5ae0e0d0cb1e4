/** Answers of the gateway's own: refusals and metadata, whole responses, said in the version that the client speaks. */
import { STATUS_CODES } from "node:http";
import type { Answer } from "#protocols/http/protocol.ts";
import type { Exchange } from "./exchange.ts";

/** Where one request could be read in two ways, what stands behind it might be a part of it. */
const UNTRUSTED: ReadonlySet<number> = new Set([400, 414, 431]);

/** Breaks the exchange off where an answer has begun. */
export function sendAnswer(exchange: Exchange, { status, headers, body }: Answer): void {
  if (exchange.answered) {
    exchange.fail();
    return;
  }
  const bodyless = exchange.method === "HEAD" || body.length === 0;
  const sink = exchange.respond({ status, statusText: STATUS_CODES[status] ?? "", headers, closes: UNTRUSTED.has(status) }, bodyless);
  sink?.end(body);
}
