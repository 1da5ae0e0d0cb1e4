/** Prepared statements: whose values, rows and names belong to which execution, and what an execution may not reach. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { COMMAND, STATUS, TYPE } from "#protocols/mysql/constants.ts";
import { readError } from "#protocols/mysql/outcome.ts";
import { PayloadWriter } from "#protocols/mysql/writer.ts";
import { BIND_GATHER_BYTES_MAX } from "#protocols/wire/limits.ts";
import { type ConversationOptions, MysqlTalk, type Step } from "#test/protocols/mysql/conversation.ts";
import {
  answer,
  binaryRow,
  column,
  command,
  eof,
  execute,
  failure,
  OK,
  ofStatement,
  prepare,
  prepared,
} from "#test/protocols/mysql/server-bytes.ts";

const ID = 7;

/** A session that has prepared statement 7, with so many parameters and without columns unless some are given. */
function talk(options: ConversationOptions = {}, parameters = 0, columns: readonly Buffer[] = []): MysqlTalk {
  const made = new MysqlTalk(options);
  made.client(prepare("the statement"));
  const definitions = Array.from({ length: parameters }, () => column("?"));
  const lists = [definitions, columns].filter((list) => list.length > 0).flatMap((list) => [...list, eof()]);
  made.server(answer(prepared(ID, columns.length, parameters), ...lists));
  return made;
}

function refusalOf({ client, upstream }: Step): string {
  assert.equal(upstream.length, 0, "it went upstream");
  const [first] = client;
  assert.ok(first !== undefined, "the client is told nothing");
  const { errno, message } = readError(first.payload, 1 << 9);
  return `${errno} ${message}`;
}

function valuesOf(made: MysqlTalk): readonly unknown[] {
  return made.of("statement").map(({ parameters }) => parameters);
}

describe("values that are sent ahead", () => {
  const ahead = (text: string) => ofStatement(COMMAND.stmtSendLongData, ID, Buffer.from([0, 0]), text);

  test("belong to the next execution and to none behind it", () => {
    const made = talk({}, 1);
    made.client(ahead("in "), ahead("pieces"), execute(ID, { values: [null] }));
    made.server(answer(OK));
    made.client(execute(ID, { values: ["told"] }));
    assert.deepEqual(valuesOf(made), [[], [], ["in pieces"], ["told"]]);
  });

  test("are gone when the statement is reset", () => {
    const made = talk({}, 1);
    made.client(ahead("in pieces"), ofStatement(COMMAND.stmtReset, ID));
    made.server(answer(OK));
    made.client(execute(ID, { values: ["told"] }));
    assert.deepEqual(valuesOf(made).at(-1), ["told"]);
  });

  test("are gone behind an execution that is too large to be collected, whose digest is on record", () => {
    const made = talk({}, 1);
    const large = execute(ID, { values: ["x".repeat(BIND_GATHER_BYTES_MAX)] });
    made.client(ahead("in pieces"), large);
    made.server(answer(OK));
    made.client(execute(ID, { values: ["told"] }));
    assert.deepEqual(valuesOf(made).at(-1), ["told"]);
    const payload = large.subarray(4);
    const sha256 = createHash("sha256").update(payload).digest("hex");
    assert.deepEqual(made.of("body"), [{ kind: "body", statement: 2, bytes: payload.length, sha256 }]);
  });
});

