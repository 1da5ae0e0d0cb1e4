/** When masked principals may be served: rules that never fitted against rules that no longer do. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { policyDocumentSchema } from "#policies/document.ts";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import type { DatabaseTarget } from "#src/config/config.ts";
import { RulesFit } from "#src/gateway/rules-fit.ts";
import { smallView } from "#test/protocols/sql/postgres/small-view.ts";
import { databaseTarget } from "#test/support/database-target.ts";

const { catalogue } = smallView();
const empty: Catalogue = { ...catalogue, version: "2", relations: [] };

const NOWHERE = { host: "db", port: 5432, user: "app", password: "none", ca: "" };
const target = (more: Partial<DatabaseTarget> = {}) => databaseTarget(NOWHERE, { name: "shop", databases: ["shop"], ...more });

function fit(
  columns: readonly string[],
  options: { readonly mask?: string; readonly target?: DatabaseTarget; readonly before?: RulesFit } = {},
): RulesFit {
  const others = [{ target: "other", columns: ["a.b.c"], with: "redact" }];
  const rules = [...others, { target: "shop", columns, with: options.mask ?? "redact" }];
  return new RulesFit(options.target ?? target(), policyDocumentSchema.parse({ masking: { rules } }), options.before);
}

const said = (rules: RulesFit) => rules.untold().map(({ level, path, message }) => `${level} ${path.join(".")}: ${message}`);

describe("rules against a schema", () => {
  test("are unproved until the schema was read, and fit when every entry does", () => {
    const rules = fit(["public.users.ssn", "public.users.name"]);
    assert.equal(rules.fits, false);
    rules.look([null]);
    assert.equal(rules.fits, false);
    assert.deepEqual(rules.errors, []);
    rules.look([catalogue]);
    assert.equal(rules.fits, true);
    assert.deepEqual(said(rules), []);
  });

  test("an entry that names nothing is an error that is said once, with its place in the file", () => {
    const rules = fit(["public.users.ssn", "public.users.sn"]);
    rules.look([catalogue]);
    assert.equal(rules.fits, false);
    assert.equal(rules.errors.length, 1);
    assert.deepEqual(said(rules), ["error masking.rules.1.columns.1: public.users.sn names no column of target shop"]);
    rules.look([catalogue]);
    assert.deepEqual(said(rules), []);
    assert.equal(rules.errors.length, 1);
  });

  test("an error goes when the schema is put right", () => {
    const rules = fit(["public.users.ssn"]);
    rules.look([empty]);
    assert.equal(rules.fits, false);
    rules.look([catalogue]);
    assert.equal(rules.fits, true);
    assert.deepEqual(rules.errors, []);
  });

  test("an entry that once fitted and no longer does is a warning, and sessions go on", () => {
    const rules = fit(["public.users.ssn"]);
    rules.look([catalogue]);
    rules.look([empty]);
    assert.equal(rules.fits, true);
    assert.deepEqual(rules.errors, []);
    assert.deepEqual(said(rules), ["warning masking.rules.1.columns.0: public.users.ssn names no column of target shop"]);
  });

  test("a glob that matches nothing keeps nobody waiting", () => {
    const rules = fit(["*.*.nothing"]);
    rules.look([catalogue]);
    assert.equal(rules.fits, true);
    assert.deepEqual(said(rules), ["warning masking.rules.1.columns.0: *.*.nothing names no column of target shop"]);
  });

  test("what a database that could not be read may hold is no error yet, and not served either", () => {
    const rules = fit(["public.users.ssn"], { target: target({ databases: ["a", "b"] }) });
    rules.look([empty, null]);
    assert.deepEqual([rules.fits, rules.errors, said(rules)], [false, [], []]);
    rules.look([empty, empty]);
    assert.deepEqual([rules.fits, rules.errors.length, said(rules).length], [false, 1, 1]);
    rules.look([empty, catalogue]);
    assert.equal(rules.fits, true);
  });

  test("a mask that does not fit is an error even while another database can't be read", () => {
    const rules = fit(["public.users.salary"], { mask: "email", target: target({ databases: ["a", "b"] }) });
    rules.look([catalogue, null]);
    assert.deepEqual([rules.fits, rules.errors.length], [false, 1]);
  });

  describe("of a configuration that replaces another", () => {
    const before = fit(["public.users.ssn", "public.users.name"]);
    before.look([catalogue]);

    test("what did fit stays proved, though the schema has changed since", () => {
      const rules = fit(["public.users.ssn"], { before });
      assert.equal(rules.fits, true);
      rules.look([empty]);
      assert.deepEqual([rules.fits, rules.errors], [true, []]);
    });

    test("what is new, or masks in another way, must fit", () => {
      for (const rules of [
        fit(["public.users.ssn", "public.users.id"], { before }),
        fit(["public.users.ssn"], { before, mask: "email" }),
      ]) {
        rules.look([empty]);
        assert.deepEqual([rules.fits, rules.errors.length], [false, 1]);
      }
    });

    test("nothing is proved of a target that lies elsewhere now", () => {
      for (const moved of [target({ address: { host: "db2", port: 5432 } }), target({ databases: ["other"] })]) {
        const rules = fit(["public.users.ssn"], { before, target: moved });
        assert.equal(rules.fits, false);
        rules.look([empty]);
        assert.equal(rules.errors.length, 1);
      }
    });
  });
});
