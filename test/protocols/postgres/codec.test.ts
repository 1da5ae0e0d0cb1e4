/** Our encoder and decoder against each other, and both against the ones that node-postgres uses. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { serialize } from "pg-protocol";
import { Parser } from "pg-protocol/dist/parser.js";
import {
  formatAt,
  readBind,
  readCommandTag,
  readDataRow,
  readErrorFields,
  readExecute,
  readNamed,
  readNotification,
  readParameterStatus,
  readParse,
  readQuery,
  readRowDescription,
} from "#protocols/postgres/decode.ts";
import * as encode from "#protocols/postgres/encode.ts";
import { frame, word } from "#test/protocols/postgres/bytes.ts";
import * as server from "#test/protocols/postgres/server-bytes.ts";
import { isFault } from "#test/support/faults.ts";

const MALFORMED = isFault("malformed-message");
const body = (bytes: Buffer): Buffer => bytes.subarray(5);
const text = fc.string({ unit: "grapheme", maxLength: 20 }).filter((value) => !value.includes("\0"));
const oid = fc.integer({ min: 0, max: 0xffffffff });
const value = fc.option(fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)));

/** What node-postgres makes of a server's bytes. */
function parsed(bytes: Buffer): readonly Record<string, unknown>[] {
  const messages: Record<string, unknown>[] = [];
  new Parser().parse(Buffer.from(bytes), (message) => void messages.push({ ...message }));
  return messages;
}

describe("what a driver writes is read as it was meant", () => {
  test("Query", () => {
    fc.assert(fc.property(text, (sql) => assert.equal(readQuery(body(serialize.query(sql))), sql)));
  });

  test("Parse", () => {
    fc.assert(
      fc.property(text, text, fc.array(oid, { maxLength: 5 }), (name, sql, types) => {
        const message = readParse(body(serialize.parse({ name, text: sql, types: types.map((id) => id | 0) })));
        assert.equal(message.name, name);
        assert.equal(message.sql, sql);
        assert.deepEqual(message.types, Buffer.concat([word(types.length).subarray(2), ...types.map(word)]));
        assert.deepEqual(encode.parse(name, sql, message.types), serialize.parse({ name, text: sql, types: types.map((id) => id | 0) }));
      }),
    );
  });

  test("Bind, with text, bytes and NULL", () => {
    fc.assert(
      fc.property(text, text, fc.array(fc.oneof(value, text), { maxLength: 6 }), fc.boolean(), (portal, statement, values, binary) => {
        const message = readBind(body(serialize.bind({ portal, statement, values, binary })), true);
        assert.equal(message.portal, portal);
        assert.equal(message.statement, statement);
        assert.deepEqual(
          message.values.map((bytes) => bytes?.toString("hex") ?? null),
          values.map((bytes) => (bytes === null ? null : Buffer.from(bytes as string).toString("hex"))),
        );
        assert.deepEqual(
          message.binary,
          values.map((bytes) => bytes instanceof Buffer),
        );
        assert.deepEqual(message.resultFormats, [binary ? 1 : 0]);
      }),
    );
  });

  test("Execute, Describe, Close", () => {
    fc.assert(
      fc.property(text, fc.nat(), fc.constantFrom("S" as const, "P" as const), (name, rows, type) => {
        assert.equal(readExecute(body(serialize.execute({ portal: name, rows }))), name);
        const named = { kind: type === "S" ? "statement" : "portal", name };
        assert.deepEqual(readNamed(body(serialize.describe({ type, name })), "Describe"), named);
        assert.deepEqual(readNamed(body(serialize.close({ type, name })), "Close"), named);
        if (type === "S") assert.deepEqual(encode.describeStatement(name), serialize.describe({ type, name }));
      }),
    );
  });
});

