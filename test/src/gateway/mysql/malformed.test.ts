/**
 * Targets that break the protocol, in the greeting, the login and each kind of answer: their own session ends with an error that
 * the client is told and a record; the worker lives, and a session beside it goes on. Stubs: no real server does any of this.
 */
import assert from "node:assert/strict";
import { createConnection } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { CAPABILITY } from "#protocols/mysql/constants.ts";
import { greetingPayload, readGreeting } from "#protocols/mysql/greeting.ts";
import { errorPayload } from "#protocols/mysql/outcome.ts";
import { packets } from "#protocols/mysql/packet.ts";
import { readRecords } from "#src/audit/known.ts";
import { packet, rawLogin } from "#test/src/gateway/mysql/raw.ts";
import { GREETING, OK, type Script, type StubMysql, startStubMysql } from "#test/src/gateway/mysql/stub.ts";
import { childrenOf } from "#test/src/gateway/world.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { until } from "#test/support/waiting.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const one = (payload: Buffer, sequence = 1) => packets(payload, sequence);
const several = (...payloads: readonly Buffer[]) => Buffer.concat(payloads.map((payload, index) => packets(payload, index + 1)));

/** One column `a` of `t`, a string; EOF; a row. */
const COLUMN = hex("03646566 03617070 0174 0174 0161 0161 0c 2d00 fc000000 fd 0000 00 0000");
const EOF = hex("fe 0000 0200");
const COUNT = hex("01");
const RESULT = several(COUNT, COLUMN, EOF, hex("0178"), EOF);

const GREETINGS: Readonly<Record<string, Buffer>> = {
  "nothing, and the end": Buffer.alloc(0),
  HTTP: Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"),
  "a packet that claims 16 MiB": Buffer.concat([hex("ffffff00"), Buffer.alloc(5000, 0x41)]),
  "an empty packet": hex("00000000"),
  "one cut off": GREETING.subarray(0, 30),
  "one whose packet ends before its fields do": packets(GREETING.subarray(4, 24), 0),
  "protocol 9": packets(Buffer.concat([hex("09"), GREETING.subarray(5)]), 0),
  "one numbered 1": packets(GREETING.subarray(4), 1),
  "one with more behind it before TLS": Buffer.concat([GREETING, packets(OK, 1)]),
  "one without TLS": packets(greetingPayload({ ...readGreeting(GREETING.subarray(4)), capabilities: 0x0008f600 }), 0),
  "an error": packets(errorPayload({ errno: 1040, sqlState: "08004", message: "Too many connections" }, false), 0),
  "an error cut off": packets(hex("ff10"), 0),
};

const LOGINS: Readonly<Record<string, Buffer>> = {
  "an empty packet": hex("00000003"),
  "OK without asking": one(OK, 9),
  "an RSA key": one(Buffer.concat([hex("01"), Buffer.from("-----BEGIN PUBLIC KEY-----")]), 3),
  "a second factor": one(hex("02 6100"), 3),
  "a switch to an unknown plugin": one(Buffer.concat([hex("fe"), Buffer.from("evil\0"), Buffer.alloc(21, 0x41)]), 3),
  "a switch to clear text": one(Buffer.concat([hex("fe"), Buffer.from("mysql_clear_password\0")]), 3),
  "a switch without an end to its name": one(Buffer.concat([hex("fe"), Buffer.from("caching_sha2_password")]), 3),
  "a request for a file": one(Buffer.from("\u00fb/etc/passwd", "latin1"), 3),
  "a packet that claims 16 MiB": Buffer.concat([hex("ffffff03"), Buffer.alloc(70_000, 0x41)]),
  "half an OK packet": one(hex("00 00"), 3),
  rows: RESULT,
};

/** OK, and word that the session is in such a character set now. */
const IN_GBK = one(
  Buffer.concat([hex("00 00 00 0240 0000 00 1b 00 19 14"), Buffer.from("character_set_client"), hex("03"), Buffer.from("gbk")]),
);

