/**
 * Masking rules resolved against a MySQL catalogue: which columns of which tables show masked, by what rule and by what
 * expression. Protection reaches from the columns that rules name to columns generated from them and foreign keys to them.
 */
import type { ActiveMask, Mask, ProtectedColumn } from "#policies/question.ts";
import { type Entry, entriesOf, glob, meansNothing, type ProtectionProblem } from "#protocols/sql/entries.ts";
import { columnNamed, type MysqlCatalogue, type MysqlColumn, type MysqlTable, mysqlLookup, SERVER_DATABASES } from "./catalogue.ts";
import { maskExpression } from "./mask-expression.ts";
import { wordsIn } from "./mentioned.ts";

export interface MysqlProtectedColumn {
  readonly rule: string;
  /** As it is applied: `null` where the rule's own does not fit the column. */
  readonly mask: Mask;
  /** Writes may give the column a value. */
  readonly assignable: boolean;
  /** The SQL expression that yields the masked value, over the column of that name. */
  readonly expression: string;
}

/** By the name of the column as the catalogue spells it. */
export type MysqlProtectedColumns = ReadonlyMap<string, MysqlProtectedColumn>;

export interface MysqlProtection {
  readonly columns: ReadonlyMap<MysqlTable, MysqlProtectedColumns>;
  /** Names of all protected columns, in lower case: what a statement that can't be resolved is searched for. */
  readonly columnNames: ReadonlySet<string>;
}

/** Made once for each catalogue version and set of masks; shared between statements. */
export interface MysqlMaskingView {
  readonly catalogue: MysqlCatalogue;
  readonly protection: MysqlProtection;
  /** Stored functions that may be called, as `database.name`. */
  readonly functionsAllowed: readonly string[];
}

interface Assigned {
  readonly rule: string;
  readonly mask: Mask;
  readonly assignable: boolean;
}

type Assignments = Map<MysqlTable, Map<MysqlColumn, Assigned>>;

export interface MeantMysqlColumn {
  readonly table: MysqlTable;
  readonly column: MysqlColumn;
}

export interface ResolvedMysqlProtection {
  readonly protection: MysqlProtection;
  readonly problems: readonly ProtectionProblem[];
}

/** The masks in the order of the rules: of two that name a column, the first counts. */
export function resolveMysqlProtection(catalogue: MysqlCatalogue, masks: readonly ActiveMask[]): ResolvedMysqlProtection {
  const problems: ProtectionProblem[] = [];
  const assignments: Assignments = new Map();
  for (const { rule, columns, tags, mask, assign: writes } of masks) {
    const assigned: Assigned = { rule, mask, assignable: writes === "values" };
    const reached: MeantMysqlColumn[] = [];
    for (const entry of entriesOf({ columns, tags })) {
      const meant = meantByMysql(entry, catalogue);
      const message = `rule ${rule}: ${meansNothing(entry, "this target")}`;
      if (meant.length === 0) problems.push({ kind: "names-nothing", rule, columns: entry.written, message });
      for (const place of meant) {
        if (!assign(assignments, place, assigned)) continue;
        reached.push(place);
        problems.push(...misfit(place, assigned));
      }
    }
    spread(catalogue, assignments, reached, { ...assigned, mask: { kind: "redact" } });
  }
  assignWalls(catalogue, assignments);
  const columns = new Map([...assignments].map(([table, found]) => [table, attributesOf(found)]));
  const names = [...assignments.values()].flatMap((found) => [...found.keys()].map(({ name }) => name.toLowerCase()));
  return { protection: { columns, columnNames: new Set(names) }, problems };
}

/**
 * What an entry of a rule means: `database.table.column`, or a tag. Names are compared as the server compares them: those of
 * columns in any letters, the others where it folds them. A rule that meant fewer columns would leave some bare.
 */
