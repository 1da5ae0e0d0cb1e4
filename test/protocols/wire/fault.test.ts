/** A fault is a code for machines, a sentence for people, a way on, and its cause. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FAULT_CODES, Fault } from "#protocols/wire/fault.ts";

describe("a fault", () => {
  test("is an error with a code, a sentence, a hint and a cause", () => {
    const cause = new Error("inner");
    const fault = new Fault("upstream-lost", "the connection to the target was lost", { hint: "connect again", cause });
    assert.ok(fault instanceof Error);
    assert.equal(fault.name, "Fault");
    assert.equal(fault.code, "upstream-lost");
    assert.equal(fault.message, "the connection to the target was lost");
    assert.equal(fault.hint, "connect again");
    assert.equal(fault.cause, cause);
  });

  test("has no hint and no cause unless they are given", () => {
    const fault = new Fault("internal-error", "broken");
    assert.equal(fault.hint, "");
    assert.equal("cause" in fault, false);
  });

  test("has codes of small letters and hyphens, each once", () => {
    assert.equal(new Set(FAULT_CODES).size, FAULT_CODES.length);
    for (const code of FAULT_CODES) assert.match(code, /^[a-z]+(-[a-z]+)+$/);
  });
});
