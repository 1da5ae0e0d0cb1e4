/** What guardrails bound of HTTP requests: their size, that of their answers, and how many there may be in a time. */
import type { Principal } from "#policies/question.ts";
import { activeGuardrails, type GuardrailsRules } from "./rules.ts";

/** A bound and the rule that sets it. */
export interface Bound {
  readonly rule: string;
  readonly bytes: number;
}

/** At most `requests` at once, and on the average no more than that within `perMs`. */
export interface Rate {
  readonly rule: string;
  readonly requests: number;
  readonly perMs: number;
}

/** All that hold for a principal on a target: of bounds the lowest, of rates each. Null: no bound. */
export interface HttpBounds {
  readonly requestBytes: Bound | null;
  readonly responseBytes: Bound | null;
  readonly rates: readonly Rate[];
}

export function httpBoundsIn(guardrails: GuardrailsRules, principal: Principal, target: string): HttpBounds {
  const rules = activeGuardrails(guardrails, principal, target);
  const lowest = (key: "requestBytes" | "responseBytes"): Bound | null =>
    rules
      .flatMap(({ name, [key]: bytes }) => (bytes === undefined ? [] : [{ rule: name, bytes }]))
      .reduce<Bound | null>((least, next) => (least === null || next.bytes < least.bytes ? next : least), null);
  return {
    requestBytes: lowest("requestBytes"),
    responseBytes: lowest("responseBytes"),
    rates: rules.flatMap(({ name, rate }) => (rate === undefined ? [] : [{ rule: name, requests: rate.requests, perMs: rate.per }])),
  };
}
