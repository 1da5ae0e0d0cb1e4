/**
 * What one statement does to masked columns, for a principal under masks: nothing, something that can be rewritten,
 * or something that is refused with its place and a way on.
 */
import type { MaskingFacts, Obstacle, ProtectedColumn } from "#policies/question.ts";
import { isTarget, targetsOf } from "./changes.ts";
import type { LocatedStatement } from "./effects.ts";
import { type Gated, gate, type Occurrence, reachable, SYSTEM_COLUMNS, takenWhole } from "./gate.ts";
import { groupingSplices } from "./grouping.ts";
import { type Lineage, lineageOf } from "./lineage.ts";
import { lookupIn } from "./lookup.ts";
import { hasOverload, type Located, type Refusal } from "./masked-calls.ts";
import { copiesOut, copyRefusal, copySplice } from "./masked-copy.ts";
import { judgeRelation } from "./masked-relations.ts";
import { flattened } from "./origins.ts";
import { NO_PLAIN_OUTPUTS, type PlainOutputs, plainOutputs } from "./plain-outputs.ts";
import { display, type MaskingView } from "./protection.ts";
import { bareStars, returningSplices } from "./returning.ts";
import { type Needed, qualifierSplice, relationSplice } from "./rewrite.ts";
import { type Meaning, type Relations, referenceOf } from "./scope.ts";
import type { SourceText } from "./source-text.ts";
import type { Splice } from "./splice.ts";
import { statementTag } from "./tags.ts";
import { type Body, locationOf, nodeOf, type TreeNode, walk } from "./tree.ts";
import { definedColumns, type Views } from "./view-reading.ts";
import { maskedWrites, readsRaw, writtenReferences } from "./written-references.ts";

export interface StatementMasking {
  readonly facts: MaskingFacts;
  /** How the text becomes the one that may go upstream; empty unless the facts say `rewritable`. */
  readonly splices: readonly Splice[];
  /** OID of the relation of each masking subquery. */
  readonly hidden: readonly number[];
  /** OIDs of the relations with masked columns that are written to, each as often as it is. */
  readonly targets: readonly number[];
  /** Of the rows that the statement yields, or that will come of what it declares or prepares. */
  readonly outputMasked: readonly boolean[];
  /** The same, of columns that come as they are and have to be hashed; empty: none. */
  readonly outputHashed: readonly boolean[];
  /** Undefined where the statement was not followed so far. */
  readonly lineage: Lineage | undefined;
  readonly gated: Gated;
}

const CLEAR: MaskingFacts = { kind: "clear" };

/** @param views how the definitions of views read under the same masks */
export function maskStatement(statement: LocatedStatement, view: MaskingView, text: SourceText, views: Views): StatementMasking {
  const gated = gate(statement, view, views);
  return maskGated(gated, reachable(gated), statement, view, text, true);
}

/**
 * @param occurrences those of the gate that need to be replaced
 * @param outermost its rows are what the client is sent: they can be hashed on their way
 */
export function maskGated(
  gated: Gated,
  occurrences: readonly Occurrence[],
  statement: LocatedStatement,
  view: MaskingView,
  text: SourceText,
  outermost: boolean,
): StatementMasking {
  const none = { splices: [], hidden: [], targets: [], outputMasked: [], outputHashed: [], lineage: undefined };
  const outcome = (facts: MaskingFacts): StatementMasking => ({ facts, ...none, gated });
  const refuse = (found: Located): StatementMasking => outcome({ kind: "obstacle", obstacle: obstacleAt(found, statement, text) });
  const first = earliest(gated.refused);
  if (first !== undefined) return refuse(first);
  const targets = occurrences.filter(({ parent, field }) => isTarget(parent, field) && !copiesOut(statement));
  const sources = occurrences.filter((occurrence) => !targets.includes(occurrence));
  const kind = occurrences.length === 0 ? undefined : (kindRefused(statement, occurrences) ?? clauseRefused(statement, gated, sources));
  if (kind !== undefined) return refuse(kind);
  if (occurrences.length === 0 && gated.attributes.length === 0) return outcome(CLEAR);

  const query = queryOf(statement);
  const lineage = lineageOf(query, relationsOf(view, occurrences));
  if (lineage === undefined) return refuse(tooDeep());
  const attribute = gated.attributes.find(({ columnRef }) => !isKnownColumn(lineage.meanings.get(columnRef)));
  if (attribute !== undefined) return refuse(attribute);
  if (occurrences.length === 0) return outcome(CLEAR);
  const bare = occurrences.filter((occurrence) => showsSystemColumns(view, gated, occurrence));
  const system = systemColumnRefused(gated, lineage, bare);
  if (system !== undefined) return refuse(system);
  const writes = maskedWrites(statement, view);
  const written = writtenReferences(statement, writes, lineage);
  if (written.refused !== undefined) return refuse(written.refused);
  const plain = outermost ? plainOutputs(statement, occurrences) : NO_PLAIN_OUTPUTS;
  const splices = splicesOf(statement, { ...gated, qualified: ownReferences(gated, view) }, sources, lineage, text, bare, plain);
  if ("refusal" in splices) return refuse(splices);
  const returned = returningSplices(writes, written.returned, text);
  if ("refusal" in returned) return refuse(returned);
  if (splices.list.length + returned.length === 0) return outcome(CLEAR);
  const relations = new Map(occurrences.map((occurrence) => [occurrence.relation.oid, occurrence]));
  const columns = eachOnce([...relations.values()].flatMap((occurrence) => occurrence.columns));
  return {
    facts: { kind: "rewritable", columns },
    splices: distinct([...splices.list, ...returned]),
    hidden: sources.flatMap(({ relation, rewriting }) => rewriting?.hidden ?? [relation.oid]),
    targets: targets.map(({ relation }) => relation.oid),
    outputMasked: HOLDS_ROWS.has(statement.type) ? (lineage.outputs ?? []).map(({ masked }) => masked) : [],
    outputHashed: hashedOutputs(lineage, sources, plain),
    lineage,
    gated,
  };
}

