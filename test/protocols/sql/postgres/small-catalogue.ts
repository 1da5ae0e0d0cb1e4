/** A catalogue of tables of different sizes, written by hand: for tests that need no server. */
import type { Catalogue, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { columns, table } from "#test/protocols/sql/postgres/small-view.ts";

function relation(oid: number, name: string, names: readonly string[], more: Partial<CatalogueRelation> = {}): CatalogueRelation {
  const list = columns(...names.map((column) => [column, "integer", "N"] as const));
  return {
    ...table(
      oid,
      name,
      list.map((column) => ({ ...column, notNull: column.name === "id" })),
    ),
    ...more,
  };
}

/** `id` is the key of each; `fresh` was never analysed; `events` is there twice. */
export const SMALL_CATALOGUE: Catalogue = {
  version: "1",
  serverVersion: "18.1",
  database: "shop",
  searchPath: ["pg_catalog", "public"],
  walls: [],
  relations: [
    relation(1, "big", ["id", "a", "b", "small_id"], { estimatedRows: 1_000_000 }),
    relation(2, "small", ["id", "x", "y"], { estimatedRows: 50 }),
    relation(3, "orders", ["id", "customer_id", "total"], { estimatedRows: 500_000 }),
    relation(4, "customers", ["id", "name"], { estimatedRows: 200_000 }),
    relation(5, "big_view", ["id", "a"], { kind: "view", reads: [6, 2], primaryKey: [] }),
    relation(6, "inner_view", ["id", "a"], { kind: "view", reads: [1, 5], primaryKey: [] }),
    relation(7, "fresh", ["id", "n"]),
    relation(8, "events", ["id", "at"], { estimatedRows: 10 }),
    relation(9, "events", ["id", "at"], { schema: "archive", estimatedRows: 9_000_000 }),
  ],
  functions: [],
  operators: [],
  types: [],
};
