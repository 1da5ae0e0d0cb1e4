/** Answers of the gateway's own: refusals and metadata, whole responses, said in the version that the client speaks. */
import type { Answer } from "#protocols/http/protocol.ts";
import type { Exchange } from "./exchange.ts";

/** Breaks the exchange off where an answer has begun. */
export function sendAnswer(exchange: Exchange, { status, headers, body }: Answer): void {
  if (exchange.answered) {
    exchange.fail();
    return;
  }
  const bodyless = exchange.method === "HEAD" || body.length === 0;
  const sink = exchange.respond({ status, statusText: "", headers }, bodyless);
  sink?.end(body);
}
