/** ALTER TABLE, CREATE INDEX and DROP INDEX under a mask: of the session's own temporary tables, in the forms that keep rows where they are. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { ActiveMask } from "#policies/question.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { type MaskedText, maskedText } from "#protocols/sql/mysql/masked-text.ts";
import { resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { NO_TEMPORARY, type TemporaryTables } from "#protocols/sql/mysql/temporary.ts";
import { catalogueOf, table } from "#test/protocols/sql/mysql/small-catalogue.ts";

const MASK: ActiveMask = { rule: "pii", columns: ["app.*.ssn"], tags: [], mask: { kind: "null" } };
const MINE = { database: "app", name: "mine" };
const OURS = { database: "app", name: "ours" };
const THERE = NO_TEMPORARY.done({ kind: "make", table: MINE });

function masked(sql: string, temporary: TemporaryTables = THERE): MaskedText {
  const catalogue = catalogueOf([table("app", "users", ["id", "ssn"]), table("app", "orders", ["id"])]);
  const { protection } = resolveMysqlProtection(catalogue, [MASK]);
  const settings = { sqlMode: DEFAULT_SQL_MODE, foreign: false, database: "app", temporary };
  return maskedText(sql, { catalogue, protection, functionsAllowed: [] }, settings);
}

function said(sql: string, temporary: TemporaryTables = THERE): string {
  const found = masked(sql, temporary);
  return found.kind === "refused" ? found.obstacle.reason : found.text.replaceAll(/\s+/g, " ").trim();
}

const PASSING = [
  "ADD a int",
  "ADD COLUMN a varchar(9) CHARACTER SET utf8mb4 NOT NULL DEFAULT 'x' COMMENT 'y' FIRST",
  "ADD COLUMN IF NOT EXISTS a int AFTER b",
  "ADD a varchar(9) GENERATED ALWAYS AS (REVERSE(b)) STORED",
  "ADD a int DEFAULT (1 + 1), ADD CHECK (a > 0)",
  "ADD CONSTRAINT c UNIQUE (a, b(5) DESC)",
  "ADD PRIMARY KEY (id), ADD KEY (a), ADD INDEX i USING BTREE (b), ADD UNIQUE KEY u (c)",
  "DROP a, DROP COLUMN b, DROP COLUMN IF EXISTS c, DROP INDEX i, DROP KEY j, DROP PRIMARY KEY, DROP CONSTRAINT c",
  "MODIFY a bigint unsigned NULL, MODIFY COLUMN b text AFTER a",
  "CHANGE a b int, CHANGE COLUMN c d decimal(5, 2) NOT NULL FIRST",
  "ALTER a SET DEFAULT 5, ALTER COLUMN b SET DEFAULT ('x'), ALTER c DROP DEFAULT",
  "RENAME COLUMN a TO b, RENAME INDEX i TO j, RENAME KEY k TO l",
  "AUTO_INCREMENT = 5",
];

const REFUSED = [
  "ENGINE = InnoDB",
  "ENGINE = MERGE UNION = (users)",
  "ADD a int, ENGINE = FEDERATED",
  "TABLESPACE x",
  "DATA DIRECTORY = '/tmp'",
  "ORDER BY ssn",
  "ALGORITHM = COPY",
  "FORCE",
  "CONVERT TO CHARACTER SET latin1",
  "DISCARD TABLESPACE",
  "EXCHANGE PARTITION p WITH TABLE users",
  "PARTITION BY HASH (id)",
  "ADD PARTITION (PARTITION p VALUES LESS THAN (5))",
  "ADD FOREIGN KEY (a) REFERENCES users (id)",
  "ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES users (ssn)",
  "ADD a int REFERENCES users (id)",
  "ADD a int DEFAULT (SELECT MAX(ssn) FROM users)",
  "ADD a text AS ((SELECT ssn FROM users LIMIT 1))",
  "ADD a text AS (f(1))",
  "ADD a int DEFAULT (SLEEP(5))",
  "ADD a int CHECK (a < (SELECT COUNT(*) FROM users WHERE ssn LIKE '9%'))",
  "ADD SYSTEM VERSIONING",
  "ADD FULLTEXT KEY (a)",
  "ADD KEY (a), ADD KEY ((UPPER(a)))",
  "ADD a geometry SRID 0",
  "RENAME TO ours, RENAME TO theirs",
  "ADD",
  "",
];

describe("a temporary table", () => {
  before(loadGrammar);

  test("has columns and indexes added, changed, renamed and dropped, under its full name, and stays what it is", () => {
    for (const action of PASSING) {
      const found = masked(`ALTER TABLE mine ${action}`);
      assert.ok(found.kind === "rewritten", found.kind === "refused" ? `${action}: ${found.obstacle.message}` : action);
      assert.match(found.text.replaceAll(/\s+/g, " "), /^ALTER TABLE `app`\.`mine` /);
      assert.deepEqual([found.temporary, found.columns], [{ kind: "alter", table: MINE }, []], action);
    }
    assert.equal(
      said("CREATE UNIQUE INDEX i ON app.mine (a, b DESC) USING BTREE"),
      "CREATE UNIQUE INDEX i ON `app`.`mine` (a, b DESC) USING BTREE",
    );
    assert.equal(said("DROP INDEX `PRIMARY` ON mine"), "DROP INDEX `PRIMARY` ON `app`.`mine`");
  });

  test("is not moved, partitioned, bound to others, or given what may read rows", () => {
    for (const action of REFUSED) assert.match(said(`ALTER TABLE mine ${action}`), /^masked-(unsupported|unparsed|function)$/, action);
    for (const sql of [
      "CREATE FULLTEXT INDEX i ON mine (a)",
      "CREATE INDEX i ON mine (a) ALGORITHM = COPY",
      "ALTER IGNORE TABLE mine ADD a int",
    ])
      assert.match(said(sql), /^masked-(unsupported|unparsed|statement-kind)$/, sql);
  });

  test("takes another name, which no table has", () => {
    const found = masked("ALTER TABLE mine ADD a int, RENAME TO Ours");
    assert.ok(found.kind === "rewritten");
    assert.match(found.text, /RENAME TO\s+`app`\.`Ours`/);
    assert.deepEqual(found.temporary, { kind: "rename", table: MINE, to: { database: "app", name: "Ours" } });
    assert.equal(said("ALTER TABLE mine RENAME ours"), "ALTER TABLE `app`.`mine` RENAME `app`.`ours`");
    const both = THERE.done({ kind: "make", table: OURS });
    for (const name of ["users", "Users", "app.orders", "`ö`", "ours"])
      assert.equal(said(`ALTER TABLE mine RENAME TO ${name}`, both), "masked-unsupported", name);
    assert.equal(said("ALTER TABLE mine RENAME TO nowhere.x"), "masked-undefined-table");
    assert.equal(said("ALTER TABLE mine RENAME TO mysql.x"), "masked-catalogue");
  });

  test("is changed only where it is certain that it is there, and no other table is", () => {
    assert.equal(said("ALTER TABLE mine ADD a int", NO_TEMPORARY.begin({ kind: "make", table: MINE })), "masked-unresolved");
    assert.equal(said("ALTER TABLE mine ADD a int", NO_TEMPORARY), "masked-undefined-table");
    for (const name of ["users", "orders"]) {
      for (const sql of [
        `ALTER TABLE ${name} ADD a int`,
        `ALTER TABLE ${name} RENAME TO x`,
        `CREATE INDEX i ON ${name} (id)`,
        `DROP INDEX i ON ${name}`,
      ])
        assert.equal(said(sql), "masked-statement-kind", sql);
    }
  });

  test("keeps both names in doubt while it is renamed, and none that it had afterwards", () => {
    const rename = { kind: "rename", table: MINE, to: OURS } as const;
    const certain = (tables: TemporaryTables) => [MINE, OURS].map((name) => tables.find(name)?.certain);
    assert.deepEqual(certain(THERE.begin(rename)), [false, false]);
    assert.deepEqual(certain(THERE.begin(rename).done(rename)), [undefined, true]);
    const alter = { kind: "alter", table: MINE } as const;
    assert.deepEqual([THERE.begin(alter), THERE.begin(alter).done(alter)], [THERE, THERE]);
  });
});
