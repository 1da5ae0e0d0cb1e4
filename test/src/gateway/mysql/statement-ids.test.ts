/**
 * What the record tells of executions of prepared statements is what the server executed, whatever came before them: values sent
 * ahead, taken back, left over from an execution that was refused or failed, and MariaDB's -1 for the statement prepared last.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { COMMAND } from "#protocols/mysql/constants.ts";
import { MysqlAttacker } from "#test/masking/mysql/client.ts";
import type { MysqlAnswer } from "#test/masking/mysql/reading.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type MysqlFlavour, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const LAST = Buffer.from([0xff, 0xff, 0xff, 0xff]);
const ONE = Buffer.from([1, 0, 0, 0]);
const INSERT = "INSERT INTO seen (value) VALUES (?)";

/** One parameter, a text of fewer than 251 bytes. @param flags 8: query attributes, which nobody agreed on here */
function execution(id: Buffer, value: string, flags = 0): Buffer {
  const parameter = Buffer.from([0, 1, 0xfd, 0, value.length]);
  return Buffer.concat([Buffer.from([COMMAND.stmtExecute]), id, Buffer.from([flags, 1, 0, 0, 0]), parameter, Buffer.from(value)]);
}

function ahead(id: Buffer, value: string): Buffer {
  return Buffer.concat([Buffer.from([COMMAND.stmtSendLongData]), id, Buffer.from([0, 0]), Buffer.from(value)]);
}

function naming(command: number, id: Buffer, ...rest: number[]): Buffer {
  return Buffer.concat([Buffer.from([command]), id, Buffer.from(rest)]);
}

/** @param answer to COM_STMT_PREPARE */
function idIn({ bytes }: MysqlAnswer): Buffer {
  return Buffer.from(bytes.subarray(5, 9));
}

/** What is sent before the execution with the value `told`; a `plain` command is answered. */
const TRIES: Readonly<Record<string, (own: Buffer) => readonly { readonly bytes: Buffer; readonly answered: boolean }[]>> = {
  "a value sent ahead for -1": (_own) => [{ bytes: ahead(LAST, "hidden"), answered: false }],
  "a value taken back by -1": (own) => [
    { bytes: ahead(own, "hidden"), answered: false },
    { bytes: naming(COMMAND.stmtReset, LAST), answered: true },
  ],
  "a value sent ahead of an execution that is refused": (own) => [
    { bytes: ahead(own, "hidden"), answered: false },
    { bytes: execution(own, "other", 8), answered: true },
  ],
  "a value sent ahead of an execution that fails": (own) => [
    { bytes: ahead(own, "once"), answered: false },
    { bytes: execution(own, "other"), answered: true },
  ],
  "a value sent ahead and closed by -1": (own) => [
    { bytes: ahead(own, "hidden"), answered: false },
    { bytes: naming(COMMAND.stmtClose, LAST), answered: false },
  ],
  "a value sent ahead for another statement": (_own) => [{ bytes: ahead(Buffer.from([9, 0, 0, 0]), "hidden"), answered: false }],
};

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`ids of statements, ${flavour}`, { skip: optional(flavour === "mysql9" ? "mysql9" : "mariadb") }, () => run(flavour));
}

function run(flavour: MysqlFlavour): void {
  let server: TestMysql;
  let gateway: TestGateway;

  before(async () => {
    const seed = [
      "CREATE TABLE app.seen (value VARCHAR(50) PRIMARY KEY, at INT AUTO_INCREMENT, KEY (at)); INSERT INTO app.seen (value) VALUES ('once');",
    ];
    server = await startMysql({ flavour, seed });
    gateway = await startGateway({ mysql: { shop: server } });
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  const seen = () => server.sql("SELECT value FROM app.seen WHERE value <> 'once' ORDER BY at").trim().split("\n").slice(1);

  for (const [what, before] of Object.entries(TRIES)) {
    test(`${what}: the record holds what was executed`, async () => {
      server.sql("DELETE FROM app.seen WHERE value <> 'once'");
      const mark = `SELECT '${what}'`;
      const client = await MysqlAttacker.login(gateway, { target: "shop" });
      await client.query(mark);
      const own = idIn(await client.prepare(INSERT));
      for (const { bytes, answered } of before(own)) {
        client.write(bytes);
        if (answered) await client.answer("plain");
      }
      client.write(execution(own, "told"));
      await client.answer("plain");
      await client.query("SELECT 'done'");
      client.end();
      const events = await recordingOf(gateway, mark);
      const failed = new Set(events.flatMap((event) => (event.kind === "error" || event.kind === "denied" ? [event.statement] : [])));
      const told = events.flatMap((event) =>
        event.kind === "statement" && event.sql === INSERT && !failed.has(event.seq) ? event.parameters : [],
      );
      assert.deepEqual(seen(), told);
      assert.equal(told.length, / closed /.test(what) ? 0 : 1);
    });
  }

  test("rows fetched for -1 belong on record to the execution whose cursor is open", async () => {
    const mark = "SELECT value FROM seen WHERE value = 'once' OR 1 = 2";
    const client = await MysqlAttacker.login(gateway, { target: "shop" });
    await client.prepare(mark);
    assert.equal((await client.execute(true)).cursor, true);
    const fetched = await client.command("fetch", COMMAND.stmtFetch, LAST, ONE);
    assert.deepEqual(fetched.rows, [["once"]]);
    client.end();
    const events = await recordingOf(gateway, mark);
    assert.deepEqual(
      events.flatMap((event) => (event.kind === "rows" ? event.rows : [])),
      [["once"]],
    );
  });

  test("without an open cursor there is nothing to fetch, and of what was not prepared nothing goes upstream", async () => {
    const client = await MysqlAttacker.login(gateway, { target: "shop" });
    const unknown = Buffer.from([7, 0, 0, 0]);
    assert.equal((await client.command("fetch", COMMAND.stmtFetch, LAST, ONE)).error?.errno, 1243);
    const own = idIn(await client.prepare("SELECT 1"));
    assert.equal((await client.command("fetch", COMMAND.stmtFetch, own, ONE)).error?.errno, 1421);
    for (const command of [COMMAND.stmtFetch, COMMAND.stmtReset, COMMAND.stmtExecute]) {
      const { error } = await client.command("plain", command, unknown, ONE, ONE, ONE);
      assert.equal(error?.errno, 1243, String(command));
    }
    client.write(naming(COMMAND.stmtClose, unknown));
    assert.deepEqual(
      (await client.execute()).rows,
      [[1]].map((row) => row.map(String)),
    );
    client.end();
  });
}
