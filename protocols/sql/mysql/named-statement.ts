/**
 * PREPARE, EXECUTE and DEALLOCATE in a text, as far as what they run can be told: a statement that stands in one string, under a
 * name that servers compare as we do. What is prepared from a variable or an expression is none of these.
 *
 * Source: MySQL manual, "Prepared Statements"; MariaDB documentation, "PREPARE Statement", "EXECUTE IMMEDIATE".
 */
import type { Token } from "./lexer.ts";

export type NamedStatement =
  | {
      readonly kind: "prepare";
      /** In small letters. */
      readonly name: string;
      /** What is prepared. */
      readonly text: string;
      /** Index of the token that holds it. */
      readonly at: number;
    }
  /** MariaDB's EXECUTE IMMEDIATE: prepared, run and forgotten. */
  | { readonly kind: "immediate"; readonly text: string; readonly at: number }
  | { readonly kind: "execute" | "deallocate"; readonly name: string };

/** MySQL compares names without regard to accents and blanks at their end, MariaDB does not: these mean the same to both. */
const NAME = /^[0-9A-Za-z_$]+$/;

/** @param tokens of one statement. @returns undefined for any other, and for one that can't be told for certain */
export function namedStatement(tokens: readonly Token[]): NamedStatement | undefined {
  const [first, second, third] = tokens.slice(0, 3).map(wordOf);
  if (first === "prepare" && third === "from" && tokens.length === 4) {
    const text = stringAt(tokens, 3);
    const name = nameAt(tokens, 1);
    return text === undefined || name === undefined ? undefined : { kind: "prepare", name, text, at: 3 };
  }
  if (first === "execute" && second === "immediate" && tokens[2]?.kind === "string") {
    return isUsing(tokens.slice(3)) ? { kind: "immediate", text: tokens[2].text, at: 2 } : undefined;
  }
  const name = nameAt(tokens, first === "execute" ? 1 : 2);
  if (name === undefined) return undefined;
  if (first === "execute") return isUsing(tokens.slice(2)) ? { kind: "execute", name } : undefined;
  const deallocates = (first === "deallocate" || first === "drop") && second === "prepare" && tokens.length === 3;
  return deallocates ? { kind: "deallocate", name } : undefined;
}

function wordOf(token: Token): string {
  return token.kind === "word" ? token.text.toLowerCase() : "";
}

function stringAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at];
  return token?.kind === "string" ? token.text : undefined;
}

function nameAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at];
  const isName = (token?.kind === "word" || token?.kind === "quoted-name") && NAME.test(token.text);
  return isName ? token.text.toLowerCase() : undefined;
}

/** `USING @a, @b`, or nothing. MariaDB takes expressions too, in which values would stand that are no parameters to the record. */
function isUsing(tokens: readonly Token[]): boolean {
  const [using, ...list] = tokens;
  if (using === undefined) return true;
  if (wordOf(using) !== "using" || list.length % 2 === 0) return false;
  return list.every(({ kind, text }, index) => (index % 2 === 0 ? kind === "user-variable" : kind === "symbol" && text === ","));
}
