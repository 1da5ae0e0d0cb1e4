/**
 * The temporary tables of a session, which hide tables of others by the same name: exactly those that the server has, since they
 * come and go by the session's own statements alone. Where one has failed half-way, it is not certain which are there, and such
 * a name means nothing until it is.
 *
 * Source: MySQL manual, "CREATE TEMPORARY TABLE Statement", "DROP TABLE Statement"; MariaDB documentation of the same.
 */
import { createHash } from "node:crypto";

export interface TemporaryName {
  readonly database: string;
  readonly name: string;
}

export interface TemporaryTable extends TemporaryName {
  /** False: a statement that would have made or dropped it has failed. */
  readonly certain: boolean;
}

/** What a statement does when it runs; names in the letters by which the server compares them. */
export type TemporaryChange =
  | { readonly kind: "make"; readonly table: TemporaryName }
  /** TRUNCATE, which makes it anew. */
  | { readonly kind: "remake"; readonly table: TemporaryName }
  /** ALTER: it stays the table that it is, also where the statement fails. */
  | { readonly kind: "alter"; readonly table: TemporaryName }
  | { readonly kind: "rename"; readonly table: TemporaryName; readonly to: TemporaryName }
  | { readonly kind: "drop"; readonly tables: readonly TemporaryName[] };

/** Tables that a session may have under a mask at one time. */
export const TEMPORARY_MAX = 1_000;
/** Characters of the names, above which their digest stands for them. */
const KEY_CHARACTERS = 200;

export class TemporaryTables {
  readonly #tables: ReadonlyMap<string, TemporaryTable>;
  /** The same for the same tables; empty where there are none. */
  readonly key: string;

  constructor(tables: ReadonlyMap<string, TemporaryTable> = new Map()) {
    this.#tables = tables;
    const listed = [...tables].map(([name, { certain }]) => `${name}\0${certain ? "" : "?"}`);
    const key = listed.toSorted().join("\0\0");
    this.key = key.length <= KEY_CHARACTERS ? key : createHash("sha256").update(key).digest("hex");
  }

  get size(): number {
    return this.#tables.size;
  }

  /** @param wanted in the letters by which the server compares names */
  find(wanted: TemporaryName): TemporaryTable | undefined {
    return this.#tables.get(keyOf(wanted));
  }

  /** The statement goes upstream: what will be there if it fails is not certain. A table that is there stays when it is made again. */
  begin(change: TemporaryChange | null): TemporaryTables {
    if (change === null || change.kind === "alter") return this;
    if (change.kind === "rename") return this.#with([doubtful(change.table), doubtful(change.to)]);
    if (change.kind === "drop") return this.#with(change.tables.flatMap((one) => this.find(one) ?? []).map(doubtful));
    if (change.kind === "make" && this.find(change.table)?.certain === true) return this;
    return this.#with([doubtful(change.table)]);
  }

  /** It was answered OK. */
  done(change: TemporaryChange | null): TemporaryTables {
    if (change === null || change.kind === "alter") return this;
    if (change.kind === "rename") return this.#without([change.table]).#with([{ ...change.to, certain: true }]);
    return change.kind === "drop" ? this.#without(change.tables) : this.#with([{ ...change.table, certain: true }]);
  }

  /** The connection is being reset. */
  doubted(): TemporaryTables {
    return this.#with([...this.#tables.values()].map(doubtful));
  }

  #without(tables: readonly TemporaryName[]): TemporaryTables {
    const gone = new Set(tables.map(keyOf));
    return new TemporaryTables(new Map([...this.#tables].filter(([key]) => !gone.has(key))));
  }

  #with(tables: readonly TemporaryTable[]): TemporaryTables {
    return tables.length === 0 ? this : new TemporaryTables(new Map([...this.#tables, ...tables.map((one) => [keyOf(one), one] as const)]));
  }
}

export const NO_TEMPORARY = new TemporaryTables();

function doubtful({ database, name }: TemporaryName): TemporaryTable {
  return { database, name, certain: false };
}

function keyOf({ database, name }: TemporaryName): string {
  return `${database}\0${name}`;
}
