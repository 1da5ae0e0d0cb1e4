/** The command-line clients of MySQL and MariaDB with stock settings: statements of every kind, mistakes, dumps, Ctrl-C. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { test } from "node:test";
import { command, environment } from "#test/conformance/mysql/command-line.ts";
import { onEachServer, type Ways } from "#test/conformance/mysql/ways.ts";
import { type Shown, show } from "#test/conformance/program.ts";
import { until } from "#test/support/waiting.ts";

/** MySQL's client asks MariaDB for a collation that it does not know, and gets latin1: so the character set is said. */
const STATEMENTS = String.raw`
SET NAMES utf8mb4;
SELECT * FROM customers ORDER BY id\G
SELECT name, total FROM spending ORDER BY total;
SELECT 1; SELECT 2 AS two;
SELECT * FROM nowhere;
SELECT 1 +;
INSERT INTO customers (name, email) VALUES ('new', 'new@example.com');
SELECT ROW_COUNT(), LAST_INSERT_ID();
INSERT INTO customers (name, email) VALUES ('twice', 'new@example.com');
UPDATE customers SET balance = balance + 1 WHERE id <= 2;
DELETE FROM purchases WHERE id = 1;
INSERT INTO purchases (customer, amount) VALUES (999, 1);
BEGIN; INSERT INTO purchases (customer, amount) VALUES (1, 77); SELECT COUNT(*) FROM purchases; ROLLBACK; SELECT COUNT(*) FROM purchases;
START TRANSACTION; SAVEPOINT a; DELETE FROM purchases; ROLLBACK TO a; SELECT COUNT(*) FROM purchases; COMMIT;
CALL two_results(21);
SELECT doubled(21);
SELECT 'it''s', "double", 'back\\slash', x'41', 0x42, b'101', N'n', _utf8mb4'é', 'a' 'b';
SELECT /* comment */ 1 -- end
; # another
SELECT 1;
SELECT /*!40101 2 + */ 1 AS executed;
SELECT @a := 5, @a + 1;
SET @b = 'x'; SELECT @b;
SET SESSION sql_mode = 'ANSI_QUOTES'; SELECT "name" FROM customers WHERE id = 1; SET SESSION sql_mode = DEFAULT;
SHOW TABLES; SHOW COLUMNS FROM customers; SHOW CREATE VIEW spending;
DESCRIBE purchases; EXPLAIN FORMAT=TRADITIONAL SELECT * FROM customers WHERE id = 1;
SHOW WARNINGS; SELECT CAST('abc' AS SIGNED); SHOW WARNINGS;
CREATE TEMPORARY TABLE t (a INT); INSERT INTO t VALUES (1), (2); SELECT SUM(a) FROM t; DROP TEMPORARY TABLE t;
CREATE TABLE made AS SELECT id, name FROM customers; ALTER TABLE made ADD COLUMN x INT DEFAULT 3; SELECT * FROM made; TRUNCATE TABLE made; DROP TABLE made;
PREPARE s FROM 'SELECT ? + 1'; SET @n = 41; EXECUTE s USING @n; DEALLOCATE PREPARE s;
SELECT name FROM customers INTO @into LIMIT 1;
SELECT GROUP_CONCAT(name ORDER BY id SEPARATOR '|') FROM customers;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT * FROM n;
SELECT customer, SUM(amount) FROM purchases GROUP BY customer WITH ROLLUP;
USE app; SELECT DATABASE();
status_is_no_command;
`;

/** Each without a word of it in the texts: the login alone says in what set a client speaks. */
const CHARACTER_SETS = ["utf8mb4", "utf8", "latin1", "cp1251", "greek"] as const;
const IN_A_SET = `
SELECT @@character_set_client, @@character_set_connection, @@collation_connection, @@character_set_results;
SELECT 'é', HEX('é'), LENGTH('é'), 'ä' = 'a', 'ß' = 'ss', _utf8mb4'é', CHAR_LENGTH('日本');
INSERT INTO customers (name, email) VALUES ('Zoë', 'zoe@example.com');
SELECT name, HEX(name) FROM customers WHERE email = 'zoe@example.com';
SELECT name FROM customers WHERE name = 'zoe';
`;

const CLIENTS = ["mysql", "mariadb", "mariadb11"] as const;
const PROGRAM = { mysql: "mysql", mariadb: "mariadb", mariadb11: "mariadb" };

