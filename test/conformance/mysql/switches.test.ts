/**
 * Switches that people give the command-line clients: compression, another plugin to begin a login with, attributes of queries.
 * Each shows the same as straight, whether or not the gateway has what it asks for; Ctrl-C stops what runs and not the session.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, command, environment } from "#test/conformance/mysql/command-line.ts";
import { onEachServer, type Way } from "#test/conformance/mysql/ways.ts";
import { type Shown, show } from "#test/conformance/program.ts";

const PROGRAM = { mysql: "mysql", mariadb: "mariadb", mariadb11: "mariadb" };
const LONG = `SELECT id, name, REPEAT('x', 100000) AS long_one FROM customers ORDER BY id; SELECT '${"y".repeat(50_000)}' AS sent;`;

const SWITCHES: readonly (readonly [Client, ...string[]])[] = [
  ["mysql", "--compress"],
  ["mysql", "--compression-algorithms=zstd,zlib,uncompressed"],
  ["mysql", "--default-auth=mysql_clear_password", "--enable-cleartext-plugin"],
  ["mysql", "--default-auth=caching_sha2_password"],
  ["mariadb", "--compress"],
  ["mariadb", "--default-auth=mysql_native_password"],
  ["mariadb", "--default-auth=caching_sha2_password"],
  ["mariadb", "--default-auth=client_ed25519"],
  ["mariadb11", "--compress"],
  ["mariadb11", "--default-auth=parsec"],
];

onEachServer("switches", ["mariadb11"], (ways) => {
  const run = async (way: Way, client: Client, args: readonly string[], input: string): Promise<Shown> =>
    show(await command(client, PROGRAM[client], way, "--batch", ...args), { env: await environment(way), input });

  for (const [client, ...args] of SWITCHES) {
    test(`${client} ${args.join(" ")}: shows the same`, async () => {
      const { code, stderr } = await ways().compare((way) => run(way, client, args, LONG));
      assert.equal(code, 0, stderr);
    });
  }

  test("mysql that takes nothing but compression says so, and no more comes of it", async () => {
    const { code, stdout, stderr } = await run(ways().through, "mysql", ["--compression-algorithms=zlib"], "SELECT 1");
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^ERROR 2066 /m);
  });

  test("mysql: attributes of a query reach a server that knows them, and are left out for one that does not", async () => {
    const { server, flavour } = ways();
    const knows = flavour === "mysql9";
    if (knows) server.sql("INSTALL COMPONENT 'file://component_query_attributes'");
    const input = `query_attributes trace abc-1\n${knows ? "SELECT mysql_query_attribute_string('trace') AS told" : "SELECT 'abc-1' AS told"};`;
    const { code, stdout, stderr } = await ways().compare((way) => run(way, "mysql", ["--commands"], input));
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "told\nabc-1\n");
  });

  for (const client of ["mariadb", "mariadb11"] as const) {
    test(`${client}: Ctrl-C stops the statement at the server too`, async () => {
      const { through, server } = ways();
      const running = () => server.sql("SELECT COUNT(*) AS n FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(30)%'");
      let before = "";
      await show(await command(client, PROGRAM[client], through, "--force"), {
        env: await environment(through),
        input: "SELECT SLEEP(30) AS slept;\n",
        meanwhile: (child) =>
          void pause(1_500).then(() => {
            before = running();
            child.kill("SIGINT");
          }),
      });
      assert.equal(before, "n\n1\n");
      for (let waited = 0; waited < 5_000 && running() !== "n\n0\n"; waited += 200) await pause(200);
      assert.equal(running(), "n\n0\n");
    });
  }
});
