/** Columns of views in a wall's schema: what masks they bear, and that a view which is not of the wall's making shows no more. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Mask } from "#policies/question.ts";
import type { CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { resolveProtection } from "#protocols/sql/postgres/protection.ts";
import { columns, smallView, table } from "./small-view.ts";

const WALL = "masked";

before(loadGrammar);

/** A view of the wall's schema over `public.users`, by columns and definition. */
function walled(names: readonly string[], definition: string, reads: readonly number[] = [1]) {
  const { catalogue } = smallView();
  const list: readonly CatalogueColumn[] = columns(...names.map((name) => [name, "text", "S"] as const));
  const relation: CatalogueRelation = {
    ...table(50, "users", list),
    schema: WALL,
    kind: "materialized-view",
    primaryKey: [],
    definition,
    reads,
  };
  const searchPath = ["pg_catalog", WALL, "public"];
  return { ...catalogue, searchPath, walls: [WALL], relations: [...catalogue.relations, relation] };
}

const KEEP: Mask = { kind: "keepLast", characters: 4 };

function masksOf(catalogue: ReturnType<typeof walled>): Readonly<Record<string, string | null>> {
  const { protection } = resolveProtection(catalogue, [
    { rule: "pii", columns: ["public.users.ssn"], tags: [], mask: KEEP, assign: "none" },
  ]);
  const relation = catalogue.relations.find(({ schema }) => schema === WALL);
  const attributes = protection.columns.get(50);
  return Object.fromEntries(relation?.columns.map(({ name, number }) => [name, attributes?.get(number)?.mask.kind ?? null]) ?? []);
}

const MADE = `SELECT users.id, users.name, CASE WHEN char_length(users.ssn) > 4 THEN lpad("right"(users.ssn, 4), 11, '*'::text) END AS ssn FROM public.users`;

test("a wall's view bears its table's masks, under the same names, on top of its own", () => {
  assert.deepEqual(masksOf(walled(["id", "name", "ssn"], MADE)), { id: null, name: null, ssn: "keepLast" });
});

test("a protected column under another name, as it is or computed, is masked too", () => {
  assert.deepEqual(masksOf(walled(["id", "other"], "SELECT users.id, users.ssn AS other FROM public.users")), {
    id: null,
    other: "keepLast",
  });
  assert.deepEqual(masksOf(walled(["id", "other"], "SELECT users.id, reverse(users.ssn) AS other FROM public.users")), {
    id: null,
    other: "redact",
  });
});

test("where the rows themselves tell of a protected column, nothing of the view shows", () => {
  const telling = "SELECT users.id, users.name FROM public.users WHERE users.ssn LIKE '9%'";
  assert.deepEqual(masksOf(walled(["id", "name"], telling)), { id: "null", name: "null" });
});

test("a view over several relations has no table whose names it could bear", () => {
  const joined = "SELECT o.status AS ssn, reverse(u.ssn) AS status FROM public.users u JOIN public.orders o ON o.user_id = u.id";
  assert.deepEqual(masksOf(walled(["ssn", "status"], joined, [1, 2])), { ssn: null, status: "redact" });
});

test("the bare name means the wall's view, which is read as it stands and masked once more; the table is another matter", () => {
  const catalogue = walled(["id", "name", "ssn"], MADE);
  const masks = [{ rule: "pii", columns: ["public.users.ssn"], tags: [], mask: KEEP, assign: "none" }] as const;
  const view = { catalogue, protection: resolveProtection(catalogue, masks).protection, functionsAllowed: [] };
  const sent = (sql: string) => analyse(sql, view).rewritten?.sql ?? "";
  assert.match(
    sent("SELECT name, ssn FROM users"),
    /FROM \(SELECT "name", CAST\(CASE WHEN .* AS "ssn" FROM "masked"\."users"\) AS "users"$/,
  );
  assert.doesNotMatch(sent("SELECT name, ssn FROM users"), /public/);
  assert.match(sent("SELECT ssn FROM public.users"), /FROM "public"\."users"\) AS "users"$/);
});

test("outside a wall a view is read through its definition", () => {
  const catalogue = walled(["id", "name", "ssn"], MADE);
  const relations = catalogue.relations.map((one) => (one.schema === WALL ? { ...one, kind: "view" as const } : one));
  const plain = { ...catalogue, walls: [], relations };
  const { protection } = resolveProtection(plain, [{ rule: "pii", columns: ["public.users.ssn"], tags: [], mask: KEEP, assign: "none" }]);
  assert.equal(protection.columns.has(50), false);
});
