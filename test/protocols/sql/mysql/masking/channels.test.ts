/** Writes that would tell of masked values by failing or not, by what they start, and by where they lie; without a server. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { ActiveMask } from "#policies/question.ts";
import type { MysqlIndex, MysqlReference, MysqlTable, MysqlTrigger } from "#protocols/sql/mysql/catalogue.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { maskedText } from "#protocols/sql/mysql/masked-text.ts";
import { resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { catalogueOf, table } from "#test/protocols/sql/mysql/small-catalogue.ts";

const MASK: ActiveMask = { rule: "pii", columns: ["app.*.ssn"], tags: [], mask: { kind: "redact" } };

/** What a text becomes, or why it is refused. */
function said(sql: string, tables: readonly MysqlTable[], mask: Partial<ActiveMask> = {}): string {
  const catalogue = catalogueOf(tables);
  const { protection } = resolveMysqlProtection(catalogue, [{ ...MASK, ...mask }]);
  const settings = { sqlMode: DEFAULT_SQL_MODE, foreign: false, database: "app" };
  const found = maskedText(sql, { catalogue, protection, functionsAllowed: [] }, settings);
  return found.kind === "refused" ? `${found.obstacle.reason}: ${found.obstacle.message}` : "passes";
}

function index(name: string, columns: readonly string[], more: Partial<MysqlIndex> = {}): MysqlIndex {
  return { name, unique: true, visible: true, keys: columns.map((one) => ({ column: one, expression: null })), ...more };
}

function reference(to: string, pairs: Readonly<Record<string, string>>, more: Partial<MysqlReference> = {}): MysqlReference {
  const columns = Object.entries(pairs).map(([name, refersTo]) => ({ name, refersTo }));
  return { name: "fk", database: "app", table: to, columns, onDelete: "refuse", onUpdate: "refuse", ...more };
}

const COLUMNS = ["id", "city", "ssn"];
const SET_CITY = "UPDATE users SET city = 'x' WHERE id = 1";

describe("a column that something joins to a masked one", () => {
  before(loadGrammar);

  const expression = [{ column: null, expression: "concat(`ssn`,`city`)" }];
  const bound: Readonly<Record<string, Partial<MysqlTable>>> = {
    "index both joins": { indexes: [index("both", ["ssn", "city"])] },
    "index made joins": { indexes: [index("made", [], { unique: false, keys: expression })] },
    "a CHECK joins": { checks: ["(`ssn` <> `city`)"] },
    "foreign key fk joins": { references: [reference("places", { ssn: "a", city: "b" })] },
    "the partitioning joins": { partitionKey: "`ssn`, `city`" },
  };
  for (const [by, parts] of Object.entries(bound)) {
    test(`is not assigned: ${by} the two`, () => {
      const tables = [table("app", "users", COLUMNS, parts), table("app", "places", ["a", "b"])];
      assert.match(said(SET_CITY, tables), new RegExp(`^masked-write: .*${by} the two`));
      assert.match(said("INSERT INTO users (id) VALUES (1) ON DUPLICATE KEY UPDATE city = 'x'", tables), new RegExp(by));
      assert.equal(said("UPDATE users SET id = 2 WHERE id = 1", tables), "passes");
      assert.equal(said(SET_CITY, tables, { columns: [] }), "passes");
    });
  }

  test("is not assigned where a generated column is made of the two, by itself or through an index", () => {
    const generated = { tail: { generation: "concat(`ssn`,`city`)" } };
    assert.match(said(SET_CITY, [table("app", "users", [...COLUMNS, "tail"], {}, generated)]), /generated column tail joins the two/);
    const cased = { tail: { generation: "upper(`city`)" } };
    const indexed = { indexes: [index("both", ["tail", "ssn"])] };
    assert.match(said(SET_CITY, [table("app", "users", [...COLUMNS, "tail"], indexed, cased)]), /index both joins the two/);
  });

  test("is assigned where an index of the two demands nothing", () => {
    assert.equal(
      said(SET_CITY, [table("app", "users", COLUMNS, { indexes: [index("both", ["ssn", "city"], { unique: false })] })]),
      "passes",
    );
  });
});

describe("a new row", () => {
  before(loadGrammar);

  const users = (value: string | null) => table("app", "users", COLUMNS, { indexes: [index("one", ["ssn"])] }, { ssn: { default: value } });

  test("does not meet stored values by the default of a masked column, and does by NULL", () => {
    for (const verb of ["INSERT", "REPLACE"]) {
      assert.match(said(`${verb} INTO users (id, city) VALUES (1, 'x')`, [users("'a'")]), /^masked-write: whether a row may be inserted/);
      assert.equal(said(`${verb} INTO users (id, city) VALUES (1, 'x')`, [users(null)]), "passes");
    }
  });
});

