/** What a server tells of its session's settings, entry by entry, and the character sets in which texts can't be judged. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applyChanges, isJudgeable, judgeable, type Settings } from "#protocols/mysql/settings.ts";
import { PayloadWriter } from "#protocols/mysql/writer.ts";
import { DEFAULT_SQL_MODE, readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";

const SETTINGS: Settings = { database: "app", sqlMode: DEFAULT_SQL_MODE, charset: "utf8mb4" };

function entry(type: number, ...texts: readonly string[]): Buffer {
  const data = new PayloadWriter();
  for (const text of texts) data.lenencBytes(Buffer.from(text));
  return new PayloadWriter().uint8(type).lenencBytes(data.done()).done();
}

describe("changes that an OK packet tells", () => {
  test("count, one entry for each variable as MySQL has them, or several in one as MariaDB has", () => {
    const after = { ...SETTINGS, sqlMode: readSqlMode("ANSI_QUOTES"), charset: "latin1" };
    const apart = Buffer.concat([entry(0, "sql_mode", "ANSI_QUOTES"), entry(0, "character_set_client", "latin1")]);
    assert.deepEqual(applyChanges(SETTINGS, apart), after);
    const together = entry(0, "autocommit", "ON", "sql_mode", "ANSI_QUOTES", "character_set_client", "latin1");
    assert.deepEqual(applyChanges(SETTINGS, together), after);
  });

  test("tell the database, and that there is none", () => {
    assert.equal(applyChanges(SETTINGS, entry(1, "other")).database, "other");
    assert.equal(applyChanges(SETTINGS, entry(1, "")).database, null);
  });

  test("the last one counts, and others change nothing", () => {
    const twice = Buffer.concat([
      entry(0, "sql_mode", "ANSI_QUOTES"),
      entry(2, "1"),
      entry(0, "time_zone", "UTC"),
      entry(0, "sql_mode", ""),
    ]);
    assert.deepEqual(applyChanges(SETTINGS, twice), SETTINGS);
  });

  test("that are cut off are at fault", () => {
    const whole = entry(0, "sql_mode", "ANSI_QUOTES");
    for (let bytes = 1; bytes < whole.length; bytes++) {
      assert.throws(() => applyChanges(SETTINGS, whole.subarray(0, bytes)), { code: "malformed-message" });
    }
  });
});

test("a session goes on only in a set in which no byte of a character could be read as a quote", () => {
  for (const charset of ["utf8mb4", "utf8mb3", "UTF8", "latin1", "ascii", "binary"])
    assert.equal(judgeable({ ...SETTINGS, charset }).charset, charset);
  for (const charset of [
    "gbk",
    "GB18030",
    "gb2312",
    "big5",
    "sjis",
    "cp932",
    "euckr",
    "ujis",
    "eucjpms",
    "ucs2",
    "utf16",
    "utf32",
    "swe7",
    "",
  ]) {
    assert.equal(isJudgeable(charset), false, charset);
    assert.throws(() => judgeable({ ...SETTINGS, charset }), { code: "upstream-out-of-step" }, charset);
  }
});
