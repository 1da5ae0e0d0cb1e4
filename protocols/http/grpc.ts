/**
 * A refusal as gRPC clients read it: a response of trailers alone, whose status stands in `grpc-status`, its sentence with reason
 * and hint in `grpc-message`. Their libraries look at the status of HTTP only where there is no other.
 *
 * Source: "gRPC over HTTP2", Responses; "Status codes and their use in gRPC".
 */
import type { Denial } from "#policies/decision.ts";
import type { Fault } from "#protocols/wire/fault.ts";
import { type HeaderPair, HSTS, valuesOf } from "./header-pairs.ts";
import type { Answer } from "./problem.ts";
import { WIRE_ERRORS } from "./wire-errors.ts";

const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const BY_STATUS: ReadonlyMap<number, number> = new Map([
  [400, INVALID_ARGUMENT],
  [401, UNAUTHENTICATED],
  [403, PERMISSION_DENIED],
  [404, NOT_FOUND],
  [405, UNIMPLEMENTED],
  [408, DEADLINE_EXCEEDED],
  [413, RESOURCE_EXHAUSTED],
  [429, RESOURCE_EXHAUSTED],
  [500, INTERNAL],
  [504, DEADLINE_EXCEEDED],
  [505, UNIMPLEMENTED],
]);

/** Whether a request comes from a gRPC client: by its content type, as such servers tell. */
export function isGrpc(raw: readonly HeaderPair[]): boolean {
  return valuesOf(raw, "content-type").some((type) => /^application\/grpc(?![\w-])/i.test(type));
}

export function grpcRefusal(refusal: Fault | Denial, requestId: string): Answer {
  const [reason, rule] = "verdict" in refusal ? [refusal.reason, refusal.rule] : [refusal.code, null];
  const said = [
    refusal.message,
    ` (reason=${reason}`,
    rule === null ? "" : ` rule=${rule}`,
    ")",
    refusal.hint === "" ? "" : `; ${refusal.hint}`,
  ];
  const headers: readonly HeaderPair[] = [
    ["content-type", "application/grpc"],
    ["grpc-status", String(BY_STATUS.get(WIRE_ERRORS[reason].status) ?? UNAVAILABLE)],
    ["grpc-message", percentEncoded(said.join(""))],
    ["strict-transport-security", HSTS],
    ["x-request-id", requestId],
  ];
  return { status: 200, headers, body: Buffer.alloc(0) };
}

/** All but printable ASCII, and the percent sign. */
function percentEncoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");
}
