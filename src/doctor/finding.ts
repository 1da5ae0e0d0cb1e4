/**
 * What the doctor finds: a stable code, how bad it is, what it is about, one sentence, and what to do. docs/doctor.md lists
 * the codes. Findings are told, loudly where they weaken what a mask promises; nothing is ever refused because of them.
 */

export type Severity = "high" | "medium" | "low" | "ok";

/** Each code has one severity. `ok` codes say that something was looked at and is as it should be. */
export const FINDINGS = {
  "login-superuser": "high",
  "login-creates-roles": "high",
  "login-replicates": "high",
  "login-reaches-server": "high",
  "login-sets-definer": "high",
  "login-server-tables": "high",
  "login-reads-all": "medium",
  "login-monitors": "medium",
  "login-signals": "medium",
  "login-bypasses-row-security": "medium",
  "login-owns-protected": "medium",
  "login-creates-in-path": "medium",
  "login-grants": "medium",
  "login-administers": "medium",
  "login-creates-databases": "low",
  "login-changes-schema": "low",
  "login-global-privilege": "low",
  "login-predefined-role": "low",
  "login-ok": "ok",
  "rule-names-nothing": "high",
  "mask-unfit": "medium",
  "rules-ok": "ok",
  "definer-function-allowed": "high",
  "definer-function": "medium",
  "definer-unseen": "low",
  "trigger-on-protected": "medium",
  "trigger-unseen": "medium",
  "event-on-protected": "medium",
  "view-unseen": "low",
  "event-trigger": "low",
  "row-security": "low",
  "copy-materialized-view": "low",
  "copy-same-column": "medium",
  "copy-by-default": "medium",
  "view-over-protected": "low",
  publication: "medium",
  "statement-statistics": "medium",
  "extension-reaches-out": "medium",
  "foreign-table": "low",
  "certificate-expires": "medium",
  "key-weak": "high",
  "key-short": "low",
  "tls-version": "low",
  "tls-ok": "ok",
  "log-holds-values": "medium",
  "server-local-infile": "low",
  "server-files-anywhere": "low",
  "server-folds-names": "low",
  "server-out-of-support": "medium",
  "server-ok": "ok",
  "wall-stale": "high",
  "wall-unused": "low",
  "wall-absent": "low",
  "wall-ok": "ok",
} as const satisfies Record<string, Severity>;

export type FindingCode = keyof typeof FINDINGS;

/** One object of `sallyport doctor --json`. */
export interface Finding {
  readonly target: string;
  /** Null for what concerns the login, TLS or the server as a whole. */
  readonly database: string | null;
  readonly code: FindingCode;
  readonly severity: Severity;
  /** What it is about, e.g. a role, a table, a function. */
  readonly object: string;
  /** One sentence. */
  readonly message: string;
  /** What to do; empty where there is nothing to do. */
  readonly remedy: string;
  /** Statements to paste, a line each; null where there are none. */
  readonly sql: string | null;
}

/** What a check says; target and database are added by whoever called it. */
export interface Observation {
  readonly code: FindingCode;
  readonly object: string;
  readonly message: string;
  readonly remedy?: string;
  readonly sql?: readonly string[];
}

const RANK: Readonly<Record<Severity, number>> = { high: 0, medium: 1, low: 2, ok: 3 };

/** Worst first, else as they were found. */
export function bySeverity(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((a, b) => RANK[a.severity] - RANK[b.severity]);
}

/** Worth a warning. */
export function isWarning({ severity }: Finding): boolean {
  return severity === "high" || severity === "medium";
}

/** About the masking rules themselves, not about what lies around them. */
export function isOfRules({ code }: Finding): boolean {
  return code === "rule-names-nothing" || code === "mask-unfit";
}

export function found(target: string, database: string | null, observations: readonly Observation[]): readonly Finding[] {
  return observations.map(({ code, object, message, remedy, sql }) => ({
    target,
    database,
    code,
    severity: FINDINGS[code],
    object,
    message,
    remedy: remedy ?? "",
    sql: sql === undefined || sql.length === 0 ? null : sql.join("\n"),
  }));
}

/** Whose masks the doctor looks at: those of somebody under every one. */
export const NOBODY = { issuer: "", name: "", groups: [], actor: null };