describe("an execution", () => {
  test("of a statement that means something else by now is refused, small or large", () => {
    let holds = true;
    const made = talk({ underMask: true, judge: () => ({ holdsWith: () => holds }) }, 1);
    holds = false;
    assert.match(refusalOf(made.client(execute(ID, { values: ["x"] }))), /reason=masked-unresolved/);
    const large = execute(ID, { values: ["x".repeat(BIND_GATHER_BYTES_MAX)] });
    assert.match(refusalOf(made.client(large)), /reason=masked-unresolved/);
    holds = true;
    assert.equal(made.client(execute(ID, { values: ["x"] })).upstream.length, 1);
  });

  test("shows a value that meets a masked column as a digest alone", () => {
    const made = talk({ underMask: true, judge: () => ({ sensitiveParameters: [2] }) }, 2);
    made.client(execute(ID, { values: ["open", "secret"] }));
    assert.deepEqual(valuesOf(made), [["open", "digest of 6"]]);
  });

  test("by -1 is one of the statement prepared last, and of none where the last preparation failed", () => {
    const made = talk();
    const sent = made.client(execute(0xffffffff)).upstream[0];
    assert.equal(sent?.payload.readUInt32LE(1), ID);
    made.server(answer(OK));
    made.client(prepare("another"));
    made.server(answer(failure(1064, "no")));
    assert.match(refusalOf(made.client(execute(0xffffffff))), /^1243 /);
  });

  test("of what was prepared before the connection was reset is none", () => {
    for (const underMask of [false, true]) {
      const made = talk({ underMask });
      made.client(command(COMMAND.resetConnection));
      made.server(answer(OK));
      assert.match(refusalOf(made.client(execute(ID))), underMask ? /reason=masked-unsupported/ : /^1243 /);
      assert.match(refusalOf(made.client(execute(0xffffffff))), underMask ? /reason=masked-unsupported/ : /^1243 /);
    }
  });

  test("of a closed statement is none", () => {
    const made = talk();
    assert.equal(made.client(ofStatement(COMMAND.stmtClose, ID)).upstream.length, 1);
    assert.match(refusalOf(made.client(execute(ID))), /^1243 /);
  });
});

describe("a cursor", () => {
  const OPEN = eof(STATUS.cursorExists);
  const fetch = ofStatement(COMMAND.stmtFetch, ID, Buffer.from([10, 0, 0, 0]));

  test("gives the rows of all its fetches to one statement on record", () => {
    const made = talk({}, 0, [column("a")]);
    made.client(execute(ID, { cursor: true }));
    made.server(answer(Buffer.from([1]), column("a"), OPEN));
    made.client(fetch);
    made.server(answer(binaryRow("one"), binaryRow("two"), OPEN));
    made.client(fetch);
    const { client } = made.server(answer(binaryRow("three"), eof(STATUS.cursorExists | STATUS.lastRowSent)));
    assert.equal(client.length, 2);
    assert.deepEqual(
      made.of("rows").map(({ statement, rows }) => [statement, rows]),
      [
        [1, [["one"], ["two"]]],
        [1, [["three"]]],
      ],
    );
  });

  test("under a mask is fetched from only while it is open", () => {
    const made = talk({ underMask: true }, 0, [column("a")]);
    assert.match(refusalOf(made.client(fetch)), /reason=masked-unsupported/);
    made.client(execute(ID, { cursor: true }));
    made.server(answer(Buffer.from([1]), column("a"), OPEN));
    assert.equal(made.client(fetch).upstream.length, 1);
    made.server(answer(binaryRow("one"), eof(STATUS.cursorExists | STATUS.lastRowSent)));
    assert.match(refusalOf(made.client(fetch)), /reason=masked-unsupported/);
  });
});

test("warnings that a cursor brings are told in the gateway's words under a mask", () => {
  const warnings = [column("Level"), column("Code", { type: TYPE.long }), column("Message")];
  const made = talk({ underMask: true }, 0, warnings);
  made.client(execute(ID, { cursor: true }));
  made.server(answer(Buffer.from([3]), ...warnings, eof(STATUS.cursorExists)));
  made.client(ofStatement(COMMAND.stmtFetch, ID, Buffer.from([10, 0, 0, 0])));
  const warning = new PayloadWriter().zeros(2).lenencBytes(Buffer.from("Warning")).uint32(1366);
  const told = warning.lenencBytes(Buffer.from("Incorrect integer value: 'secret'")).done();
  const { client } = made.server(answer(told, eof(STATUS.cursorExists | STATUS.lastRowSent)));
  assert.match(client[0]?.payload.toString("latin1") ?? "", /a value does not fit its column/);
  assert.doesNotMatch(JSON.stringify(made.events), /secret/);
});

