/** The same conversation in other chunks: what goes on, what is recorded and what is left are the same, whatever the cuts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Judgement } from "#protocols/wire/judgement.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed, denied } from "#test/protocols/postgres/judgements.ts";
import { byteByByte, cutAt } from "#test/protocols/postgres/scripted-handler.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

function judge(sql: string): Judgement {
  if (sql.startsWith("drop")) return denied(sql);
  return sql.includes("ssn")
    ? allowed(sql, { verdict: "mask", upstreamSql: `/* masked */ ${sql}`, outputMasked: [[true]], rebuildErrors: true })
    : allowed(sql);
}

const SYNTAX = s.error("42601");

/** A bit of everything, each with what a server answers. */
const EXCHANGES: readonly (readonly [readonly Buffer[], readonly Buffer[]])[] = [
  [[c.query("select 1")], [s.columns("a"), s.row("1"), s.row(null), s.complete("SELECT 2"), s.ready()]],
  [[c.query("drop table t")], [SYNTAX, s.ready()]],
  [[c.query("select ssn")], [s.columns("ssn"), s.row("***"), s.notice("n"), s.error("22P02", "secret", { P: "20" }), s.ready()]],
  [
    [c.parse("s", "select ssn"), c.bind("s", ["a", null]), c.execute(), c.SYNC],
    [s.PARSE_COMPLETE, s.BIND_COMPLETE, s.row("***"), s.complete("SELECT 1"), s.ready()],
  ],
  [
    [c.parse("", "drop"), c.bind(), c.execute(), c.FLUSH, c.SYNC],
    [SYNTAX, s.ready()],
  ],
  [
    [c.query("copy t from stdin"), c.copyData("1\n"), c.copyData("longer than the limit is\n"), c.copyData(""), c.COPY_DONE],
    [s.COPY_IN, s.complete("COPY 3"), s.ready()],
  ],
  [
    [c.query("copy t to stdout")],
    [
      s.COPY_OUT,
      s.serverCopyData("x"),
      s.serverCopyData("longer than the limit is\n"),
      s.SERVER_COPY_DONE,
      s.complete("COPY 2"),
      s.ready(),
    ],
  ],
  [[c.functionCall()], [SYNTAX, s.ready()]],
  [
    [c.describeStatement("s"), c.closeStatement("s"), c.SYNC],
    [s.parameterTypes(23), s.columns("ssn"), s.setting("a", "b"), s.CLOSE_COMPLETE, s.notification("a", "b"), s.ready()],
  ],
  [
    [c.query("select many")],
    [s.columns("a"), ...Array.from({ length: 9 }, (_, index) => s.row("r".repeat(index))), s.complete("SELECT 9"), s.ready()],
  ],
];

const CLIENT = Buffer.concat(EXCHANGES.flatMap(([client]) => client));
const SERVER = Buffer.concat(EXCHANGES.flatMap(([, server]) => server));

function run(client: readonly Buffer[], server: readonly Buffer[]) {
  const session = new Conversation({ judge, limits: { rowsPerStatement: 4, bytesPerStatement: 12 } });
  for (const chunk of client) session.client(chunk);
  for (const chunk of server) session.server(chunk);
  session.assertIdle();
  const { toUpstream, toClient, events, state } = session;
  return {
    toUpstream: toUpstream.toString("hex"),
    toClient: toClient.toString("hex"),
    events,
    counts: state.counts,
    transaction: state.transaction,
  };
}

describe("a conversation", () => {
  const whole = run([CLIENT], [SERVER]);

  test("holds a bit of everything", () => {
    assert.deepEqual(
      new Set(whole.events.map(({ kind }) => kind)),
      new Set(["statement", "prepare", "denied", "rows", "result", "copy", "error", "notice", "notify"]),
    );
    assert.ok(whole.events.some((event) => event.kind === "copy" && event.direction === "in" && event.beyond !== null));
    assert.ok(whole.events.some((event) => event.kind === "copy" && event.direction === "out" && event.beyond !== null));
    assert.ok(whole.events.some((event) => event.kind === "result" && event.beyond !== null));
  });

  test("is the same split at every offset, on either side", () => {
    for (let at = 0; at <= CLIENT.length; at++) assert.deepEqual(run(cutAt(CLIENT, [at]), [SERVER]), whole, `client at ${at}`);
    for (let at = 0; at <= SERVER.length; at++) assert.deepEqual(run([CLIENT], cutAt(SERVER, [at])), whole, `server at ${at}`);
  });

  test("is the same byte by byte", () => {
    assert.deepEqual(run(byteByByte(CLIENT), byteByByte(SERVER)), whole);
  });

  test("is the same cut at random", () => {
    const cuts = (bytes: Buffer) => fc.array(fc.nat({ max: bytes.length }), { maxLength: 20 });
    fc.assert(
      fc.property(cuts(CLIENT), cuts(SERVER), (client, server) => {
        assert.deepEqual(run(cutAt(CLIENT, client), cutAt(SERVER, server)), whole);
      }),
    );
  });

  test("is the same when each exchange waits for the last, as far as what goes on is concerned", () => {
    const session = new Conversation({ judge, limits: { rowsPerStatement: 4, bytesPerStatement: 12 } });
    for (const [client, server] of EXCHANGES) {
      session.client(...client);
      session.server(...server);
      session.assertIdle();
    }
    assert.equal(session.toUpstream.toString("hex"), whole.toUpstream);
    assert.equal(session.toClient.toString("hex"), whole.toClient);
    assert.deepEqual(session.events.map(({ kind }) => kind).toSorted(), whole.events.map(({ kind }) => kind).toSorted());
  });
});
