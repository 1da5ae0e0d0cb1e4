/** A query of the gateway's own: rows out, however they are cut, and nothing that the target was not asked for. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CAPABILITY, STATUS } from "#protocols/mysql/constants.ts";
import { packets } from "#protocols/mysql/packet.ts";
import { QueryRun } from "#protocols/mysql/query-run.ts";
import { PayloadWriter } from "#protocols/mysql/writer.ts";
import { answer, column, eof, failure, OK, row } from "#test/protocols/mysql/server-bytes.ts";

const COLUMNS = [Buffer.from([2]), column("name"), column("value"), eof()];
const NULL = Buffer.from([0xfb]);
const ROWS = answer(...COLUMNS, row("a", "1"), Buffer.concat([row("b"), NULL]), eof());
const EXPECTED = [
  { name: "a", value: "1" },
  { name: "b", value: null },
];

const run = (): QueryRun => new QueryRun("SELECT 1", CAPABILITY.protocol41);

describe("an answer", () => {
  test("is its rows, in any cut", () => {
    for (let at = 1; at < ROWS.length; at++) {
      const made = run();
      assert.equal(made.push(ROWS.subarray(0, at)), undefined);
      assert.deepEqual(made.push(ROWS.subarray(at)), EXPECTED);
    }
  });

  test("without rows is none, and ends with the last of several", () => {
    assert.deepEqual(run().push(answer(OK)), []);
    const made = run();
    assert.equal(made.push(answer(...COLUMNS, row("a", "1"), eof(STATUS.moreResults))), undefined);
  });

  test("that is an error is one, wherever it stands, and tells its number alone", () => {
    for (const before of [[], COLUMNS, [...COLUMNS, row("a", "1")]]) {
      assert.throws(() => run().push(answer(...before, failure(1142, "denied to secret"))), {
        code: "catalogue-unavailable",
        message: /\(1142\)$/,
      });
    }
  });

  test("with more behind it is no answer", () => {
    assert.throws(() => run().push(Buffer.concat([ROWS, answer(OK)])), { code: "upstream-out-of-step" });
    assert.throws(() => run().push(answer(OK, OK)), { code: "upstream-out-of-step" });
  });

  test("whose rows have more or fewer values than there are columns is malformed", () => {
    for (const bad of [row("a"), row("a", "1", "x")])
      assert.throws(() => run().push(answer(...COLUMNS, bad, eof())), { code: "malformed-message" });
  });

  test("that does not end is given up", () => {
    const made = run();
    // A definition of which nothing is kept but the name.
    const long = new PayloadWriter(1 << 23).lenencBytes(Buffer.alloc((1 << 23) - 100)).done();
    const definition = packets(Buffer.concat([long, column("a").subarray(4)]), 2);
    made.push(packets(Buffer.from([0xfd, 0xff, 0xff, 0xff]), 1));
    assert.throws(
      () => {
        for (let pieces = 0; pieces < 40; pieces++) made.push(definition);
      },
      { code: "upstream-out-of-step" },
    );
  });
});