export function meantByMysql({ part, written }: Entry, catalogue: MysqlCatalogue): readonly MeantMysqlColumn[] {
  const [database = "", name = "", column = ""] = part === "tags" ? ["*", "*", "*"] : written.split(".");
  const { fold } = mysqlLookup(catalogue);
  const inDatabase = glob(fold(database));
  const inTable = glob(fold(name));
  const isColumn = glob(column.toLowerCase());
  const isMeant = (one: MysqlColumn): boolean => (part === "tags" ? one.tags.includes(written) : isColumn(one.name.toLowerCase()));
  return catalogue.tables
    .filter((table) => !SERVER_DATABASES.has(table.database.toLowerCase()) && inDatabase(fold(table.database)) && inTable(fold(table.name)))
    .flatMap((table) => table.columns.filter(isMeant).map((one) => ({ table, column: one })));
}

function assign(assignments: Assignments, { table, column }: MeantMysqlColumn, assigned: Assigned): boolean {
  const columns = assignments.get(table) ?? new Map<MysqlColumn, Assigned>();
  if (columns.has(column)) return false;
  assignments.set(table, columns.set(column, assigned));
  return true;
}

/** To generated columns and foreign keys, and on from there. A list is walked in the order in which it grows. */
function spread(catalogue: MysqlCatalogue, assignments: Assignments, reached: MeantMysqlColumn[], assigned: Assigned): void {
  for (const { table, column } of reached) {
    const name = column.name.toLowerCase();
    const generated = table.columns
      .filter(({ generation }) => generation !== null && wordsIn(generation).has(name))
      .map((one) => ({ table, column: one }));
    const keys = mysqlLookup(catalogue)
      .referring(table)
      .flatMap(({ table: other, reference }) =>
        reference.columns
          .filter(({ refersTo }) => refersTo.toLowerCase() === name)
          .flatMap((pair) => columnNamed(other, pair.name) ?? [])
          .map((one) => ({ table: other, column: one })),
      );
    for (const next of [...generated, ...keys]) if (assign(assignments, next, assigned)) reached.push(next);
  }
}

/**
 * What a wall masks is masked, though a rule has gone since, or what led from a rule to it can't be seen from behind the wall:
 * a column that a masked one is referred to by must not be written for finding out values.
 */
function assignWalls(catalogue: MysqlCatalogue, assignments: Assignments): void {
  for (const wall of catalogue.walls.filter(({ ofLogin }) => ofLogin)) {
    for (const { table: name, column: called, rule } of wall.masked) {
      const table = catalogue.tables.find((one) => one.wall?.database === wall.name && one.wall.name === name);
      const column = table?.columns.find((one) => one.name === called);
      if (table === undefined || column === undefined) continue;
      assign(assignments, { table, column }, { rule, mask: { kind: "redact" }, assignable: false });
    }
  }
}

function misfit({ table, column }: MeantMysqlColumn, { rule, mask }: Assigned): readonly ProtectionProblem[] {
  const made = maskExpression(mask, column);
  if (made.kind !== "problem") return [];
  const place = `${displayTable(table)}.${column.name}`;
  return [{ kind: "unfit", rule, columns: place, message: `rule ${rule}: ${place}: ${made.message}; it shows NULL` }];
}

/** A mask that does not fit the type hides the value altogether. */
function attributesOf(columns: ReadonlyMap<MysqlColumn, Assigned>): MysqlProtectedColumns {
  return new Map(
    [...columns].map(([column, { rule, mask, assignable }]) => {
      const made = maskExpression(mask, column);
      if (made.kind === "expression") return [column.name, { rule, mask, assignable, expression: made.sql }];
      const hidden = maskExpression({ kind: "null" }, column);
      const expression = hidden.kind === "expression" ? hidden.sql : "NULL";
      return [column.name, { rule, mask: { kind: "null" }, assignable, expression }];
    }),
  );
}

export function displayTable({ database, name }: MysqlTable): string {
  return `${database}.${name}`;
}

/** The protected columns of a table, in order. */
export function protectedMysqlColumns(table: MysqlTable, columns: MysqlProtectedColumns): readonly ProtectedColumn[] {
  return table.columns.flatMap(({ name }) => {
    const found = columns.get(name);
    return found === undefined ? [] : [{ schema: table.database, table: table.name, column: name, rule: found.rule }];
  });
}
