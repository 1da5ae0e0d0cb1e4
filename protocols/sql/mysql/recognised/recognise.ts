/** A statement whose rights its form settles, without the grammar. */
import type { Right } from "#policies/question.ts";
import type { Token } from "#protocols/sql/mysql/lexer.ts";
import { EXPLAINED, knownBy } from "./forms.ts";

export interface Recognised {
  readonly tag: string;
  readonly needs: readonly Right[];
  readonly tables: readonly string[];
}

/** @returns undefined where no form matches: it is then for the grammar to read */
export function recognise(tokens: readonly Token[]): Recognised | undefined {
  const [first, second] = tokens;
  // No statement begins so: all that comes of it is an error of syntax. Old servers find such texts in comments of new ones.
  if (first?.kind === "number") return { tag: "INVALID", needs: ["read"], tables: [] };
  if (first?.kind !== "word") return undefined;
  const word = first.text.toLowerCase();
  // `EXPLAIN SELECT a`: SELECT is no table.
  if (EXPLAINS.has(word) && second?.kind === "word" && EXPLAINED.has(second.text.toLowerCase())) return undefined;
  for (const { tag, needs, matches } of knownBy(word)) {
    const match = matches(tokens);
    if (match !== undefined) return { tag, needs, tables: match.tables };
  }
  return undefined;
}

const EXPLAINS: ReadonlySet<string> = new Set(["explain", "describe", "desc"]);
