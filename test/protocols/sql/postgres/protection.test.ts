/** Masking rules against a catalogue: what they name, what they get wrong, and who else holds the same rows. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ActiveMask, Mask } from "#policies/question.ts";
import type { Catalogue, CatalogueColumn, CatalogueRelation, RelationKind } from "#protocols/sql/catalogue.ts";
import { resolveProtection } from "#protocols/sql/postgres/protection.ts";

function column(
  name: string,
  number: number,
  type = "text",
  generatedFrom: readonly number[] = [],
  tags: readonly string[] = [],
): CatalogueColumn {
  const category = type === "integer" ? "N" : "S";
  const generated = generatedFrom.length > 0;
  return { name, number, type, typeOid: 25, category, notNull: false, baseType: type, generated, generatedFrom, default: null, tags };
}

let oid = 100;
function relation(
  schema: string,
  name: string,
  columns: readonly CatalogueColumn[],
  parents: readonly number[] = [],
  kind: RelationKind = "table",
): CatalogueRelation {
  oid += 1;
  return {
    oid,
    schema,
    name,
    kind,
    columns,
    primaryKey: [],
    parents,
    reads: [],
    definition: null,
    securityBarrier: false,
    rules: [],
    triggers: [],
    calls: [],
    checks: [],
    indexes: [],
    partitionKey: "",
    policies: [],
    triggerConditions: [],
    skipsUnchanged: false,
    references: [],
    estimatedRows: null,
  };
}

const users = relation("public", "users", [
  column("id", 1, "integer"),
  column("ssn", 3),
  column("tail", 5, "text", [3]),
  column("size", 6, "integer", [3]),
]);
const parent = relation("public", "people", [column("id", 1, "integer"), column("ssn", 2)]);
const child = relation("public", "staff", [column("id", 1, "integer"), column("ssn", 2), column("pay", 3)], [parent.oid]);
const grandchild = relation("public", "bosses", [column("id", 1, "integer"), column("ssn", 4), column("pay", 2)], [child.oid]);
const attributes = relation("pg_catalog", "pg_attribute", [column("attrelid", 1), column("attmissingval", 26, "anyarray")]);
const activity = relation("pg_catalog", "pg_stat_activity", [column("pid", 3, "integer"), column("query", 20)], [], "view");
const catalogue: Catalogue = {
  version: "1",
  serverVersion: "18.1",
  database: "shop",
  searchPath: ["pg_catalog", "public"],
  walls: [],
  relations: [users, parent, child, grandchild, attributes, activity],
  functions: [],
  operators: [],
  types: [],
};

function mask(columns: readonly string[], kind: Mask = { kind: "redact" }, rule = "pii"): ActiveMask {
  return { rule, columns, tags: [], mask: kind };
}

function byTag(tags: readonly string[], kind: Mask = { kind: "redact" }, rule = "tagged"): ActiveMask {
  return { rule, columns: [], tags, mask: kind };
}

function protectedBy(...masks: readonly ActiveMask[]): Readonly<Record<string, readonly string[]>> {
  const { protection } = resolveProtection(catalogue, masks);
  const names = [...protection.columns].map(([of, attrs]) => {
    const found = catalogue.relations.find((one) => one.oid === of);
    return [found?.name ?? "", found?.columns.filter(({ number }) => attrs.has(number)).map(({ name }) => name) ?? []] as const;
  });
  return Object.fromEntries(names.filter(([name]) => !name.startsWith("pg_")));
}

describe("resolveProtection", () => {
  test("a foreign key to a masked column is a copy of it, and so is what refers to or is made of that", () => {
    const refers = (to: CatalogueRelation, refersTo: number) =>
      [{ relation: to.oid, columns: [{ number: 1, refersTo }], onDelete: "refuse", onUpdate: "refuse" }] as const;
    const badges = {
      ...relation("public", "badges", [column("ref", 1), column("tail", 2, "text", [1]), column("id", 3)]),
      references: refers(users, 3),
    };
    const copies = { ...relation("public", "copies", [column("ref", 1)]), references: refers(badges, 2) };
    const others = { ...relation("public", "others", [column("user_id", 1)]), references: refers(users, 1) };
    const { protection } = resolveProtection({ ...catalogue, relations: [copies, others, badges, users] }, [mask(["public.users.ssn"])]);
    assert.deepEqual([...(protection.columns.get(badges.oid)?.keys() ?? [])], [1, 2]);
    assert.deepEqual([...(protection.columns.get(copies.oid)?.keys() ?? [])], [1]);
    assert.equal(protection.columns.get(copies.oid)?.get(1)?.rule, "pii");
    assert.equal(protection.columns.get(others.oid), undefined);
    assert.ok(protection.columnNames.has("ref"));
  });

  test("a column is found by its exact name, and brings the columns that are generated from it", () => {
    assert.deepEqual(protectedBy(mask(["public.users.ssn"])), { users: ["ssn", "tail", "size"] });
  });

  test("globs match within a part of the name and never beyond it", () => {
    assert.deepEqual(protectedBy(mask(["public.*.ssn"])), {
      users: ["ssn", "tail", "size"],
      people: ["ssn"],
      staff: ["ssn"],
      bosses: ["ssn"],
    });
    assert.deepEqual(protectedBy(mask(["pub*.us*s.*n"])), { users: ["ssn", "tail", "size"] });
    assert.deepEqual(protectedBy(mask(["*.*.pay"])), { staff: ["pay"], bosses: ["pay"] });
    assert.deepEqual(protectedBy(mask(["public.user?.ssn"])), {});
  });

  test("a name is exact: no folding of case", () => {
    assert.deepEqual(protectedBy(mask(["public.Users.ssn"])), {});
    assert.deepEqual(protectedBy(mask(["PUBLIC.users.SSN"])), {});
  });

  test("a glob does not reach into the server's own tables, its own columns are hidden all the same", () => {
    const { protection } = resolveProtection(catalogue, [mask(["*.*.*"])]);
    assert.deepEqual([...(protection.columns.get(attributes.oid)?.keys() ?? [])], [26]);
    assert.deepEqual([...(protection.columns.get(activity.oid)?.keys() ?? [])], [20]);
    assert.equal(protection.columns.get(attributes.oid)?.get(26)?.expression, 'CASE WHEN false THEN "attmissingval" END');
  });

  test("without a mask nothing is protected, the server's own columns neither", () => {
    assert.equal(resolveProtection(catalogue, []).protection.columns.size, 0);
  });

  test("of two rules for a column the first counts", () => {
    const { protection } = resolveProtection(catalogue, [
      mask(["public.users.ssn"], { kind: "null" }, "first"),
      mask(["public.users.*"], { kind: "redact" }, "second"),
    ]);
    assert.equal(protection.columns.get(users.oid)?.get(3)?.rule, "first");
    assert.equal(protection.columns.get(users.oid)?.get(1)?.rule, "second");
  });

  describe("by tag", () => {
    const notes = relation("public", "notes", [column("id", 1), column("body", 2, "text", [], ["pii", "prose"])]);
    const tagged = {
      ...catalogue,
      relations: [
        relation("public", "staff", [column("name", 1, "text", [], ["pii"]), column("age", 2, "integer"), column("size", 3, "text", [1])]),
        notes,
        relation("pg_catalog", "pg_own", [column("text", 1, "text", [], ["pii"])]),
      ],
    };
    const shown = (...masks: readonly ActiveMask[]) =>
      tagged.relations.map(({ oid }) =>
        [...(resolveProtection(tagged, masks).protection.columns.get(oid) ?? [])].map(([number, { rule }]) => `${number} ${rule}`),
      );

    test("every column that bears one of the tags is protected, with what is made of it, in any schema", () => {
      assert.deepEqual(shown(byTag(["pii"])), [["1 tagged", "3 tagged"], ["2 tagged"], ["1 tagged"]]);
      assert.deepEqual(shown(byTag(["prose", "unknown"])), [[], ["2 tagged"], []]);
    });

    test("a tag is a whole one: no globs, no beginnings of one", () => {
      assert.deepEqual(shown(byTag(["*", "pi", "p*", ""])), [[], [], []]);
    });

    test("rules by tag and by name stand in one order: the first that means a column counts", () => {
      assert.deepEqual(shown(byTag(["pii"]), mask(["public.notes.*"])).at(1), ["1 pii", "2 tagged"]);
      assert.deepEqual(shown(mask(["public.notes.*"]), byTag(["pii"])).at(1), ["1 pii", "2 pii"]);
    });

    test("within a rule with both, either is enough", () => {
      assert.deepEqual(shown({ ...byTag(["prose"]), columns: ["public.notes.id"] }).at(1), ["1 tagged", "2 tagged"]);
    });

    test("a tag that no column bears is a problem that says so, and so is a mask that does not fit", () => {
      assert.deepEqual(
        resolveProtection(tagged, [byTag(["prose", "secret"], { kind: "year" })]).problems.map(({ kind, message }) => [kind, message]),
        [
          ["unfit", "rule tagged: public.notes.body: year needs a date or timestamp column, and body is text; it shows NULL"],
          ["names-nothing", "rule tagged: no column of this target bears the tag secret"],
        ],
      );
    });
  });

  test("a rule that names nothing is a problem that says so", () => {
    assert.deepEqual(resolveProtection(catalogue, [mask(["public.users.sn", "public.users.ssn"])]).problems, [
      {
        kind: "names-nothing",
        rule: "pii",
        columns: "public.users.sn",
        message: "rule pii: public.users.sn names no column of this target",
      },
    ]);
  });

  test("a mask that does not fit a column is a problem, and the column shows NULL meanwhile", () => {
    const { protection, problems } = resolveProtection(catalogue, [mask(["public.users.id"], { kind: "email" })]);
    assert.deepEqual(
      problems.map(({ kind, columns, message }) => [kind, columns, message]),
      [["unfit", "public.users.id", "rule pii: public.users.id: email needs a text column, and id is integer; it shows NULL"]],
    );
    assert.equal(protection.columns.get(users.oid)?.get(1)?.expression, "CAST(NULL AS integer)");
  });

  describe("relatives hold the same rows", () => {
    const kindsOf = (protection: ReturnType<typeof resolveProtection>["protection"], one: CatalogueRelation) =>
      Object.fromEntries(
        one.columns.flatMap(({ name, number }) => {
          const attribute = protection.columns.get(one.oid)?.get(number);
          return attribute === undefined ? [] : [[name, `${attribute.rule} ${attribute.mask.kind}`]];
        }),
      );

    test("a child, a grandchild and a parent are masked as the one that the rule names", () => {
      for (const named of ["people", "staff", "bosses"]) {
        const { protection } = resolveProtection(catalogue, [mask([`public.${named}.ssn`], { kind: "keepLast", characters: 2 })]);
        for (const one of [parent, child, grandchild]) assert.deepEqual(kindsOf(protection, one), { ssn: "pii keepLast" }, one.name);
      }
    });

    test("a relative that lacks the column stays readable as it is", () => {
      const { protection } = resolveProtection(catalogue, [mask(["public.staff.pay"])]);
      assert.deepEqual([kindsOf(protection, parent), kindsOf(protection, grandchild)], [{}, { pay: "pii redact" }]);
    });

    test("a column that a rule names keeps that rule, and hands none on from beyond it", () => {
      const { protection } = resolveProtection(catalogue, [
        mask(["public.people.ssn"], { kind: "null" }, "first"),
        mask(["public.staff.ssn"], { kind: "keepLast", characters: 4 }, "second"),
      ]);
      assert.deepEqual(kindsOf(protection, parent), { ssn: "first null" });
      assert.deepEqual(kindsOf(protection, child), { ssn: "second keepLast" });
      assert.deepEqual(kindsOf(protection, grandchild), { ssn: "second keepLast" });
    });

    test("of two rules that reach a relative the first counts, whichever is nearer", () => {
      const near = relation("public", "near", [column("ssn", 1)], [parent.oid]);
      const far = relation("public", "far", [column("ssn", 1)], [near.oid]);
      const other = relation("public", "other", [column("ssn", 1)], [parent.oid]);
      const family = { ...catalogue, relations: [parent, near, far, other] };
      const { protection } = resolveProtection(family, [
        mask(["public.far.ssn"], { kind: "null" }, "first"),
        mask(["public.other.ssn"], { kind: "redact" }, "second"),
      ]);
      assert.deepEqual(kindsOf(protection, parent), { ssn: "first null" });
      assert.deepEqual(kindsOf(protection, near), { ssn: "first null" });
      assert.deepEqual(kindsOf(protection, other), { ssn: "second redact" });
    });

    test("a copy in a partition counts as one in its table, and what is generated from it too", () => {
      const refers = [{ relation: users.oid, columns: [{ number: 1, refersTo: 3 }], onDelete: "refuse", onUpdate: "refuse" }] as const;
      const top = relation("public", "top", [column("ref", 1), column("half", 2, "text", [1])], [], "partitioned-table");
      const part = { ...relation("public", "part", [column("ref", 1), column("half", 2, "text", [1])], [top.oid]), references: refers };
      const { protection } = resolveProtection({ ...catalogue, relations: [top, part, users] }, [
        mask(["public.users.ssn"], { kind: "null" }),
      ]);
      for (const one of [top, part]) assert.deepEqual(kindsOf(protection, one), { ref: "pii redact", half: "pii redact" }, one.name);
    });

    test("should a child's column be of another type, a mask that does not fit it shows NULL there", () => {
      const odd = relation("public", "odd", [column("ssn", 1, "integer")], [parent.oid]);
      const { protection, problems } = resolveProtection({ ...catalogue, relations: [parent, odd] }, [
        mask(["public.people.ssn"], { kind: "keepLast", characters: 4 }),
      ]);
      assert.equal(protection.columns.get(odd.oid)?.get(1)?.expression, "CAST(NULL AS integer)");
      assert.deepEqual(problems, []);
    });
  });
});
