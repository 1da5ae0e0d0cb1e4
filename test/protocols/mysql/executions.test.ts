/** Executions that a server would read otherwise than the record: with other values, or values of other parameters. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readExecuteCommand, readExecuteTypes } from "#protocols/mysql/commands.ts";
import { TYPE } from "#protocols/mysql/constants.ts";
import { Fault } from "#protocols/wire/fault.ts";

const TEXT = { type: TYPE.varString, unsigned: false, binary: false, name: "" };
const KNOWN = { parameters: 2, types: [TEXT, TEXT], longData: null };
const HEAD = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0];
const malformed = (error: unknown): boolean => error instanceof Fault && error.code === "malformed-message";

/** @param nulls bitmap. @param bound whether types follow */
function execution(nulls: number, bound: number, ...rest: number[]): Buffer {
  return Buffer.from([...HEAD, nulls, bound, ...rest]);
}

test("what says neither that types follow nor that they don't is refused: MySQL reads types then, MariaDB an error", () => {
  for (const bound of [2, 0x80, 0xff]) {
    assert.throws(() => readExecuteCommand(execution(0, bound, 1, 97, 1, 98), 0, KNOWN), malformed);
    assert.throws(() => readExecuteTypes(execution(0, bound, 1, 97, 1, 98), 0, KNOWN), malformed);
  }
  assert.deepEqual(readExecuteCommand(execution(0, 0, 1, 97, 1, 98), 0, KNOWN).values, ["a", "b"]);
});

test("a value of a type that parameters do not have is refused, NULL of it is NULL", () => {
  for (const type of [TYPE.null, TYPE.int24, TYPE.year, TYPE.bit, TYPE.geometry]) {
    const types = [type, 0, TYPE.varString, 0];
    assert.throws(() => readExecuteCommand(execution(0, 1, ...types, 4, 1, 1, 1, 1, 1, 98), 0, KNOWN), malformed, String(type));
    assert.deepEqual(readExecuteCommand(execution(1, 1, ...types, 1, 98), 0, KNOWN).values, [null, "b"]);
  }
});
