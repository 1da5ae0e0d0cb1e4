/**
 * What one process has seen of a target's greeting, all greet with: other workers, those that start later, and a gateway that
 * starts again. A stub stands for a target that is upgraded; the connectors meet real servers.
 */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createConnection as connectTo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type tls from "node:tls";
import { createConnection } from "mariadb";
import mysql from "mysql2/promise";
import { type Greeting, greetingPayload, readGreeting } from "#protocols/mysql/greeting.ts";
import { packets } from "#protocols/mysql/packet.ts";
import type { DatabaseTarget } from "#src/config/config.ts";
import { GREETINGS_MAX, Greetings, type NamedGreeting } from "#src/gateway/mysql/greetings.ts";
import { readGreetings, writeGreetings } from "#src/gateway/mysql/greetings-file.ts";
import { show } from "#test/conformance/program.ts";
import { packet } from "#test/src/gateway/mysql/raw.ts";
import { CAPABILITIES, GREETING, type StubMysql, startStubMysql } from "#test/src/gateway/mysql/stub.ts";
import { databaseTarget } from "#test/support/database-target.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";

/** The stub's own greeting with another version. */
function told(version: string): Greeting {
  return { ...readGreeting(GREETING.subarray(4)), version };
}

async function greeted(gateway: TestGateway): Promise<string> {
  const socket = connectTo({ host: "127.0.0.1", port: Number(/:(\d+)$/.exec(gateway.addresses["mysql"] ?? "")?.[1]) });
  const { version } = readGreeting(await packet(socket));
  socket.destroy();
  return version;
}

function cutOff(socket: tls.TLSSocket): null {
  socket.destroy();
  return null;
}

/** Of so many connections that each worker has had some. */
async function versions(gateway: TestGateway): Promise<readonly string[]> {
  const all = await Promise.all(Array.from({ length: 40 }, () => greeted(gateway)));
  return [...new Set(all)];
}

async function untilAll(gateway: TestGateway, version: string): Promise<void> {
  let seen: readonly string[] = [];
  const isAll = async () => {
    seen = await versions(gateway);
    return seen.length === 1 && seen[0] === version;
  };
  await until(isAll, () => `all greet with ${version}; they do with ${seen.join(" and ")}`);
}

async function logIn(gateway: TestGateway): Promise<void> {
  const { host, port, user, password, database } = await gateway.mysqlLogin("shop");
  await (await mysql.createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca } })).end();
}

describe("greetings that were seen", () => {
  const target = (name: string, port = 3306): DatabaseTarget => ({
    ...databaseTarget({ host: "db", port, user: "app", password: "test", ca: "" }),
    name,
    protocol: "mysql",
  });

  test("are told once, and again only when they change", () => {
    const news: NamedGreeting[] = [];
    const greetings = new Greetings([], (one) => news.push(one));
    assert.equal(greetings.of(target("shop")), undefined);
    for (const version of ["8.4.9", "8.4.9-debug", "8.4.10", "8.4.9"]) greetings.note(target("shop"), told(version));
    assert.deepEqual(
      news.map(([, { version }]) => version),
      ["8.4.9", "8.4.10", "8.4.9"],
    );
    assert.equal(greetings.take(news[2] ?? assert.fail()), false);
    assert.equal(greetings.take(news[1] ?? assert.fail()), true);
    assert.equal(greetings.of(target("shop"))?.version, "8.4.10");
    assert.equal(greetings.of(target("shop", 3307)), undefined, "what stood at another address says nothing");
  });

  test("are no more than so many, and of the oldest none", () => {
    const greetings = new Greetings([], () => undefined);
    for (let number = 0; number <= GREETINGS_MAX; number++) greetings.note(target(`t${number}`), told("9.7.0"));
    assert.equal(greetings.known().length, GREETINGS_MAX);
    assert.equal(greetings.of(target("t0")), undefined);
    assert.equal(greetings.of(target(`t${GREETINGS_MAX}`))?.version, "9.7.0");
  });

  test("are kept as they were, for nobody else to read; what is not of their form is refused whole", async () => {
    const folder = await scratchFolder("greetings");
    try {
      const path = join(folder, "greetings.json");
      assert.deepEqual(readGreetings(path), []);
      const all: readonly NamedGreeting[] = [
        ["shop db:3306", { version: "5.5.5-10.11.6-MariaDB", capabilities: 0, collation: 45 }],
        ["other db:3306", { version: null, capabilities: 0x0800_0000, collation: 255 }],
      ];
      writeGreetings(path, all);
      assert.deepEqual(readGreetings(path), all);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      for (const broken of [
        "",
        "{}",
        '[["shop db:3306",{"version":"8.4.0\\u0000","capabilities":0,"collation":45}]]',
        '[["shop db:3306",{"version":"8.4.0","capabilities":-1,"collation":45}]]',
        '[["shop db:3306",{"version":"8.4.0","capabilities":0,"collation":256}]]',
        '[["shop db:3306",{"version":"8.4.0","capabilities":0,"collation":45,"more":1}]]',
      ]) {
        writeFileSync(path, broken);
        assert.throws(() => readGreetings(path), broken);
      }
    } finally {
      await removeFolder(folder);
    }
  });
});

