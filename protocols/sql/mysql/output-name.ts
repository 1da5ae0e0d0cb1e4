/**
 * What the server calls an output column that has no alias: a column by its name, a literal by its value, anything else by its
 * text as the client wrote it. Tried against MySQL 9 and MariaDB.
 */
import type { MysqlFlavour } from "./catalogue.ts";
import type { Token } from "./lexer.ts";
import type { Span } from "./reading.ts";

const NAME_CHARACTERS = 255;

/**
 * @param source the text that the tokens are of
 * @param plain what the column is called where it comes from; null for what is none, or where the server keeps the client's letters
 */
export function outputName(span: Span, tokens: readonly Token[], source: string, flavour: MysqlFlavour, plain: string | null): string {
  const inner = within(span, tokens);
  const [first, ...rest] = tokens.slice(inner.start, inner.end);
  if (first === undefined) return "";
  const names = [first, ...rest].every(({ kind, text }, index) => (index % 2 === 0 ? isName(kind) : text === "."));
  if (names && (rest.length > 0 || first.kind === "quoted-name" || !CONSTANTS.has(first.text.toLowerCase()))) {
    return isCall(first, rest) ? first.text : (plain ?? rest.at(-1)?.text ?? first.text);
  }
  // Behind the name of its character set, or N.
  const strings = first.kind === "word" && /^(?:n|_\w+)$/i.test(first.text) ? rest : [first, ...rest];
  if (strings.length > 0 && strings.every(({ kind }) => kind === "string")) {
    return shown(flavour === "mariadb" ? strings.map(({ text }) => text).join("") : (strings[0]?.text ?? ""));
  }
  if (rest.length === 0 && first.kind === "number") return first.text;
  if (rest.length === 0 && first.kind === "word") {
    const word = first.text.toUpperCase();
    return word === "NULL" || flavour === "mariadb" ? word : first.text;
  }
  return shown(writtenText(tokens.slice(span.start, span.end), source));
}

/** Between tokens: a comment that stays in the name, or the marks of one that is executed, which do not. */
const COMMENT = /(\/\*(?!!)[\s\S]*?\*\/)|\/\*!\d*|\*\//g;

/** The client's text of these tokens, without the marks of comments that are executed. */
export function writtenText(tokens: readonly Token[], source: string): string {
  const text = source.slice(tokens[0]?.start ?? 0, tokens.at(-1)?.end ?? 0);
  if (!text.includes("/*") && !text.includes("*/")) return text;
  const between = (index: number): string =>
    source.slice(tokens[index - 1]?.end ?? 0, tokens[index]?.start).replace(COMMENT, (_, comment: string | undefined) => comment ?? "");
  return tokens.map(({ start, end }, index) => (index === 0 ? "" : between(index)) + source.slice(start, end)).join("");
}

const CONSTANTS: ReadonlySet<string> = new Set(["null", "true", "false"]);

function isName(kind: Token["kind"]): boolean {
  return kind === "word" || kind === "quoted-name";
}

/** A word that is a function without brackets is called as it is written too. */
function isCall(first: Token, rest: readonly Token[]): boolean {
  return rest.length === 0 && first.kind === "word" && /^(current_\w+|localtime|localtimestamp|utc_\w+)$/i.test(first.text);
}

/** Brackets around a column or a literal, and a plus before it, count for nothing. */
function within({ start, end }: Span, tokens: readonly Token[]): Span {
  let [from, to] = [start, end];
  for (;;) {
    if (isSymbol(tokens[from], "+")) from++;
    else if (isSymbol(tokens[from], "(") && isSymbol(tokens[to - 1], ")") && to - from > 2) [from, to] = [from + 1, to - 1];
    else return { start: from, end: to };
  }
}

function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token?.kind === "symbol" && token.text === symbol;
}

/** What can't be seen at its beginning is left out, and what is not of the Basic Multilingual Plane is not in names. */
function shown(text: string): string {
  const within = text.replace(/^[\s\p{Cc}]+/u, "").replace(/[\u{10000}-\u{10ffff}]/gu, "?");
  return within.slice(0, NAME_CHARACTERS);
}
