/**
 * Statements that hide from the judgement in texts that the gateway could read otherwise than the server: in names of user
 * variables, and behind settings that an earlier statement of the same text makes.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { COMMAND } from "#protocols/mysql/constants.ts";
import { MysqlAttacker } from "#test/masking/mysql/client.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type MysqlFlavour, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

/** The agent may read. */
function configure(sections: Sections): Sections {
  return { ...sections, access: { rules: [{ who: { groups: ["data-agents"] }, targets: ["shop"], may: ["read"] }] } };
}

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`hidden statements, ${flavour}`, { skip: optional(flavour === "mysql9" ? "mysql9" : "mariadb") }, () => run(flavour));
}

function run(flavour: MysqlFlavour): void {
  let server: TestMysql;
  let gateway: TestGateway;

  before(async () => {
    server = await startMysql({ flavour, seed: ["CREATE TABLE app.t (id INT PRIMARY KEY); INSERT INTO app.t VALUES (1), (2);"] });
    gateway = await startGateway({ mysql: { shop: server }, configure });
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  const rows = () => server.sql("SELECT COUNT(*) FROM app.t").trim().split("\n").at(-1);
  const HIDDEN = "DELETE FROM app.t";

  test("a backslash in the quoted name of a user variable hides nothing, whatever sql_mode says of quotes", async () => {
    for (const mode of ["", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"]) {
      const client = await MysqlAttacker.login(gateway, { target: "shop" });
      await client.query(`SET SESSION sql_mode = '${mode}'`);
      for (const quote of ['"', "'", "`"]) {
        for (const name of ["\\", "\\\\", `${quote}${quote}\\`, `\\${quote}`]) {
          await client.query(`SELECT @${quote}${name}${quote}; ${HIDDEN}; SELECT 1 -- ${quote}`);
          await client.query(`SET @${quote}${name}${quote} = 1; ${HIDDEN}; SELECT 1 -- ${quote}`);
        }
      }
      client.end();
      assert.equal(rows(), "2", mode);
    }
  });

  test("a COM_SET_OPTION that is cut short switches nothing on: the session ends", async () => {
    for (const body of [Buffer.alloc(0), Buffer.from([0]), Buffer.from([0, 0, 0])]) {
      const client = await MysqlAttacker.login(gateway, { target: "shop" });
      await client.command("plain", COMMAND.setOption, Buffer.from([1, 0]));
      const { error } = await client.command("plain", COMMAND.setOption, body);
      assert.match(error?.message ?? "", /reason=malformed-message/);
      client.end();
    }
  });

  test("a text of several statements goes nowhere over a connection that did not ask for them", async () => {
    const client = await MysqlAttacker.login(gateway, { target: "shop" });
    await client.command("plain", COMMAND.setOption, Buffer.from([1, 0]));
    const { error } = await client.query("SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 1");
    assert.equal(error?.errno, 1064);
    assert.match(error?.message ?? "", /near 'SELECT 1' at line 1$/);
    assert.deepEqual((await client.query("SELECT @@sql_mode LIKE '%NO_BACK%'")).rows, [["0"]]);
    client.end();
  });
}
