/**
 * What attackers do to a MySQL front, one test for each line of the threat model that real servers can show: before TLS, before
 * authentication, in the greeting, in packets that only look like something else. Files that targets ask for: `rogue.test.ts`.
 */
import assert from "node:assert/strict";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { deflateSync } from "node:zlib";
import mysql from "mysql2/promise";
import { CAPABILITY } from "#protocols/mysql/constants.ts";
import { readGreeting } from "#protocols/mysql/greeting.ts";
import { handshakeResponsePayload, sslRequestPayload } from "#protocols/mysql/login.ts";
import { readError } from "#protocols/mysql/outcome.ts";
import { packets } from "#protocols/mysql/packet.ts";
import { readRecords } from "#src/audit/known.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { CAPABILITIES, packet, rawLogin } from "#test/src/gateway/mysql/raw.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type MysqlFlavour, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { until } from "#test/support/waiting.ts";

/** `reader` may read. */
function configure(sections: Sections): Sections {
  const rules = [
    { who: { groups: ["data-agents"] }, targets: ["shop"], may: ["read", "write", "schema", "admin"] },
    { who: { groups: ["readers"] }, targets: ["shop"], may: ["read"] },
  ];
  return { ...sections, access: { rules } };
}

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`threats, ${flavour}`, { skip: optional(flavour === "mysql9" ? "mysql9" : "mariadb") }, () => run(flavour));
}

