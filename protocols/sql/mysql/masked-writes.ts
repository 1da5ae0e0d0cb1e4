/**
 * What a write may do under a mask. Its targets stay the tables they are, so nothing of it may read protected columns of theirs;
 * whatever else it reads is replaced as in a query. Giving a protected column a value needs the rule's permission, and what
 * would tell of stored values by failing is refused (`write-channels.ts`).
 */
import type { ProtectedColumn } from "#policies/question.ts";
import { columnNamed, type MysqlTable, mysqlLookup } from "./catalogue.ts";
import type { Resolved, TableContext } from "./masked-tables.ts";
import { exposed, fullName, tableOf } from "./masked-tables.ts";
import { displayTable, type MysqlProtectedColumns, protectedMysqlColumns } from "./protection.ts";
import type { Assignment, WriteReading } from "./read-write.ts";
import { type ColumnMention, type Found, Refused, type Scope, type TableMention } from "./reading.ts";
import type { Edit } from "./spelling.ts";
import { checkTriggers } from "./trigger-bodies.ts";
import { type Change, channelOf } from "./write-channels.ts";

/** A table that is written to. */
interface Target {
  readonly mention: TableMention;
  readonly table: MysqlTable;
  readonly attributes: MysqlProtectedColumns;
}

export interface JudgedWrite {
  readonly targets: readonly TableMention[];
  readonly edits: readonly Edit[];
  readonly columns: readonly ProtectedColumn[];
  /** It gives values to protected columns without naming them. */
  readonly unlisted: boolean;
}

const NONE: MysqlProtectedColumns = new Map();

/** Tables that the write changes, as far as their mentions say. @throws Refused */
export function targetsOf(reading: WriteReading, context: TableContext): readonly TableMention[] {
  if (reading.verb !== "update" || reading.tables.length === 1) return reading.tables;
  const { fold } = mysqlLookup(context.view.catalogue);
  const assigned = reading.assignments.map(({ parts, at }) => {
    const column = parts.at(-1) ?? "";
    const qualifier = parts.at(-2);
    const found = reading.tables.filter((mention) =>
      qualifier === undefined
        ? !isAscii(column) || (mention.common === null && mayHave(tableOf(mention, context), column))
        : fold(exposed(mention)) === fold(qualifier),
    );
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    throw new Refused(
      "masked-unresolved",
      `${parts.join(".")} could belong to several tables or to none`,
      "qualify it by its table's alias",
      at,
    );
  });
  return [...new Set(assigned)];
}

function mayHave(table: MysqlTable, column: string): boolean {
  return table.kind === "temporary" || columnNamed(table, column) !== undefined;
}

/** @param resolved what else the statement reads. @throws Refused */
export function judgeWrite(reading: WriteReading, found: Found, resolved: readonly Resolved[], context: TableContext): JudgedWrite {
  const targets = targetsOf(reading, context).map((mention) => targetOf(mention, context));
  const guarded = targets.filter(({ attributes }) => attributes.size > 0);
  for (const target of targets) {
    checkTriggers(writtenTables(target, context), eventsOf(reading), context.view, target.mention.span.start);
    checkGiven(target, reading, context);
    checkRenames(target, reading);
    const channel = channelOf(context.view, target.table, changeOf(target, reading, context));
    if (channel !== undefined) {
      const hint = "write to other columns, or as a principal under no mask";
      throw new Refused("masked-write", channel.message, hint, target.mention.span.start, channel.rule);
    }
  }
  if (guarded.length > 0) checkMentions(reading, found, resolved, guarded, context);
  return {
    targets: targets.map(({ mention }) => mention),
    edits: targets.map(({ mention, table }) => ({ ...mention.span, text: fullName(table) })),
    unlisted: guarded.length > 0 && reading.columns === null,
    columns: guarded.flatMap(({ table, attributes }) => protectedMysqlColumns(table, attributes)),
  };
}

