/**
 * Cuts a masking subquery into the text wherever a relation with masked columns stands in FROM, so that everything
 * around it sees masked values only: predicates, joins, aggregates, casts and errors. The rest of the text stays as
 * the client wrote it. What comes out is parsed again, and nothing masked may be named outside our own subqueries.
 */

import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import type { TextRange } from "#protocols/wire/redacted.ts";
import { isTarget } from "./changes.ts";
import { type LocatedStatement, statementsOf } from "./effects.ts";
import type { Occurrence } from "./gate.ts";
import { parseText } from "./grammar.ts";
import { judgeRelation, type RelationVerdict } from "./masked-relations.ts";
import { offsetsOf } from "./offsets.ts";
import { plainNameEnd, plainPrefixEnd } from "./plain.ts";
import type { MaskingView, ProtectedAttributes } from "./protection.ts";
import { quoteIdentifier } from "./quoting.ts";
import { copyDirection, readsNothing } from "./reading.ts";
import { referenceOf } from "./scope.ts";
import { isServers } from "./server-relations.ts";
import type { SourceText } from "./source-text.ts";
import { type Splice, type Spliced, shifted } from "./splice.ts";
import { isWord, type Tokens } from "./tokens.ts";
import { type Body, bindsName, flagOf, locationOf, type TreeNode, textOf, walk } from "./tree.ts";
import type { Rewriting, Views } from "./view-reading.ts";

export type Needed = (column: string) => boolean;

/**
 * Undefined when the text around the relation is not of a form that is known.
 *
 * @param needed whether the statement could mean a column of that name
 * @param system system columns that it reads of the relation
 * @param passing attribute numbers of masked columns that leave the server as they are (`plain-outputs.ts`)
 */
export function relationSplice(
  { rangeVar, relation, attributes, rewriting }: Occurrence,
  { sql, offsets, tokens }: SourceText,
  needed: Needed,
  system: readonly string[],
  passing: ReadonlySet<number>,
): Splice | undefined {
  const only = !flagOf(rangeVar, "inh");
  const alias = rangeVar["alias"] === undefined ? ` AS ${quoteIdentifier(textOf(rangeVar, "relname"))}` : "";
  const query =
    rewriting === undefined
      ? whole(maskingQuery(relation, without(attributes, passing), only, needed, system))
      : definedQuery(relation, attributes, rewriting, needed);
  const put = (range: Pick<Splice, "start" | "end">, before: string): Splice => ({
    ...range,
    text: `${before}${query.text})${alias}`,
    marks: shifted(query.marks, before.length),
  });
  const start = offsets.toIndex(locationOf(rangeVar) ?? 0);
  const end = only ? undefined : plainNameEnd(sql, start, wordsOfName(rangeVar));
  if (end !== undefined) return put({ start, end }, "(");
  const scanned = tokens();
  const range = scanned === undefined ? undefined : scannedRange(rangeVar, only, scanned);
  return range === undefined ? undefined : put({ start: range.start, end: range.end }, range.table ? "SELECT * FROM (" : "(");
}

interface ScannedRange {
  readonly start: number;
  readonly end: number;
  /** It is all of a `TABLE name`. */
  readonly table: boolean;
}

/** A relation's name with what belongs to it: ONLY, TABLE, the star that means its children too. */
function scannedRange(rangeVar: Body, only: boolean, tokens: Tokens): ScannedRange | undefined {
  const named = nameTokens(rangeVar, tokens);
  if (named === undefined) return undefined;
  const { list } = tokens;
  let { first, last } = named;
  if (only) {
    const bracketed = list[first - 1]?.text === "(" && isWord(list[first - 2], "only");
    if (bracketed && list[last + 1]?.text !== ")") return undefined;
    if (!bracketed && !isWord(list[first - 1], "only")) return undefined;
    first -= bracketed ? 2 : 1;
    last += bracketed ? 1 : 0;
  } else if (list[last + 1]?.text === "*") {
    last += 1;
  }
  const table = isWord(list[first - 1], "table");
  const start = list[table ? first - 1 : first]?.start;
  const end = list[last]?.end;
  return start === undefined || end === undefined ? undefined : { start, end, table };
}

function wordsOfName(rangeVar: Body): readonly string[] {
  return ["catalogname", "schemaname", "relname"].flatMap((field) => (rangeVar[field] === undefined ? [] : [textOf(rangeVar, field)]));
}
/** A text and where in it masked relations stand. */
interface Marked {
  readonly text: string;
  readonly marks: readonly TextRange[];
}

function whole(text: string): Marked {
  return { text, marks: [{ start: 0, end: text.length }] };
}

/** A view's columns out of its rewritten definition. OFFSET 0 keeps conditions from outside above the view's own. */
function definedQuery(relation: CatalogueRelation, attributes: ProtectedAttributes, { sql, marks }: Rewriting, needed: Needed): Marked {
  const name = quoteIdentifier(relation.name);
  const names = relation.columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const [open, close] = relation.securityBarrier ? ["(SELECT * FROM (", `) AS ${name} OFFSET 0)`] : ["(", ")"];
  const before = `SELECT ${shownColumns(relation, attributes, needed).join(", ")} FROM ${open}`;
  const after = `${close} AS ${name}${names === "" ? "" : `(${names})`}`;
  return { text: `${before}${sql}${after}`, marks: shifted(marks, before.length) };
}

/** Places of the first and the last word of a relation's name; undefined when it is not written plainly. */
export function nameTokens(rangeVar: Body, tokens: Tokens): { readonly first: number; readonly last: number } | undefined {
  const words = wordsOfName(rangeVar).length;
  const first = tokens.at(locationOf(rangeVar) ?? 0);
  return dotted(tokens, first, words) ? { first, last: first + 2 * (words - 1) } : undefined;
}

