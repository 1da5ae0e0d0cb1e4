/**
 * What a text of a principal under a mask leaves open about temporary tables is written out before it is judged: a name
 * that the catalogue does not know, and that no schema qualifies, can only be the session's own temporary table, and goes
 * on as `pg_temp."name"`, so that it can mean nothing else whatever others make under that name. What such a table holds
 * has come through the gateway. A search path that is set gets the temporary schema at its end (`search-path.ts`).
 */
import type { LocatedStatement } from "./effects.ts";
import { FROM_PLACES, isCommonTable } from "./gate.ts";
import { lookupIn } from "./lookup.ts";
import type { MaskingView } from "./protection.ts";
import { quoteIdentifier, quoteLiteral } from "./quoting.ts";
import { literalText, nameOfCall, settingName } from "./reading.ts";
import { nameTokens } from "./rewrite.ts";
import { isEmptyPath, TEMPORARY_SCHEMA } from "./search-path.ts";
import type { SourceText } from "./source-text.ts";
import { type Splice, type Spliced, spliced } from "./splice.ts";
import { isWord, type Token, type Tokens } from "./tokens.ts";
import { flagOf, isBody, nodesOf, numberOf, type Place, type TreeNode, textOf, walk, wordsOf } from "./tree.ts";

export interface Normalised {
  readonly text: Spliced;
  /** Names that were taken for temporary tables. */
  readonly guessed: readonly string[];
}

/** Where rows of a relation are read or written; in definitions of objects names are left as they are. */
const ROW_PLACES: ReadonlySet<string> = new Set([
  ...FROM_PLACES,
  ...["Insert", "Update", "Delete", "Merge", "Copy"].map((word) => `${word}Stmt.relation`),
  "TruncateStmt.relations",
]);

/** Undefined when the text leaves nothing open, or what is open can't be written out: then it is judged as it stands. */
export function normalised(statements: readonly LocatedStatement[], view: MaskingView, text: SourceText): Normalised | undefined {
  const found: Found = { splices: [], guessed: new Set(), view, tokens: text.tokens };
  for (const statement of statements) {
    if (statement.type === "DropStmt") droppedTables(statement, found);
    if (statement.type === "VariableSetStmt") setPath(statement, found);
    walk(statement, (place) => {
      if (place.type === "RangeVar") rowTable(place, found);
      if (place.type === "FuncCall") configuredPath(place, found);
      return true;
    });
  }
  const result = found.splices.length === 0 ? undefined : spliced(text.sql, found.splices, text.offsets);
  return result === undefined ? undefined : { text: result, guessed: [...found.guessed] };
}

interface Found {
  readonly splices: Splice[];
  readonly guessed: Set<string>;
  readonly view: MaskingView;
  readonly tokens: () => Tokens | undefined;
}

function isUnknown(name: string, { catalogue }: MaskingView): boolean {
  return lookupIn(catalogue).relation(null, name) === undefined;
}

function rowTable(place: Place, found: Found): void {
  const { body, parent, field } = place;
  const name = textOf(body, "relname");
  if (body["schemaname"] !== undefined || !ROW_PLACES.has(`${parent}.${field}`) || isCommonTable(place) || !isUnknown(name, found.view))
    return;
  const tokens = found.tokens();
  const named = tokens === undefined ? undefined : nameTokens(body, tokens);
  qualify(tokens?.list[named?.first ?? -1], name, found);
}

function qualify(token: Token | undefined, name: string, { splices, guessed }: Found): void {
  if (token === undefined) return;
  guessed.add(name);
  splices.push({ start: token.start, end: token.end, text: `${TEMPORARY_SCHEMA}.${quoteIdentifier(name)}` });
}

/** `DROP TABLE [IF EXISTS] a, b.c`: the tree has no places for these names. */
function droppedTables({ type, body, start }: LocatedStatement, found: Found): void {
  const list = found.tokens()?.list ?? [];
  let at = list.findIndex((token) => token.start >= start);
  if (textOf(body, "removeType") !== "OBJECT_TABLE" || !isWord(list[at], "drop") || !isWord(list[at + 1], "table")) return;
  at += flagOf(body, "missing_ok") ? 4 : 2;
  for (const object of nodesOf(type, body, "objects")) {
    const words = wordsOf(object.body, "items");
    const [name = ""] = words;
    if (words.length === 1 && isPlainName(list[at]) && isUnknown(name, found.view)) qualify(list[at], name, found);
    at += 2 * words.length;
  }
}

/** A name in Unicode escapes may have words of its own behind it. */
function isPlainName(token: Token | undefined): boolean {
  return token !== undefined && /^("|[\p{L}_])/u.test(token.text) && !/^u&/i.test(token.text);
}

function setPath({ body }: TreeNode, { splices, tokens }: Found): void {
  const args = nodesOf("VariableSetStmt", body, "args");
  const asked = args.map(literalText);
  const last = args.at(-1);
  if (settingName(body) !== "search_path" || last === undefined || isEmptyPath(asked) || asked.at(-1) === TEMPORARY_SCHEMA) return;
  const token = literalToken(last, tokens());
  if (token !== undefined) splices.push({ start: token.end, end: token.end, text: `, ${quoteIdentifier(TEMPORARY_SCHEMA)}` });
}

/** `set_config('search_path', 'public', false)` */
function configuredPath({ body }: TreeNode, { splices, tokens }: Found): void {
  const [first, second] = nodesOf("FuncCall", body, "args");
  if (nameOfCall(body).name !== "set_config" || first === undefined || second === undefined) return;
  const path = literalText(second);
  if (literalText(first)?.toLowerCase() !== "search_path" || path === undefined) return;
  if (path.trim() === "" || path.endsWith(TEMPORARY_SCHEMA)) return;
  const token = literalToken(second, tokens());
  if (token !== undefined) splices.push({ start: token.start, end: token.end, text: quoteLiteral(`${path}, ${TEMPORARY_SCHEMA}`) });
}

/** Of a constant, casts around it left aside. */
function literalToken({ type, body }: TreeNode, tokens: Tokens | undefined): Token | undefined {
  const arg = body["arg"];
  const inner = type === "TypeCast" && isBody(arg) && isBody(arg["A_Const"]) ? arg["A_Const"] : body;
  return tokens?.list[tokens.at(numberOf(inner, "location"))];
}