/** To COM_QUERY. */
const ANSWERS: Readonly<Record<string, Buffer>> = {
  "an empty packet": hex("00000001"),
  "a result without columns": one(hex("00 00 00")),
  "a count of columns with more behind it": one(hex("01 01")),
  "a count of 2^64 - 1": one(hex("fe ffffffffffffffff")),
  "a count cut off": one(hex("fc 01")),
  "OK cut off": one(hex("00 fc01")),
  "OK whose info runs over": one(hex("00 00 00 0240 0000 fa 61")),
  "an error of one byte": one(hex("ff")),
  "a control packet of 16 MiB": Buffer.concat([hex("ffffff01"), Buffer.alloc(100, 0)]),
  "a definition cut off": several(COUNT, COLUMN.subarray(0, 20), EOF),
  "a definition whose name runs over": several(COUNT, hex("03646566 fd ffffff 61"), EOF),
  "EOF where a definition is due": several(COUNT, EOF),
  "OK where a definition is due": several(COUNT, OK),
  "a definition where EOF is due": several(COUNT, COLUMN, COLUMN, EOF),
  "a row where EOF is due": several(COUNT, COLUMN, hex("0178"), EOF),
  "a row cut off": several(COUNT, COLUMN, EOF, hex("fc ffff 78"), EOF),
  "a row with a value too many": several(COUNT, COLUMN, EOF, hex("0178 0179"), EOF),
  "an empty row": several(COUNT, COLUMN, EOF, Buffer.alloc(0), EOF),
  "EOF cut off": several(COUNT, COLUMN, EOF, hex("fe 00")),
  "packets out of order": Buffer.concat([one(COUNT, 1), one(COLUMN, 3), one(EOF, 4)]),
  "the same number twice": Buffer.concat([one(COUNT, 1), one(COLUMN, 1)]),
  "an answer and another": Buffer.concat([RESULT, one(OK, 6)]),
  "more results, and then the end": several(hex("00 00 00 0a00 0000")),
  "half a packet, and then the end": RESULT.subarray(0, 30),
  "a session's character set in which nothing can be judged": IN_GBK,
  "tracked changes cut off": one(hex("00 00 00 0240 0000 00 05 00 ff 14 61 62")),
};

/** To COM_STMT_PREPARE. */
const PREPARED: Readonly<Record<string, Buffer>> = {
  "nothing of it": one(hex("00 0100")),
  "a row": one(hex("0178")),
  "a request for a file": one(Buffer.from("\u00fbx", "latin1")),
  "fewer definitions than it says": several(hex("00 01000000 0200 0000 00 0000"), COLUMN, EOF),
  "more definitions than it says": several(hex("00 01000000 0100 0000 00 0000"), COLUMN, COLUMN, EOF),
};

/** What is wrong was seen for itself: that the target hangs up behind it is not what ends the session. */
const SEEN = /reason=(upstream-out-of-step|malformed-message)/;

