/** Drivers of other languages, as programs of their own: every line that they print must be the same both ways. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { onEachServer, type Way } from "#test/conformance/mysql/ways.ts";
import { clientsOf, show } from "#test/conformance/program.ts";

const CLIENTS = clientsOf("mysql");
const JARS = ["mariadb-java-client", "slf4j-api", "slf4j-nop", "jna", "jna-platform"].map((jar) => `/usr/share/java/${jar}.jar`).join(":");

async function env(way: Way): Promise<NodeJS.ProcessEnv> {
  const { host, port, user, password, database } = await way.login();
  const login = { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password, DB_NAME: database, DB_CA: way.caFile };
  return { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TZ: "UTC", ...login };
}

const PROGRAMS: readonly (readonly [name: string, part: string, command: readonly [string, ...string[]]])[] = [
  ["PyMySQL", "pymysql", ["/usr/bin/python3", "-B", join(CLIENTS, "with_pymysql.py")]],
  ["mysqlclient", "mysqldb", ["/usr/bin/python3", "-B", join(CLIENTS, "with_mysqldb.py")]],
  ["Connector/J", "mariadb-java", ["java", "-Duser.timezone=UTC", "-Dfile.encoding=UTF-8", "-cp", JARS, join(CLIENTS, "Jdbc.java")]],
];

for (const [name, part, command] of PROGRAMS) {
  onEachServer(name, [part], (ways) => {
    test("shows the same, line by line", async () => {
      const { code, stdout, stderr } = await ways().compare(async (way) => show(command, { env: await env(way) }));
      assert.equal(code, 0, stderr);
      assert.match(stdout.trimEnd().split("\n").at(-1) ?? "", /^end:/);
    });
  });
}
