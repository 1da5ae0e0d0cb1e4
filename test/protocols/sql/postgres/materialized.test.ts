/** Which columns of a materialised view count as protected, and by what mask; without a server. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Catalogue, CatalogueColumn, CatalogueRelation, RelationKind } from "#protocols/sql/catalogue.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { resolveProtection } from "#protocols/sql/postgres/protection.ts";
import { smallView } from "./small-view.ts";

const USERS = 1;
const ORDERS = 2;
const ALL = [USERS, ORDERS];

interface Made {
  readonly oid: number;
  readonly name: string;
  readonly kind: RelationKind;
  readonly definition: string;
  readonly reads: readonly number[];
  /** Columns are called c1, c2 … and are of type text; here are others. */
  readonly types: readonly string[];
}

const made = (oid: number, kind: RelationKind, definition: string, reads: readonly number[], ...types: readonly string[]): Made => ({
  oid,
  name: `r${oid}`,
  kind,
  definition,
  reads,
  types,
});

function catalogueOf(list: readonly Made[]): Catalogue {
  const { catalogue } = smallView();
  const [table] = catalogue.relations;
  const [column] = table?.columns ?? [];
  assert.ok(table !== undefined && column !== undefined);
  const relations = list.map(({ oid, name, kind, definition, reads, types }): CatalogueRelation => {
    const columns = types.map(
      (type, index): CatalogueColumn => ({
        ...column,
        name: `c${index + 1}`,
        number: index + 1,
        type,
        baseType: type,
        category: type === "text" ? "S" : "N",
      }),
    );
    return { ...table, oid, name, kind, columns, primaryKey: [], reads, definition: ` ${definition};` };
  });
  return { ...catalogue, relations: [...catalogue.relations, ...relations] };
}

/** Of a relation's columns, the rule and the mask of each; null where it is bare. */
function masksOf(list: readonly Made[], oid: number, extra: readonly string[] = []): readonly (string | null)[] {
  const catalogue = catalogueOf(list);
  const { protection } = resolveProtection(catalogue, [
    { rule: "own", columns: extra, tags: [], mask: { kind: "keepLast", characters: 2 }, assign: "none" },
    { rule: "pii", columns: ["public.users.ssn"], tags: [], mask: { kind: "constant", value: "x" }, assign: "none" },
    { rule: "pay", columns: ["public.users.salary"], tags: [], mask: { kind: "null" }, assign: "none" },
  ]);
  const relation = catalogue.relations.find((one) => one.oid === oid);
  return (relation?.columns ?? []).map(({ number }) => {
    const attribute = protection.columns.get(oid)?.get(number);
    return attribute === undefined ? null : `${attribute.rule} ${attribute.mask.kind}`;
  });
}

