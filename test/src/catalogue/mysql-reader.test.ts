/** The catalogue of a real MySQL and a real MariaDB: what is read of it, and that its digest changes with every part of it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { columnNamed, type MysqlCatalogue, type MysqlTable, mysqlLookup } from "#protocols/sql/mysql/catalogue.ts";
import { mysqlCatalogueDigest, readMysqlCatalogue } from "#src/catalogue/mysql-reader.ts";
import { Upstream } from "#src/gateway/upstream.ts";
import { MysqlTargetConnection } from "#src/targets/mysql-connection.ts";
import { databaseTarget } from "#test/support/database-target.ts";
import { type MysqlFlavour, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const CONTEXT = { sessionId: null, record: () => undefined, now: () => Date.now() };

const SEED = [
  "USE app;",
  `CREATE TABLE people (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) CHARACTER SET latin1 NOT NULL COMMENT 'who, sallyport:PII',
    ssn CHAR(11) DEFAULT 'none', mood ENUM('A','b c'), tail VARCHAR(4) GENERATED ALWAYS AS (RIGHT(ssn, 4)) VIRTUAL, pay DECIMAL(8,2),
    UNIQUE KEY by_ssn (ssn), KEY by_two (name, mood), CONSTRAINT paid CHECK (pay > 0)) COMMENT='sallyport:staff';`,
  "CREATE TABLE visits (person INT, at DATE, FOREIGN KEY f (person) REFERENCES people (id) ON DELETE CASCADE ON UPDATE SET NULL);",
  "CREATE TABLE parts (id INT, y INT) PARTITION BY RANGE (y) (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN MAXVALUE);",
  `CREATE TABLE finer (id INT, y INT, z INT) PARTITION BY RANGE (y) SUBPARTITION BY HASH (z) SUBPARTITIONS 2
    (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN MAXVALUE);`,
  "CREATE TABLE below (a INT) ENGINE=MyISAM; CREATE TABLE merged (a INT) ENGINE=MERGE UNION=(below);",
  "CREATE INDEX unread ON people (mood); ALTER TABLE people ALTER INDEX unread /*!80000 INVISIBLE */ /*M! IGNORED */;",
  "CREATE VIEW adults AS SELECT id, name FROM people WHERE pay > 1 WITH CHECK OPTION;",
  "CREATE SQL SECURITY INVOKER VIEW open_view AS SELECT 1 AS one;",
  "CREATE TRIGGER greet BEFORE INSERT ON visits FOR EACH ROW SET NEW.at = '2020-01-01';",
  "CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN 2 * n;",
  "CREATE PROCEDURE nothing() SQL SECURITY INVOKER SELECT 1;",
  "CREATE DATABASE other; GRANT ALL ON other.* TO 'app'@'%'; CREATE TABLE other.people (a INT INVISIBLE, b INT);",
];

const MYSQL = ["CREATE TABLE app.loose (a INT, CONSTRAINT kept CHECK (a > 1), CONSTRAINT loose CHECK (a > 2) NOT ENFORCED);"];
const MARIADB = ["CREATE TABLE app.kept (a INT) WITH SYSTEM VERSIONING;", "CREATE SEQUENCE app.numbers;"];
const CHANGES = [
  "CREATE TABLE app.fresh (a INT)",
  "ALTER TABLE app.fresh ADD b INT DEFAULT 5",
  "ALTER TABLE app.fresh MODIFY b INT DEFAULT 6",
  "ALTER TABLE app.fresh MODIFY b INT DEFAULT 6 COMMENT 'sallyport:pii'",
  "ALTER TABLE app.fresh COMMENT = 'sallyport:all'",
  "CREATE UNIQUE INDEX u ON app.fresh (b)",
  "CREATE VIEW app.seen AS SELECT a FROM app.fresh",
  "CREATE OR REPLACE VIEW app.seen AS SELECT b AS a FROM app.fresh",
  "CREATE TRIGGER app.t BEFORE UPDATE ON app.fresh FOR EACH ROW SET NEW.a = 1",
  "ALTER TABLE app.fresh ADD CONSTRAINT c CHECK (a > 3)",
  "CREATE FUNCTION app.thrice(n INT) RETURNS INT DETERMINISTIC RETURN 3 * n",
  "RENAME TABLE app.fresh TO app.stale",
  "DROP VIEW app.seen",
  "DROP TABLE app.stale",
];

