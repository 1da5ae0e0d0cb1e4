/** Views by their definitions: what takes their place, what stays, what is refused; without a server. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { type MaskingView, resolveProtection } from "#protocols/sql/postgres/protection.ts";
import { traceColumns } from "#protocols/sql/postgres/trace.ts";
import { isProtectedOrigin } from "#protocols/sql/postgres/tripwire.ts";
import { viewsIn } from "#protocols/sql/postgres/view-definitions.ts";
import { leastCpuMs } from "#test/support/cpu.ts";
import { smallView } from "./small-view.ts";

const USERS = 1;
const ORDERS = 2;

interface ViewOf {
  readonly columns: readonly (readonly [name: string, type: string])[];
  readonly definition: string;
  readonly reads?: readonly number[];
  readonly barrier?: boolean;
}

/** The small catalogue with views besides; OIDs from 100 on, in order. */
function withViews(views: Readonly<Record<string, ViewOf>>, columns: readonly string[] = []): MaskingView {
  const { catalogue, functionsAllowed } = smallView();
  const [table] = catalogue.relations;
  const [column] = table?.columns ?? [];
  assert.ok(table !== undefined && column !== undefined);
  const made = Object.entries(views).map(([name, one], index): CatalogueRelation => {
    const list = one.columns.map(
      ([called, type], at): CatalogueColumn => ({
        ...column,
        name: called,
        number: at + 1,
        type,
        baseType: type,
        category: type === "text" ? "S" : "N",
      }),
    );
    return {
      ...table,
      oid: 100 + index,
      name,
      kind: "view",
      columns: list,
      primaryKey: [],
      reads: one.reads ?? [USERS],
      definition: ` ${one.definition};`,
      securityBarrier: one.barrier ?? false,
    };
  });
  const whole = { ...catalogue, relations: [...catalogue.relations, ...made] };
  const { protection } = resolveProtection(whole, [
    { rule: "pii", columns: ["public.users.ssn", ...columns], tags: [], mask: { kind: "redact" }, assign: "none" },
  ]);
  return { catalogue: whole, protection, functionsAllowed };
}

function outcome(view: MaskingView, sql: string) {
  const { facts, rewritten } = analyse(sql, view);
  const masking = facts.kind === "parsed" ? facts.statements[0]?.masking : null;
  return { kind: masking?.kind, obstacle: masking?.kind === "obstacle" ? masking.obstacle : null, rewritten };
}

const SSNS: ViewOf = {
  columns: [
    ["id", "integer"],
    ["number", "text"],
  ],
  definition: "SELECT id, ssn AS number FROM public.users",
};
const MASKED_SSN = `CAST(CASE WHEN "ssn" IS NULL THEN NULL ELSE '***' END AS text) AS "ssn"`;

