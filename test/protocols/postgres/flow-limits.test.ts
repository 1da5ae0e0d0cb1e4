/** Limits of what is written down: rows up to the limits, past them counts and digests that anyone can compute again. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { recordedValue } from "#protocols/postgres/values.ts";
import { recordedText } from "#protocols/wire/recorded.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation } from "#test/protocols/postgres/conversation.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";
import { cpuMs } from "#test/support/cpu.ts";

const sha256 = (frames: readonly Buffer[]) => createHash("sha256").update(Buffer.concat(frames)).digest("hex");

interface Kept {
  readonly rows: readonly unknown[];
  readonly beyond: unknown;
}

/** Runs one query with these rows, the server's bytes cut into chunks of this size. */
function run(
  rows: readonly Buffer[],
  limits: { readonly rowsPerStatement: number; readonly bytesPerStatement: number },
  size: number,
): Kept {
  const session = new Conversation({ limits });
  session.client(c.query("select x"));
  const bytes = Buffer.concat([s.columns("x"), ...rows, s.complete(`SELECT ${rows.length}`), s.ready()]);
  for (let at = 0; at < bytes.length; at += size) session.server(bytes.subarray(at, at + size));
  session.assertIdle();
  assert.ok(session.toClient.equals(bytes), "every byte passes");
  assert.equal(session.state.counts.rows, rows.length);
  const [result] = session.of("result");
  assert.equal(result?.rows, rows.length);
  return { rows: session.of("rows").flatMap((event) => event.rows), beyond: result?.beyond };
}