for (const flavour of ["mysql9", "mariadb10"] as const satisfies readonly MysqlFlavour[]) {
  describe(`the catalogue of ${flavour}`, { skip: flavour === "mysql9" ? optional("mysql9") : false }, () => {
    let server: TestMysql;
    let connection: MysqlTargetConnection;
    let catalogue: MysqlCatalogue;
    const query = (sql: string) => connection.query(sql);
    const table = (name: string, database = "app"): MysqlTable => {
      const found = mysqlLookup(catalogue).table(database, name);
      assert.ok(found, `${database}.${name}`);
      return found;
    };

    before(async () => {
      server = await startMysql({ flavour, seed: [...SEED, ...(flavour === "mariadb10" ? MARIADB : MYSQL)] });
      connection = await MysqlTargetConnection.open(
        new Upstream(databaseTarget(server, { protocol: "mysql", databases: ["app"] }), 15_000),
        "test",
        CONTEXT,
      );
      catalogue = await readMysqlCatalogue(query);
    });
    after(async () => {
      connection?.close();
      await server?.stop();
    });

    test("tells server, databases and tables, and of the server's own those that are read in part", () => {
      assert.equal(catalogue.server.flavour, flavour === "mysql9" ? "mysql" : "mariadb");
      assert.ok(catalogue.server.version > (flavour === "mysql9" ? 90_000 : 101_100));
      assert.equal(catalogue.lowerCaseTableNames, 0);
      assert.match(catalogue.sqlMode, /STRICT_TRANS_TABLES/);
      assert.ok(catalogue.databases.includes("app") && catalogue.databases.includes("other"));
      const names = catalogue.tables.map(({ database, name }) => `${database}.${name}`);
      for (const name of ["app.people", "app.visits", "app.parts", "app.adults", "app.open_view", "other.people"])
        assert.ok(names.includes(name), name);
      assert.deepEqual(
        names.filter((name) => !/^(app|other)\./.test(name)).map((name) => name.toLowerCase()),
        ["columns", "partitions", "processlist", "statistics", "tables"].map((name) => `information_schema.${name}`),
      );
    });

    test("tells columns with type, set, default, generation, visibility and tags", () => {
      const people = table("people");
      const column = (name: string) => columnNamed(people, name);
      assert.deepEqual(
        people.columns.map(({ name, number }) => [name, number]),
        ["id", "name", "ssn", "mood", "tail", "pay"].map((name, index) => [name, index + 1]),
      );
      assert.deepEqual([column("id")?.autoIncrement, column("name")?.autoIncrement], [true, false]);
      assert.deepEqual([column("name")?.type, column("name")?.charset, column("name")?.characters], ["varchar(20)", "latin1", 20]);
      assert.deepEqual([column("name")?.nullable, column("ssn")?.nullable], [false, true]);
      assert.equal(column("mood")?.type, "enum('A','b c')");
      assert.match(column("ssn")?.default ?? "", /none/);
      assert.match(column("tail")?.generation ?? "", /right.*ssn/i);
      assert.equal(column("ssn")?.generation, null);
      assert.deepEqual([column("name")?.tags, column("ssn")?.tags], [["pii", "staff"], ["staff"]]);
      assert.deepEqual(
        table("people", "other").columns.map(({ invisible }) => invisible),
        [true, false],
      );
    });

    test("tells indexes, checks, foreign keys, triggers and partitions", () => {
      const people = table("people");
      const bySsn = people.indexes.find(({ name }) => name === "by_ssn");
      assert.deepEqual(bySsn, { name: "by_ssn", unique: true, visible: true, keys: [{ column: "ssn", expression: null }] });
      assert.deepEqual(
        people.indexes.find(({ name }) => name === "by_two")?.keys.map(({ column }) => column),
        ["name", "mood"],
      );
      assert.equal(people.checks.length, 1);
      assert.match(people.checks[0] ?? "", /pay/);
      const [reference] = table("visits").references;
      assert.deepEqual(
        [reference?.columns, reference?.table, reference?.database, reference?.onDelete, reference?.onUpdate],
        [[{ name: "person", refersTo: "id" }], "people", "app", "cascade", "set"],
      );
      assert.deepEqual(
        table("visits").triggers.map(({ name, event }) => [name, event]),
        [["greet", "insert"]],
      );
      assert.match(table("visits").triggers[0]?.body ?? "", /2020-01-01/);
      assert.match(table("parts").partitionKey, /y/);
      assert.match(table("finer").partitionKey, /y.*z/);
      assert.equal(people.partitionKey, "");
      assert.deepEqual(
        people.indexes.filter(({ visible }) => !visible).map(({ name }) => name),
        ["unread"],
      );
    });

    test("tells what takes its rows from elsewhere from tables", () => {
      assert.deepEqual([table("merged").kind, table("below").kind, table("people").kind], ["other", "table", "table"]);
    });

    test("holds what can't be seen for unknown, not for empty", async () => {
      const blind = async (sql: string) => {
        const rows = await query(sql);
        if (sql.includes("information_schema.triggers")) return rows.map((row) => ({ ...row, body: "" }));
        return / AS dflt, extra /.test(sql.replaceAll(/\s+/g, " ")) ? rows.filter(({ rel }) => rel !== "parts") : rows;
      };
      catalogue = await readMysqlCatalogue(blind);
      assert.deepEqual([table("parts").kind, table("people").kind], ["other", "table"]);
      assert.equal(table("visits").triggers[0]?.body, null);
      catalogue = await readMysqlCatalogue(query);
    });

    test("tells views with whose rights they run, and routines", () => {
      const { view, kind } = table("adults");
      assert.equal(kind, "view");
      assert.match(view?.definition ?? "", /people/);
      assert.deepEqual([view?.security, view?.checkOption, table("open_view").view?.security], ["definer", true, "invoker"]);
      assert.equal(table("people").view, null);
      assert.deepEqual(
        catalogue.routines.map(({ name, kind: its, security }) => [name, its, security]),
        [
          ["twice", "function", "definer"],
          ["nothing", "procedure", "invoker"],
        ].sort(),
      );
    });

    if (flavour === "mysql9") {
      test("leaves out a CHECK that is not enforced", () => {
        assert.deepEqual(table("loose").checks.length, 1);
        assert.match(table("loose").checks[0] ?? "", /1/);
      });
    }

    if (flavour === "mariadb10") {
      test("tells what keeps its history, and what is no table", () => {
        assert.equal(table("kept").kind, "system-versioned");
        assert.equal(table("numbers").kind, "other");
      });
    }

    test("has another digest after each change of the schema, and the same after none or a change of rows", async () => {
      server.sql("INSERT INTO app.people (id, name, ssn) VALUES (5, 'five', '5')");
      assert.equal(await mysqlCatalogueDigest(query), catalogue.version);
      const seen = new Set([catalogue.version]);
      for (const change of CHANGES) {
        server.sql(change);
        const digest = await mysqlCatalogueDigest(query);
        assert.ok(!seen.has(digest), change);
        seen.add(digest);
      }
      assert.notEqual((await readMysqlCatalogue(query)).version, catalogue.version);
    });

    test("has another digest where new sessions read SQL otherwise", async () => {
      const before = await mysqlCatalogueDigest(query);
      server.sql("SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, ',ANSI_QUOTES')");
      assert.notEqual(await mysqlCatalogueDigest(query), before);
      server.sql("SET GLOBAL sql_mode = REPLACE(@@GLOBAL.sql_mode, 'ANSI_QUOTES', '')");
      assert.equal(await mysqlCatalogueDigest(query), before);
    });

    test("is not to be led to writing", async () => {
      await assert.rejects(query("DELETE FROM app.people"), /catalogue-unavailable|refused a query/);
    });

    test("a schema that is dropped while it is read, and made anew as it was, is read whole", async () => {
      const made = "CREATE TABLE app.brief (a INT, secret VARCHAR(10))";
      server.sql(made);
      for (const missed of [/ FROM information_schema.columns/, / FROM information_schema.tables/]) {
        for (const look of [0, 1]) {
          let times = 0;
          const disturbed = async (sql: string) => {
            const meets = !sql.includes("digest") && missed.test(sql.replaceAll(/\s+/g, " ")) && times++ === look;
            if (!meets) return query(sql);
            server.sql("DROP TABLE app.brief");
            const rows = await query(sql);
            server.sql(made);
            return rows;
          };
          catalogue = await readMysqlCatalogue(disturbed);
          assert.ok(times > look + 1, "nothing was read again");
          assert.deepEqual(
            table("brief").columns.map(({ name }) => name),
            ["a", "secret"],
          );
          assert.equal(catalogue.version, await mysqlCatalogueDigest(query));
        }
      }
      server.sql("DROP TABLE app.brief");
    });

    test("a schema that is another one at each look is read no further", async () => {
      let looks = 0;
      const restless = async (sql: string) => {
        const rows = await query(sql);
        return /^SELECT schema_name/.test(sql) ? [...rows, { name: `made ${looks++}` }] : rows;
      };
      await assert.rejects(readMysqlCatalogue(restless), /changes faster than it can be read/);
      assert.ok(looks < 10);
    });
  });
}