describe("materialised views", () => {
  before(loadGrammar);

  const cases: Readonly<Record<string, readonly (string | null)[]>> = {
    "SELECT id, ssn FROM public.users": [null, "pii constant"],
    "SELECT users.id, users.ssn AS other FROM public.users": [null, "pii constant"],
    "SELECT id, ssn::text AS ssn FROM public.users": [null, "pii redact"],
    "SELECT id, upper(ssn) FROM public.users": [null, "pii redact"],
    "SELECT id, ssn || salary::text FROM public.users": [null, "pii redact"],
    "SELECT id, salary FROM public.users": [null, "pay redact"],
    "SELECT id, name FROM public.users": [null, null],
    "SELECT o.id, u.name FROM public.orders o JOIN public.users u ON u.id = o.user_id WHERE o.total > 5": [null, null],
    "SELECT u.id, o.status FROM public.users u JOIN public.orders o USING (id)": [null, null],
    "SELECT x.i, x.s FROM (SELECT id AS i, ssn AS s FROM public.users) x": [null, "pii constant"],
    "WITH c AS (SELECT id, ssn FROM public.users) SELECT id, ssn FROM c": [null, "pii constant"],
    "WITH RECURSIVE c AS (SELECT id, ssn FROM public.users UNION ALL SELECT c.id + 1, c.ssn FROM c WHERE c.id < 5) SELECT id, ssn FROM c": [
      null,
      "pii redact",
    ],
    "SELECT id, ssn FROM public.users UNION ALL SELECT id, status FROM public.orders": [null, "pii redact"],
    "SELECT count(*) AS n, max(ssn) FROM public.users GROUP BY name": [null, "pii redact"],
    "SELECT id, (SELECT max(ssn) FROM public.users) FROM public.orders": [null, "pii redact"],
    "SELECT id, row_number() OVER (ORDER BY name) FROM public.users": [null, null],
    "SELECT id, u.*::text FROM public.users u": [null, "pii redact"],
    "SELECT id, name FROM public.users ORDER BY name LIMIT 3": [null, null],
  };
  for (const [definition, expected] of Object.entries(cases)) {
    test(definition, () => assert.deepEqual(masksOf([made(100, "materialized-view", definition, ALL, "integer", "text")], 100), expected));
  }

  for (const definition of [
    "SELECT id, name FROM public.users WHERE ssn LIKE '9%'",
    "SELECT id, ssn FROM public.users WHERE ssn LIKE '9%'",
    "SELECT id, name FROM public.users ORDER BY ssn",
    "SELECT id, name FROM public.users ORDER BY ssn LIMIT 3",
    "SELECT DISTINCT id, ssn FROM public.users",
    "SELECT DISTINCT ON (ssn) id, name FROM public.users",
    "SELECT max(id), ssn FROM public.users GROUP BY ssn",
    "SELECT max(id), name FROM public.users GROUP BY name HAVING max(ssn) > '5'",
    "SELECT count(*), x.s FROM (SELECT ssn AS s FROM public.users) x GROUP BY 2",
    "SELECT id, row_number() OVER (ORDER BY ssn) FROM public.users",
    "SELECT id, row_number() OVER w FROM public.users WINDOW w AS (ORDER BY ssn)",
    "SELECT id, lag(name) OVER (PARTITION BY ssn) FROM public.users",
    "SELECT id, ssn FROM public.users UNION SELECT id, status FROM public.orders",
    "SELECT id, status FROM public.orders EXCEPT SELECT id, ssn FROM public.users",
    "SELECT id, ssn FROM public.users UNION ALL SELECT id, status FROM public.orders ORDER BY 2",
    "SELECT o.id, o.status FROM public.orders o JOIN public.users u ON u.ssn = o.status",
    "SELECT o.id, o.status FROM public.orders o JOIN (SELECT ssn AS status FROM public.users) u USING (status)",
    "SELECT u.id, u.name FROM public.users u JOIN public.users w USING (ssn)",
    "SELECT u.a, w.b FROM public.users u(a, b, c) JOIN public.users w(d, b, c) USING (c)",
    "SELECT id, status FROM public.orders NATURAL JOIN (SELECT ssn AS status FROM public.users) u",
    "SELECT id, status FROM public.orders WHERE EXISTS (SELECT FROM public.users WHERE ssn = status)",
    "SELECT id, status FROM public.orders WHERE status IN (SELECT ssn FROM public.users)",
    "SELECT id, (SELECT count(*) FROM public.users w WHERE w.ssn > u.ssn)::text FROM public.users u",
    "SELECT id, regexp_split_to_table(ssn, '') FROM public.users",
    "SELECT id, public.split(ssn) FROM public.users",
    "SELECT u.id, r.x FROM public.users u, LATERAL regexp_split_to_table(u.ssn, '') r(x)",
    "SELECT u.id, r.x FROM public.users u, LATERAL (VALUES (u.ssn)) r(x)",
    "SELECT id, name FROM public.users LIMIT (SELECT length(max(ssn)) FROM public.users)",
    "WITH c AS (SELECT id, name FROM public.users WHERE ssn > 'a') SELECT id, name FROM c",
  ]) {
    test(`the rows themselves tell: ${definition}`, () => {
      assert.deepEqual(masksOf([made(100, "materialized-view", definition, ALL, "integer", "text")], 100), ["pii null", "pii null"]);
    });
  }

  for (const definition of [
    "SELEC",
    "SELECT id, ssn, name FROM public.users",
    "SELECT id, ssn FROM public.users; SELECT 1",
    "TABLE public.nowhere",
  ]) {
    test(`what can't be followed is protected whole: ${definition}`, () => {
      assert.deepEqual(masksOf([made(100, "materialized-view", definition, ALL, "integer", "text")], 100), ["pii null", "pii null"]);
    });
  }

  test("one over other tables is left alone", () => {
    assert.deepEqual(masksOf([made(100, "materialized-view", "SELEC", [ORDERS], "integer", "text")], 100), [null, null]);
  });

  test("a copy of another type shows as redacted", () => {
    const definition = "SELECT id, ssn FROM public.users";
    assert.deepEqual(masksOf([made(100, "materialized-view", definition, ALL, "integer", "character varying(9)")], 100), [
      null,
      "pii redact",
    ]);
  });

  test("views and materialised views below are followed, in whatever order the catalogue has them", () => {
    const list = [
      made(100, "materialized-view", "SELECT c1, c2 FROM public.r102", [102], "integer", "text"),
      made(101, "view", "SELECT id AS c1, ssn AS c2 FROM public.users", [USERS], "integer", "text"),
      made(102, "materialized-view", "SELECT c1, c2 FROM public.r101", [101], "integer", "text"),
      made(103, "view", "SELECT id AS c1, name AS c2 FROM public.users WHERE salary > 1", [USERS], "integer", "text"),
      made(104, "materialized-view", "SELECT c1, c2 FROM public.r103", [103], "integer", "text"),
      made(105, "materialized-view", "SELECT c1, c2 FROM public.r104", [104], "integer", "text"),
    ];
    for (const oid of [100, 102]) assert.deepEqual(masksOf(list, oid), [null, "pii constant"], String(oid));
    for (const oid of [104, 105]) assert.deepEqual(masksOf(list, oid), ["pay null", "pay null"], String(oid));
    // Views are not copies: their definitions take their place.
    for (const oid of [101, 103]) assert.deepEqual(masksOf(list, oid), [null, null], String(oid));
  });

  test("what is made from rows that lie in a telling order lies in the same", () => {
    const list = [
      made(100, "materialized-view", "SELECT c1, upper(c2) FROM public.r101", [101], "integer", "text"),
      made(101, "materialized-view", "SELECT id AS c1, name AS c2 FROM public.users ORDER BY ssn", [USERS], "integer", "text"),
      made(102, "view", "SELECT c1, c2 FROM public.r101", [101], "integer", "text"),
      made(103, "materialized-view", "SELECT c1, lower(c2) FROM public.r102", [102], "integer", "text"),
      made(104, "materialized-view", "SELECT id, status FROM public.orders, public.r101", [ORDERS, 101], "integer", "text"),
    ];
    for (const oid of [100, 101, 103]) assert.deepEqual(masksOf(list, oid), ["pii null", "pii null"], String(oid));
    assert.deepEqual(masksOf(list, 104), [null, null]);
  });

  test("definitions that lead back to themselves are protected whole", () => {
    const list = [
      made(100, "view", "SELECT c1, c2 FROM public.r101", [101], "integer", "text"),
      made(101, "materialized-view", "SELECT r100.c1, u.ssn FROM public.r100, public.users u", [100, USERS], "integer", "text"),
    ];
    assert.ok(masksOf(list, 101).every((mask) => mask === "pii null"));
  });

  test("a rule that names a column of it, or of a view below it, counts before what follows from the definition", () => {
    const list = [
      made(100, "view", "SELECT name AS c1, ssn AS c2 FROM public.users", [USERS], "text", "text"),
      made(101, "materialized-view", "SELECT c1, c2 FROM public.r100", [100], "text", "text"),
    ];
    assert.deepEqual(masksOf(list, 101), [null, "pii constant"]);
    assert.deepEqual(masksOf(list, 101, ["public.r100.c1"]), ["own keepLast", "pii constant"]);
    assert.deepEqual(masksOf(list, 101, ["public.r101.c2"]), [null, "own keepLast"]);
  });

  test("under no mask nothing is protected", () => {
    const catalogue = catalogueOf([made(100, "materialized-view", "SELECT id, ssn FROM public.users", ALL, "integer", "text")]);
    assert.equal(resolveProtection(catalogue, []).protection.columns.size, 0);
  });
});
