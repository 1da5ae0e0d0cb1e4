/** Drivers of other languages, as programs of their own: every line that they print must be the same both ways. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { onEachServer, type Way } from "#test/conformance/mysql/ways.ts";
import { clientsOf, MARIADB_JARS, show } from "#test/conformance/program.ts";
import { builtGo } from "#test/support/go.ts";
import { optional } from "#test/support/optional.ts";

const CLIENTS = clientsOf("mysql");

async function env(way: Way): Promise<NodeJS.ProcessEnv> {
  const { host, port, user, password, database } = await way.login();
  const login = { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password, DB_NAME: database, DB_CA: way.caFile };
  return { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TZ: "UTC", ...login };
}

interface Program {
  readonly name: string;
  readonly parts: readonly string[];
  readonly command: () => readonly [string, ...string[]];
}

const PROGRAMS: readonly Program[] = [
  { name: "PyMySQL", parts: ["pymysql"], command: () => ["/usr/bin/python3", "-B", join(CLIENTS, "with_pymysql.py")] },
  { name: "mysqlclient", parts: ["mysqldb"], command: () => ["/usr/bin/python3", "-B", join(CLIENTS, "with_mysqldb.py")] },
  {
    name: "Connector/J",
    parts: ["java", "mariadb-java"],
    command: () => ["java", "-Duser.timezone=UTC", "-Dfile.encoding=UTF-8", "-cp", MARIADB_JARS, join(CLIENTS, "Jdbc.java")],
  },
  { name: "aiomysql", parts: ["aiomysql"], command: () => ["/usr/bin/python3", "-B", join(CLIENTS, "with_aiomysql.py")] },
  { name: "PHP's mysqli and PDO", parts: ["php-mysql"], command: () => ["php", join(CLIENTS, "with_php.php")] },
  { name: "Perl's DBD::mysql", parts: ["dbd-mysql"], command: () => ["perl", join(CLIENTS, "with_perl.pl"), "mysql"] },
  { name: "Perl's DBD::MariaDB", parts: ["dbd-mariadb"], command: () => ["perl", join(CLIENTS, "with_perl.pl"), "MariaDB"] },
  { name: "Ruby's mysql2", parts: ["ruby-mysql2"], command: () => ["ruby", join(CLIENTS, "with_ruby.rb")] },
  { name: "go-sql-driver/mysql", parts: ["go-mysql"], command: () => [builtGo(join(CLIENTS, "with_go.go"))] },
];

onEachServer("drivers", [], (ways) => {
  for (const { name, parts, command } of PROGRAMS) {
    test(`${name} shows the same, line by line`, { skip: optional(...parts) }, async () => {
      const { code, stdout, stderr } = await ways().compare(async (way) => show(command(), { env: await env(way) }));
      assert.equal(code, 0, stderr);
      assert.match(stdout.trimEnd().split("\n").at(-1) ?? "", /^end:/);
    });
  }
});
