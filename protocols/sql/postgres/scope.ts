/**
 * What a column reference means at a place of a query. PostgreSQL (parse_expr.c, transformColumnRef) looks for a column
 * along all levels first, from the innermost out, and only then for a relation of that name, whose whole row is meant.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { columnsNamed, type Entry, type Namespace, type Output, type Outputs, rowOrigin, type Spend } from "./namespace.ts";
import { baseOrigin, mixed, type Origin } from "./origins.ts";
import { type Body, nodesOf, textOf } from "./tree.ts";

/** One level with all around it. LATERAL sees several namespaces that are not joined yet. */
export interface Scope {
  readonly spaces: readonly Namespace[];
  /** What goes into the windows that the query's WINDOW clause names. */
  readonly windows?: ReadonlyMap<string, Origin>;
  readonly up: Scope | null;
}

/** Common table expressions in force, those of the innermost WITH first. */
export interface WithOutputs {
  /** Read when first asked for: under RECURSIVE a later one may be referred to. */
  readonly bound: ReadonlyMap<string, () => Outputs>;
  readonly up: WithOutputs | null;
}

/** How a relation's name is resolved, which of its columns are masked, and where they come from. */
export interface Relations {
  find(rangeVar: Body): CatalogueRelation | undefined;
  /** Attribute numbers of the masked columns of a relation that will be replaced by a subquery. */
  maskedColumns(oid: number): ReadonlySet<number> | undefined;
  /**
   * A view by lineage over its definition: its columns in order, and what the definition reads besides; undefined: its
   * columns count as its own.
   */
  defined?(relation: CatalogueRelation): { readonly outputs: Outputs; readonly reads: Origin } | undefined;
  /** Whether a user's function goes by a name too, so that what it yields in FROM can't be told. */
  overloads?(name: string): boolean;
}

export interface ColumnMeaning {
  readonly kind: "column";
  readonly origin: Origin;
  readonly direct: boolean;
  readonly type: string | null;
  readonly entry: Entry;
  /** Which column it is can't be told, or that it is one at all: `origin` is all that may be meant. */
  readonly vague: boolean;
}

export type Meaning =
  | ColumnMeaning
  /** `vague`: it may be a column of something whose columns can't be told. */
  | { readonly kind: "row"; readonly origin: Origin; readonly entry: Entry; readonly vague: boolean }
  /** A name behind a relation that is none of its columns: a function in disguise, or an error. */
  | { readonly kind: "attribute"; readonly origin: Origin; readonly entry: Entry }
  /** `ctid`, `xmin` … */
  | { readonly kind: "system"; readonly origin: Origin; readonly entry: Entry }
  /** An output column of the query itself, in ORDER BY, GROUP BY or DISTINCT ON. */
  | { readonly kind: "output"; readonly origin: Origin }
  | { readonly kind: "unknown" };

const UNKNOWN: Meaning = { kind: "unknown" };

/** Attribute numbers of system columns (sysattr.h). */
export const SYSTEM_COLUMNS: ReadonlyMap<string, number> = new Map([
  ["ctid", -1],
  ["xmin", -2],
  ["cmin", -3],
  ["xmax", -4],
  ["cmax", -5],
  ["tableoid", -6],
]);

export interface Reference {
  /** All words but the star. */
  readonly words: readonly string[];
  readonly star: boolean;
}

export function referenceOf(columnRef: Body): Reference {
  const fields = nodesOf("ColumnRef", columnRef, "fields");
  const star = fields.at(-1)?.type === "A_Star";
  return { words: (star ? fields.slice(0, -1) : fields).map(({ body }) => textOf(body, "sval")), star };
}