describe("a target that breaks the protocol", () => {
  let bad: StubMysql;
  let good: StubMysql;
  let gateway: TestGateway;

  before(async () => {
    bad = await startStubMysql();
    good = await startStubMysql();
    gateway = await startGateway({ mysql: { bad, good } });
  });
  after(async () => {
    await gateway?.stop();
    await bad?.stop();
    await good?.stop();
  });

  /** Records of handshakes with the bad target: one more for each attempt, and no second. */
  async function oneMore(before: number): Promise<void> {
    await until(() => upstreamRecords() > before, "the handshake is on record");
    assert.equal(upstreamRecords(), before + 1, "handshake records");
  }

  const upstreamRecords = () =>
    [...readRecords(join(gateway.folder, "evidence"))].filter(
      ({ type, ...entry }) =>
        type === "handshake" && "handshake" in entry && entry.handshake.leg === "upstream" && entry.handshake.target === "bad",
    ).length;

  /** @returns what the login was told, null when it went well */
  async function login(script: Script): Promise<string | null> {
    bad.play(script);
    return rawLogin(gateway, "bad").then(
      (socket) => {
        socket.destroy();
        return null;
      },
      (error: unknown) => String(error),
    );
  }

  /** Sends a command to the bad target. @returns all that came back until the connection ended */
  async function command(payload: Buffer, answer: Buffer): Promise<string> {
    bad.play({
      packet: (received, _sequence, socket) => {
        if (received[0] !== payload[0]) return undefined;
        // An end behind it: what is incomplete stays so.
        socket.end(answer);
        return null;
      },
    });
    const socket = await rawLogin(gateway, "bad");
    const parts: Buffer[] = [];
    const over = new Promise<void>((resolve) => socket.on("data", (part: Buffer) => parts.push(part)).once("close", () => resolve()));
    socket.resume();
    socket.write(packets(payload, 0));
    let isOver = false;
    void over.then(() => {
      isOver = true;
    });
    await until(() => isOver, "the session has ended");
    return Buffer.concat(parts).toString("latin1");
  }

  for (const [name, greeting] of Object.entries(GREETINGS)) {
    test(`greeting: ${name}`, async () => {
      const before = upstreamRecords();
      const told = await login({
        greeting: (raw) => {
          raw.end(greeting);
          return null;
        },
      });
      assert.match(told ?? "", /reason=(upstream-\w+(-\w+)*|malformed-message)/);
      await oneMore(before);
      await goesOn();
    });
  }

  for (const [name, greeting] of Object.entries({
    "more behind it": Buffer.concat([GREETING, packets(OK, 1)]),
    "another number than 0": packets(GREETING.subarray(4), 1),
    "no word of TLS": packets(greetingPayload({ ...readGreeting(GREETING.subarray(4)), capabilities: 0x0008f600 }), 0),
  })) {
    test(`greeting: ${name}, from a target that goes on as if nothing were wrong`, async () => {
      assert.match((await login({ version: () => greeting })) ?? "", /reason=upstream-tls-refused/);
      await goesOn();
    });
  }

  test("login: packets out of order, from a target that goes on as if nothing were wrong", async () => {
    const told = await login({ login: () => Buffer.concat([one(hex("01 03"), 3), one(OK, 5)]) });
    assert.match(told ?? "", /reason=upstream-out-of-step/);
    assert.equal(await login({ login: () => Buffer.concat([one(hex("01 03"), 3), one(OK, 4)]) }), null);
    await goesOn();
  });

  test("login: the settings that the gateway relies on are refused, or answered by something else", async () => {
    const refused = errorPayload({ errno: 1193, sqlState: "HY000", message: "Unknown system variable 'session_track_schema'" });
    for (const answer of [refused, hex("fe 0000 0200"), COUNT]) {
      assert.match((await login({ preamble: () => one(answer) })) ?? "", /reason=(upstream-login-failed|malformed-message)/);
    }
    await goesOn();
  });

  test("login: the session would begin in a character set in which nothing can be judged", async () => {
    assert.match((await login({ preamble: () => IN_GBK })) ?? "", /reason=startup-option-refused/);
    await goesOn();
  });

  for (const [name, answer] of Object.entries(LOGINS)) {
    test(`login: ${name}`, async () => {
      const before = upstreamRecords();
      const told = await login({
        login: (socket) => {
          socket.end(answer);
          return null;
        },
      });
      assert.match(told ?? "", /reason=(upstream-\w+(-\w+)*|malformed-message)/);
      await oneMore(before);
      await goesOn();
    });
  }

  for (const [name, answer] of Object.entries(ANSWERS)) {
    test(`answer to a statement: ${name}`, async () => {
      const reason = name.endsWith("and then the end") ? /reason=upstream-lost/ : SEEN;
      assert.match(await command(Buffer.from("\u0003SELECT 1"), answer), reason);
      await goesOn();
    });
  }

  for (const [name, answer] of Object.entries(PREPARED)) {
    test(`answer to a preparation: ${name}`, async () => {
      assert.match(await command(Buffer.from("\u0016SELECT 1"), answer), SEEN);
      await goesOn();
    });
  }

  test("what is good is told as it came", async () => {
    assert.match(await command(Buffer.from("\u0003SELECT 1"), RESULT), /def.*x/s);
  });

  test("any change of an answer ends one session at most", async () => {
    const change = fc.record({ at: fc.nat(RESULT.length - 1), to: fc.nat(255), cut: fc.nat(RESULT.length) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const bytes = Buffer.from(RESULT);
        for (const { at, to } of changes) bytes[at] = to;
        await command(Buffer.from("\u0003SELECT 1"), bytes.subarray(0, changes.length > 2 ? changes[0]?.cut : undefined));
      }),
      { numRuns: 40 },
    );
    await goesOn();
  });

  test("bytes that come unasked end the session", async () => {
    const answered = Promise.withResolvers<void>();
    bad.play({
      packet: (_payload, _sequence, socket) => {
        void answered.promise.then(() => socket.write(packets(OK, 0)));
        return undefined;
      },
    });
    const socket = await rawLogin(gateway, "bad");
    socket.write(packets(Buffer.from("\u0003SELECT 1"), 0));
    assert.equal((await packet(socket))[0], 0);
    answered.resolve();
    assert.match((await packet(socket)).toString("latin1"), /reason=upstream-out-of-step/);
    socket.destroy();
  });

  let worker = 0;
  /** The same worker serves a session on the other target, and nothing unforeseen was logged. */
  async function goesOn(): Promise<void> {
    const [pid = 0] = childrenOf(gateway.pid);
    worker ||= pid;
    assert.equal(pid, worker, "the worker died");
    const socket = await rawLogin(gateway, "good");
    socket.write(packets(Buffer.from("\u0003SELECT 1"), 0));
    assert.equal((await packet(socket))[0], 0);
    socket.destroy();
    const defects = gateway
      .log()
      .filter(({ event, reason }) => event === "defect" || event === "worker-ended" || reason === "internal-error");
    assert.deepEqual(defects, []);
  }

  test("a client that closes before a word was said leaves one record", async () => {
    const socket = createConnection({ host: "127.0.0.1", port: Number(/:(\d+)$/.exec(gateway.addresses["mysql"] ?? "")?.[1]) });
    assert.equal(readGreeting(await packet(socket)).capabilities & CAPABILITY.ssl, CAPABILITY.ssl);
    socket.destroy();
    await goesOn();
  });
});
