/** The character set that a session begins in: the client's own, but where texts could be read in two ways. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkBeginning, collationFor } from "#protocols/mysql/collations.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { Fault } from "#protocols/wire/fault.ts";

const MYSQL = "9.7.0";
const MARIADB = "5.5.5-10.11.6-MariaDB-0+deb12u1";

test("under no mask the target is told what the client asks for", () => {
  for (const asked of [0, 8, 28, 33, 45, 63, 224, 255]) {
    for (const version of [MYSQL, MARIADB]) assert.equal(collationFor(asked, { underMask: false, version }), asked);
  }
});

test("under a mask UTF-8 stays as it is asked for, and every other set gives way to utf8mb4", () => {
  for (const asked of [33, 45, 46, 83, 192, 215, 224, 247]) {
    assert.equal(collationFor(asked, { underMask: true, version: MYSQL }), asked);
  }
  for (const asked of [0, 1, 8, 13, 24, 28, 35, 54, 60, 63, 95, 101, 128, 160, 183, 216, 222, 248, 250]) {
    assert.equal(collationFor(asked, { underMask: true, version: MYSQL }), 45);
  }
});

test("MariaDB is not asked for what it does not know: it would begin in a set of its own", () => {
  assert.equal(collationFor(255, { underMask: true, version: MYSQL }), 255);
  assert.equal(collationFor(255, { underMask: true, version: MARIADB }), 45);
});

test("a session does not begin in a set in which half a character may be a quote", () => {
  const begun = (charset: string) => () => checkBeginning({ database: null, sqlMode: DEFAULT_SQL_MODE, charset });
  for (const charset of ["gbk", "big5", "sjis", "cp932", "gb18030", "ucs2", "utf16", "a set of tomorrow"]) {
    assert.throws(begun(charset), (error) => error instanceof Fault && error.code === "startup-option-refused");
  }
  for (const charset of ["utf8mb4", "UTF8MB3", "latin1", "binary"]) assert.doesNotThrow(begun(charset));
});
