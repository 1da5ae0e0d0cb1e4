/**
 * What a write could tell of stored values by failing or not: constraints, indexes and keys in which a protected column meets
 * one that is written. `CHECK (pin <> id)` would let `UPDATE … SET id = 5` ask for every pin.
 */
import { columnNamed, type MysqlTable, mysqlLookup } from "./catalogue.ts";
import { wordsIn } from "./mentioned.ts";
import { displayTable, type MysqlMaskingView, type MysqlProtectedColumns } from "./protection.ts";

export interface Change {
  readonly verb: "insert" | "replace" | "update" | "delete";
  /** ON DUPLICATE KEY UPDATE. */
  readonly updates: boolean;
  /** Columns that rows which are there get new values of, in lower case. */
  readonly assigned: ReadonlySet<string>;
  /** Columns that new rows have values of, in lower case. */
  readonly given: ReadonlySet<string>;
}

export interface Channel {
  readonly message: string;
  readonly rule: string;
}

/** Names of columns, in lower case, and what holds them together. */
interface Bond {
  readonly columns: ReadonlySet<string>;
  readonly by: string;
  readonly unique: boolean;
}

export function channelOf(view: MysqlMaskingView, table: MysqlTable, change: Change): Channel | undefined {
  const attributes = view.protection.columns.get(table);
  const own = attributes === undefined ? undefined : ownChannel(table, attributes, change);
  return own ?? alongChannel(view, table, change, new Set());
}

function ownChannel(table: MysqlTable, attributes: MysqlProtectedColumns, change: Change): Channel | undefined {
  for (const bond of bondsOf(table)) {
    const [name, mask] = [...attributes].find(([column]) => bond.columns.has(column.toLowerCase())) ?? [];
    if (name === undefined || mask === undefined) continue;
    const assigned = [...change.assigned].find((column) => bond.columns.has(column) && !isProtected(attributes, column));
    const said = { rule: mask.rule };
    if (assigned !== undefined) {
      return {
        ...said,
        message: `whether ${displayTable(table)}.${assigned} may be assigned would tell of ${name}, which is masked: ${bond.by} joins the two`,
      };
    }
    if ((change.verb === "insert" || change.verb === "replace") && bond.unique && meetsDefault(table, bond, attributes, change)) {
      return {
        ...said,
        message: `whether a row may be inserted into ${displayTable(table)} would tell of ${name}, which is masked: ${bond.by} takes part`,
      };
    }
  }
  return undefined;
}

function isProtected(attributes: MysqlProtectedColumns, column: string): boolean {
  return [...attributes.keys()].some((name) => name.toLowerCase() === column);
}

/** A new row meets those that are there by its defaults, unless one of them is NULL. */
function meetsDefault(table: MysqlTable, { columns }: Bond, attributes: MysqlProtectedColumns, { given }: Change): boolean {
  const left = [...columns].filter((name) => isProtected(attributes, name) && !given.has(name));
  const isNull = (name: string): boolean => {
    const column = columnNamed(table, name);
    // Outside strict mode what may not be NULL is empty, or zero.
    return column?.default === null && (column.nullable || column.autoIncrement);
  };
  return left.length > 0 && !left.some(isNull);
}

function bondsOf(table: MysqlTable): readonly Bond[] {
  const names = new Set(table.columns.map(({ name }) => name.toLowerCase()));
  const columnsIn = (sql: string): ReadonlySet<string> => new Set([...wordsIn(sql)].filter((word) => names.has(word)));
  const generated = table.columns.filter(({ generation }) => generation !== null);
  /** A generated column stands for those that it is made of. */
  const spread = (columns: ReadonlySet<string>): ReadonlySet<string> => {
    const found = new Set(columns);
    for (const { name, generation } of generated)
      if (found.has(name.toLowerCase())) for (const one of columnsIn(generation ?? "")) found.add(one);
    return found;
  };
  return [
    ...table.indexes
      .filter(({ unique, keys }) => unique || keys.some(({ expression }) => expression !== null))
      .map(({ name, unique, keys }) => {
        const columns = keys.flatMap(({ column, expression }) =>
          column === null ? [...columnsIn(expression ?? "")] : [column.toLowerCase()],
        );
        return { columns: spread(new Set(columns)), by: `index ${name}`, unique };
      }),
    ...table.checks.map((check) => ({ columns: spread(columnsIn(check)), by: "a CHECK", unique: false })),
    ...generated.map(({ name, generation }) => ({ columns: columnsIn(generation ?? ""), by: `generated column ${name}`, unique: false })),
    ...table.references.map(({ name, columns }) => ({
      columns: new Set(columns.map((pair) => pair.name.toLowerCase())),
      by: `foreign key ${name}`,
      unique: false,
    })),
    { columns: columnsIn(table.partitionKey), by: "the partitioning", unique: false },
  ];
}

/** Along foreign keys a write changes rows of other tables, or fails because of them. */
function alongChannel(view: MysqlMaskingView, table: MysqlTable, change: Change, seen: Set<MysqlTable>): Channel | undefined {
  if (seen.has(table)) return undefined;
  seen.add(table);
  const attributes = view.protection.columns.get(table);
  const deletes = change.verb === "delete" || change.verb === "replace";
  for (const { table: other, reference } of mysqlLookup(view.catalogue).referring(table)) {
    const referred = reference.columns.map(({ refersTo }) => refersTo.toLowerCase());
    const updated = referred.some((name) => change.assigned.has(name));
    if (!deletes && !updated) continue;
    const mask = [...(attributes ?? [])].find(([name]) => referred.includes(name.toLowerCase()))?.[1];
    if (mask !== undefined && deletes) {
      return {
        rule: mask.rule,
        message: `deleting from ${displayTable(table)} would tell of masked columns that ${displayTable(other)} refers to`,
      };
    }
    const action = deletes ? reference.onDelete : reference.onUpdate;
    if (action === "refuse") continue;
    const [theirs] = [...(view.protection.columns.get(other)?.values() ?? [])];
    if (theirs !== undefined && (action === "set" || !deletes)) {
      return { rule: theirs.rule, message: `${displayTable(other)} has masked columns and is written along with ${displayTable(table)}` };
    }
    const columns = new Set(reference.columns.map(({ name }) => name.toLowerCase()));
    const next: Change =
      action === "cascade" && deletes
        ? { verb: "delete", updates: false, assigned: new Set(), given: new Set() }
        : { verb: "update", updates: false, assigned: columns, given: new Set() };
    const found = alongChannel(view, other, next, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}