/** Whether as many names stand there, with dots between. Names in Unicode escapes bring words of their own. */
export function dotted({ list }: Tokens, first: number, words: number): boolean {
  for (let index = 0; index < 2 * words - 1; index += 1) {
    const text = list[first + index]?.text;
    if (text === undefined || first < 0) return false;
    if (index % 2 === 1 ? text !== "." : !/^("|[\p{L}_])/u.test(text) || /^u&/i.test(text)) return false;
  }
  return true;
}

/** The relation as it may be seen: its columns in order, the masked ones by their expression. */
export function maskingQuery(
  relation: CatalogueRelation,
  attributes: ProtectedAttributes,
  only: boolean,
  needed: Needed,
  system: readonly string[],
): string {
  const source = `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;
  const rows = relation.columns.flatMap(({ name, number }) => (needed(name) ? (attributes.get(number)?.rows ?? []) : []));
  const where = rows.length === 0 ? "" : ` WHERE ${rows.join(" AND ")}`;
  return `SELECT ${[...shownColumns(relation, attributes, needed), ...system].join(", ")} FROM ${only ? "ONLY " : ""}${source}${where}`;
}

function without(attributes: ProtectedAttributes, passing: ReadonlySet<number>): ProtectedAttributes {
  return passing.size === 0 ? attributes : new Map([...attributes].filter(([number]) => !passing.has(number)));
}

function shownColumns(relation: CatalogueRelation, attributes: ProtectedAttributes, needed: Needed): readonly string[] {
  return relation.columns
    .filter(({ name }) => needed(name))
    .map(({ name, number }) => {
      const attribute = attributes.get(number);
      const quoted = quoteIdentifier(name);
      return attribute === undefined ? quoted : `${attribute.expression} AS ${quoted}`;
    });
}

/** `public.users.id` can't name a column of a subquery: what stands before the relation's name is cut away. */
export function qualifierSplice(columnRef: Body, text: SourceText): Splice | undefined {
  const { words, star } = referenceOf(columnRef);
  const qualifiers = words.length - (star ? 0 : 1);
  const place = text.offsets.toIndex(locationOf(columnRef) ?? 0);
  const plain = plainPrefixEnd(text.sql, place, words.slice(0, qualifiers - 1));
  if (plain !== undefined) return { start: place, end: plain, text: "" };
  const tokens = text.tokens();
  const first = tokens?.at(locationOf(columnRef) ?? 0) ?? -1;
  if (tokens === undefined || !dotted(tokens, first, qualifiers)) return undefined;
  const start = tokens.list[first]?.start;
  const end = tokens.list[first + 2 * (qualifiers - 1)]?.start;
  return start === undefined || end === undefined ? undefined : { start, end, text: "" };
}

/** What a statement is, for a comparison; of COPY, which way and with whom too: no description of its columns comes with it. */
export function kindOf({ type, body }: TreeNode): string {
  return type === "CopyStmt" ? `${type} ${copyDirection(body)}` : type;
}

/** What stands in the rewritten text by our doing: OIDs of relations, each as often as it does. */
export interface Expected {
  /** Of the statements of the original, in order, by `kindOf`. */
  readonly kinds: readonly string[];
  /** In masking subqueries. */
  readonly hidden: readonly number[];
  /** As targets of writes, where the client put them. */
  readonly targets: readonly number[];
}

/**
 * What was made is read again: as many statements of the same kinds, masked relations only where we put them, and as
 * targets as often as they were, and no view left that leads to one. Undefined when it is not so.
 */
export function reread(
  { sql, isMarked }: Spliced,
  view: MaskingView,
  expected: Expected,
  views: Views,
): readonly LocatedStatement[] | undefined {
  const { kinds, hidden } = expected;
  const oids = new Set([...hidden, ...expected.targets]);
  const targets: number[] = [];
  const parsed = parseText(sql);
  const offsets = offsetsOf(sql);
  const statements = parsed.kind === "tree" ? statementsOf(parsed.tree, offsets.toIndex, sql.length) : undefined;
  if (statements === undefined || statements.map(kindOf).join() !== kinds.join()) return undefined;
  let sound = true;
  let found = 0;
  for (const statement of statements) {
    walk(statement, (place) => {
      const { type, body, parent, field, names } = place;
      if (type !== "RangeVar" || readsNothing(place)) return true;
      const written = isTarget(parent, field);
      if (!written && body["schemaname"] === undefined && bindsName(names, textOf(body, "relname"))) return true;
      const verdict = judgeRelation(view, body);
      const where = placeOf(verdict, views, oids);
      const index = offsets.toIndex(locationOf(body) ?? 0);
      const ours = isMarked(index);
      if (written && where === "masked" && !ours) targets.push(verdict.relation?.oid ?? 0);
      else if (where !== (ours ? "masked" : "bare")) sound = false;
      if (ours) found += 1;
      return true;
    });
  }
  const same = [...targets].sort().join() === [...expected.targets].sort().join();
  return sound && same && found === hidden.length ? statements : undefined;
}

/** Where a relation may stand. Of the server's own, those whose masked column nothing reaches stay as they are. */
function placeOf(verdict: RelationVerdict, views: Views, hidden: ReadonlySet<number>): "bare" | "masked" | "nowhere" {
  if (verdict.kind === "refused") return "nowhere";
  if (verdict.kind === "clear" || verdict.kind === "temporary") return "bare";
  const { relation, attributes } = verdict;
  if (verdict.kind === "view" && views(relation).kind !== "plain") return "nowhere";
  if (attributes === undefined) return "bare";
  return hidden.has(relation.oid) || !isServers(relation.schema) ? "masked" : "bare";
}
