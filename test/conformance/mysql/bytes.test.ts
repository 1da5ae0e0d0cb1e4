/**
 * What comes back, byte by byte: the same commands over two connections that agreed on the same, one to the server and one
 * through the gateway, for each form that answers may have. Headers with their numbers count; what is different at every login does not.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ANSWER, CAPABILITY, COMMAND } from "#protocols/mysql/constants.ts";
import { onEachServer, type Ways } from "#test/conformance/mysql/ways.ts";
import { MysqlAttacker } from "#test/masking/mysql/client.ts";
import type { MysqlFlavour } from "#test/support/mysql.ts";

const FORMS: Readonly<Record<string, { readonly more: number; readonly only?: MysqlFlavour; readonly first?: string }>> = {
  "EOF packets": { more: 0 },
  "OK packets in place of EOF": { more: CAPABILITY.deprecateEof },
  "session tracking, EOF packets": { more: CAPABILITY.sessionTrack },
  "session tracking": { more: CAPABILITY.deprecateEof | CAPABILITY.sessionTrack },
  "rows that were found": { more: CAPABILITY.deprecateEof | CAPABILITY.foundRows },
  "query attributes": { more: CAPABILITY.deprecateEof | CAPABILITY.queryAttributes, only: "mysql9" },
  "columns described": { more: CAPABILITY.deprecateEof | CAPABILITY.optionalResultsetMetadata, only: "mysql9" },
  "columns not described": {
    more: CAPABILITY.deprecateEof | CAPABILITY.optionalResultsetMetadata,
    only: "mysql9",
    first: "SET resultset_metadata = NONE",
  },
};
/** ER_UNKNOWN_STMT_HANDLER, ER_STMT_HAS_NO_OPEN_CURSOR. */
const NOT_THERE: ReadonlySet<number> = new Set([1243, 1421]);
const ANSWER_MS = 10_000;
/** Of no statement. */
const NO_ID = 77_777;

/** Of a text: with query attributes, how many come stands before it. */
type Send = (command: number, ...rest: readonly (Buffer | string)[]) => Buffer;

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** An execution of the statement that was prepared as the n-th. @param values texts, or NULL */
function execution(send: Send, attributes: boolean, id: number, values: readonly (string | null)[], cursor = false): Buffer {
  const nulls = Buffer.alloc((values.length + 7) >> 3);
  for (const [index, value] of values.entries()) if (value === null) nulls[index >> 3] = (nulls[index >> 3] ?? 0) | (1 << (index & 7));
  // VAR_STRING; with query attributes each has a name, which is empty for those of the statement itself.
  const types = values.map(() => Buffer.from(attributes ? [0xfd, 0, 0] : [0xfd, 0]));
  const given = values.flatMap((value) => (value === null ? [] : [Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]));
  const bound = values.length === 0 ? [] : [nulls, Buffer.from([1]), ...types, ...given];
  return send(COMMAND.stmtExecute, u32(id), Buffer.from([cursor ? 1 : 0]), u32(1), ...bound);
}

/** Each is one command, or several that are answered as one. @param id of the n-th that was prepared; servers count them over all sessions */
function commands(send: Send, attributes: boolean, id: (n: number) => number): readonly (() => readonly Buffer[])[] {
  const query = (sql: string) => () => [attributes ? send(COMMAND.query, Buffer.from([0, 1]), sql) : send(COMMAND.query, sql)];
  const prepare = (sql: string) => () => [send(COMMAND.stmtPrepare, sql)];
  const one =
    (command: number, ...rest: readonly (Buffer | string)[]) =>
    () => [send(command, ...rest)];
  const run = (n: number, values: readonly (string | null)[], cursor = false) => execution(send, attributes, id(n), values, cursor);
  const named = (command: number, n: number, ...rest: readonly Buffer[]) => send(command, u32(id(n)), ...rest);
  return [
    one(COMMAND.ping),
    query("SELECT * FROM customers ORDER BY id"),
    query("SELECT id FROM customers WHERE id < 0"),
    query("INSERT INTO purchases (customer, amount) VALUES (1, 3), (2, 4)"),
    query("UPDATE purchases SET amount = 3 WHERE amount = 3"),
    query("SELECT * FROM nowhere"),
    query("SELEC 1"),
    query("INSERT INTO customers (id, name) VALUES (1, 'twice')"),
    query("BEGIN"),
    query("DELETE FROM purchases WHERE id > 3"),
    query("ROLLBACK"),
    query("SELECT CAST('abc' AS SIGNED)"),
    query("SHOW WARNINGS"),
    query("SELECT 1; UPDATE purchases SET amount = 5 WHERE id = 1; SELECT 'two'; SELECT nothing; SELECT 3"),
    query("CALL two_results(4)"),
    query("SELECT 1; CALL two_results(4); SELECT 2"),
    // One setting at a time: MariaDB tells of several in any order.
    query("SET character_set_results = utf8mb4"),
    query("SET SESSION time_zone = '+01:00'"),
    query("SET autocommit = 0"),
    query("SET autocommit = 1"),
    query("USE app"),
    one(COMMAND.initDb, "app"),
    one(COMMAND.initDb, "nowhere"),
    one(COMMAND.setOption, Buffer.from([1, 0])),
    query("SELECT 1; SELECT 2"),
    one(COMMAND.setOption, Buffer.from([0, 0])),
    one(COMMAND.setOption, Buffer.from([7, 0])),
    one(COMMAND.fieldList, "customers\0"),
    one(COMMAND.fieldList, "customers\0%m%\0"),
    one(COMMAND.fieldList, "nowhere\0"),
    prepare("SELECT id, name, balance, ? AS given FROM customers WHERE id >= ? ORDER BY id"),
    () => [run(1, ["text", "1"])],
    () => [run(1, [null, "2"])],
    () => [run(1, ["x", "1"], true), named(COMMAND.stmtFetch, 1, u32(1)), named(COMMAND.stmtFetch, 1, u32(100))],
    () => [run(1, ["x", "9"], true), named(COMMAND.stmtFetch, 1, u32(10))],
    () => [named(COMMAND.stmtReset, 1)],
    () => [named(COMMAND.stmtFetch, 1, u32(1))],
    prepare("INSERT INTO purchases (customer, amount) VALUES (?, 1)"),
    () => [run(2, ["1"])],
    () => [run(2, ["999"])],
    () => [named(COMMAND.stmtSendLongData, 2, Buffer.from([0, 0]), Buffer.from("1")), run(2, ["2"])],
    prepare("SELECT nothing"),
    prepare("SELEC"),
    prepare("SET @b = 1"),
    () => [run(3, [])],
    () => [named(COMMAND.stmtClose, 2), named(COMMAND.stmtReset, 2)],
    prepare("CALL two_results(?)"),
    () => [run(4, ["3"])],
    () => [run(9, [])],
    one(COMMAND.resetConnection),
    () => [run(1, ["x", "1"])],
    query("SELECT @a, @@sql_mode = @@GLOBAL.sql_mode, DATABASE()"),
    query(""),
    query("/* nothing */"),
  ];
}

