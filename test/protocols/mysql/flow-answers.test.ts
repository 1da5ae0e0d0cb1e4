/** Answers of a target, step by step: where one ends, what of it the client is told, and what ends the session. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CAPABILITY, COMMAND, PACKET_PAYLOAD_MAX, STATUS } from "#protocols/mysql/constants.ts";
import { readEof, readError } from "#protocols/mysql/outcome.ts";
import { packets } from "#protocols/mysql/packet.ts";
import type { Settings } from "#protocols/mysql/settings.ts";
import { PayloadWriter } from "#protocols/mysql/writer.ts";
import { allowed, MysqlTalk, SPOKEN } from "#test/protocols/mysql/conversation.ts";
import { answer, column, command, END, eof, failure, OK, prepare, prepared, query, row } from "#test/protocols/mysql/server-bytes.ts";

const COUNT = Buffer.from([1]);
const NO_EOF = SPOKEN | CAPABILITY.deprecateEof;

/** A value that is longer than three bytes can say: its row begins as EOF packets do. */
function longRow(bytes: number): Buffer {
  return new PayloadWriter(bytes + 9).uint8(0xfe).uint32(bytes).uint32(0).bytes(Buffer.alloc(bytes, "x")).done();
}

describe("the end of rows", () => {
  test("is told from a row that begins as it does by its length", () => {
    for (const [capabilities, end] of [
      [SPOKEN, eof()],
      [NO_EOF, END],
    ] as const) {
      const made = new MysqlTalk({ clientCapabilities: capabilities, upstreamCapabilities: capabilities });
      made.client(query("SELECT a"));
      made.server(answer(...[COUNT, column("a")], ...(end === END ? [] : [eof()])));
      const first = end === END ? 3 : 4;
      const long = packets(longRow(PACKET_PAYLOAD_MAX + 1), first);
      made.server(long);
      assert.ok(made.state.answer !== null, "a row ended the answer");
      made.server(packets(end, first + 2));
      assert.equal(made.state.answer, null);
      assert.deepEqual(
        made.of("result").map(({ rows }) => rows),
        [1],
      );
    }
  });

  test("is none of ten bytes where EOF packets are spoken", () => {
    const made = new MysqlTalk();
    made.client(query("SELECT a"));
    made.server(answer(COUNT, column("a"), eof(), Buffer.concat([Buffer.from([0xfe, 1, 0, 0, 0, 0, 0, 0, 0]), Buffer.from("x")])));
    assert.ok(made.state.answer !== null);
    made.server(packets(eof(), 5));
    assert.deepEqual(
      made.of("rows").map(({ rows }) => rows),
      [[["x"]]],
    );
  });
});

