/** What the tests of guards share: the guards of a text, and conditions that are as good as none beside real ones. */
import assert from "node:assert/strict";
import type { Guard, GuardKind } from "#policies/question.ts";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { SMALL_CATALOGUE } from "#test/protocols/sql/postgres/small-catalogue.ts";

export function guardsIn(sql: string, catalogue: Catalogue | null = SMALL_CATALOGUE): readonly Guard[] {
  const { facts } = analyse(sql, null, catalogue);
  assert.ok(facts.kind === "parsed", `${sql}: ${facts.kind === "unparsed" ? facts.message : ""}`);
  return facts.statements.flatMap(({ guards }) => guards);
}

/** A read counts here as a rule of the default size would take it. */
export function kindsIn(sql: string, catalogue: Catalogue | null = SMALL_CATALOGUE): readonly GuardKind[] {
  return guardsIn(sql, catalogue)
    .filter(({ kind, rows }) => kind !== "unlimited-select" || (rows ?? 0) >= 100_000)
    .map(({ kind }) => kind);
}

/** Conditions that hold for every row, or name none: each is as good as no WHERE. */
export const NO_CONDITION = [
  "true",
  "not false",
  "1 = 1",
  "'a' = 'a'",
  "1 < 2",
  "'t'",
  "'yes'::boolean",
  "id = id",
  "big.id = id",
  "id >= id",
  "id is not distinct from id",
  "id is not null or true",
  "id = 5 or 1 = 1",
  "id = 5 or id <> 5",
  "a is null or a is not null",
  "a = 1 or not a = 1",
  "a > 3 or a <= 3",
  "id in (id, 7)",
  "id = any (array[id])",
  "id between id and id",
  "1 between 0 and 2",
  "1 in (1, 2)",
  "a::text like '%'",
  "a::text ~ '.*'",
  "(id = id) is true",
  "coalesce(a, 0) is not null",
  "case when a = 1 then true else true end",
  "exists (select 1)",
  "id = 5 or exists (select 1)",
  "id <> all ('{}')",
  "(id = id) = true",
  "$1",
  "$1 = 5",
  "now() > '2000-01-01'",
  "random() < 2",
  "exists (select 1 from small where small.id = 3)",
  "5 in (select id from small)",
  // Known from the catalogue: a primary key is never NULL.
  "id is not null",
  "ctid is not null",
  "id = id and true and not false",
];

export const CONDITIONS = [
  "id = 1",
  "id = $1",
  "id > 0",
  "a is not null",
  "id = 1 and true",
  "id = 1 or id = 2",
  "a = 1 or a <> 2",
  "a = b",
  "id in (1, 2)",
  "id = any ($1)",
  "$1 is null or id = $1",
  "a::text like 'x%'",
  "id in (select id from small)",
  "exists (select 1 from small where small.id = big.small_id)",
  "exists (select 1 from small where small.x = small_id)",
  "(a, b) = (1, 2)",
  "false",
  "1 = 0",
  "null",
  "current of c",
];
