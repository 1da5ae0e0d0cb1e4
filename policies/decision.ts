/**
 * What a policy may answer. Decisions of several policies are joined by `decide.ts`:
 * deny > hold > mask > allow; silence is deny.
 */
import type { MaskingReason, ProtectedColumn } from "./question.ts";

/** Why policy said no; a program or a model can act on it. Each stands in docs/errors.md. */
export type DenyReason =
  | MaskingReason
  | "access-not-granted"
  | "target-not-granted"
  | "statement-unparsed"
  | "function-call-refused"
  | "name-refused"
  | "command-refused"
  | "statement-guarded"
  | "approval-required";

export interface Denial {
  readonly verdict: "deny";
  readonly reason: DenyReason;
  readonly rule: string | null;
  readonly message: string;
  readonly hint: string;
  /** Characters of the text from 1, or null. */
  readonly position: number | null;
}

export interface Allowance {
  readonly verdict: "allow";
  readonly rule: string | null;
  /** `unparsed` when a statement passed without being understood, else null. */
  readonly reason: "unparsed" | null;
}

/** Allowed once the text has been rewritten so that these columns yield masked values; of an HTTP request, as its answer is masked, without columns. */
export interface Masking {
  readonly verdict: "mask";
  readonly rule: string;
  readonly columns: readonly ProtectedColumn[];
}

/** Waits for a person. Nothing yields it before approvals exist. */
export interface Hold {
  readonly verdict: "hold";
  readonly rule: string;
  readonly message: string;
}

export type Decision = Denial | Allowance | Masking | Hold;
export type Verdict = Decision["verdict"];
