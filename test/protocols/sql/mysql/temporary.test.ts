/** Temporary tables of a session as they are told from what its statements were answered, and the tables that may be made at all. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lex } from "#protocols/sql/mysql/lexer.ts";
import { readCreation } from "#protocols/sql/mysql/read-creation.ts";
import { readQuery } from "#protocols/sql/mysql/read-query.ts";
import { Reader, Refused } from "#protocols/sql/mysql/reading.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { NO_TEMPORARY, type TemporaryTables } from "#protocols/sql/mysql/temporary.ts";

const T = { database: "app", name: "t" };
const U = { database: "app", name: "u" };
const made = { kind: "make", table: T } as const;

function known(tables: TemporaryTables): readonly (boolean | undefined)[] {
  return [T, U].map((name) => tables.find(name)?.certain);
}

describe("temporary tables of a session", () => {
  test("are there once their statement was answered OK, and doubtful while it runs or when it failed", () => {
    const begun = NO_TEMPORARY.begin(made);
    assert.deepEqual(known(begun), [false, undefined]);
    assert.deepEqual(known(begun.done(made)), [true, undefined]);
  });

  test("stay what they are when one is made that is there", () => {
    const there = NO_TEMPORARY.begin(made).done(made);
    assert.equal(there.begin(made), there);
  });

  test("are gone when DROP was answered OK, and all that it named are doubtful when it failed", () => {
    const both = NO_TEMPORARY.done(made).done({ kind: "make", table: U });
    const drop = { kind: "drop", tables: [T, { database: "app", name: "other" }] } as const;
    assert.deepEqual(known(both.begin(drop)), [false, true]);
    assert.equal(both.begin(drop).size, 2);
    assert.deepEqual(known(both.begin(drop).done(drop)), [undefined, true]);
  });

  test("are doubtful when making them anew failed, or a reset did", () => {
    const there = NO_TEMPORARY.done(made);
    assert.deepEqual(known(there.begin({ kind: "remake", table: T })), [false, undefined]);
    assert.deepEqual(known(there.doubted()), [false, undefined]);
  });

  test("have the same key where they are the same, and another where they differ", () => {
    const keys = [NO_TEMPORARY, NO_TEMPORARY.begin(made), NO_TEMPORARY.done(made), NO_TEMPORARY.done({ kind: "make", table: U })];
    assert.equal(new Set(keys.map(({ key }) => key)).size, 4);
    assert.equal(NO_TEMPORARY.done(made).done({ kind: "drop", tables: [T] }).key, "");
    const many = Array.from({ length: 50 }, (_, index) => ({ database: "app", name: `table number ${index}` }));
    const one = many.reduce((tables, table) => tables.done({ kind: "make", table }), NO_TEMPORARY);
    const other = many.toReversed().reduce((tables, table) => tables.done({ kind: "make", table }), NO_TEMPORARY);
    assert.equal(one.key, other.key);
    assert.ok(one.key.length < 100 && one.key !== one.begin({ kind: "drop", tables: many.slice(0, 1) }).key);
  });
});

describe("CREATE TABLE under a mask", () => {
  const read = (sql: string) => {
    const lexed = lex(sql, { sqlMode: DEFAULT_SQL_MODE, executes: null });
    assert.ok(lexed.kind === "tokens", sql);
    return readCreation(new Reader(lexed.tokens, (name) => name, readQuery));
  };

  test("is read up to the query that fills it", () => {
    const { temporary, name, queryAt, headEnd } = read(
      "CREATE TEMPORARY TABLE IF NOT EXISTS d.t (a INT) ENGINE=InnoDB IGNORE AS SELECT 1 AS a",
    );
    assert.deepEqual([temporary, name.parts, queryAt, headEnd], [true, ["d", "t"], 18, 17]);
    assert.deepEqual(read("CREATE TABLE t SELECT 1").queryAt, 3);
    assert.deepEqual(read("CREATE TABLE t AS (SELECT 1) UNION SELECT 2").queryAt, 4);
  });

  test("takes plain columns, indexes and options", () => {
    for (const inside of [
      "a INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'x', b VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT ''",
      "a DECIMAL(10,2) DEFAULT -1.5, b ENUM('x','y') DEFAULT 'x' NULL, c DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)",
      "a INT, b INT GENERATED ALWAYS AS (a + 1) STORED, c VARCHAR(36) DEFAULT (UUID()), CHECK (a > 0), CONSTRAINT k CHECK (a < 9) NOT ENFORCED",
      "a INT KEY, b BLOB, c JSON, PRIMARY KEY (a), UNIQUE KEY u (a, b(10) DESC), KEY (c), INDEX i USING BTREE (a), CONSTRAINT p UNIQUE (a)",
    ]) {
      assert.equal(
        read(`CREATE TEMPORARY TABLE t (${inside}) ENGINE = MEMORY, DEFAULT CHARSET=utf8mb4 COLLATE utf8mb4_bin COMMENT='x'`).queryAt,
        null,
      );
    }
  });

  test("refuses whatever could reach another table, a file, another server, or hide what others see", () => {
    for (const rest of [
      "TABLE t LIKE users",
      "TABLE t (LIKE users)",
      "TABLE t (a INT REFERENCES users (id))",
      "TABLE t (a INT, FOREIGN KEY (a) REFERENCES users (id))",
      "TABLE t (a INT, CONSTRAINT f FOREIGN KEY (a) REFERENCES users (id))",
      "TABLE t (a INT) ENGINE=MERGE UNION=(users)",
      "TABLE t (a INT) UNION=(users)",
      "TABLE t (a INT) ENGINE=FEDERATED",
      "TABLE t (a INT) ENGINE='InnoDB'",
      "TABLE t (a INT) ENGINE=CSV",
      "TABLE t (a INT) CONNECTION='mysql://x'",
      "TABLE t (a INT) DATA DIRECTORY='/x'",
      "TABLE t (a INT) TABLESPACE x",
      "TABLE t (a INT) PARTITION BY HASH (a)",
      "TABLE t (a INT) WITHOUT SYSTEM VERSIONING",
      "TABLE t (a INT DEFAULT (SELECT 1))",
      "TABLE t (a INT DEFAULT x)",
      "TABLE t (a INT DEFAULT NEXTVAL(s))",
      "TABLE t (a INT, FULLTEXT KEY (a))",
      "TABLE t (a INT, KEY ((a + 1)))",
      "TABLE t (a INT, PERIOD FOR SYSTEM_TIME (a, b))",
      "OR REPLACE TABLE t SELECT 1",
      "VIEW v AS SELECT 1",
      "SEQUENCE s",
      "TABLE t AS",
      "TABLE t AS CALL p()",
      "TABLE t (a INT) START TRANSACTION",
    ]) {
      for (const kind of ["", "TEMPORARY "]) {
        const sql = rest.startsWith("TABLE") ? `CREATE ${kind}${rest}` : `CREATE ${rest}`;
        assert.throws(() => read(sql), Refused, sql);
      }
    }
  });
});
