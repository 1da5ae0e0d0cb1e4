/**
 * What of a text may be recorded only as keyed digests: for principals under a mask, literals and parameters that are
 * compared with a protected column or assigned to one; for anybody, passwords. In doubt a literal counts as sensitive:
 * the recording then shows less, never more.
 */
import { joinedRanges, type TextRange } from "#protocols/wire/redacted.ts";
import type { Sensitive } from "./analysis.ts";
import { changesOf, targetsOf } from "./changes.ts";
import type { LocatedStatement } from "./effects.ts";
import { judgeRelation } from "./masked-relations.ts";
import { plainLiteralEnd } from "./plain.ts";
import type { MaskingView } from "./protection.ts";
import { referenceOf } from "./scope.ts";
import { secretsIn } from "./secrets.ts";
import type { SourceText } from "./source-text.ts";
import { isWord, type Token, type Tokens } from "./tokens.ts";
import { addAliases, references, touchedNames } from "./touched.ts";
import { type Body, flagOf, locationOf, nodeOf, nodesOf, numberOf, type Place, type TreeNode, textOf, walk, wordsOf } from "./tree.ts";

/** Nodes that hold conditions or lists apart from each other: each of their parts is looked at by itself. */
const APART: ReadonlySet<string> = new Set([
  "BoolExpr",
  "CommonTableExpr",
  "DeleteStmt",
  "ExplainStmt",
  "InsertStmt",
  "JoinExpr",
  "List",
  "MergeStmt",
  "MergeWhenClause",
  "OnConflictClause",
  "RangeSubselect",
  "ReturningClause",
  "SelectStmt",
  "UpdateStmt",
  "WithClause",
  "CopyStmt",
  "DeclareCursorStmt",
  "PrepareStmt",
  "CreateTableAsStmt",
  "ViewStmt",
]);

/** Statements whose literals are a text in another language, or arguments for a text that is not at hand. */
const OPAQUE: ReadonlySet<string> = new Set(["DoStmt", "CreateFunctionStmt", "ExecuteStmt", "CallStmt", "RuleStmt", "CreateTrigStmt"]);

const SECRET_OPTIONS: ReadonlySet<string> = new Set(["password", "encryptedpassword", "unencryptedpassword"]);

interface Found {
  /** By their place, in bytes. */
  readonly literals: Map<number, Body>;
  readonly parameters: Set<number>;
}

/** @param refused statements that masking refuses: what they were meant to meet is not told apart, every literal counts */
export function sensitiveIn(
  statements: readonly LocatedStatement[],
  refused: ReadonlySet<LocatedStatement>,
  view: MaskingView | null,
  text: SourceText,
): Sensitive {
  const found: Found = { literals: new Map(), parameters: new Set() };
  const passwords: PasswordPlace[] = [];
  const opaque = view === null ? [] : statements.filter((statement) => OPAQUE.has(statement.type) || refused.has(statement));
  for (const statement of statements) {
    passwords.push(...passwordsIn(statement));
    if (view !== null && refused.has(statement)) walk(statement, (place) => note(place, found));
    else if (view !== null) findCompared(statement, view, found);
  }
  const parameters = [...found.parameters].sort((a, b) => a - b);
  const copy = view !== null && statements.some((statement) => statement.type === "CopyStmt" && assigns(statement, view).length > 0);
  const plain = [...found.literals].map(([byte, constant]) => ({ byte, range: plainRange(text, byte, constant) }));
  const others = plain.filter(({ range }) => range === undefined);
  const told = plain.flatMap(({ range }) => range ?? []);
  if (others.length + passwords.length + opaque.length === 0) return { ranges: joinedRanges(told), parameters, copy };
  const tokens = text.tokens();
  if (tokens === undefined) return { ranges: [{ start: 0, end: text.sql.length }], parameters, copy };
  const ranges = [
    ...told,
    ...others.map(({ byte }) => literalRange(tokens, byte)),
    ...stringsBehind(tokens, passwords),
    ...opaque.flatMap((statement) => within(tokens, statement).filter(isLiteral)),
  ];
  return { ranges: joinedRanges(ranges.filter((range) => range !== undefined)), parameters, copy };
}

/** For text that does not parse: all of it where columns are masked, quoted strings where it speaks of a password. */
export function sensitiveUnparsed(sql: string, masked: boolean): Sensitive {
  if (masked) return { ranges: [{ start: 0, end: sql.length }], parameters: [], copy: true };
  return { ranges: secretsIn(sql), parameters: [], copy: false };
}