describe("along foreign keys", () => {
  before(loadGrammar);

  const parent = table("app", "parents", ["id", "name", "ssn"]);
  const open = table("app", "parents", ["id", "name"]);
  const child = (reference: MysqlReference) => table("app", "children", ["id", "parent", "ssn"], { references: [reference] });

  test("a row is not deleted whose masked column others refer to", () => {
    const tables = [parent, table("app", "children", ["id", "key_of"], { references: [reference("parents", { key_of: "ssn" })] })];
    for (const sql of ["DELETE FROM parents WHERE id = 1", "REPLACE INTO parents (id, name) VALUES (1, 'x')"]) {
      assert.match(said(sql, tables), /^masked-write: .*app\.children refers to/, sql);
    }
    assert.equal(said("UPDATE parents SET name = 'x' WHERE id = 1", tables), "passes");
  });

  test("masked columns are not written along", () => {
    const along = /^masked-write: app\.children has masked columns and is written along with app\.parents/;
    const keys = { parent: "id" };
    assert.match(said("UPDATE parents SET id = 2", [open, child(reference("parents", keys, { onUpdate: "cascade" }))]), along);
    assert.match(said("UPDATE parents SET id = 2", [open, child(reference("parents", keys, { onUpdate: "set" }))]), along);
    assert.match(said("DELETE FROM parents", [open, child(reference("parents", keys, { onDelete: "set" }))]), along);
    assert.equal(said("UPDATE parents SET id = 2", [open, child(reference("parents", keys))]), "passes");
    assert.equal(said("UPDATE parents SET name = 'x'", [open, child(reference("parents", keys, { onUpdate: "cascade" }))]), "passes");
  });

  test("nor are they behind a table in between", () => {
    const between = table("app", "between", ["id", "parent"], {
      references: [reference("parents", { parent: "id" }, { onUpdate: "cascade" })],
    });
    const last = child(reference("between", { parent: "parent" }, { onUpdate: "cascade" }));
    const told = /^masked-write: app\.children has masked columns and is written along with app\.between/;
    assert.match(said("UPDATE parents SET id = 2", [open, between, last]), told);
    assert.equal(said("UPDATE parents SET id = 2", [open, between]), "passes");
  });
});

describe("triggers of what is written to", () => {
  before(loadGrammar);

  const trigger = (event: MysqlTrigger["event"], body: string | null): Partial<MysqlTable> => ({
    triggers: [{ name: "runs", event, body }],
  });
  const others = [table("app", "users", COLUMNS), table("app", "log", ["a"], trigger("insert", "SET @x = 1"))];
  const secret = "INSERT INTO inbox SELECT ssn FROM users";

  for (const [event, sql] of [
    ["insert", "INSERT INTO inbox (id) VALUES (1)"],
    ["update", "INSERT INTO inbox (id) VALUES (1) ON DUPLICATE KEY UPDATE id = 2"],
    ["update", "UPDATE inbox SET id = 2"],
    ["delete", "DELETE FROM inbox"],
    ["delete", "REPLACE INTO inbox (id) VALUES (1)"],
  ] as const) {
    test(`${sql} starts those for ${event}, which may not read masked columns`, () => {
      const inbox = (body: string | null) => table("app", "inbox", ["id", "note"], trigger(event, body));
      assert.match(said(sql, [inbox(secret), ...others]), /^masked-write: trigger runs of app\.inbox may read masked columns/);
      assert.match(said(sql, [inbox(null), ...others]), /can't be seen/);
      assert.match(said(sql, [inbox("INSERT INTO log VALUES (1)"), ...others]), /may start other/);
      assert.equal(said(sql, [inbox("SET @n = 1"), ...others]), "passes");
    });
  }

  test("one of a table with masked columns may not speak of them", () => {
    const users = (body: string) => [table("app", "users", COLUMNS, trigger("update", body))];
    assert.match(said(SET_CITY, users("SET NEW.city = OLD.ssn")), /speaks of ssn, which is masked/);
    assert.equal(said(SET_CITY, users("SET NEW.city = 'x'")), "passes");
  });
});

describe("what a target is reached by", () => {
  before(loadGrammar);

  const users = [table("app", "users", COLUMNS, { partitionKey: "`ssn`", indexes: [index("one", ["ssn"])] })];

  test("tells nothing of masked columns: neither partition nor index", () => {
    assert.match(said("DELETE FROM users PARTITION (p0)", users), /^masked-write: a partition of app\.users tells of ssn/);
    assert.match(
      said("UPDATE users FORCE INDEX (one) SET city = 'x' LIMIT 1", users),
      /^masked-write: an index of app\.users could order rows/,
    );
    assert.match(said("UPDATE users NATURAL JOIN (SELECT 1 AS id) x SET city = 'y'", users), /^masked-write: NATURAL JOIN/);
    const open = [table("app", "users", ["id", "city"], { partitionKey: "`id`" })];
    assert.equal(said("DELETE FROM users PARTITION (p0)", open), "passes");
  });

  test("masked columns take values only where the rule permits it", () => {
    const plain = [table("app", "users", COLUMNS)];
    for (const sql of [
      "UPDATE users SET ssn = 'x' WHERE id = 1",
      "INSERT INTO users VALUES (1, 'x', 'y')",
      "REPLACE INTO users (ssn) VALUES ('x')",
    ]) {
      assert.match(said(sql, plain), /^masked-write: app\.users\.ssn may not be given a value/, sql);
      assert.equal(said(sql, plain, { assign: "values" }), "passes", sql);
    }
  });
});
