/**
 * What a value comes from: base columns, as a graph whose nodes values share, so that handing on the columns of a wide
 * star, or through a long chain of common table expressions, copies nothing. Recursion makes circles in it. Flattened
 * only for whoever asks.
 */

export interface BaseColumn {
  /** OID of a table, or of whatever else its columns were not followed through. */
  readonly relation: number;
  /** Attribute number; below zero for the server's own, such as `ctid`. */
  readonly column: number;
}

export interface Origin {
  /** Set where the value is this very column. */
  readonly base: BaseColumn | null;
  readonly from: readonly Origin[];
  /** Something that can't be told may have gone in. */
  readonly vague: boolean;
}

/** Of constants and parameters. */
export const NOTHING: Origin = { base: null, from: [], vague: false };
/** Of what can't be told: in doubt it counts as masked. */
export const ANYTHING: Origin = { base: null, from: [], vague: true };

export function baseOrigin(relation: number, column: number): Origin {
  return { base: { relation, column }, from: [], vague: false };
}

/** Of a value that is computed from others. */
export function mixed(parts: Iterable<Origin>): Origin {
  const from = new Set(parts);
  from.delete(NOTHING);
  const [first] = from;
  if (first === undefined) return NOTHING;
  return from.size === 1 ? first : { base: null, from: [...from], vague: false };
}

/** A node that gets more parts later: a column of a recursive query while that is being read. */
export class OpenOrigin implements Origin {
  readonly base = null;
  readonly from: Origin[];
  readonly vague = false;

  constructor(first: Origin) {
    this.from = [first];
  }
}

export interface Flattened {
  /** Each once, in no order. */
  readonly columns: readonly BaseColumn[];
  readonly vague: boolean;
}

export function flattened(origin: Origin): Flattened {
  const seen = new Set<Origin>([origin]);
  // A set is walked in the order in which it grows.
  for (const { from } of seen) for (const part of from) seen.add(part);
  const found = new Map<string, BaseColumn>();
  for (const { base } of seen) if (base !== null) found.set(`${base.relation}/${base.column}`, base);
  return { columns: [...found.values()], vague: [...seen].some(({ vague }) => vague) };
}

/**
 * Which of some values are masked, or may be. Looks at each node of their graph once, circles or not: backwards, from
 * masked columns to all that they go into.
 */
export function maskedAmong(origins: Iterable<Origin>, isMasked: (base: BaseColumn) => boolean): ReadonlySet<Origin> {
  const users = new Map<Origin, Origin[]>();
  const reached = new Set<Origin>(origins);
  const masked = new Set<Origin>();
  for (const origin of reached) {
    if (origin.vague || (origin.base !== null && isMasked(origin.base))) masked.add(origin);
    for (const part of origin.from) {
      reached.add(part);
      const known = users.get(part);
      if (known === undefined) users.set(part, [origin]);
      else known.push(origin);
    }
  }
  for (const origin of masked) for (const user of users.get(origin) ?? []) masked.add(user);
  return masked;
}

/** Base columns by relation OID: attribute numbers. */
export type ColumnSet = ReadonlyMap<number, ReadonlySet<number>>;

/** Columns that are referred to, gathered while a statement is followed. */
export class Reads {
  readonly #columns = new Map<number, Set<number>>();
  readonly #seen = new Set<Origin>();
  #vague = false;

  /** A column of something in FROM: what that is computed from, if it is, was read there. */
  refer({ base, vague }: Origin): void {
    if (base !== null) this.addColumn(base.relation, base.column);
    this.#vague ||= vague;
  }

  /** All that goes in. Each node of the graph is looked at once, however often it is added. */
  add(origin: Origin): void {
    const waiting = [origin];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (this.#seen.has(node)) continue;
      this.#seen.add(node);
      this.#vague ||= node.vague;
      if (node.base !== null) this.addColumn(node.base.relation, node.base.column);
      for (const part of node.from) waiting.push(part);
    }
  }

  /** All that may go in, where that can't be told. */
  addVague(origin: Origin): void {
    this.add(origin);
    this.#vague = true;
  }

  addColumn(relation: number, column: number): void {
    const numbers = this.#columns.get(relation);
    if (numbers === undefined) this.#columns.set(relation, new Set([column]));
    else numbers.add(column);
  }

  get columns(): ColumnSet {
    return this.#columns;
  }

  /** Something was referred to that could not be told. */
  get vague(): boolean {
    return this.#vague;
  }
}
