/** A MySQL gateway as clients and attackers meet it: TLS first, a token as password, statements judged, all of it on record. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createConnection } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import mysql from "mysql2/promise";
import { CAPABILITY, COMMAND, TYPE } from "#protocols/mysql/constants.ts";
import { readGreeting } from "#protocols/mysql/greeting.ts";
import { handshakeResponsePayload } from "#protocols/mysql/login.ts";
import { readError } from "#protocols/mysql/outcome.ts";
import { packets } from "#protocols/mysql/packet.ts";
import { readRecords } from "#src/audit/known.ts";
import { problems, recordings } from "#test/src/gateway/archive.ts";
import { CAPABILITIES, gluedTls, packet, rawLogin } from "#test/src/gateway/mysql/raw.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { until } from "#test/support/waiting.ts";

/** Two targets on one server: `shop` for everything, `reports` for reading. */
function configure(sections: Sections): Sections {
  const { targets, access } = sections as { targets: Record<string, object>; access: { rules: { who: unknown }[] } };
  const [rule] = access.rules;
  return {
    ...sections,
    targets: { ...targets, reports: targets["shop"] },
    access: { rules: [...access.rules, { who: rule?.who, targets: ["reports"], may: ["read"] }] },
  };
}

const RUNNING = "SELECT COUNT(*) FROM performance_schema.processlist WHERE info LIKE 'SELECT SLEEP(200)%'";

