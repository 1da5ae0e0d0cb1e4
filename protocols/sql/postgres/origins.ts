/**
 * What a value comes from: base columns, as a graph whose nodes values share, so that handing on the columns of a wide
 * star, or through a long chain of common table expressions, copies nothing. Flattened only for whoever asks.
 */

export interface BaseColumn {
  /** OID of a table, or of whatever else its columns were not followed through. */
  readonly relation: number;
  /** Attribute number. */
  readonly column: number;
}

export interface Origin {
  /** Set where the value is this very column. */
  readonly base: BaseColumn | null;
  readonly from: readonly Origin[];
  /** Something that can't be told may have gone in. */
  readonly vague: boolean;
  /** It shows a masked value, was computed from one, or may have been. */
  readonly masked: boolean;
}

/** Of constants and parameters. */
export const NOTHING: Origin = { base: null, from: [], vague: false, masked: false };
/** In doubt a value counts as masked. */
export const ANYTHING: Origin = { base: null, from: [], vague: true, masked: true };

export function baseOrigin(relation: number, column: number, masked: boolean): Origin {
  return { base: { relation, column }, from: [], vague: false, masked };
}

/** Of a value that is computed from others. */
export function mixed(parts: readonly Origin[]): Origin {
  const from = parts.length > 1 ? [...new Set(parts)].filter((part) => part !== NOTHING) : parts.filter((part) => part !== NOTHING);
  const [first] = from;
  if (first === undefined) return NOTHING;
  if (from.length === 1) return first;
  return { base: null, from, vague: from.some(({ vague }) => vague), masked: from.some(({ masked }) => masked) };
}

/** Each once, in no order. Of a vague origin, those that are known. */
export function baseColumns(origin: Origin): readonly BaseColumn[] {
  const seen = new Set<Origin>([origin]);
  // A set is walked in the order in which it grows.
  for (const { from } of seen) for (const part of from) seen.add(part);
  const found = new Map<string, BaseColumn>();
  for (const { base } of seen) if (base !== null) found.set(`${base.relation}/${base.column}`, base);
  return [...found.values()];
}

/** Base columns by relation OID: attribute numbers. */
export type ColumnSet = ReadonlyMap<number, ReadonlySet<number>>;

/** What a statement reads, gathered while it is followed. */
export class Reads {
  readonly #columns = new Map<number, Set<number>>();
  readonly #seen = new Set<Origin>();
  #vague = false;

  /** Each node of the graph is looked at once, however often it is added. */
  add(origin: Origin): void {
    const waiting = [origin];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (this.#seen.has(node)) continue;
      this.#seen.add(node);
      this.#vague ||= node.vague;
      if (node.base !== null) {
        const numbers = this.#columns.get(node.base.relation) ?? new Set<number>();
        this.#columns.set(node.base.relation, numbers.add(node.base.column));
      }
      waiting.push(...node.from);
    }
  }

  get columns(): ColumnSet {
    return this.#columns;
  }

  /** Something was referred to that could not be told. */
  get vague(): boolean {
    return this.#vague;
  }
}