describe("what the gateway writes is what a driver writes", () => {
  test("towards a server", () => {
    assert.deepEqual(encode.query("select 'ä'"), serialize.query("select 'ä'"));
    assert.deepEqual(encode.terminate(), serialize.end());
    assert.deepEqual(encode.sslRequest(), serialize.requestSsl());
    assert.deepEqual(encode.passwordMessage("pässword"), serialize.password("pässword"));
    assert.deepEqual(
      encode.saslInitialResponse("SCRAM-SHA-256", "n,,n=,r=x"),
      serialize.sendSASLInitialResponseMessage("SCRAM-SHA-256", "n,,n=,r=x"),
    );
    assert.deepEqual(encode.saslResponse("c=biws"), serialize.sendSCRAMClientFinalMessage("c=biws"));
    for (const processId of [1, 0x7fffffff, 0x80000000, 0xffffffff]) {
      const cancel = encode.cancelRequest({ processId, secret: Buffer.from([0xff, 2, 3, 4]) });
      assert.deepEqual(cancel, serialize.cancel(processId | 0, Buffer.from([0xff, 2, 3, 4]).readInt32BE()));
    }
    // node-postgres adds client_encoding itself
    const parameters = { user: "app", database: "orders", client_encoding: "UTF8" };
    assert.deepEqual(encode.startupMessage(new Map(Object.entries(parameters))), serialize.startup({ user: "app", database: "orders" }));
  });

  test("a cancel request with a key of 32 bytes", () => {
    const cancel = encode.cancelRequest({ processId: 5, secret: Buffer.alloc(32, 9) });
    assert.equal(cancel.length, 44);
    assert.equal(cancel.readUInt32BE(0), 44);
  });

  test("towards a client, as a driver reads it", () => {
    assert.deepEqual(parsed(encode.authenticationOk()), [{ name: "authenticationOk", length: 8 }]);
    assert.deepEqual(parsed(encode.authenticationCleartextPassword()), [{ name: "authenticationCleartextPassword", length: 8 }]);
    assert.deepEqual(parsed(encode.readyForQuery("T")), [{ name: "readyForQuery", length: 5, status: "T" }]);
    const [status] = parsed(encode.parameterStatus("TimeZone", "UTC"));
    assert.deepEqual([status?.["parameterName"], status?.["parameterValue"]], ["TimeZone", "UTC"]);
    const [key] = parsed(encode.backendKeyData({ processId: 7, secret: Buffer.from([0, 0, 0, 9]) }));
    assert.deepEqual([key?.["processID"], key?.["secretKey"]], [7, 9]);
  });

  test("a version on offer: major 3, the minor as told, and the options by name", () => {
    const bytes = encode.negotiateProtocolVersion({ minor: 2, unknownOptions: ["_pq_.a", "_pq_.b"] });
    assert.deepEqual(bytes, frame("v", Buffer.concat([word(0x30002), word(2), Buffer.from("_pq_.a\0_pq_.b\0")])));
    assert.deepEqual(
      encode.negotiateProtocolVersion({ minor: 0, unknownOptions: [] }),
      frame("v", Buffer.concat([word(0x30000), word(0)])),
    );
  });

  test("an error with every field", () => {
    const bytes = encode.errorResponse({
      severity: "ERROR",
      sqlState: "42501",
      message: "ä\0no",
      detail: "reason=x",
      hint: "do y",
      position: 12,
      more: [["t", "users"]],
    });
    const [error] = parsed(bytes);
    assert.equal(error?.["name"], "error");
    const shown = ["severity", "code", "detail", "hint", "position", "table"].map((name) => error?.[name]);
    assert.deepEqual(shown, ["ERROR", "42501", "reason=x", "do y", "12", "users"]);
    assert.deepEqual(Object.fromEntries(readErrorFields(body(bytes))), {
      S: "ERROR",
      V: "ERROR",
      C: "42501",
      M: "äno",
      D: "reason=x",
      H: "do y",
      P: "12",
      t: "users",
    });
  });

  test("a notice is no error", () => {
    const bytes = encode.noticeResponse({ severity: "WARNING", sqlState: "01000", message: "careful" });
    assert.equal(parsed(bytes)[0]?.["name"], "notice");
  });
});

describe("what a server writes is read as a driver reads it", () => {
  const column = fc
    .tuple(text, oid, fc.integer({ min: 0, max: 1600 }), oid, fc.boolean())
    .map(([name, tableOid, attribute, typeOid, binary]) => ({ name, tableOid, attribute, typeOid, binary }));

  test("RowDescription", () => {
    fc.assert(
      fc.property(fc.array(column, { maxLength: 6 }), (list) => {
        const bytes = server.columns(...list);
        assert.deepEqual(readRowDescription(body(bytes)), list);
        const theirs = parsed(bytes)[0]?.["fields"] as readonly { name: string; tableID: number; columnID: number }[];
        assert.deepEqual(
          theirs.map(({ name, tableID, columnID }) => [name, tableID >>> 0, columnID]),
          list.map((c) => [c.name, c.tableOid, c.attribute]),
        );
      }),
    );
  });

  test("DataRow", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 6 }), (values) => {
        const bytes = server.row(...values);
        assert.deepEqual(readDataRow(body(bytes)), values);
        const theirs = values.map((field) => field?.toString("utf8") ?? null);
        assert.deepEqual(parsed(bytes)[0]?.["fields"], theirs);
      }),
    );
  });

  test("errors, settings, notifications, command tags", () => {
    const bytes = server.error("23505", "duplicate", { D: "Key (id)=(1)", t: "users" });
    assert.equal(readErrorFields(body(bytes)).get("D"), "Key (id)=(1)");
    assert.deepEqual(readParameterStatus(body(server.setting("a", "b"))), { name: "a", value: "b" });
    assert.deepEqual(readNotification(body(server.notification("jobs", "42"))), { channel: "jobs", payload: "42" });
    assert.equal(readCommandTag(body(server.complete("INSERT 0 5"))), "INSERT 0 5");
  });
});

