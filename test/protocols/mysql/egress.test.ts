/** What a principal under a mask is told by errors and OK packets: names and numbers of its own doing, never a value. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CAPABILITY } from "#protocols/mysql/constants.ts";
import { type OkPacket, readOk } from "#protocols/mysql/outcome.ts";
import { rebuiltError } from "#protocols/mysql/rebuilt-errors.ts";
import type { SessionTerms } from "#protocols/mysql/session.ts";
import { toldOk } from "#protocols/mysql/told.ts";
import { NO_CAPS } from "#protocols/wire/caps.ts";

const TERMS: SessionTerms = {
  underMask: true,
  mayPassUnparsed: false,
  localFiles: false,
  isProtected: () => false,
  limits: { rowsPerStatement: 10, bytesPerStatement: 1000 },
  caps: NO_CAPS,
  clientCapabilities: CAPABILITY.protocol41 | CAPABILITY.sessionTrack,
  product: "MySQL",
  upstreamCapabilities: 0,
  preamble: [],
};

const OK: OkPacket = { affectedRows: 1n, lastInsertId: 77n, status: 2, warnings: 0, info: "", changes: Buffer.from([1, 2, 1, 0x61]) };

function told(ok: Partial<OkPacket>, inserts: boolean, underMask = true): OkPacket {
  return readOk(toldOk({ ...OK, ...ok }, { ...TERMS, underMask }, inserts), TERMS.clientCapabilities);
}

describe("OK packets under a mask", () => {
  test("tell the rows that an UPDATE found, not which of them held the value already", () => {
    const info = "Rows matched: 3  Changed: 1  Warnings: 0";
    const shown = told({ info }, false);
    assert.equal(shown.affectedRows, 3n);
    assert.equal(shown.info, "Rows matched: 3  Changed: 3  Warnings: 0");
    assert.equal(told({ info }, false, false).affectedRows, 1n);
  });

  test("tell an id only where rows were made, and no state of the session", () => {
    assert.equal(told({}, false).lastInsertId, 0n);
    assert.equal(told({}, true).lastInsertId, 77n);
    assert.equal(told({}, true).changes.length, 0);
    assert.equal(told({}, false, false).lastInsertId, 77n);
    assert.equal(told({}, false, false).changes.length, 4);
  });
});

const SECRET = "123-45-6789";

describe("errors under a mask", () => {
  test("keep number and SQLSTATE and no word of the server's where it quotes values", () => {
    const quoting: readonly (readonly [errno: number, message: string])[] = [
      [1062, `Duplicate entry '${SECRET}' for key 'people.by_ssn'`],
      [1292, `Truncated incorrect DOUBLE value: '${SECRET}'`],
      [1366, `Incorrect integer value: '${SECRET}' for column 'a' at row 1`],
      [1105, `XPATH syntax error: '${SECRET}'`],
      [1690, `BIGINT UNSIGNED value is out of range in '(${SECRET} - 1)'`],
      [1411, `Incorrect datetime value: '${SECRET}' for function str_to_date`],
      [3141, `Invalid JSON text in argument 1 to function json_extract: "${SECRET}" at position 3.`],
      [1644, SECRET],
      [65000, SECRET],
    ];
    for (const [errno, message] of quoting) {
      const shown = rebuiltError({ errno, sqlState: "HY000", message });
      assert.deepEqual([shown.errno, shown.sqlState], [errno, "HY000"]);
      assert.doesNotMatch(shown.message, new RegExp(SECRET), String(errno));
    }
  });

  test("keep the server's sentence where it names parts of the schema", () => {
    for (const [errno, message] of [
      [1054, "Unknown column 'nme' in 'field list'"],
      [1146, "Table 'app.nothing' doesn't exist"],
      [1052, "Column 'id' in field list is ambiguous"],
      [1048, "Column 'name' cannot be null"],
      [3819, "Check constraint 'paid' is violated."],
      [4025, "CONSTRAINT `paid` failed for `app`.`people`"],
      [1264, "Out of range value for column 'pay' at row 1"],
    ] as const) {
      assert.equal(rebuiltError({ errno, sqlState: "42000", message }).message, message);
    }
  });

  test("are not believed for their number: SIGNAL may put any text behind it", () => {
    for (const errno of [1048, 1054, 1146, 1264, 1305, 3819, 4025]) {
      assert.doesNotMatch(rebuiltError({ errno, sqlState: "45000", message: `ssn is ${SECRET}` }).message, new RegExp(SECRET));
    }
    for (const message of [`${SECRET}: Column 'a' cannot be null`, `Column 'a' cannot be null: ${SECRET}`]) {
      assert.doesNotMatch(rebuiltError({ errno: 1048, sqlState: "45000", message }).message, new RegExp(SECRET));
    }
  });
});
