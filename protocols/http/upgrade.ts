/** Which connections may be handed over: WebSocket alone (RFC 6455), and none where a mask would have to read what it carries. */
import type { HttpMask } from "#policies/question.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { type HeaderPair, members, valuesOf } from "./header-pairs.ts";

export type Upgrade = "websocket" | null | Fault;

/**
 * `websocket` where the request asks for it rightly, null where it asks for nothing that is honoured: the fields are dropped
 * then, as RFC 9110 section 7.8 lets a server do. Without version and key it is a fault.
 *
 * @returns a fault `masked-body-type` where a mask holds on the path
 */
export function checkUpgrade(raw: readonly HeaderPair[], method: string, masks: readonly HttpMask[]): Upgrade {
  const asked = valuesOf(raw, "upgrade").flatMap(members);
  const connection = valuesOf(raw, "connection").flatMap(members);
  if (!asked.includes("websocket") || !connection.includes("upgrade")) return null;
  const keys = valuesOf(raw, "sec-websocket-key");
  const right = method === "GET" && asked.length === 1 && valuesOf(raw, "sec-websocket-version").join() === "13";
  if (!right || keys.length !== 1 || !/^[A-Za-z0-9+/]{22}==$/.test(keys[0] ?? "")) {
    return new Fault("request-ambiguous", "the request asks for a WebSocket in a way that servers could read differently");
  }
  if (masks.some(({ fields, form }) => fields.length > 0 || form.length > 0)) {
    return new Fault("masked-body-type", "what a WebSocket carries cannot be masked", { hint: "use requests and responses" });
  }
  return "websocket";
}