/** Where a password stands: behind the word at a byte, or behind CONNECTION in a statement. */
type PasswordPlace = { readonly byte: number } | Pick<LocatedStatement, "start" | "end">;

/** PASSWORD in CREATE and ALTER ROLE, options of user mappings, connection strings of subscriptions. */
function passwordsIn(statement: LocatedStatement): readonly PasswordPlace[] {
  if (/^(Create|Alter)Subscription/.test(statement.type)) return [statement];
  const found: PasswordPlace[] = [];
  if (!/Role|UserMapping|ForeignServer/.test(statement.type)) return found;
  walk(statement, ({ type, body }) => {
    const location = locationOf(body);
    if (type === "DefElem" && SECRET_OPTIONS.has(textOf(body, "defname").toLowerCase()) && location !== undefined)
      found.push({ byte: location });
    return true;
  });
  return found;
}

function findCompared(statement: TreeNode, view: MaskingView, found: Found): void {
  if (OPAQUE.has(statement.type)) {
    walk(statement, (place) => note(place, found));
    return;
  }
  const touched = touchedNames(statement, view);
  const { names } = touched;
  if (names.size === 0) return;
  if (!addAliases(statement, touched)) {
    walk(statement, (place) => note(place, found));
    return;
  }
  let flows = false;
  let anywhere = false;
  walk(statement, (place) => {
    if (assigned(place, view, found)) anywhere = true;
    flows ||= meets(place, names);
    if (APART.has(place.type)) return true;
    const { mentions, others } = references(place, touched);
    if (mentions) walk(place, (inner) => note(inner, found));
    flows ||= mentions && others;
    return false;
  });
  // A protected column meets another column: where that comes from a list or a subquery, its literals are compared too.
  if (anywhere) walk(statement, (place) => note(place, found));
  else if (flows) walk(statement, (place) => derived(place, found));
}

/** Joins and set operations compare columns without an expression that says so. */
function meets({ type, body }: TreeNode, names: ReadonlySet<string>): boolean {
  if (type === "JoinExpr") return flagOf(body, "isNatural") || wordsOf(body, "usingClause").some((word) => names.has(word));
  return type === "SelectStmt" && body["larg"] !== undefined;
}

function note({ type, body }: Place, found: Found): boolean {
  const location = locationOf(body);
  if (type === "A_Const" && body["isnull"] !== true && body["boolval"] === undefined && location !== undefined)
    found.literals.set(location, body);
  if (type === "ParamRef") found.parameters.add(numberOf(body, "number"));
  return true;
}

/** Masked columns of its target that a statement gives a value. A target that is not known has any. */
function assigns(statement: TreeNode, view: MaskingView): readonly string[] {
  return targetsOf(statement).flatMap(({ body }) => {
    const { relation } = judgeRelation(view, body);
    if (relation === undefined) return [""];
    const attributes = view.protection.columns.get(relation.oid);
    const masked = relation.columns.filter(({ number }) => attributes?.has(number)).map(({ name }) => name);
    return changesOf(statement, relation).flatMap(({ values }) => masked.filter((name) => values.has(name)));
  });
}

/**
 * Values that a write gives to masked columns of its target. True where they come from somewhere else in the statement,
 * so that any literal of it may be one of them.
 */
function assigned(place: Place, view: MaskingView, found: Found): boolean {
  const columns = new Set(assigns(place, view));
  if (columns.size === 0) return false;
  const { type, body } = place;
  if (type !== "InsertStmt" && type !== "UpdateStmt") return true;
  const conflict = nodeOf(type, body, "onConflictClause");
  const targets = [place, ...(conflict === undefined ? [] : [conflict])].flatMap((node) => nodesOf(node.type, node.body, "targetList"));
  const values = targets
    .filter((target) => columns.has(textOf(target.body, "name")))
    .map((target) => nodeOf(target.type, target.body, "val"));
  const rows = type === "InsertStmt" ? insertedValues(body, columns, view) : [];
  const given = [...values, ...(rows ?? [])].filter((value) => value !== undefined);
  for (const value of given) walk(value, (inner) => note(inner, found));
  return rows === undefined || given.some((value) => isFromElsewhere(value, columns));
}