function targetOf(mention: TableMention, context: TableContext): Target {
  if (mention.common !== null)
    throw new Refused("masked-write", "a common table is no target", "write to the table itself", mention.span.start);
  const table = tableOf(mention, context);
  const attributes = context.view.protection.columns.get(table) ?? NONE;
  if (table.kind === "view") {
    const reading = context.readView(table);
    if (reading.kind !== "plain" || attributes.size > 0) {
      const message = `${displayTable(table)} is a view that leads to masked columns`;
      throw new Refused("masked-write", message, "write to the table below it", mention.span.start);
    }
  }
  if (mention.hints !== null && attributes.size > 0) {
    const message = `an index of ${displayTable(table)} could order rows by masked columns`;
    throw new Refused("masked-write", message, "leave the index hint out", mention.hints.start, null);
  }
  const key = table.partitionKey.toLowerCase();
  const keyed = [...attributes].find(([name]) => key.includes(name.toLowerCase()));
  if (mention.partition !== null && keyed !== undefined) {
    const message = `a partition of ${displayTable(table)} tells of ${keyed[0]}, which is masked`;
    throw new Refused("masked-write", message, "leave PARTITION out", mention.partition.start, keyed[1].rule);
  }
  return { mention, table, attributes };
}

function writtenTables({ table }: Target, context: TableContext): readonly MysqlTable[] {
  if (table.kind !== "view") return [table];
  const reading = context.readView(table);
  return reading.kind === "plain" ? reading.tables : [];
}

function eventsOf({ verb, updates }: WriteReading): readonly ("insert" | "update" | "delete")[] {
  if (verb === "replace") return ["insert", "delete"];
  if (verb === "insert") return updates ? ["insert", "update"] : ["insert"];
  return [verb];
}

/** The assignments that are this target's. */
function assignmentsOf({ mention }: Target, reading: WriteReading, context: TableContext): readonly Assignment[] {
  const several = reading.verb === "update" && reading.tables.length > 1;
  if (!several) return reading.assignments;
  return reading.assignments.filter((one) => targetsOf({ ...reading, assignments: [one] }, context)[0] === mention);
}

function changeOf(target: Target, reading: WriteReading, context: TableContext): Change {
  const assigned = assignmentsOf(target, reading, context).map(({ parts }) => (parts.at(-1) ?? "").toLowerCase());
  const given = reading.columns === null ? target.table.columns.map(({ name }) => name.toLowerCase()) : (reading.columns ?? []);
  return {
    verb: reading.verb,
    updates: reading.updates,
    assigned: new Set(assigned),
    given: new Set(given.map((name) => name.toLowerCase())),
  };
}

/** Values for protected columns. DEFAULT, and leaving the column out, need no permission. */
function checkGiven(target: Target, reading: WriteReading, context: TableContext): void {
  const { table, attributes, mention } = target;
  if (attributes.size === 0) return;
  const listed =
    reading.columns === null ? table.columns.filter(({ invisible }) => !invisible).map(({ name }) => name) : (reading.columns ?? []);
  const given = listed.filter((_, index) => !reading.defaults.has(index)).map((name) => ({ name, at: mention.span.start }));
  const assigned = assignmentsOf(target, reading, context).flatMap(({ parts, at, isDefault }) =>
    isDefault ? [] : [{ name: parts.at(-1) ?? "", at }],
  );
  for (const { name, at } of [...given, ...assigned]) {
    const column = columnNamed(table, name);
    if (column === undefined)
      throw new Refused("masked-unresolved", `${displayTable(table)} has no column ${name}`, "check the spelling", at);
    const mask = attributes.get(column.name);
    if (mask === undefined || mask.assignable || column.generation !== null) continue;
    const message = `${displayTable(table)}.${column.name} may not be given a value, as it is masked`;
    const hint = `leave the column out${reading.columns === null ? " of a list of columns" : ""}, or say DEFAULT; \`assign: values\` in rule ${mask.rule} permits it`;
    throw new Refused("masked-write", message, hint, at, mask.rule);
  }
}