describe("a MySQL gateway", { skip: optional("mysql9") }, () => {
  let server: TestMysql;
  let gateway: TestGateway;

  before(async () => {
    server = await startMysql({
      seed: ["USE app; CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO t VALUES (1, 'one'), (2, 'two');"],
    });
    gateway = await startGateway({
      mysql: { shop: server },
      configure,
      workers: 2,
      agents: { agent: ["data-agents"], other: ["data-agents"] },
    });
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  const connect = async (target: string, options: { agent?: string; user?: string; password?: string; database?: string } = {}) => {
    const login = await gateway.mysqlLogin(target, options.agent);
    const { host, port } = login;
    const user = options.user ?? login.user;
    const password = options.password ?? login.password;
    const database = options.database ?? target;
    return mysql.createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca }, multipleStatements: true });
  };
  const told = async (work: Promise<unknown>): Promise<{ errno: number | undefined; message: string }> => {
    const error: unknown = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof Error, "nothing was refused");
    return { errno: (error as Error & { errno?: number }).errno, message: error.message };
  };
  const port = () => Number(/:(\d+)$/.exec(gateway.addresses["mysql"] ?? "")?.[1]);

  test("greets with the version of the configuration's default, speaks TLS before anything else, and records what came without", async () => {
    const socket = createConnection({ host: "127.0.0.1", port: port() });
    const greeting = readGreeting(await packet(socket));
    assert.match(greeting.version, /^8\.4\./);
    assert.equal(greeting.capabilities & (CAPABILITY.compress | CAPABILITY.zstdCompression | CAPABILITY.localFiles), 0);
    const response = { capabilities: CAPABILITIES & ~CAPABILITY.ssl, maxPacketBytes: 1 << 24, collation: 45 };
    const login = {
      ...response,
      user: "agent",
      authentication: Buffer.alloc(20),
      database: null,
      plugin: "caching_sha2_password",
      attributes: new Map(),
    };
    socket.write(packets(handshakeResponsePayload(login), 1));
    const refusal = readError(await packet(socket), CAPABILITIES);
    assert.equal(refusal.errno, 3159);
    assert.match(refusal.message, /TLS.*reason=tls-required/);
    const { localPort } = socket;
    socket.destroy();
    await record(
      (entry) =>
        entry.remote.endsWith(`:${localPort}`) && entry.outcome === "refused" && entry.reason === "cleartext" && entry.protocol === "mysql",
    );
  });

  test("hands a ClientHello that comes glued behind the request for TLS to TLS", async () => {
    const socket = createConnection({ host: "127.0.0.1", port: port() });
    await packet(socket);
    const secure = await gluedTls(socket, gateway.ca);
    assert.equal(secure.authorized, true);
    socket.destroy();
  });

  test("takes a token, names the target by database or user, and tells who is refused", async () => {
    for (const options of [{}, { user: "label@shop", database: "app" }, { database: "shop/app" }]) {
      const client = await connect("shop", options);
      const [rows] = await client.query("SELECT COUNT(*) AS n FROM t");
      assert.deepEqual(rows, [{ n: 2 }]);
      await client.end();
    }
    assert.equal((await told(connect("shop", { password: "wrong" }))).errno, 1045);
    assert.match((await told(connect("shop", { password: "" }))).message, /reason=identity-missing/);
    assert.equal((await told(connect("nowhere"))).errno, 1049);
    assert.equal((await told(connect("shop", { database: "shop/other" }))).errno, 1049);
    const pair = gateway.pair();
    const client = await connect("shop", pair);
    await client.end();
  });

  test("refuses what no access rule grants, the whole text where one statement of it is refused, and the session goes on", async () => {
    const client = await connect("reports");
    try {
      for (const sql of [
        "DELETE FROM t",
        "SELECT 1; DELETE FROM t",
        "SELECT * FROM t FOR UPDATE",
        "CREATE TABLE x (a INT)",
        "SELECT /*!50000 1; DELETE FROM t */",
      ]) {
        const { message } = await told(client.query(sql));
        assert.match(message, /reason=(access-not-granted|statement-unparsed)/, sql);
      }
      assert.match((await told(client.execute("DELETE FROM t"))).message, /reason=access-not-granted/);
      assert.match((await told(client.query("SELECT LOAD_FILE('/etc/passwd')"))).message, /reason=access-not-granted/);
      assert.match((await told(client.query("SELECT 'a' INTO OUTFILE '/tmp/x'"))).message, /reason=/);
      assert.deepEqual((await client.query("SELECT COUNT(*) AS n FROM t"))[0], [{ n: 2 }]);
    } finally {
      await client.end();
    }
  });

  test("leaves a transaction alone when it refuses a statement in it", async () => {
    const client = await connect("reports");
    try {
      await client.beginTransaction();
      await told(client.query("DELETE FROM t"));
      assert.deepEqual((await client.query("SELECT COUNT(*) AS n FROM t"))[0], [{ n: 2 }]);
      await client.commit();
    } finally {
      await client.end();
    }
  });

  test("reads texts by the session's own sql_mode", async () => {
    const client = await connect("reports");
    try {
      await client.query("SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'");
      // By the default mode, all behind the first quote would be one string.
      assert.match((await told(client.query(`SELECT '\\'; DELETE FROM t; -- '`))).message, /reason=access-not-granted/);
      assert.deepEqual((await client.query('SELECT "id" AS n FROM t WHERE "id" = 1'))[0], [{ n: 1 }]);
    } finally {
      await client.end();
    }
  });

  test("refuses administration, replication and a change of user", async () => {
    const raw = await rawLogin(gateway, "shop");
    for (const command of [COMMAND.binlogDump, COMMAND.changeUser, COMMAND.shutdown, COMMAND.debug, COMMAND.registerSlave, 0x77]) {
      raw.write(packets(Buffer.from([command, 0, 0, 0, 0]), 0));
      assert.match(readError(await packet(raw), CAPABILITIES).message, /reason=command-refused/, String(command));
    }
    raw.write(packets(Buffer.from([COMMAND.ping]), 0));
    assert.equal((await packet(raw))[0], 0);
    raw.destroy();
  });

  test("lets a principal stop its own statements, and nobody else's", async () => {
    const running = () => Number(server.sql(RUNNING).trim().split("\n").at(-1));
    const [busy, same, other] = [await connect("shop"), await connect("shop"), await connect("shop", { agent: "other" })];
    try {
      const id = busy.threadId;
      let over = false;
      const sleeping = busy.query("SELECT SLEEP(200) AS slept").finally(() => {
        over = true;
      });
      await until(() => running() === 1, "the statement runs");
      // In another worker it is not known at once whether there is such a session.
      await other.query(`KILL QUERY ${id}`).catch(() => undefined);
      await pause(1_000);
      assert.deepEqual([over, running()], [false, 1], "another principal stopped it");
      await same.query(`KILL QUERY ${id}`);
      // Long before it would have ended by itself, which gives 0.
      assert.deepEqual((await sleeping)[0], [{ slept: 1 }]);
    } finally {
      for (const client of [busy, same, other]) client.destroy();
    }
  });

  test("keeps everything on record, and the record verifies", async () => {
    const client = await connect("shop");
    const mark = `mark ${crypto.randomUUID()}`;
    await client.query("SELECT ? AS word, id FROM t", [mark]);
    await client.execute("SELECT name FROM t WHERE id = ?", [2]);
    await client.end();
    const found = await until(
      async () => [...(await recordings(gateway)).values()].find((events) => JSON.stringify(events).includes(mark)),
      "it is on record",
    );
    const rows = found.flatMap((event) => (event.kind === "rows" ? event.rows : []));
    assert.deepEqual(rows.slice(-3), [[mark, "1"], [mark, "2"], ["two"]]);
    assert.ok(found.some((event) => event.kind === "statement" && event.parameters[0] === "2"));
    assert.deepEqual(await problems(gateway), []);
  });

  test("values that are sent ahead, in pieces, are on record with the execution that uses them", async () => {
    const raw = await rawLogin(gateway, "shop");
    const mark = `mark ${crypto.randomUUID()}`;
    const large = Buffer.alloc(200_000, "é");
    raw.write(packets(Buffer.from(`\u0016SELECT ? AS word, LENGTH(?) AS bytes, '${mark}'`), 0));
    const id = (await packet(raw)).subarray(1, 5);
    for (let packetsLeft = 2 + 1 + 3 + 1; packetsLeft > 0; packetsLeft--) await packet(raw);
    const send = (parameter: number, piece: Buffer) =>
      raw.write(packets(Buffer.concat([Buffer.from([COMMAND.stmtSendLongData]), id, Buffer.from([parameter, 0]), piece]), 0));
    send(0, Buffer.from("in "));
    send(0, Buffer.from("pieces"));
    send(1, large);
    const types = Buffer.from([TYPE.blob, 0, TYPE.blob, 0]);
    raw.write(packets(Buffer.concat([Buffer.from([COMMAND.stmtExecute]), id, Buffer.from([0, 1, 0, 0, 0, 0, 1]), types]), 0));
    for (let packetsLeft = 1 + 3 + 1 + 1 + 1; packetsLeft > 0; packetsLeft--) await packet(raw);
    raw.end(packets(Buffer.from([COMMAND.quit]), 0));
    const execution = await until(
      async () =>
        [...(await recordings(gateway)).values()]
          .flat()
          .find((event) => event.kind === "statement" && event.parameters.length > 0 && JSON.stringify(event.sql).includes(mark)),
      "it is on record",
    );
    assert.ok(execution.kind === "statement");
    assert.equal(execution.parameters[0], "in pieces");
    assert.deepEqual(execution.parameters[1], {
      head: "é".repeat(512),
      bytes: large.length,
      sha256: createHash("sha256").update(large).digest("hex"),
    });
  });

  async function record(
    fits: (entry: { remote: string; outcome: string; reason: string | null; protocol: string }) => boolean,
  ): Promise<void> {
    await until(
      () => [...readRecords(join(gateway.folder, "evidence"))].some((entry) => entry.type === "handshake" && fits(entry.handshake)),
      "the refused handshake is on record",
    );
  }
});