describe("a malformed body is a fault", () => {
  const bind = (hex: string) => () => readBind(Buffer.from(hex.replaceAll(" ", ""), "hex"), true);
  const table: readonly (readonly [string, () => unknown])[] = [
    ["Query without NUL", () => readQuery(Buffer.from("select 1"))],
    ["Query that is empty", () => readQuery(Buffer.alloc(0))],
    ["Query with a second string, which the server would not run", () => readQuery(Buffer.from("select 1\0drop table t\0"))],
    ["Parse with a name alone", () => readParse(Buffer.from("s\0"))],
    ["Parse without a count of types", () => readParse(Buffer.from("s\0select 1\0"))],
    ["Parse with half a count", () => readParse(Buffer.from("s\0select 1\0\0"))],
    ["Parse with fewer types than it says", () => readParse(Buffer.from("s\0select 1\0\0\x01"))],
    ["Parse with more types than it says", () => readParse(Buffer.from("s\0select 1\0\0\0\0\0\0\x17"))],
    ["Bind with a value longer than the body", bind("0000 0000 0001 00000005 41 0000")],
    ["Bind with a value of length -2", bind("0000 0000 0001 fffffffe 0000")],
    ["Bind with a value of length -2147483648", bind("0000 0000 0001 80000000 0000")],
    ["Bind with fewer values than it says", bind("0000 0000 0002 ffffffff")],
    ["Bind with another format than text and binary", bind("0000 0001 0002 0000 0000")],
    ["Bind with another result format", bind("0000 0000 0000 0001 0007")],
    ["Bind with a tail", bind("0000 0000 0000 0000 00")],
    ["Bind that is empty", bind("")],
    ["Execute without a limit", () => readExecute(Buffer.from("p\0"))],
    ["Execute with a tail", () => readExecute(Buffer.from("p\0\0\0\0\0\0"))],
    ["Describe of neither statement nor portal", () => readNamed(Buffer.from("Xs\0"), "Describe")],
    ["Describe that is empty", () => readNamed(Buffer.alloc(0), "Describe")],
    ["Close with a tail", () => readNamed(Buffer.from("Ss\0x"), "Close")],
    ["RowDescription with fewer columns than it says", () => readRowDescription(Buffer.from([0, 1]))],
    ["RowDescription with a tail", () => readRowDescription(Buffer.from([0, 0, 0]))],
    ["DataRow with a value of length -2", () => readDataRow(Buffer.from("0001fffffffe", "hex"))],
    ["DataRow with a value longer than the body", () => readDataRow(Buffer.from("00017fffffff41", "hex"))],
    ["DataRow with a tail", () => readDataRow(Buffer.from("000041", "hex"))],
    ["ErrorResponse without end", () => readErrorFields(Buffer.from("SERROR\0"))],
    ["ErrorResponse with a tail", () => readErrorFields(Buffer.from("SERROR\0\0x"))],
    ["ErrorResponse that is empty", () => readErrorFields(Buffer.alloc(0))],
    ["ParameterStatus with one string", () => readParameterStatus(Buffer.from("a\0"))],
    ["NotificationResponse without a channel", () => readNotification(Buffer.from([0, 0, 0, 1]))],
    ["CommandComplete without NUL", () => readCommandTag(Buffer.from("SELECT 1"))],
    ["CommandComplete with two strings", () => readCommandTag(Buffer.from("SELECT 1\0x\0"))],
  ];
  for (const [name, read] of table) {
    test(name, () => {
      assert.throws(read, MALFORMED);
    });
  }
});

describe("the beginning of a Bind that streams by", () => {
  const whole = body(serialize.bind({ portal: "p", statement: "s", values: ["one", null, Buffer.from([1, 2]), "last"] }));

  test("yields the values that are whole in it, wherever it ends", () => {
    for (let length = 0; length <= whole.length; length++) {
      const beginning = whole.subarray(0, length);
      if (length < 16) {
        assert.throws(() => readBind(beginning, false), MALFORMED, String(length));
        continue;
      }
      const { values, binary } = readBind(beginning, false);
      const expected = [Buffer.from("one"), null, Buffer.from([1, 2]), Buffer.from("last")];
      assert.deepEqual(values, expected.slice(0, values.length));
      assert.equal(binary.length, values.length);
    }
  });
});

describe("formats", () => {
  test("none means text, one stands for all, else each for its own", () => {
    assert.deepEqual([formatAt([], 3), formatAt([1], 3), formatAt([0, 1], 1), formatAt([0, 1], 2)], [0, 1, 1, 0]);
  });
});
