/**
 * A target that breaks in a session: whatever it sends ends that session at most, with an error where one fits between two
 * messages, and never with a result that the target did not give.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { AUTHENTICATION_OK, columns, complete, int16, READY, row, welcome } from "#test/src/gateway/stub-target.ts";
import { openStubWorld, type StubWorld } from "#test/src/gateway/stub-world.ts";
import { fields, type Message, message, type Peer, query, shown, TERMINATE, text, values, words } from "#test/src/gateway/wire.ts";
import { inTime, until } from "#test/support/waiting.ts";

let inner: StubWorld;
before(async () => {
  inner = await openStubWorld();
});
after(() => inner?.stop());
afterEach((context) => inner.world.settled(context));

describe("the target in a session", () => {
  /** A session at the stub, which answers the first query with these bytes; then it waits. */
  async function answered(...bytes: readonly Buffer[]): Promise<Peer> {
    const peer = await inner.attempt("open", async (connection) => {
      const target = await welcome(connection, inner.papers.good);
      await target.upTo("Q");
      target.send(...bytes);
    });
    await peer.upTo("Z");
    peer.send(query("select 1"));
    return peer;
  }

  for (const [name, bytes] of [
    ["a length of 3", [Buffer.concat([Buffer.from("T"), words(3)])]],
    ["a negative length", [Buffer.concat([Buffer.from("T"), words(0x80000008)])]],
    ["a length above 1 GiB", [columns("a"), Buffer.concat([Buffer.from("D"), words(0x7fffffff)])]],
    ["a control message of 900 MB", [Buffer.concat([Buffer.from("T"), words(900_000_000)])]],
    ["a row whose field has a negative length", [columns("a"), message("D", int16(1), words(-2))]],
    ["a row whose field is longer than the row", [columns("a"), message("D", int16(1), words(1000), Buffer.from("x"))]],
    ["a row with bytes left over", [columns("a"), message("D", int16(1), words(1), Buffer.from("xyz"))]],
    ["a description that ends early", [message("T", int16(5), text("a"))]],
    ["an error that does not end", [message("E", Buffer.from("SERROR"))]],
    ["a tag that does not exist", [message("!", text("x"))]],
    ["a request to replicate", [message("W", Buffer.from([0, 0, 0]))]],
    ["a second greeting", [AUTHENTICATION_OK]],
    ["ReadyForQuery with an unknown status", [message("Z", Buffer.from("Q"))]],
    ["an answer to a Parse that nobody sent", [message("1")]],
    ["COPY data out of turn", [message("d", Buffer.from("x"))]],
    ["a setting in which text can be read in two ways", [message("S", text("standard_conforming_strings"), text("off"))]],
  ] as readonly (readonly [string, readonly Buffer[]])[]) {
    test(`that sends ${name} ends that session within a second, with an error and never a result`, async () => {
      const all = await inTime(1000, async () => {
        const peer = await answered(...bytes);
        const began = performance.now();
        const all = await peer.rest();
        const tookMs = performance.now() - began;
        peer.vanish();
        return [tookMs, all];
      });
      const last = all.at(-1);
      assert.equal(last?.tag, "E", all.map(({ tag }) => tag).join(""));
      assert.match(fields(last as Message)["C"] ?? "", /^08/);
      assert.ok(!all.slice(0, -1).some(({ tag }) => tag === "C" || tag === "Z" || tag === "E"), all.map(shown).join(" "));
      inner.discreet(fields(last as Message));
    });
  }

  /** The same in two parts: the second is sent once the client has all of the first. */
  async function answeredIn(first: Buffer, then: (target: Peer) => void): Promise<Peer> {
    const came = Promise.withResolvers<void>();
    const peer = await inner.attempt("open", async (connection) => {
      const target = await welcome(connection, inner.papers.good);
      await target.upTo("Q");
      target.send(first);
      await came.promise;
      then(target);
    });
    await peer.upTo("Z");
    peer.send(query("select 1"));
    await until(() => peer.received.length >= first.length, "the first part has come");
    came.resolve();
    return peer;
  }

  test("whose bad message begins behind a part of a good one leaves the client whole messages only", async () => {
    const first = row("x".repeat(500));
    const peer = await answeredIn(Buffer.concat([columns("a"), first.subarray(0, 100)]), (target) => {
      target.send(first.subarray(100), message("D", int16(1), words(-2)));
    });
    const all = await peer.rest();
    assert.equal(peer.received.length, 0, "half a message came");
    assert.deepEqual(
      all
        .slice(0, -1)
        .map(({ tag }) => tag)
        .join(""),
      "TD",
    );
    assert.equal(all.at(-1)?.tag, "E");
    peer.vanish();
  });

  test("whose row turns bad after its beginning was passed on closes the connection: no error fits into a message", async () => {
    const bad = message("D", int16(2), words(10), Buffer.alloc(10, 0x61), words(-2));
    const peer = await answeredIn(Buffer.concat([columns("a", "b"), bad.subarray(0, 12)]), (target) => {
      target.send(bad.subarray(12));
    });
    const all = await peer.rest();
    assert.deepEqual(all.map(({ tag }) => tag).join(""), "T");
    assert.ok(!peer.received.includes("reason="), "an error was written into the middle of a row");
    peer.vanish();
  });

  test("that dies after one row: the client gets the row and an error, never a CommandComplete", async () => {
    for (const end of ["reset", "close"] as const) {
      const peer = await answeredIn(Buffer.concat([columns("a"), row("1")]), (target) => {
        if (end === "reset") target.reset();
        else target.vanish();
      });
      const all = await peer.rest();
      assert.deepEqual(all.map(({ tag }) => tag).join(""), "TDE");
      assert.equal(fields(all[2] as Message)["C"], "08006");
      peer.vanish();
    }
  });

  test("with hostile column names is data to be passed on, and to be recorded", async () => {
    const names = [
      "__proto__",
      "constructor",
      "toString",
      "'; drop table x; --",
      '"quoted"',
      "line\r\nbreak",
      "\u001b[2J",
      "z".repeat(65_000),
    ];
    const peer = await answered(columns(...names), row(...names.map((_, index) => String(index))), complete("SELECT 1"), READY);
    const all = await peer.upTo("Z");
    assert.deepEqual(all[0]?.body, columns(...names).subarray(5));
    assert.deepEqual(
      values(all[1] as Message),
      names.map((_, index) => String(index)),
    );
    peer.send(TERMINATE);
    await peer.closed();
  });

  test("with an error without a SQLSTATE is passed on as it is, and recorded", async () => {
    const odd = message("E", text("SERROR"), text("Mno code"), Buffer.alloc(1));
    const peer = await answered(odd, READY);
    const all = await peer.upTo("Z");
    assert.deepEqual(all[0], { tag: "E", body: odd.subarray(5) });
    peer.send(TERMINATE);
    await peer.closed();
  });
});

describe("the real server", () => {
  test("killed in the middle of a session: an error of class 08 or 57, and the end", async () => {
    const { peer } = await inner.world.session();
    const [[pid]] = (await ask(peer, "select pg_backend_pid()")).filter(({ tag }) => tag === "D").map(values) as [[string]];
    peer.send(query("select pg_sleep(30)"));
    const running = `select 1 from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`;
    await until(async () => (await inner.world.sql(running)).length === 1, "the statement runs");
    await inner.world.sql(`select pg_terminate_backend(${pid})`);
    const all = await peer.rest();
    assert.match(fields(all.at(-1) as Message)["C"] ?? "", /^(08|57)/);
    peer.vanish();
  });

  const ask = async (peer: Peer, sql: string) => {
    peer.send(query(sql));
    return peer.upTo("Z");
  };
});
