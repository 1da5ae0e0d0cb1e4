/** Rows of SHOW WARNINGS under a mask, in the text and the binary protocol: level and number stay, the sentence is ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Column } from "#protocols/mysql/column.ts";
import { TYPE } from "#protocols/mysql/constants.ts";
import { readBinaryRow, readTextRow } from "#protocols/mysql/values.ts";
import { rebuiltWarning, tellsWarnings } from "#protocols/mysql/warnings.ts";
import { PayloadWriter } from "#protocols/mysql/writer.ts";
import { Fault } from "#protocols/wire/fault.ts";

const column = (name: string, type: number): Column => ({
  ...{ name, schema: "", table: "", originalTable: "", originalName: "", collation: 45, type, unsigned: true, binary: false },
});
const COLUMNS = [column("Level", TYPE.varString), column("Code", TYPE.long), column("Message", TYPE.varString)];
const SECRET = "Truncated incorrect DOUBLE value: '917-44-2051'";
const text = (value: string) => Buffer.from(value);

test("a sentence that quotes is exchanged, one that names parts of the schema stays", () => {
  assert.ok(tellsWarnings(COLUMNS));
  const row = (code: string, message: string) =>
    new PayloadWriter(100).lenencBytes(text("Warning")).lenencBytes(text(code)).lenencBytes(text(message)).done();
  const [level, code, message] = readTextRow(rebuiltWarning(row("1292", SECRET), COLUMNS, false), COLUMNS);
  assert.deepEqual([level, code], ["Warning", "1292"]);
  assert.doesNotMatch(String(message), /917/);
  const named = "Unknown table 'app.x'";
  assert.equal(readTextRow(rebuiltWarning(row("1051", named), COLUMNS, false), COLUMNS)[2], named);
});

test("the same in the binary protocol", () => {
  const row = new PayloadWriter(100)
    .uint8(0)
    .bytes(Buffer.from([0]))
    .lenencBytes(text("Note"))
    .uint32(1003)
    .lenencBytes(text(SECRET))
    .done();
  const [level, code, message] = readBinaryRow(rebuiltWarning(row, COLUMNS, true), COLUMNS);
  assert.deepEqual([level, code], ["Note", "1003"]);
  assert.doesNotMatch(String(message), /917/);
});

test("a row of another form ends the session, and other results are no warnings", () => {
  const strange = new PayloadWriter(20)
    .uint8(0)
    .bytes(Buffer.from([4]))
    .lenencBytes(text("Note"))
    .done();
  assert.throws(
    () => rebuiltWarning(strange, COLUMNS, true),
    (error) => error instanceof Fault && error.code === "masking-tripwire",
  );
  assert.equal(tellsWarnings([column("id", TYPE.long), ...COLUMNS.slice(1)]), false);
});
