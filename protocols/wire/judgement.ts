/**
 * What a session machine learns about one statement text: the decision of policy, already turned into what is sent
 * upstream and what is written down. Made outside the protocols, once for each distinct text, and shared between sessions.
 */
import type { Denial } from "#policies/decision.ts";
import type { RecordedText } from "./transcript.ts";

/**
 * What one statement of a text does with a name of the session: prepared statements of PREPARE, cursors of DECLARE,
 * temporary tables that it makes. `at` is
 * its place among the statements of the text, from 0. Of DEALLOCATE and CLOSE, null stands for all names; `any` is a text that is
 * not understood, and may do anything to each of them.
 */
export type NameUse =
  | { readonly kind: "prepare" | "execute" | "declare" | "fetch" | "temporary"; readonly at: number; readonly name: string }
  | { readonly kind: "deallocate" | "close"; readonly at: number; readonly name: string | null }
  | { readonly kind: "any"; readonly at: number };

export interface Judgement {
  readonly verdict: "allow" | "mask" | "deny";
  readonly rule: string | null;
  readonly reason: string | null;
  /** Set when, and only when, `verdict` is `deny`. */
  readonly denial: Denial | null;
  /** What goes upstream in place of the client's text; null when the client's own bytes do. */
  readonly upstreamSql: string | null;
  /**
   * For each statement of the text and each of its output columns, whether it shows masked values; of PREPARE and DECLARE,
   * those of the rows that will come of it. Empty when not rewritten.
   */
  readonly outputMasked: readonly (readonly boolean[])[];
  /** As `outputMasked`: columns that come as they are, and are hashed on their way to the client. */
  readonly outputHashed: readonly (readonly boolean[])[];
  /** Maps a character position (from 1) of the text sent upstream back to the client's, or null. */
  readonly mapPosition: (position: number) => number | null;
  readonly recordedSql: RecordedText;
  readonly recordedUpstreamSql: RecordedText | null;
  /** How an output column's name is written down, where servers name columns by the expression, literals included; else as it is. */
  readonly recordedName?: (name: string) => string;
  /**
   * MySQL: of each output column names that are only aliases of it, in lower case, though masked columns bear them too: servers may
   * tell them as its origin. Left out where there are none.
   */
  readonly renamed?: readonly (readonly string[])[];
  readonly tables: readonly string[];
  /** Parameters (from 1) that are recorded as keyed digests only. */
  readonly sensitiveParameters: readonly number[];
  /** What the client copies in may hold values for masked columns: of it only a keyed digest is recorded. */
  readonly sensitiveCopy: boolean;
  /** Server errors and notices are rebuilt from templates, since their text could carry protected values. */
  readonly rebuildErrors: boolean;
  /**
   * For each statement of the text, whether something of it stays once it is done: rows, settings, names, the end of a
   * transaction. Of one that is not listed it may.
   */
  readonly lasting: readonly boolean[];
  /** In the order of the text. */
  readonly uses: readonly NameUse[];
  /** Names that were taken for temporary tables of the session, since the catalogue does not know them. */
  readonly guessed: readonly string[];
  /** Whether the text would be judged the same now. A prepared statement is planned anew by the server, and so is asked at each Bind. */
  readonly holds: () => boolean;
  /** The catalogue may differ once this has run. */
  readonly changesCatalogue: boolean;
}

/**
 * The judge answers at once, or promises to (a catalogue refresh, later an approval).
 *
 * @param isOwn whether the session has made a temporary table of that name
 */
export type Judge = (sql: string, isOwn: (name: string) => boolean) => Judgement | Promise<Judgement>;
