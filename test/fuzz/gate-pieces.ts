/**
 * A text taken apart for mutation: its tokens, and the operands that they form — names with their dots, literals, calls,
 * groups in parentheses — each with whatever is cast or indexed behind it. What does not scan has no pieces.
 */
import { scanText } from "#protocols/sql/postgres/grammar.ts";
import { offsetsOf } from "#protocols/sql/postgres/offsets.ts";
import { isBody, numberOf, textOf } from "#protocols/sql/postgres/tree.ts";

export type PieceKind = "name" | "keyword" | "literal" | "parameter" | "sign";

export interface Piece {
  readonly kind: PieceKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A stretch of the text, and what it is by what stands before it. */
export interface Operand {
  readonly role: "expression" | "relation" | "alias";
  readonly start: number;
  readonly end: number;
}

export interface Pieces {
  readonly sql: string;
  readonly pieces: readonly Piece[];
  readonly operands: readonly Operand[];
}

const RELATION_BEFORE = new Set(["from", "join", "only", "table", "into", "update", "using"]);

export function piecesOf(sql: string): Pieces {
  const pieces = scanned(sql);
  return { sql, pieces, operands: operandsOf(pieces) };
}

function scanned(sql: string): readonly Piece[] {
  const answer = scanText(sql);
  if (answer.kind === "error" || !isBody(answer.tree) || !Array.isArray(answer.tree["tokens"])) return [];
  const { toIndex } = offsetsOf(sql);
  return answer.tree["tokens"].filter(isBody).flatMap((token): readonly Piece[] => {
    const [start, end] = [toIndex(numberOf(token, "start")), toIndex(numberOf(token, "end"))];
    const text = sql.slice(start, end);
    if (text.startsWith("--") || text.startsWith("/*")) return [];
    return [{ kind: kindOf(text, textOf(token, "keywordName")), text, start, end }];
  });
}

/** By how it begins: the scanner's own names for tokens are not complete. */
function kindOf(text: string, keyword: string): PieceKind {
  if (/^\$\d/.test(text)) return "parameter";
  if (/^(\d|\.\d|[bxn]?'|e'|u&'|\$)/i.test(text)) return "literal";
  if (/^(u&)?"/i.test(text)) return "name";
  if (!/^[a-z_\u0080-\uffff]/i.test(text)) return "sign";
  return keyword === "NO_KEYWORD" || keyword === "UNRESERVED_KEYWORD" ? "name" : "keyword";
}

export function operandsOf(pieces: readonly Piece[]): readonly Operand[] {
  const found: Operand[] = [];
  for (let at = 0; at < pieces.length; at += 1) {
    const end = operandEnd(pieces, at);
    const [first, last] = [pieces[at], pieces[end - 1]];
    const before = pieces[at - 1];
    if (end === at || first === undefined || last === undefined || before?.text === "." || before?.text === "::") continue;
    // What stands in parentheses behind a name belongs to it: arguments, or columns.
    if (first.text === "(" && before?.kind === "name") continue;
    found.push({ role: roleBehind(before), start: first.start, end: last.end });
  }
  return found;
}

function roleBehind(before: Piece | undefined): Operand["role"] {
  const word = before?.text.toLowerCase() ?? "";
  if (RELATION_BEFORE.has(word)) return "relation";
  return word === "as" || before?.kind === "name" || word === ")" ? "alias" : "expression";
}

/** Index behind the operand that begins here; the index itself where none does. */
function operandEnd(pieces: readonly Piece[], from: number): number {
  const first = pieces[from];
  let at = from;
  if (first?.kind === "literal" || first?.kind === "parameter") at += 1;
  else if (first?.text === "(") at = groupEnd(pieces, from);
  else if (first?.kind === "name") {
    at += 1;
    while (pieces[at]?.text === "." && pieces[at + 1] !== undefined) at += 2;
    if (pieces[at]?.text === "(") at = groupEnd(pieces, at);
  }
  if (at === from) return from;
  for (;;) {
    const next = pieces[at]?.text;
    if (next === "::" && pieces[at + 1] !== undefined) at += 2;
    else if (next === "[" && pieces[at + 2]?.text === "]") at += 3;
    else return at;
  }
}

/** Index behind the closing parenthesis; where there is none, that of the opening one. */
function groupEnd(pieces: readonly Piece[], open: number): number {
  let depth = 0;
  for (let at = open; at < pieces.length; at += 1) {
    if (pieces[at]?.text === "(") depth += 1;
    if (pieces[at]?.text === ")") depth -= 1;
    if (depth === 0) return at + 1;
  }
  return open;
}
