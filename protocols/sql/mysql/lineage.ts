/**
 * What the output columns of a query derive from, by the names that it uses: followed from the columns of tables through
 * common tables, queries in FROM and expressions. Nothing is masked by it.
 */
import type { Resolved } from "./masked-tables.ts";
import type { ColumnMention, Found, Item, Merge, Query, Scope, Select, Source, TableMention } from "./reading.ts";

export interface Output<Value> {
  readonly name: string;
  readonly value: Value;
  /** Not among what `*` stands for. */
  readonly hidden?: boolean;
  /** The server tells the name in these letters, whichever a statement writes: of all but columns of tables. */
  readonly spelt?: boolean;
}

/** What is followed, and how it comes together. */
export interface Followed<Value> {
  /** Columns of a table of a database; null where they are not known. */
  readonly columnsOf: (table: TableMention) => readonly Output<Value>[] | null;
  /** Of a column that is not found, or may be any. */
  readonly unknown: Value;
  /** Of what an expression makes of several. */
  readonly computed: (values: readonly Value[]) => Value;
  /** Of what is one or another: branches of a set operation, columns by the same name. */
  readonly either: (values: readonly Value[]) => Value;
  /** Of an output column without an alias. @param plain the name of what it is, where the server tells that in its own letters */
  readonly nameOf: (item: Item, plain: string | null) => string;
}

export class Lineage<Value> {
  readonly #found: Found;
  readonly #followed: Followed<Value>;
  readonly #fold: (name: string) => string;
  readonly #known = new Map<Query, readonly Output<Value>[] | null>();
  readonly #tables = new Map<TableMention, readonly Output<Value>[] | null>();

  constructor(found: Found, followed: Followed<Value>, fold: (name: string) => string) {
    this.#found = found;
    this.#followed = followed;
    this.#fold = fold;
  }

  /** Null where the columns can't be counted. @throws RangeError for common tables over common tables, a thousand deep */
  outputs(query: Query): readonly Output<Value>[] | null {
    const known = this.#known.get(query);
    if (known !== undefined) return known;
    // A recursive common table meets itself here: in its first branch as nothing, in the others as what the first yields.
    this.#known.set(query, null);
    const [select, ...rest] = query.selects;
    const first = select === undefined ? null : this.ofSelect(select);
    this.#known.set(query, first);
    const others = rest.map((one) => this.ofSelect(one));
    const joined =
      first === null || others.length === 0
        ? first
        : first.map((one, index) => ({
            ...one,
            value: this.#followed.either([one.value, ...others.map((other) => other?.[index]?.value ?? this.#followed.unknown)]),
          }));
    this.#known.set(query, joined);
    return joined;
  }

  ofSelect({ items, scope }: Select): readonly Output<Value>[] | null {
    const found: Output<Value>[] = [];
    for (const item of items) {
      const outputs = item.star ? this.#ofStar(item, scope) : [this.#ofItem(item)];
      if (outputs === null) return null;
      found.push(...outputs.map(({ name, value }) => ({ name, value, spelt: true })));
    }
    return found;
  }

  /** Of a column wherever it is named; `*` is all that it stands for. */
  valueOf(mention: ColumnMention): Value {
    if (!mention.star) {
      const meant = this.#meantBy(mention).map(({ value }) => value);
      return meant.length === 0 ? this.#followed.unknown : this.#followed.either(meant);
    }
    const all = this.#behindStar(mention.parts.at(-1), mention.scope).map((source) => this.#ofSource(source));
    return this.#followed.computed(all.flatMap((one) => one?.map(({ value }) => value) ?? [this.#followed.unknown]));
  }

  #ofItem(item: Item): Output<Value> {
    const { start, end } = item.columns;
    const [first, ...more] = this.#found.columns.slice(start, end);
    const brackets = first === undefined || more.length > 0 ? -1 : first.span.start - item.span.start;
    if (first !== undefined && !first.star && brackets >= 0 && item.span.end - first.span.end === brackets) {
      const [one] = this.#meantBy(first);
      const plain = one?.spelt === true ? one.name : null;
      return { name: item.alias ?? this.#followed.nameOf(item, plain), value: this.valueOf(first) };
    }
    const values = this.#found.columns.slice(start, end).map((mention) => this.valueOf(mention));
    return { name: item.alias ?? this.#followed.nameOf(item, null), value: this.#followed.computed(values) };
  }

  #ofStar(item: Item, scope: Scope): readonly Output<Value>[] | null {
    const qualifier = this.#found.columns[item.columns.start]?.parts.at(-1);
    const outputs = this.#behindStar(qualifier, scope).map((source) => this.#ofSource(source)?.filter(({ hidden }) => hidden !== true));
    const known = outputs.flatMap((one) => (one === undefined ? [] : [one]));
    if (known.length < outputs.length) return null;
    return qualifier === undefined && scope.merges !== undefined ? merged(known, scope.merges) : known.flat();
  }

