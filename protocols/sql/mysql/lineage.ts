/** Which output columns of a query derive from masked ones: for the record, and for counting masked cells. Nothing is masked by it. */
import type { Resolved } from "./masked-tables.ts";
import type { ColumnMention, Found, Item, Query, Scope, Select, Source, TableMention } from "./reading.ts";

export interface Output {
  readonly name: string;
  readonly masked: boolean;
}

export class Lineage {
  readonly #found: Found;
  readonly #tables: ReadonlyMap<TableMention, Resolved>;
  readonly #fold: (name: string) => string;
  readonly #known = new Map<Query, readonly Output[] | null>();

  constructor(found: Found, resolved: readonly Resolved[], fold: (name: string) => string) {
    this.#found = found;
    this.#tables = new Map(resolved.map((one) => [one.mention, one]));
    this.#fold = fold;
  }

  /** Of each output column whether it is masked; empty where they can't be counted. */
  masked(query: Query): readonly boolean[] {
    try {
      return this.outputs(query)?.map(({ masked }) => masked) ?? [];
    } catch (error) {
      // Common tables over common tables, a thousand deep.
      if (error instanceof RangeError) return [];
      throw error;
    }
  }

  /** Null where the columns can't be counted. */
  outputs(query: Query): readonly Output[] | null {
    const known = this.#known.get(query);
    if (known !== undefined) return known;
    // A recursive common table meets itself here.
    this.#known.set(query, null);
    const [first, ...others] = query.selects.map((select) => this.#ofSelect(select));
    const joined = first?.map(({ name, masked }, index) => ({
      name,
      masked: masked || others.some((one) => one?.[index]?.masked === true),
    }));
    this.#known.set(query, joined ?? null);
    return joined ?? null;
  }

  #ofSelect({ items, scope }: Select): readonly Output[] | null {
    const found: Output[] = [];
    for (const item of items) {
      const outputs = item.star ? this.#ofStar(item, scope) : [this.#ofItem(item)];
      if (outputs === null) return null;
      found.push(...outputs);
    }
    return found;
  }

  #ofItem({ alias, columns }: Item): Output {
    const mentions = this.#found.columns.slice(columns.start, columns.end);
    const name = alias ?? mentions[0]?.parts.at(-1) ?? "";
    return { name, masked: mentions.some((mention) => this.isMasked(mention)) };
  }

  /** Joins by names hand the columns that they share on once. */
  #ofStar(item: Item, scope: Scope): readonly Output[] | null {
    const qualifier = this.#found.columns[item.columns.start]?.parts.at(-1);
    if (this.#found.natural) return null;
    const sources =
      qualifier === undefined
        ? scope.sources
        : scope.sources.filter(({ name }) => name !== null && this.#fold(name) === this.#fold(qualifier));
    const outputs = sources.map((source) => this.#ofSource(source));
    return outputs.some((one) => one === null) ? null : outputs.flatMap((one) => one ?? []);
  }

  #ofSource({ table, query, columns }: Source): readonly Output[] | null {
    const common = table?.common ?? null;
    const below = common?.query ?? query;
    const outputs = below === null ? (table === null ? null : (this.#tables.get(table)?.outputs ?? null)) : this.outputs(below);
    const names = common?.columns ?? columns;
    return names === null ? outputs : names.map((name, index) => ({ name, masked: outputs?.[index]?.masked === true }));
  }

  isMasked({ parts, star, scope }: ColumnMention): boolean {
    if (star) return false;
    const column = (parts.at(-1) ?? "").toLowerCase();
    const qualifier = parts.length > 1 ? this.#fold(parts.at(-2) ?? "") : null;
    for (let at: Scope | null = scope; at !== null; at = at.parent) {
      const sources = at.sources.filter(({ name }) => qualifier === null || (name !== null && this.#fold(name) === qualifier));
      const meant = sources.flatMap((source) => this.#ofSource(source)?.filter(({ name }) => name.toLowerCase() === column) ?? []);
      if (meant.length > 0) return meant.some(({ masked }) => masked);
    }
    return false;
  }
}