/** By another name a protected column of the new row, its default among them, could be read where none of its own may stand. */
function checkRenames({ table, attributes }: Target, { renames, columns }: WriteReading): void {
  if (renames === null || attributes.size === 0) return;
  const known = columns?.map((name) => columnNamed(table, name));
  const plain = known?.every((column) => column !== undefined && !attributes.has(column.name)) === true;
  if (plain && known.length === renames.names.length) return;
  const message = `a masked column of ${displayTable(table)} would have another name in the new row`;
  throw new Refused("masked-write", message, "list columns that are not masked, or leave the names out", renames.start);
}

function isAscii(name: string): boolean {
  return /^[ -~]*$/.test(name);
}

/** Nothing may read a protected column of what is written to, by whatever name it could be reached. */
function checkMentions(
  { scope, returning }: WriteReading,
  found: Found,
  resolved: readonly Resolved[],
  targets: readonly Target[],
  { view }: TableContext,
): void {
  const { fold } = mysqlLookup(view.catalogue);
  if (found.natural) {
    const hint = "say ON, with columns that are not masked";
    throw new Refused(
      "masked-write",
      "NATURAL JOIN could compare a masked column of what is written to",
      hint,
      targets[0]?.mention.span.start ?? 0,
    );
  }
  const outputs = new Map(resolved.map((one) => [one.mention, one]));
  for (const mention of found.columns) {
    const reached = targets.find((target) => isReached(mention, target, { scope, fold, outputs }));
    if (reached === undefined) continue;
    const name = mention.star ? "*" : (mention.parts.at(-1) ?? "");
    const mask = [...reached.attributes].find(([column]) => column.toLowerCase() === name.toLowerCase())?.[1];
    const where =
      returning !== null && mention.span.start >= returning.start ? "list columns that are not masked" : "use columns that are not masked";
    const message = `${name} may be a masked column of ${displayTable(reached.table)}, which is written to`;
    throw new Refused(
      "masked-write",
      message,
      `${where}, and qualify others by their table's alias`,
      mention.span.start,
      mask?.rule ?? null,
    );
  }
}

interface Reach {
  readonly scope: Scope;
  readonly fold: (name: string) => string;
  readonly outputs: ReadonlyMap<TableMention, Resolved>;
}

/** Whether a name might be a protected column of the target; in doubt it is. */
function isReached({ parts, star, scope }: ColumnMention, { table, mention, attributes }: Target, reach: Reach): boolean {
  const name = parts.at(-1) ?? "";
  const qualifier = star ? parts.at(-1) : parts.at(-2);
  if (!star && !mayBeProtected(name, table, attributes)) return false;
  for (let at: Scope | null = scope; at !== null; at = at.parent) {
    const sources = at.sources.filter(
      (one) => qualifier === undefined || (one.name !== null && reach.fold(one.name) === reach.fold(qualifier)),
    );
    if (sources.some((source) => source.table === mention)) return true;
    if (at === reach.scope) return sources.length === 0;
    // Behind `*` stand the sources of its own query alone.
    if (star && (qualifier === undefined || sources.length > 0)) return false;
    if (qualifier !== undefined && sources.length > 0) return false;
    const isHere = sources.some(({ table: source, columns }) => {
      const known = columns ?? (source === null ? undefined : reach.outputs.get(source)?.outputs?.map((one) => one.name));
      return known?.some((one) => one.toLowerCase() === name.toLowerCase()) === true;
    });
    if (isHere) return false;
  }
  // A query of its own, which can't see the target: the SELECT of an INSERT, a common table.
  return false;
}

/** The server holds letters for equal that differ by an accent: such names are told apart by their exact spelling alone. */
function mayBeProtected(name: string, table: MysqlTable, attributes: MysqlProtectedColumns): boolean {
  if (isAscii(name)) return [...attributes.keys()].some((column) => column.toLowerCase() === name.toLowerCase() || !isAscii(column));
  return !table.columns.some((column) => column.name === name && !attributes.has(column.name));
}