/** What `a.b`, `s.a.b` or `b` means; `*` after a relation means its row. */
export function meaningOf({ words, star }: Reference, scope: Scope | null, spend: Spend): Meaning {
  if (star) {
    const entry = words.length === 0 ? undefined : entryOf(words, scope);
    return entry === undefined ? UNKNOWN : { kind: "row", origin: rowOrigin(entry), entry, vague: false };
  }
  const [name = ""] = words.slice(-1);
  if (words.length === 1) return unqualified(name, scope, spend);
  const entry = entryOf(words.slice(0, -1), scope);
  if (entry === undefined) return UNKNOWN;
  return columnOf(entry, name, spend) ?? systemColumn(entry, name) ?? { kind: "attribute", origin: rowOrigin(entry), entry };
}

/** A bare name at one level alone, as GROUP BY looks for it first. Undefined when no column there has it. */
export function columnAt({ spaces }: Scope, name: string): Meaning | undefined {
  const found = spaces.flatMap((space) => space.columns(name));
  const system = SYSTEM_COLUMNS.has(name) ? spaces.flatMap((space) => space.tables).map((entry) => systemColumn(entry, name)) : [];
  const [column] = found;
  const [hidden] = system;
  if (column === undefined) return hidden;
  // Two of that name: the server refuses to choose.
  const outputs = found.map(({ output }) => output);
  return columnMeaning(column.entry, outputs);
}

function unqualified(name: string, scope: Scope | null, spend: Spend): Meaning {
  let vague: Entry | undefined;
  const passed: Origin[] = [];
  for (let at = scope; at !== null; at = at.up) {
    const found = columnAt(at, name);
    if (found !== undefined && found.kind !== "unknown") return doubted(found, vague, passed);
    for (const space of at.spaces) {
      spend(1);
      for (const entry of space.vague) {
        vague ??= entry;
        passed.push(entry.origin);
      }
    }
  }
  const row = entryOf([name], scope);
  if (row !== undefined) return { kind: "row", origin: mixed([...passed, rowOrigin(row)]), entry: row, vague: passed.length > 0 };
  return vague === undefined ? UNKNOWN : vagueColumn(vague, passed);
}

/** Something nearer, whose columns can't be told, may have a column of that name as well. */
function doubted(found: Meaning, vague: Entry | undefined, passed: readonly Origin[]): Meaning {
  if (vague === undefined || found.kind === "unknown") return found;
  return vagueColumn(vague, [...passed, found.origin]);
}

function columnOf(entry: Entry, name: string, spend: Spend): Meaning | undefined {
  const same = columnsNamed(entry.outputs ?? entry.named, name, spend);
  if (same.length > 0) return columnMeaning(entry, same);
  return entry.outputs === undefined ? vagueColumn(entry, [entry.origin]) : undefined;
}

function columnMeaning(entry: Entry, same: readonly Output[]): Meaning {
  const [one] = same;
  if (one !== undefined && same.length === 1)
    return { kind: "column", origin: one.origin, direct: one.direct, type: one.type, entry, vague: false };
  return { kind: "column", origin: mixed(same.map(({ origin }) => origin)), direct: false, type: null, entry, vague: false };
}

function vagueColumn(entry: Entry, origins: readonly Origin[]): ColumnMeaning {
  return { kind: "column", origin: mixed(origins), direct: false, type: null, entry, vague: true };
}

function systemColumn(entry: Entry, name: string): Meaning | undefined {
  const number = SYSTEM_COLUMNS.get(name);
  if (number === undefined || entry.relation === undefined || entry.relation.kind === "view") return undefined;
  return { kind: "system", origin: baseOrigin(entry.relation.oid, number), entry };
}

/** By alias, or by schema and name where the relation has no alias. A third word, the database, adds nothing. */
export function entryOf(words: readonly string[], scope: Scope | null): Entry | undefined {
  const [name = ""] = words.slice(-1);
  const schema = words.length > 1 ? words.at(-2) : undefined;
  for (let at = scope; at !== null; at = at.up) {
    for (const space of at.spaces) {
      const found = space.byAlias(name).find((entry) => schema === undefined || entry.bare?.schema === schema);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
