/** What mutations put in that differs from one SQL to another: forms to wrap operands and queries in, odd spellings, other names. */
import type { Chance } from "./gate-chance.ts";
import type { Pieces } from "./gate-pieces.ts";

export interface Forms {
  piecesOf(sql: string): Pieces;
  quote(name: string): string;
  /** A plain name, written in another way. */
  spelling(name: string, chance: Chance): string;
  /** `@` stands for the operand. */
  readonly wrappings: readonly string[];
  /** `@` stands for a whole query. */
  readonly queryWrappings: readonly string[];
  /** `@` and `#` stand for two queries. */
  readonly setOperations: readonly string[];
  /** Put behind a text. */
  readonly clauses: readonly string[];
  /** `@` stands for a relation's name: its row, as an expression. */
  readonly wholeRows: readonly string[];
  /** `@` stands for a relation's name, `#` for an alias. */
  readonly relations: readonly string[];
  /** In front of a name and its dot. */
  readonly qualifiers: readonly string[];
  readonly comments: readonly string[];
  readonly literals: readonly string[];
}
