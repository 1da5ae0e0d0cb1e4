/** What a statement of a masked principal is judged by, and what becomes of one that passes. Plain data. */
import type { ProtectedColumn } from "#policies/question.ts";
import type { SqlMode } from "./sql-mode.ts";
import type { TemporaryChange, TemporaryTables } from "./temporary.ts";

/** What of the session decides how its texts are read. */
export interface MaskedSettings {
  readonly sqlMode: SqlMode;
  /** The session's character set is not UTF-8: then the text may hold ASCII alone. */
  readonly foreign: boolean;
  /** The current database; null without one. */
  readonly database: string | null;
  /** The session's own; none when left out. */
  readonly temporary?: TemporaryTables;
}

export interface MaskedForm {
  readonly text: string;
  readonly columns: readonly ProtectedColumn[];
  readonly outputMasked: readonly boolean[];
  /** Of each output column, names of masked columns that are aliases of it and no more; empty where there are none. */
  readonly renamed: readonly (readonly string[])[];
  readonly rebuildErrors: boolean;
  /** What it does to the session's temporary tables; nothing when left out. */
  readonly temporary?: TemporaryChange | null;
  /** Names, in lower case, under which masked columns can be spoken of in it; null: they can be met without a name. */
  readonly names: ReadonlySet<string> | null;
  /** Where each token of the client's stands in `text`; -1 for one that is not there. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Where in `text` stands what the gateway put there, in order. */
  readonly inserted: readonly { readonly start: number; readonly end: number }[];
}
