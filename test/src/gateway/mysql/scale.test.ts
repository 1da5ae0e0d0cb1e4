/**
 * What one session may ask for in bulk, and what it costs the worker that has it: prepared statements by the hundred thousand,
 * a thousand results, a row and a statement larger than packets. Bounds are resident memory, as the system counts it.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { COMMAND } from "#protocols/mysql/constants.ts";
import { packets, takePacket } from "#protocols/mysql/packet.ts";
import { rawLogin } from "#test/src/gateway/mysql/raw.ts";
import { childrenOf, peakBytes, residentBytes } from "#test/src/gateway/world.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type MysqlFlavour, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const MIB = 1024 * 1024;
/** After they were closed. */
const AGAIN = 20_000;
/** Texts are not all the same, and fewer than are remembered. */
const TEXTS = 2_000;
/** Sent before answers are awaited: within what the gateway takes ahead. */
const AHEAD = 500;

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`at scale, ${flavour}`, { skip: optional(flavour === "mysql9" ? "mysql9" : "mariadb") }, () => run(flavour));
}

function run(flavour: MysqlFlavour): void {
  let server: TestMysql;
  let gateway: TestGateway;
  let worker = 0;

  before(async () => {
    server = await startMysql({ flavour, settings: { "max-prepared-stmt-count": "250000" } });
    gateway = await startGateway({ mysql: { shop: server } });
    [worker = 0] = childrenOf(gateway.pid);
    // What it takes once: the grammar, code, buffers.
    const socket = await rawLogin(gateway, "shop");
    await prepare(socket, TEXTS);
    socket.destroy();
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  /** How much more the worker held at its most while `work` ran, in MiB. */
  async function growth(work: () => Promise<void>): Promise<number> {
    writeFileSync(`/proc/${worker}/clear_refs`, "5");
    const before = residentBytes(worker);
    await work();
    return (peakBytes(worker) - before) / MIB;
  }

  // MariaDB's are no different to the gateway.
  const statements = flavour === "mysql9" ? 100_000 : 20_000;
  test(`${statements} prepared statements are mapped each to its own, and are forgotten when they are closed`, async (t) => {
    const socket = await rawLogin(gateway, "shop");
    let ids: readonly number[] = [];
    const first = await growth(async () => {
      ids = await prepare(socket, statements);
    });
    assert.equal(new Set(ids).size, statements);
    for (const at of [0, 1_234, statements - 1]) assert.equal(await execute(socket, ids[at] ?? 0), at % TEXTS);
    close(socket, ids);
    const second = await growth(async () => {
      ids = await prepare(socket, AGAIN);
    });
    assert.equal(await execute(socket, ids.at(-1) ?? 0), (AGAIN - 1) % TEXTS);
    socket.destroy();
    t.diagnostic(`grew by ${first.toFixed(0)} MiB, and the second time by ${second.toFixed(0)}`);
    assert.ok(first < 100, `grew by ${first} MiB`);
    assert.ok(second < 40, `grew by ${second} MiB when some were made again`);
  });

  test("a thousand results of one text pass", async (t) => {
    const socket = await rawLogin(gateway, "shop");
    const grown = await growth(async () => {
      send(socket, COMMAND.query, Array.from({ length: 1_000 }, (_, n) => `SELECT ${n}, REPEAT('x', 1000)`).join(";"));
      // Count of columns, two definitions, EOF, row, EOF.
      const all = await answers(socket, 6_000);
      assert.deepEqual([all[4]?.subarray(0, 2).toString(), all[5_998]?.subarray(0, 4).toString()], ["\u00010", "\u0003999"]);
    });
    socket.destroy();
    t.diagnostic(`grew by ${grown.toFixed(0)} MiB`);
    assert.ok(grown < 60, `grew by ${grown} MiB`);
  });

  test("a row of 64 MiB and a statement of 17 MiB are not collected", async (t) => {
    const socket = await rawLogin(gateway, "shop");
    const row = await growth(async () => {
      send(socket, COMMAND.query, `SELECT REPEAT('y', ${64 * MIB})`);
      await bytes(socket, 64 * MIB);
    });
    socket.destroy();
    const other = await rawLogin(gateway, "shop");
    const statement = await growth(async () => {
      send(other, COMMAND.query, `SELECT LENGTH('${"x".repeat(17 * MIB)}')`);
      const all = await answers(other, 5);
      assert.equal(all[3]?.toString("latin1", 1), String(17 * MIB));
    });
    other.destroy();
    t.diagnostic(`grew by ${row.toFixed(0)} MiB for the row, by ${statement.toFixed(0)} MiB for the statement`);
    assert.ok(row < 60, `grew by ${row} MiB for the row`);
    assert.ok(statement < 60, `grew by ${statement} MiB for the statement`);
  });
}

function send(socket: TLSSocket, command: number, text: string): void {
  socket.write(packets(Buffer.concat([Buffer.from([command]), Buffer.from(text)]), 0));
}

/** The next packets' payloads. @throws Error for an ERR packet */
function answers(socket: TLSSocket, count: number): Promise<readonly Buffer[]> {
  return new Promise((resolve, reject) => {
    const all: Buffer[] = [];
    let received: Buffer = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      for (let taken = takePacket(received); taken !== undefined; taken = takePacket(received)) {
        received = taken.rest;
        all.push(Buffer.from(taken.payload));
        if (taken.payload[0] === 0xff) reject(new Error(taken.payload.toString("latin1", 3)));
        if (all.length === count) {
          socket.off("data", take).off("close", gone).pause();
          if (received.length > 0) socket.unshift(received);
          resolve(all);
          return;
        }
      }
    };
    const gone = (): void => reject(new Error("the connection ended"));
    socket.on("data", take).once("close", gone).resume();
  });
}

/** Reads that many bytes and forgets them. */
function bytes(socket: TLSSocket, wanted: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = wanted;
    socket.once("close", () => reject(new Error("the connection ended")));
    socket.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left <= 0) resolve();
    });
    socket.resume();
  });
}

/** Prepares `SELECT n` so many times. @returns the statements' ids, in order */
async function prepare(socket: TLSSocket, count: number): Promise<readonly number[]> {
  const ids: number[] = [];
  while (ids.length < count) {
    const some = Math.min(AHEAD, count - ids.length);
    const texts = Array.from({ length: some }, (_, n) => `SELECT ${(ids.length + n) % TEXTS}`);
    socket.write(Buffer.concat(texts.map((text) => packets(Buffer.from(`\u0016${text}`), 0))));
    // COM_STMT_PREPARE_OK, one column's definition, EOF.
    for (const [index, payload] of (await answers(socket, some * 3)).entries()) if (index % 3 === 0) ids.push(payload.readUInt32LE(1));
  }
  return ids;
}

/** The number that a statement selects. */
async function execute(socket: TLSSocket, id: number): Promise<number> {
  const payload = Buffer.from([COMMAND.stmtExecute, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
  payload.writeUInt32LE(id, 1);
  socket.write(packets(payload, 0));
  const row = (await answers(socket, 5))[3] ?? Buffer.alloc(0);
  // A header byte, a bitmap of NULLs, and an integer of four or eight bytes.
  return row.readUInt32LE(2);
}

function close(socket: TLSSocket, ids: readonly number[]): void {
  socket.write(
    Buffer.concat(
      ids.map((id) => {
        const payload = Buffer.from([COMMAND.stmtClose, 0, 0, 0, 0]);
        payload.writeUInt32LE(id, 1);
        return packets(payload, 0);
      }),
    ),
  );
}
