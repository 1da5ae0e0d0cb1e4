/**
 * What a policy may know: who asks, of which target, and the facts that a protocol read off the
 * statement. Plain data without bytes, sockets or clocks, so that a decision can be repeated from a record.
 */

/** What `may` in an access rule grants. For SQL: see docs/access.md for which statement needs which. */
export type Right = "read" | "write" | "schema" | "admin";

export const RIGHTS = ["read", "write", "schema", "admin"] as const satisfies readonly Right[];

/** Who is calling, proved. `actor` is set when one acts for another (RFC 8693 `act`). */
export interface Principal {
  readonly issuer: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly actor: string | null;
}

/** How a masked column shows: docs/masking.md says what each yields for which type. */
export type Mask =
  | { readonly kind: "redact" }
  | { readonly kind: "null" }
  | { readonly kind: "email" }
  | { readonly kind: "year" }
  | { readonly kind: "keepLast"; readonly characters: number }
  | { readonly kind: "constant"; readonly value: string | number | boolean }
  /** A keyed digest, made on the way to the client; its key is not policy's to know. */
  | { readonly kind: "hash" };

/** `values`: any that is not read from a masked column. DEFAULT and leaving the column out need no permission. */
export type Assign = "none" | "values";

/** A masking rule that is in force for a principal on a target; one of `columns` and `tags` may be empty. */
export interface ActiveMask {
  readonly rule: string;
  /** Names with `*` globs. */
  readonly columns: readonly string[];
  /** In lower case: every column that the catalogue tags as one of them. */
  readonly tags: readonly string[];
  readonly mask: Mask;
  /** Whether writes may give such a column a value; without a word they may not. */
  readonly assign?: Assign;
}

/** One step of a path into a JSON document. `descend`: the steps behind it hold at any depth. */
export type FieldStep =
  | { readonly kind: "key"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "any" }
  | { readonly kind: "descend" };

export type FieldPath = readonly FieldStep[];

/** A masking rule of an HTTP target that is in force for a principal and a path; most of its lists are empty. */
export interface HttpMask {
  readonly rule: string;
  /** Of JSON documents. */
  readonly fields: readonly FieldPath[];
  /** Names of header fields, in lower case. */
  readonly headers: readonly string[];
  /** Names of query parameters, in lower case. */
  readonly query: readonly string[];
  /** Names of form fields, in lower case. */
  readonly form: readonly string[];
  readonly mask: Mask;
  /** Whether requests that write may carry a value of theirs. */
  readonly assign: Assign;
}

/** A column that a masking rule protects for this principal, resolved against the catalogue. */
export interface ProtectedColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly rule: string;
}

/**
 * Where an obstacle lies and what would make the statement pass.
 * `position` counts characters of the statement text from 1, as PostgreSQL's error field `P`; null when none fits.
 */
export interface Obstacle {
  readonly reason: MaskingReason;
  /** The masking rule whose column is in the way; null when it is not about one column. */
  readonly rule: string | null;
  readonly message: string;
  readonly hint: string;
  readonly position: number | null;
}

/** Why a statement of a masked principal is refused; each stands in docs/errors.md. */
export type MaskingReason =
  | "masked-statement-kind"
  | "masked-write"
  | "masked-view"
  | "masked-catalogue"
  | "masked-function"
  | "masked-setting"
  | "masked-undefined-table"
  | "masked-unresolved"
  | "masked-unsupported"
  | "masked-unparsed";

/** What a statement does to protected data, for a principal under a mask on the target. */
export type MaskingFacts =
  | { readonly kind: "clear" }
  | { readonly kind: "rewritable"; readonly columns: readonly ProtectedColumn[] }
  | { readonly kind: "obstacle"; readonly obstacle: Obstacle };

/** What a guardrail can forbid; docs/guardrails.md says what each means. Rules name all but the last. */
export const GUARD_KINDS = [
  "update-without-where",
  "delete-without-where",
  "truncate",
  "drop",
  "alter",
  "unlimited-select",
  "cross-join",
  "multi-statement",
] as const;

export type GuardKind = (typeof GUARD_KINDS)[number] | "opaque";

/** Something in a statement that a guardrail may forbid. */
export interface Guard {
  /** `opaque`: it runs what cannot be seen through, and may do any of the others. */
  readonly kind: GuardKind;
  /** Characters of the statement's text from 1; null when no place fits. */
  readonly position: number | null;
  /** What it is done to, as the text names it. */
  readonly relation: string | null;
  /** The command, or what `relation` is not connected to. */
  readonly detail: string | null;
  /** Rows that an `unlimited-select` reads by the planner's estimate; null for the others. */
  readonly rows: number | null;
}

/** One SQL statement of a text. `masking` is null when the principal is under no mask on the target. */
export interface StatementFacts {
  /** The command as its CommandComplete tag would begin, e.g. `SELECT`, `INSERT`, `CREATE TABLE`. */
  readonly tag: string;
  readonly needs: readonly Right[];
  /** Relations named, as written and qualified where the text qualifies them; for the record. */
  readonly tables: readonly string[];
  readonly masking: MaskingFacts | null;
  readonly guards: readonly Guard[];
}

/** What stands in one Query or Parse text. Exactly one of the two shapes. */
export type TextFacts =
  | { readonly kind: "parsed"; readonly statements: readonly StatementFacts[] }
  | {
      readonly kind: "unparsed";
      readonly message: string;
      /** Characters from 1; null when the parser named no place. */
      readonly position: number | null;
      readonly masked: boolean;
    };

/** What one HTTP request asks for; what is judged here is what is sent. */
export interface HttpFacts {
  readonly method: string;
  /** In the one spelling that is sent on, without query and without the gateway's own prefix. */
  readonly path: string;
  /** Of a message to an MCP server; null for every other request. */
  readonly mcp: McpFacts | null;
}

/** JSON-RPC methods that a request to an MCP server calls, a batch in its order; and the names of the tools among them. */
export interface McpFacts {
  readonly methods: readonly string[];
  readonly tools: readonly string[];
}

export type Question =
  | { readonly kind: "connect"; readonly principal: Principal; readonly target: string }
  | {
      readonly kind: "statement";
      readonly principal: Principal;
      readonly target: string;
      readonly facts: TextFacts;
    }
  | {
      readonly kind: "request";
      readonly principal: Principal;
      readonly target: string;
      readonly facts: HttpFacts;
    };
