/**
 * What becomes of a text under a mask: refused with its reason, or written anew so that protected columns are masked where
 * they are read. Whatever passes goes upstream in our own spelling, never in the client's bytes, also where nothing in it is
 * protected. Pure and synchronous; `loadGrammar` must have been awaited once.
 */
import type { Obstacle, ProtectedColumn } from "#policies/question.ts";
import type { MysqlMaskingView } from "./protection.ts";
import type { SqlMode } from "./sql-mode.ts";

/** What of the session decides how its texts are read. */
export interface MaskedSettings {
  readonly sqlMode: SqlMode;
  /** The session's character set is not UTF-8: then the text may hold ASCII alone. */
  readonly foreign: boolean;
  /** The current database; null without one. */
  readonly database: string | null;
}

export interface TextStretch {
  readonly start: number;
  readonly end: number;
}

/** Literals and parameters that may be recorded only as keyed digests. */
export interface MaskedSensitive {
  /** Of the client's text: indexes, in order, not overlapping. */
  readonly ranges: readonly TextStretch[];
  /** Parameters, from 1. */
  readonly parameters: readonly number[];
}

export type MaskedText =
  | { readonly kind: "refused"; readonly obstacle: Obstacle; readonly sensitive: MaskedSensitive }
  | {
      readonly kind: "rewritten";
      /** What goes upstream. */
      readonly text: string;
      /** Protected columns of the tables that it names; empty: nothing in it is masked (a verdict `allow`, not `mask`). */
      readonly columns: readonly ProtectedColumn[];
      /** Of each output column, whether it derives from a masked one; empty where no rows come or they can't be counted. */
      readonly outputMasked: readonly boolean[];
      readonly sensitive: MaskedSensitive;
      /** The same ranges as they stand in `text`. */
      readonly sensitiveUpstream: readonly TextStretch[];
      /** Errors and warnings of the server could show values of the rows that it writes or reads. */
      readonly rebuildErrors: boolean;
    };

/** @param sql of one COM_QUERY or COM_STMT_PREPARE: one statement; several are refused */
export function maskedText(_sql: string, _view: MysqlMaskingView, _settings: MaskedSettings): MaskedText {
  const message = "statements under a mask are not read yet on MySQL targets";
  const obstacle: Obstacle = {
    reason: "masked-unsupported",
    rule: null,
    message,
    hint: "ask as a principal under no mask",
    position: null,
  };
  return { kind: "refused", obstacle, sensitive: { ranges: [], parameters: [] } };
}