describe("rows past the limits", () => {
  test("are counted and digested as their DataRow messages, one after the other, whatever the cuts", () => {
    const cells = fc.array(fc.option(fc.string({ maxLength: 20 })), { maxLength: 30 });
    fc.assert(
      fc.property(
        cells,
        fc.nat({ max: 12 }),
        fc.nat({ max: 200 }),
        fc.integer({ min: 1, max: 64 }),
        (values, rowsPerStatement, bytesPerStatement, size) => {
          const rows = values.map((value) => s.row(value));
          let kept = 0;
          for (let bytes = 0; kept < rows.length && kept < rowsPerStatement && bytes < bytesPerStatement; kept++)
            bytes += (rows[kept]?.length ?? 0) - 5;
          const past = rows.slice(kept);
          const expected = {
            rows: values.slice(0, kept).map((value) => [value]),
            beyond: past.length === 0 ? null : { rows: past.length, bytes: Buffer.concat(past).length, sha256: sha256(past) },
          };
          assert.deepEqual(run(rows, { rowsPerStatement, bytesPerStatement }, size), expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("start with a row that is too large to be collected: nothing behind it is kept, so that there is no gap", () => {
    const rows = [s.row("a"), s.row("x".repeat(256 * 1024)), s.row("b")];
    const limits = { rowsPerStatement: 10, bytesPerStatement: 10_000_000 };
    for (const size of [7_919, 65_536, 1 << 20]) {
      const past = rows.slice(1);
      assert.deepEqual(run(rows, limits, size), {
        rows: [["a"]],
        beyond: { rows: 2, bytes: Buffer.concat(past).length, sha256: sha256(past) },
      });
    }
  });

  test("have their own count for each statement of a text, and one count for all parts of a portal", () => {
    const limits = { rowsPerStatement: 1, bytesPerStatement: 1000 };
    const session = new Conversation({ limits });
    session.client(c.query("select 1; select 2"));
    for (const tag of ["SELECT 2", "SELECT 2"]) session.server(s.columns("x"), s.row("1"), s.row("2"), s.complete(tag));
    session.server(s.ready());
    assert.deepEqual(
      session.of("result").map((event) => event.beyond?.rows),
      [1, 1],
    );
    const parts = new Conversation({ limits });
    parts.client(c.parse("", "x"), c.bind(), c.describePortal(), c.execute("", 1), c.execute("", 1), c.SYNC);
    parts.server(
      s.PARSE_COMPLETE,
      s.BIND_COMPLETE,
      s.columns("x"),
      s.row("1"),
      s.PORTAL_SUSPENDED,
      s.row("2"),
      s.complete("SELECT 1"),
      s.ready(),
    );
    assert.deepEqual(
      parts.of("result").map((event) => event.beyond?.rows ?? 0),
      [0, 1],
    );
  });

  test("before the answer breaks off leave what was kept", () => {
    const session = new Conversation();
    session.client(c.query("select x"));
    session.server(s.columns("x"), s.row("1"), s.row("2"), s.row("3").subarray(0, 6));
    session.cut();
    assert.deepEqual(
      session.of("rows").map((event) => event.rows),
      [[["1"], ["2"]]],
    );
    assert.equal(session.atBoundary, false);
  });
});

describe("a record of many rows", () => {
  test("grows in steps, not at the end alone", () => {
    const session = new Conversation({ limits: { rowsPerStatement: 1_000_000, bytesPerStatement: 1 << 30 } });
    session.client(c.query("select x"));
    session.server(s.columns("x"));
    const row = s.row("y".repeat(1000));
    for (let count = 0; count < 200; count++) session.server(row);
    assert.ok(session.of("rows").length >= 2);
  });
});

describe("a recorded value", () => {
  const text = (value: string) => recordedValue(Buffer.from(value), false, 25);

  test("is text, NULL, or hex where it is no text", () => {
    assert.equal(recordedValue(null, false, 25), null);
    assert.equal(text("ä"), "ä");
    assert.equal(text("\ufffd"), "\ufffd");
    assert.deepEqual(recordedValue(Buffer.from([0xff]), false, 25), { hex: "ff" });
    assert.deepEqual(recordedValue(Buffer.from([0xff]), true, 25), { hex: "ff" });
    assert.deepEqual(recordedValue(Buffer.from("ab"), true, 17), { hex: "6162" });
  });

  test("is the text that its type has, where it came in binary", () => {
    const binary = (hex: string, type: number) => recordedValue(Buffer.from(hex, "hex"), true, type);
    assert.deepEqual([binary("01", 16), binary("00", 16)], ["t", "f"]);
    assert.deepEqual([binary("fffe", 21), binary("fffffffe", 23), binary("fffffffe", 26)], ["-2", "-2", "4294967294"]);
    assert.equal(binary("8000000000000000", 20), "-9223372036854775808");
    assert.deepEqual([binary("3fc00000", 700), binary("3ff8000000000000", 701)], ["1.5", "1.5"]);
    assert.deepEqual([binary("3dcccccd", 700), binary("4b800000", 700), binary("7f7fffff", 700)], ["0.1", "16777216", "3.4028235e+38"]);
    assert.deepEqual([binary("80000000", 700), binary("7f800000", 700), binary("7ff8000000000000", 701)], ["-0", "Infinity", "NaN"]);
    assert.equal(binary("00112233445566778899aabbccddeeff", 2950), "00112233-4455-6677-8899-aabbccddeeff");
    assert.deepEqual(binary("010203", 23), { hex: "010203" });
    assert.deepEqual(binary("", 16), { hex: "" });
  });

  test("over the limit is its beginning, its length and its digest", () => {
    const limit = 64 * 1024;
    assert.equal(text("x".repeat(limit)), "x".repeat(limit));
    const long = "x".repeat(limit + 1);
    assert.deepEqual(text(long), { head: "x".repeat(1024), bytes: limit + 1, sha256: sha256([Buffer.from(long)]) });
    const bytes = Buffer.alloc(limit, 0xff);
    assert.deepEqual(recordedValue(bytes, true, 17), { hex: "ff".repeat(512), bytes: limit, sha256: sha256([bytes]) });
    const noText = Buffer.alloc(limit + 1, 0xff);
    assert.deepEqual(recordedValue(noText, false, 25), { hex: "ff".repeat(512), bytes: limit + 1, sha256: sha256([noText]) });
  });

  test("has a beginning of whole characters", () => {
    const long = `x${"ä".repeat(40_000)}`;
    assert.deepEqual(text(long), { head: `x${"ä".repeat(511)}`, bytes: 80_001, sha256: sha256([Buffer.from(long)]) });
  });

  test("of a statement counts bytes, not characters", () => {
    assert.equal(recordedText("ää", 4), "ää");
    assert.deepEqual(recordedText("ä€ä", 4), { head: "ä€ä", bytes: 7, sha256: sha256([Buffer.from("ä€ä")]) });
  });
});

describe("counts", () => {
  test("are of bytes in both directions, of statements, rows and refusals", () => {
    const session = new Conversation();
    const sent = [c.query("select 1"), c.functionCall()];
    const received = [s.columns("a"), s.row("1"), s.row("2"), s.complete("SELECT 2"), s.ready()];
    session.client(...sent);
    session.server(...received);
    const bytes = Buffer.concat([...sent, ...received]).length;
    assert.deepEqual(session.state.counts, { statements: 1, rows: 2, maskedCells: 0, denied: 1, bytes });
  });
});

describe("what one session may have under way", () => {
  test("is 100,000 operations", () => {
    const session = new Conversation();
    const syncs = Buffer.concat(Array.from({ length: 100_000 }, () => c.SYNC));
    session.client(syncs);
    assert.throws(() => session.client(c.SYNC), { code: "unexpected-message" });
  });

  test("costs no more for each error when there is much of it", () => {
    const pairs = 50_000;
    const asked = Buffer.concat(Array.from({ length: pairs }, () => Buffer.concat([c.execute("x"), c.SYNC])));
    const answers = Buffer.concat(Array.from({ length: pairs }, () => Buffer.concat([s.error("34000"), s.ready()])));
    let least = Number.POSITIVE_INFINITY;
    for (let tries = 3; tries > 0 && least > 5_000; tries -= 1) {
      const session = new Conversation();
      session.client(asked);
      least = Math.min(
        least,
        cpuMs(() => session.server(answers)),
      );
      session.assertIdle();
    }
    assert.ok(least < 5_000, "grows with the square of what is under way");
  });
});