/** What each command was answered by, in hex, one packet a line. */
async function answers(client: MysqlAttacker, attributes: boolean, first: string | undefined): Promise<readonly string[]> {
  const send: Send = (command, ...rest) => Buffer.concat([Buffer.from([command]), ...rest.map((part) => Buffer.from(part))]);
  const text = (sql: string): Buffer => (attributes ? send(COMMAND.query, Buffer.from([0, 1]), sql) : send(COMMAND.query, sql));
  const shown: string[] = [];
  const ids: number[] = [];
  if (first !== undefined) await answer(client, [text(first)], text, 0);
  const asked = commands(send, attributes, (n) => ids[n - 1] ?? NO_ID);
  for (const [index, payloads] of asked.entries()) {
    const sent = payloads();
    const bytes = await answer(client, sent, text, index + 1);
    const prepared = sent[0]?.[0] === COMMAND.stmtPrepare && bytes[4] === 0;
    if (prepared) ids.push(bytes.readUInt32LE(5));
    shown.push(`command ${index + 1}: ${cut(prepared ? Buffer.concat([bytes.subarray(0, 5), u32(0), bytes.subarray(9)]) : bytes)}`);
  }
  client.end();
  return shown;
}

async function answer(client: MysqlAttacker, payloads: readonly Buffer[], text: (sql: string) => Buffer, number: number): Promise<Buffer> {
  const from = client.everything.length;
  const mark = `end of ${number}.`;
  for (const payload of payloads) client.write(payload);
  client.write(text(`SELECT '${mark}' AS m`));
  const row = Buffer.concat([Buffer.from([mark.length]), Buffer.from(mark)]);
  for (const until = Date.now() + ANSWER_MS; ; await pause(3)) {
    const bytes = client.everything.subarray(from);
    const at = bytes.indexOf(row);
    // A header of four bytes, and the packet that ends the rows.
    const whole = at < 0 ? 0 : at + row.length + 4 + (bytes[at + row.length] ?? 0);
    if (at >= 0 && bytes.length > at + row.length + 4 && bytes.length >= whole) return Buffer.from(bytes);
    if (client.closed) return Buffer.concat([bytes, Buffer.from("closed")]);
    if (Date.now() > until) throw new Error(`no answer to command ${number}: ${cut(bytes)}`);
  }
}

function cut(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUIntLE(at, 3);
    const whole = bytes.subarray(at, end);
    // Of what is not there the gateway tells itself, by the server's number and state.
    const packet = whole[4] === ANSWER.error && NOT_THERE.has(whole.readUInt16LE(5)) ? whole.subarray(0, 13) : whole;
    lines.push(`${packet[3]}: ${packet.toString("hex", 4)} ${packet.toString("latin1", 4).replace(/[^ -~]/g, ".")}`);
    at = end;
  }
  return lines.join("\n");
}

onEachServer("bytes", [], (ways) => {
  for (const [form, { more, only, first }] of Object.entries(FORMS)) {
    test(`${form}: each answer is the same`, async (t) => {
      const { flavour, gateway, server, compare }: Ways = ways();
      // Who claims what MariaDB has not is answered as if nothing had been said.
      const attributes = only === flavour && (more & CAPABILITY.queryAttributes) !== 0;
      const seen: (readonly string[])[] = [];
      await compare(async (way) => {
        const client =
          way.name === "direct"
            ? (await MysqlAttacker.lineTo(server, server.database, more)).client
            : await MysqlAttacker.login(gateway, { target: server.database, more });
        seen.push(await answers(client, attributes, first));
      });
      const [direct = [], through = []] = seen;
      const differing = direct.flatMap((one, index) => (one === through[index] ? [] : [`${one}\nthrough the gateway:\n${through[index]}`]));
      assert.deepEqual(differing, []);
      t.diagnostic(`${direct.length} answers`);
    });
  }
});