function run(flavour: MysqlFlavour): void {
  let server: TestMysql;
  let gateway: TestGateway;

  before(async () => {
    server = await startMysql({
      flavour,
      seed: ["USE app; CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(200)); INSERT INTO t VALUES (1, 'one'), (2, 'two');"],
    });
    gateway = await startGateway({ mysql: { shop: server }, configure, agents: { agent: ["data-agents"], reader: ["readers"] } });
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  const open = (): Socket => createConnection({ host: "127.0.0.1", port: Number(/:(\d+)$/.exec(gateway.addresses["mysql"] ?? "")?.[1]) });
  const rows = () => server.sql("SELECT COUNT(*) FROM app.t").trim().split("\n").at(-1);
  const response = (capabilities: number, more: { authentication: Buffer; plugin: string }) =>
    handshakeResponsePayload({
      ...{ capabilities, maxPacketBytes: 1 << 24, collation: 45, user: "agent@shop", database: null, attributes: new Map() },
      ...more,
    });
  async function connect(agent: string): Promise<mysql.Connection> {
    const { host, port, user, password, database } = await gateway.mysqlLogin("shop", agent);
    return mysql.createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca }, multipleStatements: true });
  }

  test("a login without TLS is refused by errno 3159 before a hash is asked for, whatever plugin it names", async () => {
    for (const plugin of ["mysql_native_password", "caching_sha2_password", "mysql_clear_password", "client_ed25519"]) {
      const socket = open();
      await packet(socket);
      socket.write(packets(response(CAPABILITIES & ~CAPABILITY.ssl, { authentication: Buffer.alloc(0), plugin }), 1));
      const told = await packet(socket);
      assert.equal(told[0], 0xff, "no request to switch the plugin");
      const { errno, message } = readError(told, CAPABILITIES);
      assert.deepEqual([errno, /TLS/.test(message)], [3159, true]);
      await recorded(socket, "cleartext");
    }
  });

  test("a login in clear text behind the request for TLS is not read: the connection is closed", async () => {
    const socket = open();
    await packet(socket);
    const login = response(CAPABILITIES, { authentication: Buffer.from("sesame\0"), plugin: "mysql_clear_password" });
    socket.write(
      Buffer.concat([
        packets(sslRequestPayload({ capabilities: CAPABILITIES, maxPacketBytes: 1 << 24, collation: 45 }), 1),
        packets(login, 2),
      ]),
    );
    await assert.rejects(packet(socket), /ended/);
    await recorded(socket, "not-tls");
  });

  test("the greeting offers neither files nor compression, and tells the target's version without its build", async () => {
    await (await connect("agent")).end();
    const socket = open();
    const { version, capabilities } = readGreeting(await packet(socket));
    socket.destroy();
    assert.equal(capabilities & (CAPABILITY.localFiles | CAPABILITY.compress | CAPABILITY.zstdCompression), 0);
    assert.match(version, flavour === "mysql9" ? /^9\.\d+\.\d+$/ : /^(5\.5\.5-)?10\.11\.\d+-MariaDB$/);
    const own = server.sql("SELECT VERSION()").trim().split("\n").at(-1) ?? "";
    assert.ok(own.startsWith(version.replace("5.5.5-", "")), own);
  });

  test("a command behind a login that fails is not run", async () => {
    const raw = open();
    await packet(raw);
    raw.write(packets(sslRequestPayload({ capabilities: CAPABILITIES, maxPacketBytes: 1 << 24, collation: 45 }), 1));
    const socket = tls.connect({ socket: raw, ca: gateway.ca, servername: "localhost" });
    const login = packets(response(CAPABILITIES, { authentication: Buffer.from("no token\0"), plugin: "mysql_clear_password" }), 2);
    socket.write(Buffer.concat([login, packets(Buffer.from("\u0003DELETE FROM t"), 0), packets(Buffer.from("\u0003DELETE FROM t"), 3)]));
    assert.equal(readError(await packet(socket), CAPABILITIES).errno, 1045);
    await assert.rejects(packet(socket), /ended/);
    assert.equal(rows(), "2");
  });

  test("a compressed packet that claims 16 MiB is no compressed packet here: nothing of it runs", async () => {
    const socket = await rawLogin(gateway, "shop");
    const body = deflateSync(packets(Buffer.from("\u0003DELETE FROM t"), 0));
    const header = Buffer.from([0, 0, 0, 0, 0xff, 0xff, 0xff]);
    header.writeUIntLE(body.length + 3, 0, 3);
    socket.write(Buffer.concat([header, body]));
    const told = readError(await packet(socket), CAPABILITIES);
    assert.match(told.message, /reason=(command-refused|malformed-message)/);
    socket.destroy();
    assert.equal(rows(), "2");
  });

  test("of several statements in one text each is judged before any runs, and is on record with its result", async () => {
    const [reader, agent] = [await connect("reader"), await connect("agent")];
    try {
      for (const sql of [
        "SELECT 1; DROP TABLE t",
        "SELECT 1;DELETE FROM t",
        "SELECT 1; /* ; */ # ;\nDELETE FROM t",
        "SELECT ';'; DELETE FROM t; SELECT 1",
        "SELECT 1; /*!50000 DELETE FROM t */",
        "DO SLEEP(0); TRUNCATE t",
      ]) {
        await assert.rejects(reader.query(sql), /reason=(access-not-granted|statement-unparsed)/, sql);
      }
      assert.equal(rows(), "2");
      const sql = "SELECT 1 AS first; SELECT name FROM t WHERE id = 2";
      await agent.query(sql);
      await agent.end();
      const events = await recordingOf(gateway, "SELECT name FROM t WHERE id = 2");
      const own = events.flatMap((event) => (event.kind === "statement" ? [[event.sql, event.tables]] : []));
      assert.deepEqual(own, [
        ["SELECT 1 AS first", []],
        ["SELECT name FROM t WHERE id = 2", ["t"]],
      ]);
      assert.deepEqual(
        events.flatMap((event) => (event.kind === "rows" ? event.rows : [])),
        [["1"], ["two"]],
      );
    } finally {
      reader.destroy();
      agent.destroy();
    }
  });

  test("rows that begin as commands, errors or requests for files do are rows", async () => {
    const client = await connect("agent");
    try {
      for (const first of [
        "NULL",
        "''",
        "REPEAT('a', 1)",
        "REPEAT('a', 3)",
        "REPEAT('a', 25)",
        "REPEAT('a', 250)",
        "REPEAT('a', 251)",
        "REPEAT('a', 70000)",
      ]) {
        const [[row]] = await client.query<mysql.RowDataPacket[]>(`SELECT ${first} AS a, 'b' AS b UNION ALL SELECT ${first}, 'c'`);
        assert.deepEqual(
          [row?.["b"], row?.["a"]?.length ?? null],
          ["b", /^NULL/.test(first) ? null : Number(/\d+/.exec(first)?.[0] ?? 0)],
          first,
        );
      }
      const [[big]] = await client.query<mysql.RowDataPacket[]>("SELECT REPEAT('a', 16777300) AS a, 'b' AS b");
      assert.deepEqual([big?.["a"].length, big?.["b"]], [16_777_300, "b"]);
      const [[bound]] = await client.execute<mysql.RowDataPacket[]>("SELECT NULL AS a, ? AS b", ["b"]);
      assert.deepEqual([bound?.["a"], bound?.["b"]], [null, "b"]);
    } finally {
      await client.end();
    }
  });

  /** Waits for the one record of a refused handshake. */
  async function recorded(socket: Socket, reason: string): Promise<void> {
    const { localPort } = socket;
    socket.destroy();
    const found = await until(() => {
      const records = [...readRecords(join(gateway.folder, "evidence"))].flatMap((entry) =>
        entry.type === "handshake" && entry.handshake.remote.endsWith(`:${localPort}`) ? [entry.handshake] : [],
      );
      return records.length > 0 && records;
    }, "the refused handshake is on record");
    assert.deepEqual(
      found.map((one) => [one.outcome, one.reason, one.protocol]),
      [["refused", reason, "mysql"]],
    );
  }
}
