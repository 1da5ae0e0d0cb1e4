/** OK packets as servers write them, which is not quite as the documentation has it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CAPABILITY } from "#protocols/mysql/constants.ts";
import { okPayload, readOk } from "#protocols/mysql/outcome.ts";

const INFO = "Rows matched: 2  Changed: 1  Warnings: 0";
const OK = { affectedRows: 1n, lastInsertId: 0n, status: 2, warnings: 0, info: INFO, changes: Buffer.alloc(0) };

for (const [name, capabilities] of [
  ["with session tracking", CAPABILITY.protocol41 | CAPABILITY.sessionTrack],
  ["without session tracking, as PHP's connector logs in", CAPABILITY.protocol41],
] as const) {
  test(`${name}, an OK packet's text has its length in front, and is read so`, () => {
    const head = [0x00, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00];
    const expected = Buffer.concat([Buffer.from([...head, INFO.length]), Buffer.from(INFO)]);
    assert.deepEqual(okPayload(OK, capabilities), expected);
    assert.deepEqual(readOk(expected, capabilities), OK);
    assert.deepEqual(readOk(Buffer.from(head), capabilities), { ...OK, info: "" });
  });
}
