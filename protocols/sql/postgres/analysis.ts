/** What the analysis of a text yields for the gateway; `analyse.ts` makes it. Plain data but for one function. */

import type { TextFacts } from "#policies/question.ts";
import type { TextRange } from "#protocols/wire/redacted.ts";
import type { SessionEffects } from "./effects.ts";

export interface Analysis {
  readonly facts: TextFacts;
  /** Set when masking facts hold something rewritable and no obstacle: what goes upstream if the decision is `mask`. */
  readonly rewritten: Rewritten | null;
  readonly sensitive: Sensitive;
  readonly effects: SessionEffects;
  /** Names that were taken for the session's own temporary tables, since the catalogue does not know them. */
  readonly guessed: readonly string[];
  /** Set when every text of this template has the same facts, effects and nothing sensitive; null where that is not known. */
  readonly template: string | null;
}

export interface Rewritten {
  readonly sql: string;
  /**
   * For each statement of the text, in order, whether each of its output columns derives from a masked column.
   * Empty for a statement that yields no rows or whose columns could not be counted.
   */
  readonly outputMasked: readonly (readonly boolean[])[];
  /** As `outputMasked`: which columns come as they are and have to be hashed; a statement without any has an empty list. */
  readonly outputHashed: readonly (readonly boolean[])[];
  /** Maps a character position (from 1) of `sql` to one of the client's text; null when it lies outside. */
  readonly mapPosition: (position: number) => number | null;
  /** A stretch of the client's text that was left as it is, as it stands in `sql`. */
  readonly forward: (range: TextRange) => TextRange;
  /** What of `sql` the gateway put there, in order. */
  readonly inserted: readonly TextRange[];
  /** `Sensitive.ranges` as they stand in `sql`. */
  readonly sensitive: readonly TextRange[];
}

/** What of a text and its parameters may be recorded only as keyed digests. */
export interface Sensitive {
  /** In order, not overlapping. */
  readonly ranges: readonly TextRange[];
  /** Parameter numbers, from 1, in order. */
  readonly parameters: readonly number[];
  /** What the client copies in may hold values for protected columns. */
  readonly copy: boolean;
}
