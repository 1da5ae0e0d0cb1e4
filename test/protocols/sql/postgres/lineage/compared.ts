/** One query as the gateway's resolver and as a server read it, and in what they differ. */
import type pg from "pg";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { statementsOf } from "#protocols/sql/postgres/effects.ts";
import { parseText } from "#protocols/sql/postgres/grammar.ts";
import { lineageOf } from "#protocols/sql/postgres/lineage.ts";
import { lookupIn } from "#protocols/sql/postgres/lookup.ts";
import { type ColumnSet, flattened } from "#protocols/sql/postgres/origins.ts";
import { textOf } from "#protocols/sql/postgres/tree.ts";
import { type ServerLineage, serverLineage } from "./server-lineage.ts";

export type Comparison =
  | { readonly kind: "same" }
  /** The resolver says that it can't tell. */
  | { readonly kind: "vague" }
  | { readonly kind: "different"; readonly differences: readonly string[] }
  /** The server does not take the query. */
  | { readonly kind: "refused"; readonly error: string };

/** OIDs below this are pinned: pg_depend names none of them (transam.h, FirstUnpinnedObjectId). */
const FIRST_UNPINNED = 12_000;

export async function compare(client: pg.Client, catalogue: Catalogue, sql: string): Promise<Comparison> {
  const server = await serverLineage(client, sql);
  if ("error" in server) return { kind: "refused", error: server.error };
  const parsed = parseText(sql);
  const [statement] = parsed.kind === "tree" ? (statementsOf(parsed.tree, (byte) => byte, sql.length) ?? []) : [];
  if (statement === undefined) return { kind: "different", differences: ["the server reads it, the grammar does not"] };
  const lookup = lookupIn(catalogue);
  const lineage = lineageOf(statement, {
    find: (rangeVar) => lookup.relation(textOf(rangeVar, "schemaname") || null, textOf(rangeVar, "relname")),
    maskedColumns: () => undefined,
    overloads: (name) => lookup.functions.has(name),
  });
  if (lineage === undefined) return { kind: "different", differences: ["the resolver gave up"] };
  const named = keysOf(lineage.reads);
  const rows = keysOf(lineage.rows);
  if (lineage.vague || lineage.outputs === undefined) return { kind: "vague" };
  const own = lineage.outputs.map(({ name, origin, direct }) => ({ name, direct, ...flattened(origin) }));
  const differences = [
    ...missing(server.reads, new Set([...named, ...rows]), "reads, says the server"),
    ...missing(new Set([...named].filter((key) => Number.parseInt(key, 10) >= FIRST_UNPINNED)), server.reads, "reads, says the resolver"),
    ...outputDifferences(server, own),
  ];
  return differences.length === 0 ? { kind: "same" } : { kind: "different", differences };
}

interface Own {
  readonly name: string;
  readonly direct: boolean;
  readonly columns: readonly { readonly relation: number; readonly column: number }[];
}

function outputDifferences(server: ServerLineage, own: readonly Own[]): readonly string[] {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(", ");
  if (names(own) !== names(server.outputs)) return [`outputs: server ${names(server.outputs)}; resolver ${names(own)}`];
  return server.outputs.flatMap(({ name, origins, column }, index) => {
    const { columns = [], direct } = own[index] ?? {};
    const keys = new Set(columns.map((base) => `${base.relation}/${base.column}`));
    const [only] = direct === true ? keys : [];
    return [
      ...missing(origins, keys, `output ${name} derives, says the server, from`),
      ...missing(keys, withMerges(origins, server.merges), `output ${name} derives, says the resolver, from`),
      ...((only ?? null) === column || (only === undefined && mayBe(column, keys, server))
        ? []
        : [`output ${name} is, says the server, ${column}; the resolver ${only ?? null}`]),
    ];
  });
}

/** A cast to the type that a column has anyway is none to the server, and of two that are merged it takes one as it is. */
function mayBe(column: string | null, keys: ReadonlySet<string>, { merges }: ServerLineage): boolean {
  return column !== null && keys.has(column) && keys.isSubsetOf(withMerges(new Set([column]), merges));
}

/** An inner join merges columns into the one whose type fits; the resolver, which knows types of plain columns only, takes both. */
function withMerges(origins: ReadonlySet<string>, merges: ServerLineage["merges"]): ReadonlySet<string> {
  const all = new Set(origins);
  for (let size = -1; size !== all.size; ) {
    size = all.size;
    for (const sides of merges)
      if (sides.some((side) => side.isSubsetOf(all))) for (const side of sides) for (const key of side) all.add(key);
  }
  return all;
}

function missing(some: ReadonlySet<string>, all: ReadonlySet<string>, what: string): readonly string[] {
  const found = [...some].filter((key) => !all.has(key));
  return found.length === 0 ? [] : [`${what} ${found.sort().join(" ")}`];
}

function keysOf(columns: ColumnSet): ReadonlySet<string> {
  return new Set([...columns].flatMap(([relation, numbers]) => [...numbers].map((number) => `${relation}/${number}`)));
}