function hashedOutputs({ outputs = [] }: Lineage, sources: readonly Occurrence[], plain: PlainOutputs): readonly boolean[] {
  const passing = new Map(sources.map((occurrence) => [occurrence.relation.oid, plain.passing(occurrence)]));
  const hashed = outputs.map(
    ({ origin: { base }, direct }) => direct && base !== null && passing.get(base.relation)?.has(base.column) === true,
  );
  return hashed.includes(true) ? hashed : [];
}

/** A view may bring a table's columns in that the statement names besides. */
function eachOnce(columns: readonly ProtectedColumn[]): readonly ProtectedColumn[] {
  return [...new Map(columns.map((one) => [JSON.stringify([one.schema, one.table, one.column]), one])).values()];
}

/** The tree holds the source of `SET (a, b) = (SELECT …)` once for each column, at one place of the text. */
function distinct(splices: readonly Splice[]): readonly Splice[] {
  return [...new Map(splices.map((splice) => [`${splice.start} ${splice.end} ${splice.text}`, splice])).values()];
}

function tooDeep(): Located {
  const message = "the statement is nested too deeply to be followed where columns are masked";
  return { refusal: refusal("masked-unsupported", undefined, message, "split it into several"), location: undefined };
}

/** Of a relation whose columns are not known, any name could be a function's. */
function isKnownColumn(meaning: Meaning | undefined): boolean {
  return meaning?.kind === "column" && !meaning.vague;
}

function obstacleAt({ refusal, location }: Located, statement: LocatedStatement, { offsets }: SourceText): Obstacle {
  const { reason, rule, message, hint } = refusal;
  const index = location === undefined ? statement.start : offsets.toIndex(location);
  return { reason, rule, message, hint, position: offsets.toPosition(index) };
}

/** Of several, the one that a reader meets first. */
function earliest(found: readonly Located[]): Located | undefined {
  return [...found].sort((a, b) => (a.location ?? -1) - (b.location ?? -1))[0];
}

function queryOf(statement: TreeNode): TreeNode {
  const holds = /^(Explain|DeclareCursor|Prepare|Copy|CreateTableAs)Stmt$/.test(statement.type);
  return (holds ? nodeOf(statement.type, statement.body, "query") : undefined) ?? statement;
}

const HOLDS_ROWS: ReadonlySet<string> = new Set([
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "DeclareCursorStmt",
  "PrepareStmt",
]);

/** Statements whose SELECT is rewritten where it stands. */
const READS: ReadonlySet<string> = new Set([
  "SelectStmt",
  "ExplainStmt",
  "CopyStmt",
  "DeclareCursorStmt",
  "PrepareStmt",
  "CreateTableAsStmt",
]);

