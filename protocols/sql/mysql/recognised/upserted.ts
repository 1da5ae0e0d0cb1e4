/**
 * `INSERT … SELECT … ON DUPLICATE KEY UPDATE`, where the grammar takes ON for the condition of a join, or does not expect it behind
 * a SELECT without FROM: a condition that is always true stands before it then.
 */
import type { Token } from "#protocols/sql/mysql/lexer.ts";
import { partnerOf } from "#protocols/sql/mysql/query-brackets.ts";

const UPDATING = ["on", "duplicate", "key", "update"];
/** What stands behind the tables of a SELECT, and parts it from ON. */
const BEHIND_TABLES: ReadonlySet<string> = new Set(["where", "group", "having", "order", "limit", "window", "for", "lock", "into"]);

/** @returns the tokens themselves where nothing is to be added */
export function upserted(tokens: readonly Token[]): readonly Token[] {
  if (wordAt(tokens, 0) !== "insert") return tokens;
  const outside = outsideBrackets(tokens);
  const updating = outside.find((at) => UPDATING.every((word, ahead) => wordAt(tokens, at + ahead) === word));
  const words = outside.filter((at) => updating !== undefined && at < updating).map((at) => wordAt(tokens, at) ?? "");
  const select = words.lastIndexOf("select");
  const on = tokens[updating ?? -1];
  if (updating === undefined || on === undefined || select < 0) return tokens;
  const clauses = words.slice(select);
  const joined = clauses.slice(Math.max(clauses.lastIndexOf("join"), clauses.lastIndexOf("straight_join")));
  const conditioned = joined.includes("on") || joined.includes("using") || joined.length === clauses.length;
  if (clauses.some((word) => BEHIND_TABLES.has(word)) || (clauses.includes("from") && conditioned)) return tokens;
  const made = ["WHERE", "TRUE"].map((text): Token => ({ ...on, kind: "word", text, spaced: true }));
  return [...tokens.slice(0, updating), ...made, ...tokens.slice(updating)];
}

/** In small letters; undefined where no word stands. */
function wordAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at];
  return token?.kind === "word" ? token.text.toLowerCase() : undefined;
}

function outsideBrackets(tokens: readonly Token[]): readonly number[] {
  const found: number[] = [];
  for (let at = 0; at < tokens.length; at++) {
    found.push(at);
    if (tokens[at]?.kind === "symbol" && tokens[at]?.text === "(") at = Math.max(at, partnerOf(tokens, at));
  }
  return found;
}