/** The items of VALUES that go to some columns; undefined where a query or a star yields them. */
function insertedValues(insert: Body, columns: ReadonlySet<string>, view: MaskingView): readonly TreeNode[] | undefined {
  const source = nodeOf("InsertStmt", insert, "selectStmt");
  const relation = nodeOf("InsertStmt", insert, "relation");
  const listed = nodesOf("InsertStmt", insert, "cols").map((column) => textOf(column.body, "name"));
  const target = relation === undefined ? undefined : judgeRelation(view, relation.body).relation;
  const names = listed.length > 0 ? listed : (target?.columns.map(({ name }) => name) ?? []);
  const rows =
    source === undefined ? [] : nodesOf(source.type, source.body, "valuesLists").map((row) => nodesOf(row.type, row.body, "items"));
  if (rows.length === 0 || rows.some((row) => row.some(({ type }) => type === "ColumnRef" || type === "A_Indirection"))) return undefined;
  return rows.flatMap((row) => row.filter((_, index) => columns.has(names[index] ?? "")));
}

/** `excluded.a` of a column that is looked at itself brings nothing new. */
function isFromElsewhere(value: TreeNode, columns: ReadonlySet<string>): boolean {
  let found = false;
  walk(value, ({ type, body }) => {
    const words = type === "ColumnRef" ? referenceOf(body).words : [];
    found ||= type === "SubLink" || (type === "ColumnRef" && !(words[0] === "excluded" && columns.has(words[1] ?? "")));
    return !found;
  });
  return found;
}

/** Values that a list, a subquery, an arm of a set operation or a function in FROM brings in. */
function derived(place: Place, found: Found): boolean {
  const { type, body, field } = place;
  if (type === "RangeFunction") walk(place, (inner) => note(inner, found));
  if (type !== "SelectStmt" || (field === "" && body["valuesLists"] === undefined)) return true;
  for (const part of [...nodesOf(type, body, "valuesLists"), ...nodesOf(type, body, "targetList")])
    walk(part, (inner) => note(inner, found));
  return true;
}

function plainRange({ sql, offsets }: SourceText, byte: number, constant: Body): TextRange | undefined {
  const start = offsets.toIndex(byte);
  const end = plainLiteralEnd(sql, start, constant);
  return end === undefined ? undefined : { start, end };
}

/** The token at a literal's place, with the sign before a number. */
function literalRange(tokens: Tokens, byte: number): TextRange | undefined {
  const at = tokens.at(byte);
  const token = tokens.list[at];
  const last = token?.text === "-" || token?.text === "+" ? tokens.list[at + 1] : token;
  return token === undefined || last === undefined ? undefined : { start: token.start, end: last.end };
}

/** The first string behind each place: what PASSWORD, or the word CONNECTION, is followed by. A text may hold very many. */
function stringsBehind(tokens: Tokens, places: readonly PasswordPlace[]): readonly (TextRange | undefined)[] {
  if (places.length === 0) return [];
  const { list } = tokens;
  const next: (Token | undefined)[] = [];
  for (let at = list.length - 1; at >= 0; at--) {
    const token = list[at];
    next[at] = token !== undefined && isString(token) ? token : next[at + 1];
  }
  return places.map((place) => {
    const byte = "byte" in place ? place.byte : within(tokens, place).find((token) => isWord(token, "connection"))?.byte;
    const found = byte === undefined ? undefined : next[firstFrom(list, (token) => token.byte >= byte)];
    return found === undefined ? undefined : { start: found.start, end: found.end };
  });
}

function within({ list }: Tokens, { start, end }: Pick<LocatedStatement, "start" | "end">): readonly Token[] {
  return list.slice(
    firstFrom(list, (token) => token.start >= start),
    firstFrom(list, (token) => token.end > end),
  );
}

/** Place of the first token that has come so far; tokens stand in the order of the text. */
function firstFrom(list: readonly Token[], hasCome: (token: Token) => boolean): number {
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const token = list[middle];
    if (token === undefined || hasCome(token)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** A string in any of its forms, `$tag$…$tag$` included; `$1` is a parameter. */
function isString({ text }: Token): boolean {
  return /^([enbx]|u&)?'|^\$(\D|\$)/i.test(text);
}

function isLiteral(token: Token): boolean {
  return isString(token) || /^\.?\d/.test(token.text);
}