describe("of several statements in one text", () => {
  const two = {
    judge: (sql: string) => {
      if (sql !== "SELECT a; SELECT b") return {};
      const parts = ["SELECT a", " SELECT b"];
      const settings = { database: "app", sqlMode: allSettings().sqlMode, charset: "utf8mb4" };
      const several = parts.map((part, index) => ({
        ...{ judgement: allowed(part), sql: part, settings },
        ...{ behind: index === 0 ? null : 0, before: index === 0 ? 0 : null },
      }));
      return { several };
    },
  };
  const allSettings = () => new MysqlTalk().state.settings;

  test("every end of the first tells that there is more, the last that there is none", () => {
    const made = new MysqlTalk(two);
    assert.equal(made.client(query("SELECT a; SELECT b")).upstream[0]?.payload.toString("utf8", 1), "SELECT a");
    const first = made.server(answer(COUNT, column("a"), eof(), row("1"), eof()));
    assert.deepEqual(flags([first.client[2], first.client[4]]), [true, true]);
    assert.equal(first.upstream[0]?.payload.toString("utf8", 1).trim(), "SELECT b");
    const second = made.server(answer(COUNT, column("b"), eof(), row("2"), eof()));
    assert.deepEqual(flags([second.client[2], second.client[4]]), [false, false]);
    assert.deepEqual(
      [...first.client, ...second.client].map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
  });

  function flags(told: readonly ({ readonly payload: Buffer } | undefined)[]): readonly boolean[] {
    return told.map((one) => one !== undefined && (readEof(one.payload).status & STATUS.moreResults) !== 0);
  }
});

describe("under a mask", () => {
  test("rows without a description end the session; under none they pass", () => {
    const spoken = SPOKEN | CAPABILITY.optionalResultsetMetadata;
    const terms = { clientCapabilities: spoken, upstreamCapabilities: spoken };
    const undescribed = Buffer.from([1, 0]);
    const masked = new MysqlTalk({ ...terms, underMask: true });
    masked.client(query("SELECT a"));
    assert.throws(() => masked.server(answer(undescribed, row("1"), eof())), { code: "masking-tripwire" });
    const open = new MysqlTalk(terms);
    open.client(query("SELECT a"));
    assert.equal(open.server(answer(undescribed, row("1"), eof())).client.length, 3);
    assert.equal(open.state.answer, null);
  });

  test("nor is a statement prepared whose columns are not described; under none its answer ends there", () => {
    const spoken = SPOKEN | CAPABILITY.optionalResultsetMetadata;
    const terms = { clientCapabilities: spoken, upstreamCapabilities: spoken };
    const bare = Buffer.concat([prepared(1, 1, 1), Buffer.alloc(1)]);
    const masked = new MysqlTalk({ ...terms, underMask: true });
    masked.client(prepare("SELECT a"));
    assert.throws(() => masked.server(answer(bare)), { code: "masking-tripwire" });
    const open = new MysqlTalk(terms);
    open.client(prepare("SELECT a"));
    assert.equal(open.server(answer(bare)).client.length, 1);
    assert.equal(open.state.answer, null);
  });

  test("an error that belongs to no statement, and one behind a reset, come without the server's words", () => {
    const made = new MysqlTalk({ underMask: true });
    for (const sent of [command(COMMAND.ping), command(COMMAND.resetConnection)]) {
      made.client(sent);
      const [told] = made.server(answer(failure(1062, "Duplicate entry 'secret' for key 'ssn'"))).client;
      assert.ok(told !== undefined);
      const { errno, message } = readError(told.payload, CAPABILITY.protocol41);
      assert.equal(errno, 1062);
      assert.doesNotMatch(message, /secret/);
    }
    assert.doesNotMatch(JSON.stringify(made.events), /secret/);
  });

  test("an error of a statement whose rows can't show in it stays as it is", () => {
    const made = new MysqlTalk({ underMask: true, judge: (sql) => ({ rebuildErrors: sql !== "SELECT 1" }) });
    const told = ["SELECT 1", "SELECT 2"].map((sql) => {
      made.client(query(sql));
      return made.server(answer(failure(1525, "Incorrect DATE value: 'x'"))).client[0]?.payload.toString("latin1");
    });
    assert.match(told[0] ?? "", /Incorrect DATE value: 'x'/);
    assert.match(told[1] ?? "", /withheld/);
  });
});

describe("a connection that is reset", () => {
  test("is ready once the gateway's own settings are made anew, each answered before the next", () => {
    const made = new MysqlTalk({ preamble: ["SET a", "SET b"] });
    made.client(command(COMMAND.resetConnection));
    const sent: string[] = [];
    for (let step = made.server(answer(OK)); step.upstream.length > 0; step = made.server(answer(OK))) {
      assert.deepEqual(step.client, [], "the client was told before its settings were made");
      sent.push(step.upstream[0]?.payload.toString("utf8", 1) ?? "");
    }
    assert.deepEqual(sent, ["SET a", "SET b"]);
    assert.equal(made.state.answer, null);
  });

  test("has no temporary tables, and while it is not answered none for certain", () => {
    const table = { database: "app", name: "copies" };
    const seen: unknown[] = [];
    const judge = (sql: string, { temporary }: Settings) => {
      seen.push(temporary?.find(table)?.certain);
      return { temporary: sql === "make" ? ({ kind: "make", table } as const) : null };
    };
    const made = new MysqlTalk({ judge, underMask: true });
    for (const sent of [
      query("make"),
      query("before"),
      command(COMMAND.resetConnection),
      query("failed"),
      command(COMMAND.resetConnection),
    ]) {
      made.client(sent);
      made.server(answer(seen.length === 2 && made.state.answer?.kind === "reset" ? failure(1105, "no") : OK));
    }
    made.client(query("behind"));
    assert.deepEqual(seen, [undefined, true, false, undefined]);
  });

  test("tells an error where one of them can't be made", () => {
    const made = new MysqlTalk({ preamble: ["SET a"] });
    made.client(command(COMMAND.resetConnection));
    made.server(answer(OK));
    const { client, upstream } = made.server(answer(failure(1227, "no")));
    assert.deepEqual([client[0]?.payload[0], upstream.length], [0xff, 0]);
  });
});

test("a session ends where the target counts its packets otherwise than an answer does", () => {
  const made = new MysqlTalk();
  made.client(query("SELECT a"));
  assert.throws(() => made.server(packets(COUNT, 1), packets(column("a"), 3)), { code: "upstream-out-of-step" });
});