onEachServer("command line", ["mariadb11"], (ways) => {
  for (const client of CLIENTS) {
    const program = PROGRAM[client];
    const script = (input: string, ...args: readonly string[]): Promise<Shown> =>
      ways().compare(async (way) => show(await command(client, program, way, ...args), { env: await environment(way), input }));

    test(`${client}: a session begins in the character set and collation that the login names`, async () => {
      const shown = [await script(IN_A_SET, "--batch")];
      for (const set of CHARACTER_SETS) shown.push(await script(IN_A_SET, "--batch", `--default-character-set=${set}`));
      assert.deepEqual(
        shown.map(({ code, stderr }) => [code, stderr]),
        shown.map(() => [0, ""]),
      );
      // What MySQL calls utf8mb4 is latin1 to MariaDB 10.
      assert.ok(new Set(shown.map(({ stdout }) => stdout)).size >= CHARACTER_SETS.length - 1);
    });

    test(`${client}: statements of every kind show the same, errors included`, async () => {
      const { stdout, stderr } = await script(STATEMENTS, "--force", "--table", "--show-warnings", "--default-character-set=utf8mb4");
      assert.match(stdout, /Åsa Öberg/);
      assert.match(stderr, /ERROR 1146/);
      assert.match(stderr, /ERROR 1062/);
    });

    test(`${client}: one statement at a time, in batch form, with the exit code of an error`, async () => {
      assert.equal((await script("SELECT id FROM customers ORDER BY id", "--batch")).code, 0);
      assert.equal((await script("SELECT nothing", "--batch")).code, 1);
    });

    test(`${client}: a dump restores to the same database`, async () => {
      const dump = client === "mysql" ? "mysqldump" : "mariadb-dump";
      const options = ["--skip-dump-date", "--routines", "--hex-blob", "--no-tablespaces", "--single-transaction"];
      const gtid = client === "mysql" && ways().flavour === "mysql9" ? ["--set-gtid-purged=OFF"] : [];
      const statistics = client === "mysql" ? ["--column-statistics=0"] : [];
      const shown = await ways().compare(async (way) =>
        withoutVersion(await show(await command(client, dump, way, ...options, ...gtid, ...statistics), { env: await environment(way) })),
      );
      assert.equal(shown.code, 0, shown.stderr);
      assert.match(shown.stdout, /INSERT INTO `customers`/);
      const before = dumped(ways());
      const { through, server } = ways();
      server.sql(`DROP DATABASE ${server.database}; CREATE DATABASE ${server.database} CHARACTER SET utf8mb4`);
      const restored = await show(await command(client, program, through), { env: await environment(through), input: shown.stdout });
      assert.equal(restored.code, 0, restored.stderr);
      assert.equal(dumped(ways()), before);
    });
  }

  for (const client of ["mysql", "mariadb"] as const) {
    test(`${client}: who may read dumps tables with the tool's own settings, and who may write and make tables restores them`, async () => {
      const { server, as, flavour } = ways();
      const dump = client === "mysql" ? "mysqldump" : "mariadb-dump";
      const own =
        client === "mysql" ? ["--no-tablespaces", "--column-statistics=0", ...(flavour === "mysql9" ? ["--set-gtid-purged=OFF"] : [])] : [];
      const tables = ["--ignore-table=app.spending", "--skip-triggers"];
      const dumped = await show(await command(client, dump, as("reader"), ...own, ...tables), { env: await environment(as("reader")) });
      assert.equal(dumped.code, 0, dumped.stderr);
      assert.match(dumped.stdout, /INSERT INTO `purchases`/);
      server.sql(`USE ${server.database}; SET foreign_key_checks = 0; DELETE FROM purchases; DELETE FROM customers;`);
      const restored = await show(await command(client, client, as("loader")), {
        env: await environment(as("loader")),
        input: dumped.stdout,
      });
      assert.equal(restored.code, 0, restored.stderr);
      assert.match(server.sql(`SELECT COUNT(*) AS n FROM ${server.database}.purchases`), /^n\n5$/m);
      const refused = await show(await command(client, client, as("reader")), {
        env: await environment(as("reader")),
        input: dumped.stdout,
      });
      assert.match(refused.stderr, /reason=access-not-granted/);
    });
  }

  test("Ctrl-C stops the statement and the session goes on", async () => {
    const { through } = ways();
    const shown = await show(await command("mysql", "mysql", through, "--force", "--sigint-ignore=0"), {
      env: await environment(through),
      input: "SELECT SLEEP(30) AS slept;\nSELECT 'after' AS word;\n",
      meanwhile: (child) => void interrupt(child, ways()),
    });
    // SLEEP tells by 1 that it was interrupted.
    assert.match(`${shown.stdout}${shown.stderr}`, /slept\n1|interrupted/);
    assert.match(shown.stdout, /word\nafter/);
  });
});

/** Once the server has the statement: before, the program itself would end. */
async function interrupt(child: ChildProcess, { server }: Ways): Promise<void> {
  await until(() => child.exitCode !== null || server.sql("SHOW FULL PROCESSLIST").includes("SLEEP(30)"), "the server has the statement");
  child.kill("SIGINT");
}

/** Dumps tell the version that they were greeted with: the target's without its build, or before it is known another. */
function withoutVersion({ code, stdout, stderr }: Shown): Shown {
  const even = (text: string) =>
    text.replace(/(-- Server version\t|an old server |-- Warning: version string returned by server is incorrect).*\n/g, "");
  return { code, stdout: even(stdout), stderr: even(stderr) };
}

/** What a database holds, as the server's own tool over its own socket tells it. */
function dumped({ server }: Ways): string {
  return server.sql(`USE ${server.database};
    SELECT * FROM customers ORDER BY id; SELECT * FROM purchases ORDER BY id; SELECT * FROM spending ORDER BY name;
    SHOW CREATE TABLE customers; SHOW CREATE TABLE purchases; SHOW CREATE VIEW spending; SHOW CREATE PROCEDURE two_results; SHOW CREATE FUNCTION doubled`);
}
