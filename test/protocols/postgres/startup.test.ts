/** The first message behind TLS: what it may hold, every way in which it may be broken, and which target it asks for. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asksForReplication, readFirstMessage, requestedTarget, type Startup } from "#protocols/postgres/startup.ts";
import { CANCEL_REQUEST, GSSENC_REQUEST, packet, SSL_REQUEST, startup, VERSION_3, word } from "#test/protocols/postgres/bytes.ts";
import { isFault } from "#test/support/faults.ts";

const MALFORMED = isFault("malformed-message");

function read(strings: readonly string[], version?: number): Startup {
  const first = readFirstMessage(startup(strings, version));
  assert.ok(first.kind === "startup");
  return first;
}

describe("a startup message", () => {
  test("holds a user and parameters, in their order", () => {
    const first = read(["user", "agent", "database", "orders", "application_name", "psql", "TimeZone", ""]);
    assert.equal(first.user, "agent");
    assert.deepEqual(
      [...first.parameters],
      [
        ["database", "orders"],
        ["application_name", "psql"],
        ["TimeZone", ""],
      ],
    );
    assert.equal(first.minor, 0);
    assert.equal(first.negotiate, null);
  });

  test("is incomplete until its last byte", () => {
    const bytes = startup(["user", "agent"]);
    for (let length = 0; length < bytes.length; length++) {
      assert.deepEqual(readFirstMessage(bytes.subarray(0, length)), { kind: "incomplete" });
    }
    assert.equal(readFirstMessage(bytes).kind, "startup");
  });

  test("may give a parameter twice: the last counts, as in the server", () => {
    const first = read(["user", "one", "user", "two", "database", "a", "database", "b"]);
    assert.equal(first.user, "two");
    assert.deepEqual([...first.parameters], [["database", "b"]]);
  });

  test("may have names that are special elsewhere", () => {
    const first = read(["user", "__proto__", "__proto__", "x", "constructor", "y"]);
    assert.deepEqual(
      [...first.parameters],
      [
        ["__proto__", "x"],
        ["constructor", "y"],
      ],
    );
  });

  test("names a version: 3.0 and 3.2 are spoken, 3.1 as 3.0", () => {
    for (const [minor, spoken] of [
      [0, 0],
      [1, 0],
      [2, 2],
    ] as const) {
      const first = read(["user", "agent"], VERSION_3 | minor);
      assert.equal(first.minor, spoken);
      assert.equal(first.negotiate, null);
    }
  });

  test("that asks for a newer version is told the newest that is spoken", () => {
    for (const minor of [3, 9999, 0xffff]) {
      const first = read(["user", "agent"], VERSION_3 | minor);
      assert.equal(first.minor, 2);
      assert.deepEqual(first.negotiate, { minor: 2, unknownOptions: [] });
    }
  });

  test("that asks for unknown protocol options is told which, and no newer version than it asked for", () => {
    const first = read(["user", "agent", "_pq_.one", "1", "_pq_.two", ""]);
    assert.deepEqual(first.negotiate, { minor: 0, unknownOptions: ["_pq_.one", "_pq_.two"] });
    assert.deepEqual([...first.parameters], []);
  });

  test("has as many as 128 parameters, and not one more", () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => [`p${index}`, "x"]).flat();
    assert.equal(read(["user", "agent", ...many(127)]).parameters.size, 127);
    assert.throws(() => read(["user", "agent", ...many(128)]), MALFORMED);
  });
});

describe("a malformed startup message", () => {
  for (const length of [0, 3, 7, 10_001, 0x7fffffff, 0x80000000, 0xffffffff]) {
    test(`is refused at its header: a length of ${length}`, () => {
      assert.throws(() => readFirstMessage(word(length)), MALFORMED);
    });
  }

  const bodies: readonly (readonly [string, string])[] = [
    ["nothing at all", ""],
    ["no final NUL", "user\0agent\0"],
    ["no NUL anywhere", "useragent"],
    ["an odd number of strings", "user\0agent\0database\0\0"],
    ["a name alone", "user\0\0"],
    ["a value that the body cuts off", "user\0agent"],
    ["bytes behind the final NUL", "user\0agent\0\0more\0"],
    ["two final NULs", "user\0agent\0\0\0"],
  ];
  for (const [name, body] of bodies) {
    test(`has ${name}`, () => {
      assert.throws(() => readFirstMessage(packet(VERSION_3, body)), MALFORMED);
    });
  }

  test("has no user, or an empty one", () => {
    for (const body of ["\0", "database\0orders\0\0", "user\0\0\0", "USER\0agent\0\0"]) {
      assert.throws(() => readFirstMessage(packet(VERSION_3, body)), isFault("identity-missing"));
    }
  });

  test("speaks another protocol", () => {
    for (const version of [0, 2 << 16, 4 << 16, 0xffffffff]) {
      assert.throws(() => readFirstMessage(packet(version, "user\0a\0\0")), isFault("unsupported-protocol"));
    }
  });

  test("asks for encryption inside TLS", () => {
    for (const code of [SSL_REQUEST, GSSENC_REQUEST]) {
      assert.throws(() => readFirstMessage(packet(code)), isFault("unexpected-message"));
    }
  });

  test("has a Query behind it, before authentication was asked for", () => {
    const bytes = Buffer.concat([startup(["user", "agent"]), Buffer.from("Q\0\0\0\x0dselect 1\0")]);
    assert.throws(() => readFirstMessage(bytes), isFault("unexpected-message"));
  });

  test("is CancelRequest of a wrong length", () => {
    assert.throws(() => readFirstMessage(packet(CANCEL_REQUEST, Buffer.alloc(4))), MALFORMED);
    assert.throws(() => readFirstMessage(packet(CANCEL_REQUEST, Buffer.alloc(261))), MALFORMED);
  });
});

describe("a cancel request behind TLS", () => {
  test("is read like one without", () => {
    const first = readFirstMessage(packet(CANCEL_REQUEST, Buffer.concat([word(9), Buffer.alloc(32, 1)])));
    assert.deepEqual(first, { kind: "cancel", key: { processId: 9, secret: Buffer.alloc(32, 1) } });
  });
});

describe("the target asked for", () => {
  const isTarget = (name: string) => name === "orders" || name === "crm";
  const ask = (user: string, database: string | null, sni: string | null = null) =>
    requestedTarget(read(["user", user, ...(database === null ? [] : ["database", database])]), sni, isTarget);
  const table: readonly (readonly [string, ReturnType<typeof ask>, readonly [string, string | null, string]])[] = [
    ["the database", ask("agent", "orders"), ["orders", null, "agent"]],
    ["the database, with one of its databases", ask("agent", "orders/reporting"), ["orders", "reporting", "agent"]],
    ["the user's name, when no database is given", ask("orders", null), ["orders", null, "orders"]],
    ["user@target before the database", ask("agent@crm", "orders"), ["crm", "orders", "agent"]],
    ["user@target alone", ask("agent@crm", null), ["crm", null, "agent"]],
    ["user@target with the target's name again", ask("agent@crm", "crm"), ["crm", null, "agent"]],
    ["user@target with target/database", ask("agent@crm", "crm/sales"), ["crm", "sales", "agent"]],
    ["user@target with a plain database", ask("agent@crm", "sales"), ["crm", "sales", "agent"]],
    ["the last @ of an address", ask("me@example.com@orders", null), ["orders", null, "me@example.com"]],
    ["the database, where @ names no target", ask("me@example.com", "orders"), ["orders", null, "me@example.com"]],
    ["the server name's first label, when nothing else names one", ask("agent", "sales", "crm.gateway.example"), ["crm", "sales", "agent"]],
    ["the server name, with no database", ask("agent", null, "crm.gateway.example"), ["crm", null, "agent"]],
    ["the database before the server name", ask("agent", "orders", "crm.gateway.example"), ["orders", null, "agent"]],
  ];
  for (const [name, requested, [target, database, label]] of table) {
    test(`is ${name}`, () => {
      assert.deepEqual(requested, { target, database, label });
    });
  }

  test("is never an address, a path or anything that is not in the table of targets", () => {
    for (const database of [
      "10.0.0.1",
      "orders.evil.example",
      "ORDERS",
      "orders ",
      "/orders",
      "",
      "agent@orders",
      "../orders",
      "crm\\orders",
    ]) {
      assert.throws(() => ask("agent", database), isFault("target-unknown"), database);
    }
    assert.throws(() => ask("@orders", "x"), isFault("target-unknown"));
    assert.throws(() => ask("agent", "x", ""), isFault("target-unknown"));
    assert.throws(() => ask("agent", "x", "gateway.crm.example"), isFault("target-unknown"));
  });
});

describe("replication", () => {
  test("is seen in every spelling of yes, and in anything that is not a no", () => {
    for (const value of ["true", "on", "yes", "1", "database", "TRUE", "t", "y", "anything"]) {
      assert.equal(asksForReplication(new Map([["replication", value]])), true, value);
    }
    for (const value of ["", "false", "off", "no", "0", "f", "n", "OFF"]) {
      assert.equal(asksForReplication(new Map([["replication", value]])), false, value);
    }
    assert.equal(asksForReplication(new Map()), false);
  });
});
