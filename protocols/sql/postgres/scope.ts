/**
 * The names that are visible at a place of a query, and what a column reference means there: PostgreSQL looks for a
 * column along all levels first and only then for a relation of that name, whose whole row is meant.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { mixed, type Origin } from "./origins.ts";
import { type Body, nodesOf, textOf } from "./tree.ts";

export interface Output {
  readonly name: string;
  readonly origin: Origin;
  /** It is a base column, handed on as it is. */
  readonly direct: boolean;
}

/** Undefined: how many columns there are, and what they are called, can't be told from the text. */
export type Outputs = readonly Output[] | undefined;

/** One thing in FROM that columns can be named of. */
export interface Entry {
  readonly alias: string;
  readonly outputs: Outputs;
  /** Where a column of unknown name comes from. */
  readonly origin: Origin;
  /** Set for a relation that stands without an alias, which its schema may qualify. */
  readonly bare: CatalogueRelation | undefined;
  /** The RangeVar that it was made from, if it was. */
  readonly rangeVar: Body | undefined;
  /** Set for a relation that will be replaced by a subquery. */
  readonly replaced: boolean;
}

export interface Scope {
  readonly entries: readonly Entry[];
  readonly up: Scope | null;
}

/** Common table expressions in force, innermost first. */
export interface WithOutputs {
  readonly name: string;
  readonly outputs: Outputs;
  readonly up: WithOutputs | null;
}

/** How a relation's name is resolved, which of its columns are masked, and where they come from. */
export interface Relations {
  find(rangeVar: Body): CatalogueRelation | undefined;
  /** Attribute numbers. */
  maskedColumns(relation: CatalogueRelation): ReadonlySet<number>;
  /** The columns of a view as lineage over its definition yields them, in order; undefined: they count as its own. */
  defined?(relation: CatalogueRelation): Outputs;
}

export type Meaning =
  | { readonly kind: "column"; readonly origin: Origin; readonly direct: boolean; readonly entry: Entry }
  | { readonly kind: "row"; readonly origin: Origin; readonly entry: Entry }
  /** A name behind a relation that is none of its columns: a function in disguise, or an error. */
  | { readonly kind: "attribute"; readonly entry: Entry }
  | { readonly kind: "unknown" };

const UNKNOWN: Meaning = { kind: "unknown" };

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

/** Of all of its columns together. */
export function rowOrigin(entry: Entry): Origin {
  return entry.outputs === undefined ? entry.origin : mixed(entry.outputs.map(({ origin }) => origin));
}

/** What `a.b`, `s.a.b` or `b` means; `*` after a relation means its row. */
export function meaningOf({ words, star }: Reference, scope: Scope | null): Meaning {
  if (star) {
    const entry = words.length === 0 ? undefined : entryOf(words, scope);
    return entry === undefined ? UNKNOWN : { kind: "row", origin: rowOrigin(entry), entry };
  }
  const [name = ""] = words.slice(-1);
  if (words.length === 1) return unqualified(name, scope);
  const entry = entryOf(words.slice(0, -1), scope);
  if (entry === undefined) return UNKNOWN;
  return columnOf(entry, name) ?? { kind: "attribute", entry };
}

function unqualified(name: string, scope: Scope | null): Meaning {
  for (let at = scope; at !== null; at = at.up) {
    const found = at.entries.flatMap((entry) => (entry.outputs === undefined ? [] : (columnOf(entry, name) ?? [])));
    const [first] = found;
    // Two of that name are merged by USING, or the server refuses the text.
    if (first !== undefined)
      return found.length === 1 ? first : { ...first, origin: mixed(found.map(({ origin }) => origin)), direct: false };
  }
  const row = entryOf([name], scope);
  if (row !== undefined) return { kind: "row", origin: rowOrigin(row), entry: row };
  for (let at = scope; at !== null; at = at.up) {
    const vague = at.entries.find((entry) => entry.outputs === undefined);
    if (vague !== undefined) return { kind: "column", origin: vague.origin, direct: false, entry: vague };
  }
  return UNKNOWN;
}

function columnOf(entry: Entry, name: string): (Meaning & { readonly kind: "column" }) | undefined {
  if (entry.outputs === undefined) return { kind: "column", origin: entry.origin, direct: false, entry };
  const same = entry.outputs.filter((output) => output.name === name);
  if (same.length === 0) return undefined;
  return { kind: "column", origin: mixed(same.map(({ origin }) => origin)), direct: same.length === 1 && same[0]?.direct === true, entry };
}

/** By alias, or by schema and name where the relation has no alias. A third word, the database, adds nothing. */
export function entryOf(words: readonly string[], scope: Scope | null): Entry | undefined {
  const [name = ""] = words.slice(-1);
  const schema = words.length > 1 ? words.at(-2) : undefined;
  for (let at = scope; at !== null; at = at.up) {
    const found = at.entries.find((entry) =>
      schema === undefined ? entry.alias === name : entry.bare?.schema === schema && entry.bare.name === name,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}