describe("a gateway of several workers greets as its target does", () => {
  let stub: StubMysql;
  let gateway: TestGateway;

  before(async () => {
    stub = await startStubMysql();
    gateway = await startGateway({ mysql: { shop: stub }, workers: 3 });
  });
  after(async () => {
    await gateway?.stop();
    await stub?.stop();
  });

  const play = (version: string): void =>
    stub.play({ version: () => packets(greetingPayload({ ...told(version), capabilities: CAPABILITIES }), 0) });
  const kept = (): string => join(gateway.folder, "state", "greetings.json");

  test("every worker from the first login on, whichever had it", async () => {
    assert.deepEqual(await versions(gateway), ["8.4.0"]);
    play("5.5.5-10.11.19-MariaDB-0+deb12u1");
    await logIn(gateway);
    await untilAll(gateway, "5.5.5-10.11.19-MariaDB");
  });

  test("after an upgrade from the next login on", async () => {
    play("11.8.3-MariaDB");
    await logIn(gateway);
    await untilAll(gateway, "11.8.3-MariaDB");
  });

  test("from its first connection on when it starts again, and by default when what it knew is damaged", async () => {
    await gateway.kill();
    await gateway.start();
    assert.deepEqual(await versions(gateway), ["11.8.3-MariaDB"]);
    await gateway.kill();
    writeFileSync(kept(), readFileSync(kept(), "utf8").replace("11.8.3", "11.8.3;"));
    await gateway.start();
    assert.deepEqual(await versions(gateway), ["8.4.0"]);
    assert.equal(gateway.log().filter(({ event }) => event === "greetings-unreadable").length, 1);
    await logIn(gateway);
    await untilAll(gateway, "11.8.3-MariaDB");
    assert.equal(readGreetings(kept())[0]?.[1].version, "11.8.3-MariaDB");
  });

  test("not by what was said before TLS where the target does not let the gateway in", async () => {
    stub.play({ version: () => packets(greetingPayload(told("9.9.9")), 0), login: cutOff });
    await assert.rejects(logIn(gateway));
    assert.deepEqual(await versions(gateway), ["11.8.3-MariaDB"]);
  });
});

describe("MariaDB's connectors, before a MariaDB with a masking rule, know it at the first connection", {
  skip: optional("mariadb"),
}, () => {
  let server: TestMysql;
  let gateway: TestGateway;

  const rule = { name: "pii", target: "shop", columns: ["app.people.email"], with: "redact" };
  const configure = (sections: Sections): Sections => ({ ...sections, masking: { rules: [rule] } });

  before(async () => {
    server = await startMysql({ flavour: "mariadb10", seed: ["CREATE TABLE app.people (id int PRIMARY KEY, email varchar(99));"] });
    gateway = await startGateway({ mysql: { shop: server }, configure });
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  test("the connector for Node", async () => {
    const { host, port, user, password, database } = await gateway.mysqlLogin("shop");
    const client = await createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca } });
    try {
      assert.equal(client.info?.isMariaDB(), true);
      assert.match(client.serverVersion(), /^10\.11\.\d+-MariaDB$/);
    } finally {
      await client.end();
    }
  });

  test("Connector/J", { skip: optional("mariadb-java") }, async () => {
    await gateway.kill();
    await gateway.start();
    const { host, port, user, password, database } = await gateway.mysqlLogin("shop");
    const env = { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password, DB_NAME: database, DB_CA: gateway.caFile };
    const jars = ["mariadb-java-client", "slf4j-api", "slf4j-nop", "jna", "jna-platform"].map((jar) => `/usr/share/java/${jar}.jar`);
    const command = ["java", "-cp", jars.join(":"), join(import.meta.dirname, "../clients/Make.java")] as const;
    const { stdout, stderr, code } = await show([...command], { env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", ...env } });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^MariaDB 10\.11\.\d+-MariaDB\n$/);
  });
});
