/** Judgements as policy would make them, with only what a test is about spelled out. */
import type { Denial } from "#policies/decision.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";

/** A text that passes as it is, seen by a principal who is under no mask for it. */
export function allowed(sql: string, changes: Partial<Judgement> = {}): Judgement {
  return {
    verdict: "allow",
    rule: "readers",
    reason: null,
    denial: null,
    upstreamSql: null,
    outputMasked: [],
    outputHashed: [],
    mapPosition: (position) => position,
    recordedSql: sql,
    recordedUpstreamSql: changes.upstreamSql ?? null,
    tables: [],
    sensitiveParameters: [],
    sensitiveCopy: false,
    rebuildErrors: false,
    lasting: [],
    uses: [],
    guessed: [],
    holds: () => true,
    changesCatalogue: false,
    ...changes,
  };
}

export function denial(changes: Partial<Denial> = {}): Denial {
  return {
    verdict: "deny",
    reason: "access-not-granted",
    rule: null,
    message: "not permitted",
    hint: "ask for the right",
    position: null,
    ...changes,
  };
}

export function denied(sql: string, changes: Partial<Denial> = {}): Judgement {
  const refusal = denial(changes);
  return allowed(sql, { verdict: "deny", rule: refusal.rule, reason: refusal.reason, denial: refusal });
}