  #behindStar(qualifier: string | undefined, scope: Scope): readonly Source[] {
    if (qualifier === undefined) return scope.sources;
    return scope.sources.filter(({ name }) => name !== null && this.#fold(name) === this.#fold(qualifier));
  }

  #ofSource({ table, query, columns }: Source): readonly Output<Value>[] | null {
    const common = table?.common ?? null;
    const below = common?.query ?? query;
    const outputs = below === null ? (table === null ? null : this.#ofTable(table)) : this.outputs(below);
    const names = common?.columns ?? columns;
    if (names === null) return outputs;
    return names.map((name, index) => ({ name, value: outputs?.[index]?.value ?? this.#followed.unknown, spelt: true }));
  }

  #ofTable(table: TableMention): readonly Output<Value>[] | null {
    const known = this.#tables.get(table);
    if (known !== undefined) return known;
    const columns = this.#followed.columnsOf(table);
    this.#tables.set(table, columns);
    return columns;
  }

  /** In the innermost query that has a column of that name. */
  #meantBy({ parts, scope }: ColumnMention): readonly Output<Value>[] {
    const column = (parts.at(-1) ?? "").toLowerCase();
    const qualifier = parts.length > 1 ? this.#fold(parts.at(-2) ?? "") : null;
    for (let at: Scope | null = scope; at !== null; at = at.parent) {
      const sources = at.sources.filter(({ name }) => qualifier === null || (name !== null && this.#fold(name) === qualifier));
      const meant = sources.flatMap((source) => this.#ofSource(source)?.filter(({ name }) => name.toLowerCase() === column) ?? []);
      if (meant.length > 0) return meant;
    }
    return [];
  }
}

/** Joins by names hand the columns that they share on once, before the others. Null where it can't be told which these are. */
function merged<Value>(sources: readonly (readonly Output<Value>[])[], merges: readonly Merge[] | null): readonly Output<Value>[] | null {
  if (merges === null) return null;
  // What a join yields stands where its first source did.
  const rows = [...sources];
  for (const { left, right, end, names, reversed } of merges) {
    const sides = [rows.slice(left, right).flat(), rows.slice(right, end).flat()];
    const [first = [], second = []] = reversed ? sides.reverse() : sides;
    const has = (side: readonly Output<Value>[], name: string): number => side.filter((one) => isNamed(one, name)).length;
    const shared = first.filter(({ name }) => names?.some((one) => one.toLowerCase() === name.toLowerCase()) ?? has(second, name) > 0);
    const isClear = shared.every(({ name }) => has(first, name) === 1 && has(second, name) === 1);
    if (!isClear || shared.length !== (names?.length ?? shared.length)) return null;
    const rest = [...first, ...second].filter(({ name }) => has(shared, name) === 0);
    rows.fill([], left, end);
    rows[left] = [...shared, ...rest];
  }
  return rows.flat();
}

function isNamed({ name }: Output<unknown>, wanted: string): boolean {
  return name.toLowerCase() === wanted.toLowerCase();
}

/** Whether output columns derive from masked ones: for the record, and for counting masked cells. */
export function maskedLineage(found: Found, resolved: readonly Resolved[], fold: (name: string) => string): Lineage<boolean> {
  const tables = new Map(resolved.map((one) => [one.mention, one]));
  const some = (values: readonly boolean[]): boolean => values.some((value) => value);
  const followed: Followed<boolean> = {
    columnsOf: (table) => tables.get(table)?.outputs?.map(({ name, masked, hidden = false }) => ({ name, value: masked, hidden })) ?? null,
    unknown: false,
    computed: some,
    either: some,
    nameOf: ({ columns }) => found.columns[columns.start]?.parts.at(-1) ?? "",
  };
  return new Lineage(found, followed, fold);
}

/** Of each output column whether it is masked; empty where they can't be counted. */
export function outputsMasked(lineage: Lineage<boolean>, query: Query): readonly boolean[] {
  try {
    return lineage.outputs(query)?.map(({ value }) => value) ?? [];
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}
