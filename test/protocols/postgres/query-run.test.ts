/** The gateway's own query: rows by name, in any cuts, and no way for a hostile answer to look like a catalogue. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { QueryRun, type Row } from "#protocols/postgres/query-run.ts";
import { frame } from "#test/protocols/postgres/bytes.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { byteByByte } from "#test/protocols/postgres/scripted-handler.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";
import { isFault } from "#test/support/faults.ts";

const ANSWER = [s.columns("oid", "name"), s.row("1", "users"), s.notice("n"), s.row("2", null), s.complete("SELECT 2"), s.ready()];

function run(chunks: readonly Buffer[]): readonly Row[] | undefined {
  const query = new QueryRun("select oid, name");
  let rows: readonly Row[] | undefined;
  for (const chunk of chunks) rows = query.push(chunk);
  return rows;
}

describe("a query of the gateway's own", () => {
  test("is a simple Query", () => {
    assert.deepEqual(new QueryRun("select 1").request, c.query("select 1"));
  });

  test("yields its rows by name once the server is ready, whatever the cuts", () => {
    const rows = [
      { oid: "1", name: "users" },
      { oid: "2", name: null },
    ];
    assert.deepEqual(run([Buffer.concat(ANSWER)]), rows);
    assert.deepEqual(run(byteByByte(Buffer.concat(ANSWER))), rows);
    assert.equal(run([Buffer.concat(ANSWER.slice(0, -1))]), undefined);
  });

  test("has columns of any name", () => {
    const [row] = run([s.columns("__proto__", "constructor"), s.row("a", "b"), s.ready()]) ?? [];
    assert.deepEqual(Object.entries(row ?? {}), [
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
    assert.equal(Object.getPrototypeOf(row), Object.prototype);
  });

  test("that fails says so with the code alone, when the server is ready again", () => {
    const failed = [s.columns("a"), s.row("1"), s.error("42P01", "canary")];
    assert.equal(run(failed), undefined);
    assert.throws(() => run([...failed, s.ready()]), isFault("catalogue-unavailable", /^(?!.*canary).*42P01/));
  });

  test("counts notifications that come between, and hands back what comes behind its end", () => {
    const query = new QueryRun("select 1");
    const told = frame("A", "\0\0\0\x01channel\0payload\0");
    const behind = told.subarray(0, 9);
    assert.deepEqual(query.push(Buffer.concat([told, s.columns("a"), told, s.row("1"), s.complete("SELECT 1"), s.ready(), behind])), [
      { a: "1" },
    ]);
    assert.equal(query.notifications, 2);
    assert.deepEqual(query.rest, behind);
    const failing = new QueryRun("select 1");
    assert.throws(() => failing.push(Buffer.concat([s.error("42P01", "x"), s.ready(), behind])), isFault("catalogue-unavailable"));
    assert.deepEqual(failing.rest, behind);
  });

  test("is not misled by malformed answers", () => {
    for (const bad of [frame("D", "\0\x01\0\0\0\x09x"), frame("T", "\0\x01"), frame("E", "S"), frame("D", "", 3)]) {
      assert.throws(() => run([bad]), isFault("malformed-message"));
    }
    assert.throws(() => run([frame("D", "", 17 * 1024 * 1024)]), isFault("message-too-large"));
  });
});
