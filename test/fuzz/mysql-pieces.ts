/** A MySQL text taken apart for mutation. Comments that are run are pieces like any other: they are moved and doubled too. */
import { operandsOf, type Piece, type PieceKind, type Pieces } from "./gate-pieces.ts";

const TOKEN =
  /\/\*[\s\S]*?(?:\*\/|$)|#[^\n]*|--(?=\s|$)[^\n]*|`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|@?@?[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*|->>|->|<=>|:=|<<|>>|&&|\|\||[<>!]=|<>|\S/g;

/** What is a call where a parenthesis follows is a name, but for these. */
const KEYWORDS = new Set(
  (
    "all analyze and any as asc between by case cast charset check collate create cross delete desc describe distinct div do drop duplicate " +
    "else end escape except execute exists explain for force from full group having handler ignore in index inner insert intersect interval " +
    "into is join key lateral left like limit lock mod natural not null offset on or order outer over partition prepare procedure recursive " +
    "regexp replace returning right rlike rollup row rows select separator set share show skip some straight_join table then union update " +
    "use using values view when where window with xor"
  ).split(" "),
);

export function mysqlPieces(sql: string): Pieces {
  const tokens = [...sql.matchAll(TOKEN)].filter(([text]) => !/^(\/\*(?!M?!|\+)|#|--\s|--$)/.test(text));
  const pieces = tokens.map(({ 0: text, index }, at): Piece => {
    return { kind: kindOf(text, tokens[at + 1]?.[0]), text, start: index, end: index + text.length };
  });
  return { sql, pieces, operands: operandsOf(pieces) };
}

function kindOf(text: string, next: string | undefined): PieceKind {
  if (text === "?") return "parameter";
  if (/^['"\d]/.test(text)) return "literal";
  if (!/^[@`A-Za-z_$\u0080-\uffff]/.test(text)) return "sign";
  const calls = next === "(" && /^(if|left|right|replace|values|insert|mod|cast)$/i.test(text);
  return KEYWORDS.has(text.toLowerCase()) && !calls ? "keyword" : "name";
}