/** Writes that stand by themselves, in WITH, in a plain EXPLAIN or in PREPARE. */
const WRITES: ReadonlySet<string> = new Set(["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "TruncateStmt", "SelectStmt"]);

/** Reads of masked columns are rewritten in a SELECT, by itself or inside what only hands its rows on, and in writes. */
function kindRefused(statement: TreeNode, occurrences: readonly Occurrence[]): Located | undefined {
  const [occurrence] = occurrences;
  if (occurrence === undefined) return undefined;
  let writes = false;
  walk(statement, ({ type, body }) => {
    writes ||= targetsOf({ type, body }).length > 0;
    return !writes;
  });
  const [column] = occurrence.columns;
  const what = described(occurrence);
  const location = locationOf(occurrence.rangeVar);
  const tag = statementTag(statement);
  if (writes) {
    const alone = statement.type === "ExplainStmt" || statement.type === "PrepareStmt" ? queryOf(statement) : statement;
    if (WRITES.has(alone.type) || targetsOf(statement).length > 0) return undefined;
    const hint = "send the statement that writes by itself";
    return { refusal: refusal("masked-write", column?.rule, `${tag} may not hold a write that touches ${what}`, hint), location };
  }
  if (copiesOut(statement)) {
    const found = copyRefusal(statement, occurrence);
    return found === undefined ? undefined : { refusal: found, location };
  }
  if (queryOf(statement).type === "SelectStmt" && READS.has(statement.type)) return undefined;
  const hint = "send the SELECT by itself, in COPY (…) TO STDOUT, in a cursor or prepared";
  return { refusal: refusal("masked-statement-kind", column?.rule, `${tag} may not read ${what}`, hint), location };
}

function clauseRefused(statement: TreeNode, { locks }: Gated, occurrences: readonly Occurrence[]): Located | undefined {
  const sampled = occurrences.find(({ parent }) => parent === "RangeTableSample");
  const [occurrence] = occurrences;
  const [lock] = locks;
  if (sampled !== undefined) return unsupported(sampled, "TABLESAMPLE", "use ORDER BY random() with LIMIT", locationOf(sampled.rangeVar));
  if (lock !== undefined && occurrence !== undefined)
    return unsupported(occurrence, "a row lock (FOR UPDATE, FOR SHARE)", "leave it out", undefined);
  // The cursor stands on a subquery's row: the server would find no row of a table under it.
  if (occurrence !== undefined && holdsNode(statement, "CurrentOfExpr"))
    return unsupported(occurrence, "WHERE CURRENT OF", "name the row by its primary key", undefined);
  return undefined;
}

function holdsNode(statement: TreeNode, sought: string): boolean {
  let found = false;
  walk(statement, ({ type }) => {
    found ||= type === sought;
    return !found;
  });
  return found;
}

/**
 * Whether the masking subquery can yield system columns beside the others: not where a star would then take them too,
 * nor of a view, nor of a relation with partitions or children, of which `tableoid` would tell where a row's key put it.
 */
function showsSystemColumns({ catalogue }: MaskingView, gated: Gated, occurrence: Occurrence): boolean {
  const { kind, oid } = occurrence.relation;
  if ((kind !== "table" && kind !== "materialized-view") || lookupIn(catalogue).children.has(oid)) return false;
  return occurrence.parent !== "CopyStmt" && !takenWhole(gated, occurrence);
}

/** @param bare occurrences whose system columns can be read */
function systemColumnRefused({ systemColumns }: Gated, { meanings }: Lineage, bare: readonly Occurrence[]): Located | undefined {
  const found = systemColumns.find((body) => {
    const meaning = meanings.get(body);
    if (meaning === undefined || meaning.kind === "unknown") return true;
    if (meaning.kind !== "attribute" && meaning.kind !== "system") return false;
    return meaning.entry.replaced && !bare.some(({ rangeVar }) => rangeVar === meaning.entry.rangeVar);
  });
  if (found === undefined) return undefined;
  const name = referenceOf(found).words.at(-1);
  const message = `system column ${name} may not be read here of a relation with masked columns`;
  const hint = "name the columns instead of *, or use the primary key";
  return { refusal: refusal("masked-unsupported", undefined, message, hint), location: locationOf(found) };
}

function unsupported(occurrence: Occurrence, what: string, hint: string, location: number | undefined): Located {
  const message = `${what} may not be used with ${described(occurrence)}`;
  return { refusal: refusal("masked-unsupported", occurrence.columns[0]?.rule, message, hint), location };
}

function described({ relation, columns }: Occurrence): string {
  const [column] = columns;
  const own = column?.schema === relation.schema && column.table === relation.name;
  return `${display(relation)}, ${own ? "whose" : `which reads ${column?.schema}.${column?.table}, whose`} column ${column?.column} is masked`;
}

function refusal(reason: Refusal["reason"], rule: string | undefined, message: string, hint: string): Refusal {
  return { reason, rule: rule ?? null, message, hint };
}

function relationsOf(view: MaskingView, occurrences: readonly Occurrence[]): Relations {
  const named = new Map(occurrences.map((occurrence) => [occurrence.relation.oid, occurrence]));
  const masked = new Map([...named].map(([oid, { attributes }]) => [oid, new Set(attributes.keys())]));
  // What a view's columns come from is masked too, without being named here.
  for (const { rewriting } of occurrences) {
    for (const { relation } of rewriting === undefined ? [] : flattened(rewriting.reads).columns) {
      const attributes = masked.has(relation) ? undefined : view.protection.columns.get(relation);
      if (attributes !== undefined) masked.set(relation, new Set(attributes.keys()));
    }
  }
  return {
    find: (rangeVar: Body) => judgeRelation(view, rangeVar).relation,
    maskedColumns: (oid) => masked.get(oid),
    overloads: (name) => hasOverload(view, name),
    defined(relation) {
      const { rewriting, attributes } = named.get(relation.oid) ?? {};
      return rewriting && definedColumns(relation, attributes, rewriting);
    },
  };
}

/**
 * Whether a rewritten statement reads masked columns of rows that it writes otherwise than through a mask, or can't be
 * followed.
 *
 * @param isOurs whether what stands at a byte offset was put there by us
 */
export function readsWritten(statement: TreeNode, view: MaskingView, isOurs: (location: number) => boolean): boolean {
  const writes = maskedWrites(statement, view);
  if (writes.length === 0) return false;
  const lineage = lineageOf(queryOf(statement), relationsOf(view, []));
  return lineage === undefined || writes.some((write) => bareStars(write).length > 0) || readsRaw(writes, lineage, isOurs);
}

/** A column that nothing in the statement names need not be there; a star, NATURAL, a whole row or renaming means all. */
function neededOf(gated: Gated, occurrence: Occurrence): Needed {
  const all = takenWhole(gated, occurrence);
  return (column) => all || gated.identifiers.has(column);
}

/** What names another database is the server's to refuse. */
function ownReferences({ qualified }: Gated, { catalogue }: MaskingView): readonly Body[] {
  return qualified.filter((columnRef) => {
    const { words, star } = referenceOf(columnRef);
    const database = words.at(star ? -3 : -4);
    return database === undefined || database === catalogue.database;
  });
}

function splicesOf(
  statement: TreeNode,
  gated: Gated,
  occurrences: readonly Occurrence[],
  lineage: Lineage,
  text: SourceText,
  bare: readonly Occurrence[],
  plain: PlainOutputs,
): { readonly list: readonly Splice[] } | Located {
  const [occurrence] = occurrences;
  const lost = (body: Body, why: string): Located => {
    const refused = refusal("masked-unresolved", undefined, why, "give each relation an alias and name columns by it");
    return { refusal: refused, location: locationOf(body) };
  };
  const [clash] = lineage.clashes;
  if (clash !== undefined)
    return lost(occurrence?.rangeVar ?? {}, `two relations go by the name ${clash.alias}, and one of them has masked columns`);
  const list: Splice[] = [];
  for (const one of occurrences) {
    const system = bare.includes(one) ? [...SYSTEM_COLUMNS].filter((name) => gated.identifiers.has(name)) : [];
    const splice =
      one.parent === "CopyStmt"
        ? copySplice(statement, one, text)
        : relationSplice(one, text, neededOf(gated, one), system, plain.passing(one));
    if (splice === undefined) return lost(one.rangeVar, `${display(one.relation)} could not be replaced where it stands`);
    list.push(splice);
  }
  const named = new Set(occurrences.map(({ relation }) => JSON.stringify([relation.schema, relation.name])));
  for (const columnRef of gated.qualified) {
    const meaning = lineage.meanings.get(columnRef);
    const { words, star } = referenceOf(columnRef);
    const [schema = "", table = ""] = words.slice(star ? -2 : -3);
    if (!named.has(JSON.stringify([schema, table]))) continue;
    const short = lineage.shortened.get(columnRef);
    const splice = qualifierSplice(columnRef, text);
    const entry = meaning !== undefined && "entry" in meaning ? meaning.entry : undefined;
    if (entry?.written !== undefined) continue;
    if (entry?.replaced !== true || short !== entry || splice === undefined) {
      return lost(columnRef, `${words.join(".")} can't be told apart from other names`);
    }
    list.push(splice);
  }
  list.push(...groupingSplices(lineage.grouped, occurrences, (one) => neededOf(gated, one), text));
  return { list };
}