describe("views by their definitions", () => {
  before(loadGrammar);

  test("the definition takes the view's place, masked, under the view's names", () => {
    const { rewritten } = outcome(withViews({ ssns: SSNS }), "SELECT number FROM ssns s WHERE id = 1");
    assert.equal(
      rewritten?.sql,
      `SELECT number FROM (SELECT "id", "number" FROM ( SELECT id, ssn AS number FROM (SELECT "id", ${MASKED_SSN} FROM "public"."users") AS "users") AS "ssns"("id", "number")) s WHERE id = 1`,
    );
    assert.deepEqual(rewritten?.outputMasked, [[true]]);
  });

  test("a barrier stays: nothing is pushed below OFFSET 0", () => {
    const { rewritten } = outcome(withViews({ ssns: { ...SSNS, barrier: true } }), "TABLE ssns");
    assert.match(
      rewritten?.sql ?? "",
      /^SELECT \* FROM \(SELECT "id", "number" FROM \(SELECT \* FROM \( SELECT .* AS "users"\) AS "ssns" OFFSET 0\) AS "ssns"/,
    );
  });

  test("a mask on the view's own column lies around the definition", () => {
    const view = withViews({ ssns: SSNS }, ["public.ssns.id"]);
    const { rewritten } = outcome(view, "SELECT * FROM ssns");
    assert.match(
      rewritten?.sql ?? "",
      /^SELECT \* FROM \(SELECT CAST\(NULL AS integer\) AS "id", "number" FROM \( SELECT id, ssn AS number/,
    );
    assert.deepEqual(rewritten?.outputMasked, [[true, true]]);
  });

  test("names that the definition leaves open mean pg_catalog, whatever the statement or a user calls so", () => {
    const view = withViews({
      ssns: { ...SSNS, definition: "SELECT id, upper(ssn) AS number FROM public.users WHERE EXISTS (SELECT FROM pg_class)" },
    });
    const server = { ...view.catalogue.relations[0], oid: 1259, schema: "pg_catalog", name: "pg_class" } as CatalogueRelation;
    const upper = {
      oid: 9000,
      schema: "public",
      name: "upper",
      volatility: "stable",
      securityDefiner: false,
      language: "sql",
      extension: null,
      constructs: false,
    } as const;
    const catalogue = { ...view.catalogue, relations: [...view.catalogue.relations, server], functions: [upper] };
    const { rewritten } = outcome({ ...view, catalogue }, "WITH pg_class AS (SELECT 1) SELECT number FROM ssns, pg_class");
    assert.match(rewritten?.sql ?? "", /pg_catalog\.upper\(ssn\)/);
    assert.match(rewritten?.sql ?? "", /SELECT FROM pg_catalog\.pg_class\)/);
    assert.equal(outcome({ ...view, catalogue }, "SELECT upper(ssn) FROM users").obstacle?.reason, "masked-function");
  });

  test("a view that has no way to a masked column stays; nothing may be written through it all the same", () => {
    const view = withViews({
      names: {
        columns: [
          ["id", "integer"],
          ["name", "text"],
        ],
        definition: "SELECT id, name FROM public.users",
      },
      again: { columns: [["id", "integer"]], definition: "SELECT id FROM public.names", reads: [100] },
      totals: { columns: [["id", "integer"]], definition: "SELECT id FROM public.orders", reads: [ORDERS] },
    });
    for (const name of ["names", "again", "totals"]) assert.equal(outcome(view, `SELECT * FROM ${name}`).kind, "clear", name);
    for (const name of ["names", "again"]) {
      const { obstacle } = outcome(view, `INSERT INTO ${name} (id) VALUES (1)`);
      assert.equal(obstacle?.reason, "masked-write", name);
      assert.match(obstacle?.message ?? "", /leads to public\.users, which has masked columns/);
    }
    assert.equal(outcome(view, "INSERT INTO totals VALUES (1)").kind, "clear");
  });

  test("each of these is a way to the masked column", () => {
    for (const definition of [
      "SELECT id, u.*::text AS number FROM public.users u",
      "SELECT id, (u)::text AS number FROM public.users u",
      "SELECT id, number FROM public.users u(id, name, number)",
      "SELECT u.id, u.name AS number FROM public.users u JOIN public.users w USING (ssn)",
      "SELECT id, name AS number FROM public.users WHERE ssn IS NOT NULL",
      "SELECT id, name AS number FROM public.users ORDER BY ssn",
      "SELECT j.id, j.name AS number FROM (public.users CROSS JOIN (SELECT 1 AS one) x) j",
    ]) {
      assert.equal(outcome(withViews({ ssns: { ...SSNS, definition } }), "SELECT id FROM ssns").kind, "rewritable", definition);
    }
  });

  test("which columns of a view are masked follows from its definition", () => {
    const view = withViews({
      mixed: {
        columns: [
          ["id", "integer"],
          ["a", "text"],
          ["b", "text"],
          ["n", "integer"],
        ],
        definition:
          "SELECT u.id, u.ssn || 'x' AS a, u.name AS b, count(*) AS n FROM public.users u WHERE u.ssn > 'a' GROUP BY u.id, u.ssn, u.name",
      },
      over: {
        columns: [
          ["x", "text"],
          ["y", "text"],
        ],
        definition: "SELECT a AS x, b AS y FROM public.mixed",
        reads: [100],
      },
    });
    assert.deepEqual(outcome(view, "TABLE mixed").rewritten?.outputMasked, [[false, true, false, false]]);
    assert.deepEqual(outcome(view, "SELECT y, x, o FROM over o").rewritten?.outputMasked, [[false, true, true]]);
  });

  test("the masked columns below a view are among the facts, each once", () => {
    const view = withViews({ ssns: SSNS, again: { ...SSNS, definition: "SELECT id, number FROM public.ssns", reads: [100] } });
    const { facts } = analyse("SELECT 1 FROM ssns, again, users", view);
    const masking = facts.kind === "parsed" ? facts.statements[0]?.masking : null;
    assert.deepEqual(masking, { kind: "rewritable", columns: [{ schema: "public", table: "users", column: "ssn", rule: "pii" }] });
  });

  test("explained, a view's columns lead to the tables below it", () => {
    const view = withViews({ ssns: SSNS }, ["public.ssns.id"]);
    const [statement] = traceColumns("SELECT id, number || 'x' FROM ssns WHERE number > 'a'", view.catalogue, view) ?? [];
    const origin = { schema: "public", table: "users", column: "ssn", mask: { rule: "pii", kind: "redact" } };
    assert.deepEqual(
      statement?.outputs?.map(({ origins, masked }) => [origins, masked]),
      [
        [[{ schema: "public", table: "ssns", column: "id", mask: { rule: "pii", kind: "redact" } }], true],
        [[origin], true],
      ],
    );
    assert.ok(statement?.reads.some(({ table, column }) => table === "users" && column === "ssn"));
    const [bare] = traceColumns("SELECT number FROM ssns", view.catalogue, null) ?? [];
    assert.deepEqual(
      bare?.outputs?.map(({ origins, masked }) => [origins.map(({ table }) => table), masked]),
      [[["ssns"], false]],
    );
  });

  test("a literal that is compared with a view's masked column is sensitive, one beside it is not", () => {
    const view = withViews({ ssns: SSNS });
    const sql = "SELECT id FROM ssns WHERE number = 'secret' AND id = 7";
    const { sensitive } = analyse(sql, view);
    assert.deepEqual(
      sensitive.ranges.map(({ start, end }) => sql.slice(start, end)),
      ["'secret'"],
    );
  });

  test("an error inside a definition is placed where the view stands", () => {
    const { rewritten } = outcome(withViews({ ssns: SSNS }), "SELECT id FROM ssns WHERE id = 1");
    const inside = (rewritten?.sql.indexOf("ssn AS number") ?? 0) + 1;
    assert.equal(rewritten?.mapPosition(inside), "SELECT id FROM ".length + 1);
  });

  describe("refused", () => {
    const refusal = (definition: string) => outcome(withViews({ ssns: { ...SSNS, definition } }), "SELECT 1 FROM ssns").obstacle;

    test("with the place of the view and the reason of what is in it", () => {
      const { obstacle } = outcome(
        withViews({ ssns: { ...SSNS, definition: "SELECT id, pg_read_file('x') AS number FROM public.users" } }),
        "SELECT 1 FROM ssns",
      );
      assert.deepEqual(
        [obstacle?.reason, obstacle?.position, obstacle?.hint],
        ["masked-view", "SELECT 1 FROM ".length + 1, "leave it out"],
      );
      assert.match(obstacle?.message ?? "", /^view public\.ssns may not be read .*: function pg_catalog\.pg_read_file may not be called/);
    });

    for (const definition of [
      "SELECT id, ssn AS number FROM public.users FOR UPDATE",
      "SELECT id, ssn AS number FROM public.users TABLESAMPLE system (10)",
      "SELECT id, u.ctid::text || u.*::text AS number FROM public.users u",
      "SELECT id, ssn AS number FROM public.nowhere",
      "SELECT id, public.anything(ssn) AS number FROM public.users",
      "SELECT id, ssn AS number FROM public.users; SELECT 1",
      "DELETE FROM public.users RETURNING id, ssn",
      "SELEC",
    ]) {
      test(definition, () => assert.equal(refusal(definition)?.reason, "masked-view"));
    }

    test("definitions that lead back to themselves", () => {
      const view = withViews({
        one: { ...SSNS, definition: "SELECT id, number FROM public.two", reads: [101] },
        two: { ...SSNS, definition: "SELECT id, number FROM public.one", reads: [100] },
      });
      for (const name of ["one", "two"]) assert.equal(outcome(view, `TABLE ${name}`).obstacle?.reason, "masked-view");
    });

    test("views over views that multiply", () => {
      const views: Record<string, ViewOf> = { v0: SSNS };
      for (let level = 1; level <= 20; level += 1) {
        const below = `public.v${level - 1}`;
        views[`v${level}`] = {
          ...SSNS,
          definition: `SELECT a.id, b.number FROM ${below} a JOIN ${below} b USING (id)`,
          reads: [99 + level],
        };
      }
      const view = withViews(views);
      assert.equal(outcome(view, "TABLE v5").kind, "rewritable");
      const ms = leastCpuMs(3, () => assert.equal(outcome(view, "TABLE v20").obstacle?.reason, "masked-view"), 5_000);
      assert.ok(ms < 5_000, `it took ${ms} ms`);
    });

    test("a text that names views until it is too long", () => {
      const views: Record<string, ViewOf> = { v0: SSNS };
      for (let level = 1; level <= 9; level += 1) {
        const below = `public.v${level - 1}`;
        views[`v${level}`] = {
          ...SSNS,
          definition: `SELECT a.id, b.number FROM ${below} a JOIN ${below} b USING (id)`,
          reads: [99 + level],
        };
      }
      const { kind, obstacle } = outcome(
        withViews(views),
        `SELECT 1 FROM ${Array.from({ length: 60 }, (_, n) => `v9 AS a${n}`).join(", ")}`,
      );
      assert.deepEqual([kind, obstacle?.reason], ["obstacle", "masked-unsupported"]);
      assert.match(obstacle?.message ?? "", /grows too long/);
    });
  });

  test("what can't be read is looked at again, what was read is kept", () => {
    const view = withViews({ ssns: SSNS, broken: { ...SSNS, definition: "SELEC" } });
    const relation = (name: string) => view.catalogue.relations.find((one) => one.name === name) as CatalogueRelation;
    assert.equal(viewsIn(view)(relation("ssns")), viewsIn(view)(relation("ssns")));
    assert.notEqual(viewsIn(view)(relation("broken")), viewsIn(view)(relation("broken")));
  });

  test("the tripwire knows masked columns, whole rows, and all columns of views that should be gone", () => {
    const view = withViews({ ssns: SSNS, names: { columns: [["id", "integer"]], definition: "SELECT id FROM public.users" } });
    const held = [
      [USERS, 3],
      [USERS, 0],
      [100, 1],
      [100, 2],
      [100, 0],
    ] as const;
    const free = [
      [USERS, 1],
      [ORDERS, 0],
      [101, 1],
      [0, 0],
      [7777, 1],
    ] as const;
    for (const [oid, number] of held) assert.ok(isProtectedOrigin(view, oid, number), `${oid}/${number}`);
    for (const [oid, number] of free) assert.ok(!isProtectedOrigin(view, oid, number), `${oid}/${number}`);
  });
});
