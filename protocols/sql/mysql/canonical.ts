/**
 * Tokens as text again, in one spelling: names in back-ticks, strings in single quotes, one space between tokens. What comes
 * out means the same under every sql_mode but for `||`, which `pipesAsConcat` settles.
 */
import type { Token } from "./lexer.ts";

export interface Canonical {
  readonly sql: string;
  /** For each token, where it begins in `sql`. */
  readonly starts: readonly number[];
}

export function canonicalText(tokens: readonly Token[]): Canonical {
  const starts: number[] = [];
  let sql = "";
  tokens.forEach((token, index) => {
    if (index > 0 && needsSpace(tokens[index - 1], token)) sql += " ";
    starts.push(sql.length);
    sql += spelled(token);
  });
  return { sql, starts };
}

/** A word and the bracket behind it stay together as they were: `count(` is a call, `count (` may be none. */
function needsSpace(before: Token | undefined, token: Token): boolean {
  if (before === undefined) return false;
  if (token.spaced) return true;
  // Two signs, never the beginning of a comment.
  if (before.kind === "symbol" && before.text === "-" && token.text === "-") return true;
  // A dot would become part of a variable's name.
  if (before.kind === "user-variable") return true;
  const glued = (one: Token): boolean => one.kind === "symbol" || one.kind === "system-variable" || one.kind === "parameter";
  return !glued(before) && !glued(token);
}

function spelled({ kind, text }: Token): string {
  switch (kind) {
    case "quoted-name":
      return `\`${text.replaceAll("`", "``")}\``;
    case "string":
      return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
    case "user-variable":
      // The grammar knows no quoted ones.
      return /^[\w$.]+$/.test(text) ? `@${text}` : `@\`${text.replaceAll("`", "``")}\``;
    case "bits":
      return text.startsWith("0b") ? `b'${text.slice(2)}'` : text;
    case "word":
    case "number":
    case "system-variable":
    case "parameter":
    case "symbol":
      return text;
  }
}

/** Statements of a text, without the semicolons between them; empty ones are left out, as the server does. */
export function splitStatements(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const statements: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === "symbol" && token.text === ";") statements.push([]);
    else statements.at(-1)?.push(token);
  }
  return statements.filter((statement) => statement.length > 0);
}