describe("protected columns among those that the server names", () => {
  const masked = { underMask: true, isProtected: (...name: readonly string[]) => name.join(".") === "app.users.ssn" };
  const from = (name: string, originalName: string) => column(name, { schema: "app", originalTable: "users", originalName });
  const tripped = { code: "masking-tripwire" };

  test("end the session when a statement is prepared", () => {
    assert.throws(() => talk(masked, 0, [from("ssn", "ssn")]), tripped);
    assert.throws(() => talk(masked, 1, [from("a", "ssn")]), tripped);
  });

  test("end it when one is executed", () => {
    const made = talk(masked, 0, [column("ssn")]);
    made.client(execute(ID));
    assert.throws(() => made.server(answer(Buffer.from([1]), from("ssn", "ssn"), eof(), binaryRow("1"), eof())), tripped);
  });

  test("do not count where the statement is known to call that column so, and has as many columns", () => {
    const known = { ...masked, judge: () => ({ renamed: [["ssn"], []] }) };
    const made = talk(known, 1, [from("a", "SSN"), from("b", "city")]);
    made.client(execute(ID, { values: ["x"] }));
    made.server(answer(Buffer.from([2]), from("a", "ssn"), from("b", "city"), eof(), eof()));
    for (const columns of [[from("a", "city"), from("b", "ssn")], [from("a", "ssn")], [from("a", "ssn"), from("b", "b"), from("c", "c")]]) {
      assert.throws(() => talk(known, 0, columns), tripped);
      const other = talk(known, 0, [column("a"), column("b")]);
      other.client(execute(ID));
      assert.throws(() => other.server(answer(Buffer.from([columns.length]), ...columns, eof())), tripped);
    }
    // Of its parameters nothing is known.
    const parameter = new MysqlTalk(known);
    parameter.client(prepare("the statement"));
    assert.throws(() => parameter.server(answer(prepared(ID, 2, 2), from("?", "ssn"), column("?"), eof())), tripped);
    const other = talk({ ...known, judge: () => ({ renamed: [["ssn"]] }) }, 0, [from("ssn", "ssn")]);
    other.client(execute(ID, { cursor: true }));
    other.server(answer(Buffer.from([1]), from("ssn", "ssn"), eof(STATUS.cursorExists)));
  });

  test("do not count where a cursor calls a column of another origin so, and do where it hands on the column itself", () => {
    const renamed = talk(masked, 0, [from("ssn", "city")]);
    renamed.client(execute(ID, { cursor: true }));
    renamed.server(answer(Buffer.from([1]), from("ssn", "ssn"), eof(STATUS.cursorExists)));
    const other = talk(masked, 0, [from("city", "id")]);
    other.client(execute(ID, { cursor: true }));
    assert.throws(() => other.server(answer(Buffer.from([1]), from("city", "ssn"), eof(STATUS.cursorExists))), tripped);
    const itself = talk(masked, 0, [column("ssn", { originalName: "ssn" })]);
    itself.client(execute(ID, { cursor: true }));
    assert.throws(() => itself.server(answer(Buffer.from([1]), from("ssn", "ssn"), eof(STATUS.cursorExists))), tripped);
    for (const values of [["x"], ["x".repeat(BIND_GATHER_BYTES_MAX)]]) {
      const without = talk(masked, 1, [from("ssn", "city")]);
      without.client(execute(ID, { cursor: true, values: ["x"] }));
      without.server(answer(OK));
      without.client(execute(ID, { values }));
      assert.throws(() => without.server(answer(Buffer.from([1]), from("ssn", "ssn"), eof())), tripped);
    }
  });
});
