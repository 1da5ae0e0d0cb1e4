/**
 * The names that one level of a query can use: what stands in its FROM by alias, and columns by their bare names. It
 * grows while a FROM is read; two are joined by moving the smaller into the larger, so that long chains of joins cost
 * no more than their length.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { mixed, type Origin } from "./origins.ts";
import type { Body } from "./tree.ts";

export interface Output {
  readonly name: string;
  readonly origin: Origin;
  /** It is a base column, handed on as it is. */
  readonly direct: boolean;
  /** As the catalogue writes it; null where it would take more than names to tell. */
  readonly type: string | null;
}

/** Undefined: how many columns there are, and what they are called, can't be told from the text. */
export type Outputs = readonly Output[] | undefined;

/** One thing in FROM that columns can be named of. */
export interface Entry {
  /** Empty for what has no name. */
  readonly alias: string;
  readonly outputs: Outputs;
  /** Where `outputs` can't be told, the first of them as the alias names them. */
  readonly named: readonly Output[];
  /** Where a column of unknown name comes from. */
  readonly origin: Origin;
  /** Set for a relation of the catalogue: its system columns can be named, and its columns are base columns. */
  readonly relation: CatalogueRelation | undefined;
  /** The same, where it stands without an alias, which its schema may qualify. */
  readonly bare: CatalogueRelation | undefined;
  /** The RangeVar that it was made from, if it was. */
  readonly rangeVar: Body | undefined;
  /** Set for a relation that will be replaced by a subquery. */
  readonly replaced: boolean;
  /** Its row is put together from its columns, and a field of that is computed: what `USING (…) AS name` names. */
  readonly composed?: boolean;
  /**
   * Set for the rows that a statement writes, which no subquery can stand for: the target itself, the row that ON CONFLICT
   * could not insert (`excluded`), and, in RETURNING, the row before and after.
   */
  readonly written?: "target" | "excluded" | "returned";
}

/** A column with what it is a column of. */
export interface Column {
  readonly output: Output;
  readonly entry: Entry;
}

export type Spend = (steps: number) => void;

const indexes = new WeakMap<readonly Output[], ReadonlyMap<string, readonly Output[]>>();

/** The columns of an entry that go by a name; more than one only where the server would refuse to choose. */
export function columnsNamed(outputs: readonly Output[], name: string, spend: Spend): readonly Output[] {
  if (outputs.length < 8) return outputs.filter((output) => output.name === name);
  let index = indexes.get(outputs);
  if (index === undefined) {
    spend(outputs.length);
    index = Map.groupBy(outputs, (output) => output.name);
    indexes.set(outputs, index);
  }
  return index.get(name) ?? [];
}

export class Namespace {
  readonly #spend: Spend;
  readonly #onClash: (entry: Entry) => void;
  /** By alias; behind the first, others of that name. */
  readonly #aliases = new Map<string, Entry[]>();
  readonly #columns = new Map<string, Column[]>();
  /** Entries whose columns are not in `#columns` yet: most names are qualified, and then they never need to be. */
  #pending: Entry[] = [];
  #vague: Entry[] = [];
  /** Relations whose system columns go by their bare names: a join hides those. */
  #tables: Entry[] = [];

  /** @param onClash told of relations that share a name and only their schemas tell apart, one of them replaced */
  constructor(spend: Spend, onClash: (entry: Entry) => void) {
    this.#spend = spend;
    this.#onClash = onClash;
  }

  add(entry: Entry): void {
    this.addAlias(entry);
    if (entry.outputs === undefined) this.#vague.push(entry);
    if (entry.outputs !== undefined || entry.named.length > 0) this.#pending.push(entry);
    if (entry.relation !== undefined) this.#tables.push(entry);
  }

  /** Its columns can be named only behind its own name. */
  addAlias(entry: Entry): void {
    if (entry.alias === "") return;
    const same = this.#aliases.get(entry.alias);
    if (same === undefined) {
      this.#aliases.set(entry.alias, [entry]);
    } else {
      if (entry.replaced || same.some(({ replaced }) => replaced)) this.#onClash(entry);
      same.push(entry);
    }
  }

  byAlias(alias: string): readonly Entry[] {
    return this.#aliases.get(alias) ?? [];
  }

  /** Everything that can be named, each once. */
  entries(): readonly Entry[] {
    return [...this.#aliases.values()].flat();
  }

  columns(name: string): readonly Column[] {
    this.#fold();
    return this.#columns.get(name) ?? [];
  }

  /** All columns whose bare names mean just one. */
  single(): readonly Output[] {
    this.#fold();
    this.#spend(this.#columns.size);
    return [...this.#columns.values()].flatMap(([column, ...others]) => (column === undefined || others.length > 0 ? [] : [column.output]));
  }

  get vague(): readonly Entry[] {
    return this.#vague;
  }

  get tables(): readonly Entry[] {
    return this.#tables;
  }

  /** What a FROM with both in its list sees; neither of them is to be used afterwards. */
  beside(other: Namespace): Namespace {
    const [large, small] = this.#size() >= other.#size() ? [this, other] : [other, this];
    this.#spend(small.#size());
    for (const entry of small.entries()) large.addAlias(entry);
    for (const [name, columns] of small.#columns) large.#put(name, columns);
    for (const entry of small.#pending) large.#pending.push(entry);
    for (const entry of small.#vague) large.#vague.push(entry);
    for (const entry of small.#tables) large.#tables.push(entry);
    return large;
  }

  /** What a join of both sees; neither of them is to be used afterwards. */
  joined(other: Namespace): Namespace {
    const space = this.beside(other);
    space.#tables = [];
    return space;
  }

  /** USING and NATURAL: from now on the bare name means the merged column. */
  merge(column: Column): void {
    this.#fold();
    this.#columns.set(column.output.name, [column]);
  }

  /** A join whose columns can't be told: bare names may mean any of them. */
  blur(entry: Entry): void {
    this.#columns.clear();
    this.#pending = [];
    this.#vague = [entry];
  }

  #size(): number {
    return this.#aliases.size + this.#columns.size + this.#pending.length + this.#vague.length + this.#tables.length;
  }

  #fold(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    for (const entry of pending) {
      const outputs = entry.outputs ?? entry.named;
      this.#spend(outputs.length);
      for (const output of outputs) this.#put(output.name, [{ output, entry }]);
    }
  }

  #put(name: string, columns: readonly Column[]): void {
    const same = this.#columns.get(name);
    if (same === undefined) this.#columns.set(name, [...columns]);
    else same.push(...columns);
  }
}

/** Of all of its columns together. */
export function rowOrigin(entry: Entry): Origin {
  const known = rows.get(entry);
  if (known !== undefined) return known;
  const parts = (entry.outputs ?? entry.named).map(({ origin }) => origin);
  const origin = mixed(entry.outputs === undefined ? [entry.origin, ...parts] : parts);
  rows.set(entry, origin);
  return origin;
}

const rows = new WeakMap<Entry, Origin>();
