/**
 * A text with its constants left out, as in `../postgres/template.ts`: clients that write their values into the text send the same
 * statement over and over. Here it is made of the lexer's own tokens, so that two texts of one template are, to the server and to
 * us, the same tokens but for the values of numbers and strings.
 */
import { splitStatements } from "./canonical.ts";
import { parseTokens } from "./grammar.ts";
import { lex, type Token } from "./lexer.ts";
import { secretsIn } from "./secrets.ts";
import type { SqlMode } from "./sql-mode.ts";
import { walk } from "./tree.ts";

export interface Template {
  readonly text: string;
  /** Of the one statement. */
  readonly tokens: readonly Token[];
  readonly constants: number;
}

/** Longer texts are rare, and rarely differ in constants alone. */
const CHARACTERS_MAX = 4096;
/** Numbers that no server takes for another type, whatever their digits are. */
const PLAIN_NUMBER = /^\d{1,9}$/;
/** Other statements have values that a right or an answer of the gateway's own depends on. */
const STATEMENTS: ReadonlySet<string> = new Set(["select", "insert", "update", "delete", "replace"]);

/**
 * Undefined for a text that has none: several statements, executable comments, words that speak of passwords.
 *
 * @param settings of a session whose character set is UTF-8
 */
export function templateOf(sql: string, settings: { readonly sqlMode: SqlMode }): Template | undefined {
  if (sql.length > CHARACTERS_MAX || secretsIn(sql).length > 0) return undefined;
  const lexed = lex(sql, { ...settings, executes: null });
  if (lexed.kind === "error" || lexed.executableComments) return undefined;
  const [tokens = [], ...others] = splitStatements(lexed.tokens);
  const [first] = tokens;
  if (others.length > 0 || first?.kind !== "word" || !STATEMENTS.has(first.text.toLowerCase())) return undefined;
  let constants = 0;
  const marks = tokens.map((token) => {
    if (isConstant(token)) constants++;
    return markOf(token);
  });
  return { text: marks.join("\0"), tokens, constants };
}

function isConstant({ kind, text }: Token): boolean {
  return kind === "string" || (kind === "number" && PLAIN_NUMBER.test(text));
}

/** No token holds the NUL between them; white space before a bracket tells a function from a name. */
function markOf(token: Token): string {
  const { kind, text, spaced } = token;
  return isConstant(token) ? `${spaced ? " " : ""}${kind}` : `${spaced ? " " : ""}${kind} ${text}`;
}

/** How sqlparser calls values. */
const VALUES: ReadonlySet<string> = new Set(["Number", "SingleQuotedString", "DoubleQuotedString"]);

/**
 * Whether all that is found out about a text, for a principal under no mask and no guardrail, would be found out about any other
 * of its template: each constant is a value to the grammar too, no part of a type or a name.
 */
export function standsForAll({ tokens, constants }: Template): boolean {
  const parsed = parseTokens(tokens);
  if (parsed.kind === "error") return false;
  let values = 0;
  walk(parsed.tree, (key) => {
    if (VALUES.has(key)) values++;
    return true;
  });
  return values === constants;
}
