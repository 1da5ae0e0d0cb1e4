/** What is wrong with masking rules, over all databases of a target and whoever they hold for. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Mask } from "#policies/question.ts";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { ruleProblems } from "#protocols/sql/postgres/rule-problems.ts";
import type { RuleProblem, WholeRule } from "#protocols/sql/rule-problems.ts";
import { smallView } from "#test/protocols/sql/postgres/small-view.ts";

const { catalogue } = smallView();
const tagged = withTag(catalogue, "users", "salary", "pay");

function withTag(from: Catalogue, table: string, name: string, tag: string): Catalogue {
  const relations = from.relations.map((relation) => ({
    ...relation,
    columns: relation.columns.map((column) => (relation.name === table && column.name === name ? { ...column, tags: [tag] } : column)),
  }));
  return { ...from, relations };
}

function rule(columns: readonly string[], mask: Mask = { kind: "redact" }, more: Partial<WholeRule> = {}): WholeRule {
  return { rule: "r", columns, tags: [], mask, spares: false, ...more };
}

function told(problems: readonly RuleProblem[]): readonly string[] {
  return problems.map(({ rule: place, entry, level, message }) => `${place} ${entry.part}.${entry.index} ${level}: ${message}`);
}

const problems = (catalogues: readonly Catalogue[], ...rules: readonly WholeRule[]) => told(ruleProblems(catalogues, rules, "target shop"));

describe("ruleProblems", () => {
  test("rules that mean something and fit have none", () => {
    assert.deepEqual(problems([tagged], rule(["public.users.ssn", "*.*.name"]), rule([], { kind: "null" }, { tags: ["pay"] })), []);
  });

  test("an exact name of nothing and a tag of nothing are errors, a glob of nothing is a warning", () => {
    assert.deepEqual(problems([catalogue], rule(["public.users.ssn", "public.users.sn", "public.*.sn"], undefined, { tags: ["pay"] })), [
      "0 columns.1 error: public.users.sn names no column of target shop",
      "0 columns.2 warning: public.*.sn names no column of target shop",
      "0 tags.0 error: no column of target shop bears the tag pay",
    ]);
  });

  test("what one of several databases holds is enough", () => {
    const other = { ...catalogue, relations: catalogue.relations.filter(({ name }) => name !== "users") };
    assert.deepEqual(problems([other, tagged], rule(["public.users.ssn"], undefined, { tags: ["pay"] })), []);
    assert.equal(problems([other], rule(["public.users.ssn"])).length, 1);
    assert.equal(problems([], rule(["public.users.ssn"])).length, 1);
  });

  test("a mask that does not fit is an error for a column named exactly, a warning for those that a glob or a tag reaches", () => {
    assert.deepEqual(
      problems([tagged], rule(["public.users.salary", "public.users.*"], { kind: "year" }, { tags: ["pay"], spares: true })),
      [
        "0 columns.0 error: public.users.salary: year needs a date or timestamp column, and salary is numeric; it shows NULL",
        "0 columns.1 warning: public.users.id: year needs a date or timestamp column, and id is integer; it shows NULL",
        "0 columns.1 warning: public.users.name: year needs a date or timestamp column, and name is text; it shows NULL",
        "0 columns.1 warning: public.users.ssn: year needs a date or timestamp column, and ssn is text; it shows NULL",
        "0 columns.1 warning: public.users.salary: year needs a date or timestamp column, and salary is numeric; it shows NULL",
        "0 tags.0 warning: public.users.salary: year needs a date or timestamp column, and salary is numeric; it shows NULL",
      ],
    );
  });

  test("a column that an earlier rule masks for everybody is not the later rule's matter; for one that spares somebody it is", () => {
    const later = rule(["public.users.salary"], { kind: "email" });
    assert.deepEqual(problems([catalogue], rule(["public.users.salary"]), later), []);
    assert.deepEqual(problems([catalogue], rule(["public.*.salary"]), later), []);
    assert.match(
      problems([catalogue], rule(["public.users.salary"], undefined, { spares: true }), later)[0] ?? "",
      /^1 columns\.0 error: /,
    );
    assert.match(problems([catalogue], later, rule(["public.users.salary"]))[0] ?? "", /^0 columns\.0 error: /);
  });

  test("the same fault in several databases is said once", () => {
    assert.equal(problems([catalogue, { ...tagged }], rule(["public.users.salary"], { kind: "email" })).length, 1);
  });
});
