/**
 * Clients and servers that are killed, stall or close half a connection, at each phase of a session: what was open is closed on
 * the other side, each attempt leaves one handshake record for each leg, and the worker serves the next. Real servers.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";
import { COMMAND } from "#protocols/mysql/constants.ts";
import { handshakeResponsePayload, sslRequestPayload } from "#protocols/mysql/login.ts";
import { readError } from "#protocols/mysql/outcome.ts";
import { packets } from "#protocols/mysql/packet.ts";
import { readRecords } from "#src/audit/known.ts";
import { recordings } from "#test/src/gateway/archive.ts";
import { HASTY } from "#test/src/gateway/hasty.ts";
import { CAPABILITIES, packet, REQUEST, rawLogin } from "#test/src/gateway/mysql/raw.ts";
import { childrenOf } from "#test/src/gateway/world.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type MysqlFlavour, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { until } from "#test/support/waiting.ts";

type End = "FIN" | "RST";

function configure(sections: Sections): Sections {
  const { targets } = sections as { targets: Record<string, object> };
  return { ...sections, targets: { shop: { ...targets["shop"], localInfile: "allow" } } };
}

const text = (sql: string) => packets(Buffer.from(`\u0003${sql}`), 0);
const CONTENT = Buffer.alloc(100_000, "1\tx\n");
const LOAD = "LOAD DATA LOCAL INFILE 'x' INTO TABLE t";

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`what vanishes, ${flavour}`, { skip: optional(flavour === "mysql9" ? "mysql9" : "mariadb") }, () => run(flavour));
}

function run(flavour: MysqlFlavour): void {
  let server: TestMysql;
  let gateway: TestGateway;
  let worker = 0;

  before(async () => {
    server = await startMysql({ flavour, seed: ["USE app; CREATE TABLE t (id INT, name VARCHAR(200));"] });
    gateway = await startGateway({ mysql: { shop: server }, configure });
    [worker = 0] = childrenOf(gateway.pid);
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  const port = () => Number(/:(\d+)$/.exec(gateway.addresses["mysql"] ?? "")?.[1]);
  const open = async (at = port()): Promise<Socket> => {
    const raw = createConnection({ host: "127.0.0.1", port: at, allowHalfOpen: true });
    raw.on("error", () => undefined);
    await packet(raw);
    return raw;
  };
  const secured = async (raw: Socket, ca = gateway.ca): Promise<tls.TLSSocket> => {
    raw.write(packets(sslRequestPayload(REQUEST), 1));
    const socket = tls.connect({ socket: raw, ca, servername: "localhost" });
    socket.on("error", () => undefined);
    await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return socket;
  };
  const loginPacket = (plugin: string, authentication: Buffer) =>
    packets(handshakeResponsePayload({ ...REQUEST, user: "agent@shop", database: null, attributes: new Map(), plugin, authentication }), 2);

  /** As far as each phase goes. @returns what is cut off */
  const PHASES: Readonly<Record<string, () => Promise<Socket | tls.TLSSocket>>> = {
    "at the greeting": () => open(),
    "in the request for TLS": async () => {
      const raw = await open();
      raw.write(packets(sslRequestPayload(REQUEST), 1).subarray(0, 20));
      return raw;
    },
    "in the ClientHello": async () => {
      const raw = await open();
      raw.write(Buffer.concat([packets(sslRequestPayload(REQUEST), 1), Buffer.from([0x16, 3, 1, 2, 0, 1, 0])]));
      return raw;
    },
    "behind TLS": async () => secured(await open()),
    "in the login": async () => {
      const socket = await secured(await open());
      socket.write(loginPacket("caching_sha2_password", Buffer.alloc(32)).subarray(0, 50));
      return socket;
    },
    "where its password is asked for": async () => {
      const socket = await secured(await open());
      socket.write(loginPacket("mysql_native_password", Buffer.alloc(20)));
      await packet(socket);
      return socket;
    },
    idle: () => rawLogin(gateway, "shop"),
    "in a command": async () => {
      const socket = await rawLogin(gateway, "shop");
      socket.write(text("SELECT 1").subarray(0, 8));
      return socket;
    },
    "in a transaction": async () => {
      const socket = await rawLogin(gateway, "shop");
      socket.write(text("BEGIN"));
      await packet(socket);
      socket.write(text("INSERT INTO t VALUES (77, 'x')"));
      await packet(socket);
      return socket;
    },
    "in a result": async () => {
      const socket = await rawLogin(gateway, "shop");
      socket.write(
        text("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT REPEAT('x', 100000) FROM n"),
      );
      await packet(socket);
      return socket;
    },
    "while a statement runs": async () => {
      const socket = await rawLogin(gateway, "shop");
      socket.write(text("SELECT SLEEP(600)"));
      await until(() => server.sql("SHOW FULL PROCESSLIST").includes("SLEEP(600)"), "the statement runs");
      return socket;
    },
    "in LOAD DATA": async () => {
      const socket = await rawLogin(gateway, "shop");
      socket.write(text(LOAD));
      assert.equal((await packet(socket))[0], 0xfb);
      socket.write(packets(CONTENT, 2).subarray(0, 60_000));
      return socket;
    },
    "in COM_STMT_SEND_LONG_DATA": async () => {
      const socket = await rawLogin(gateway, "shop");
      socket.write(packets(Buffer.from("\u0016INSERT INTO t VALUES (78, ?)"), 0));
      const id = (await packet(socket)).subarray(1, 5);
      const sent = packets(Buffer.concat([Buffer.from([COMMAND.stmtSendLongData]), id, Buffer.from([0, 0]), CONTENT]), 0);
      socket.write(sent.subarray(0, 50_000));
      return socket;
    },
  };

  for (const [phase, reach] of Object.entries(PHASES)) {
    test(`a client killed ${phase}`, async () => {
      for (const end of ["FIN", "RST"] as const satisfies readonly End[]) {
        const socket = await reach();
        const { localPort } = socket;
        vanish(socket, end);
        await settled();
        await until(() => clientRecords(localPort).length > 0, `a record of ${phase}, ${end}`);
        assert.equal(clientRecords(localPort).length, 1, `${phase}, ${end}`);
      }
      assert.match(server.sql("SELECT COUNT(*) FROM app.t WHERE id IN (77, 78)"), /^0$/m);
    });
  }

  test("the mysql program, killed in a result, leaves nothing open and a record of its session", async () => {
    const { user, password } = gateway.pair();
    const mark = crypto.randomUUID();
    const options = [
      "--no-defaults",
      "--host=127.0.0.1",
      `--port=${port()}`,
      "--protocol=TCP",
      `--ssl-ca=${gateway.caFile}`,
      `--user=${user}`,
      "shop",
    ];
    const child: ChildProcess = spawn("mariadb", [...options, "--quick", "-e", `SELECT '${mark}', SLEEP(600)`], {
      env: { PATH: process.env["PATH"], MYSQL_PWD: password },
      stdio: "ignore",
    });
    await until(() => server.sql("SHOW FULL PROCESSLIST").includes(mark), "the statement runs");
    child.kill("SIGKILL");
    await settled();
    await until(
      async () => [...(await recordings(gateway)).values()].some((events) => JSON.stringify(events).includes(mark)),
      "its record",
    );
  });

  test("a login that dribbles in is served", async () => {
    const raw = await open();
    await dribble(raw, packets(sslRequestPayload(REQUEST), 1), 5);
    const socket = tls.connect({ socket: raw, ca: gateway.ca, servername: "localhost" });
    socket.on("error", () => undefined);
    const { password } = await gateway.mysqlLogin("shop");
    const login = loginPacket("mysql_clear_password", Buffer.from(`${password}\0`));
    socket.write(login.subarray(0, login.length - 40));
    await dribble(socket, login.subarray(login.length - 40), 5);
    assert.equal((await packet(socket))[0], 0);
    socket.destroy();
  });

  test("a login that dribbles in for too long, or never comes, is cut off, told and on record", async () => {
    const hasty = await startGateway({ mysql: { shop: server }, program: join(import.meta.dirname, "../hasty.ts") });
    try {
      await cutOff(hasty);
    } finally {
      await hasty.stop();
    }
  });

  async function cutOff(hasty: TestGateway): Promise<void> {
    const at = Number(/:(\d+)$/.exec(hasty.addresses["mysql"] ?? "")?.[1]);
    const began = performance.now();
    const silent = await open(at);
    const silentEnds = assert.rejects(packet(silent), /ended/);
    const slow = await secured(await open(at), hasty.ca);
    const { localPort } = slow;
    const timer = setInterval(() => slow.write(Buffer.from([0x40])), 100);
    slow.write(Buffer.from([0xff, 0x0f, 0, 2]));
    const told = await packet(slow).finally(() => clearInterval(timer));
    assert.match(readError(told, CAPABILITIES).message, /reason=login-timeout/);
    slow.destroy();
    await until(() => clientRecords(localPort, hasty).length === 1, "the slow one's record");
    await silentEnds;
    assert.ok(performance.now() - began < HASTY.loginMs + 20_000);
    await until(() => clientRecords(silent.localPort, hasty).length === 1, "the silent one's record");
  }

  test("a client that closes its side with a statement under way has it cancelled", async () => {
    const socket = await rawLogin(gateway, "shop");
    socket.write(text("SELECT SLEEP(610)"));
    await until(() => server.sql("SHOW FULL PROCESSLIST").includes("SLEEP(610)"), "the statement runs");
    socket.end();
    await until(() => !server.sql("SHOW FULL PROCESSLIST").includes("SLEEP(610)"), "the statement is cancelled");
    socket.destroy();
    await settled();
  });

  test("a server killed while sessions are idle, in a transaction, in a result and in LOAD DATA: each is told, and the worker lives", async () => {
    const reached: (Socket | tls.TLSSocket)[] = [];
    for (const phase of ["idle", "in a transaction", "while a statement runs", "in LOAD DATA"])
      reached.push((await PHASES[phase]?.()) ?? assert.fail(phase));
    const pid = Number(readFileSync(server.sql("SELECT @@pid_file").trim().split("\n").at(-1) ?? "", "utf8"));
    process.kill(pid, "SIGKILL");
    for (const socket of reached) {
      assert.match((await packet(socket)).toString("latin1"), /reason=upstream-lost/);
      socket.destroy();
    }
    await assert.rejects(rawLogin(gateway, "shop"), /reason=upstream-unreachable/);
    noDefects();
  });

  function vanish(socket: Socket | tls.TLSSocket, end: End): void {
    if (end === "FIN") socket.destroy();
    else rawOf(socket).resetAndDestroy();
  }

  /** Nothing of the client's is left at the target, and the worker is the same. */
  async function settled(): Promise<void> {
    await until(() => !/\tapp\t/.test(server.sql("SHOW PROCESSLIST")), "the target's connections are closed");
    const socket = await rawLogin(gateway, "shop");
    socket.write(text("SELECT 1"));
    assert.equal((await packet(socket)).readUInt8(0), 1);
    socket.destroy();
    noDefects();
  }

  function noDefects(): void {
    assert.deepEqual(childrenOf(gateway.pid), [worker], "the worker died");
    const found = gateway
      .log()
      .filter(({ event, reason }) => event === "defect" || event === "worker-ended" || reason === "internal-error");
    assert.deepEqual(found, []);
  }

  function clientRecords(localPort: number | undefined, of = gateway): readonly unknown[] {
    return [...readRecords(join(of.folder, "evidence"))].filter(
      (entry) => entry.type === "handshake" && entry.handshake.leg === "client" && entry.handshake.remote.endsWith(`:${localPort}`),
    );
  }
}

/** The connection below TLS, which alone can be reset. */
function rawOf(socket: Socket | tls.TLSSocket): Socket {
  const below: unknown = Reflect.get(socket, "_parent");
  return below instanceof tls.TLSSocket || !isSocket(below) ? socket : below;
}

function isSocket(value: unknown): value is Socket {
  return typeof value === "object" && value !== null && "resetAndDestroy" in value;
}

async function dribble(socket: Duplex, bytes: Buffer, everyMs: number): Promise<void> {
  for (const byte of bytes) {
    socket.write(Buffer.from([byte]));
    await pause(everyMs);
  }
}
