/** What a MySQL client is told for each reason: numbers and states that servers pair so, and sentences that say reason, rule and way on. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Denial } from "#policies/decision.ts";
import { CAPABILITY } from "#protocols/mysql/constants.ts";
import { errorPayload, readError } from "#protocols/mysql/outcome.ts";
import { denialError, faultError, tooLargeError, WIRE_ERRORS } from "#protocols/mysql/wire-errors.ts";
import { Fault } from "#protocols/wire/fault.ts";

/** MySQL manual, "Server Error Message Reference": the SQLSTATE of each number. */
const DEFINED: Readonly<Record<number, string>> = {
  ...{ 1040: "08004", 1043: "08S01", 1044: "42000", 1045: "28000", 1047: "08S01", 1049: "42000", 1053: "08S01", 1064: "42000" },
  ...{ 1105: "HY000", 1142: "42000", 1143: "42000", 1146: "42S02", 1153: "08S01", 1158: "08S01", 1159: "08S01", 1226: "42000" },
  ...{ 1227: "42000", 1231: "42000", 1251: "08004", 1290: "HY000", 1429: "HY000", 1835: "HY000", 3024: "HY000", 3159: "HY000" },
  4031: "HY000",
};

describe("the table of wire errors", () => {
  test("has numbers that servers define, each with its own state", () => {
    for (const [reason, { errno, sqlState }] of Object.entries(WIRE_ERRORS)) assert.equal(sqlState, DEFINED[errno], `${reason}: ${errno}`);
  });

  test("names what clients and drivers act on", () => {
    const expected = {
      ...{ "tls-required": 3159, "identity-missing": 1045, "identity-refused": 1045, "identity-expired": 1045, "token-expired": 1045 },
      ...{ "too-many-connections": 1040, "target-unknown": 1049, "target-not-granted": 1044, "shutting-down": 1053, "upstream-lost": 1158 },
      ...{ "access-not-granted": 1142, "statement-unparsed": 1064, "masked-unparsed": 1064, "masked-undefined-table": 1146 },
      ...{ "masked-write": 1143, "masked-view": 1143, "masked-catalogue": 1143, "masked-function": 1143, "masked-setting": 1143 },
      ...{ "masked-unresolved": 1143, "masked-unsupported": 1143, "masked-statement-kind": 1143, "masking-tripwire": 1143 },
      ...{ "command-refused": 1227, "statement-guarded": 1290, "statement-too-large": 1153, "statement-timeout": 3024, "row-limit": 1226 },
      ...{ "session-budget": 1226, "idle-timeout": 4031, "malformed-message": 1835 },
    } as const;
    for (const [reason, errno] of Object.entries(expected)) {
      assert.equal(WIRE_ERRORS[reason as keyof typeof expected].errno, errno, reason);
    }
  });
});

describe("a sentence", () => {
  test("of a fault has its way on and its reason, and nothing of its cause", () => {
    const cause = new Error("db.internal:3306 refused");
    const fault = new Fault("upstream-lost", "the connection to the target was lost", { hint: "connect again", cause });
    const message = "the connection to the target was lost (connect again) [reason=upstream-lost]";
    assert.deepEqual(faultError(fault), { errno: 1158, sqlState: "08S01", message });
    assert.equal(faultError(new Fault("upstream-lost", "it was lost")).message, "it was lost [reason=upstream-lost]");
  });

  test("of a denial has place, way on, reason and rule, as far as there are any", () => {
    const denial: Denial = { verdict: "deny", reason: "masked-write", rule: "pii", message: "no", hint: "read it", position: 7 };
    assert.deepEqual(denialError(denial), {
      errno: 1143,
      sqlState: "42000",
      message: "no at character 7 (read it) [reason=masked-write rule=pii]",
    });
    assert.equal(denialError({ ...denial, rule: null, hint: "", position: null }).message, "no [reason=masked-write]");
    assert.match(tooLargeError().message, /\[reason=statement-too-large\]$/);
  });
});

describe("an ERR packet", () => {
  const error = { errno: 1143, sqlState: "42000", message: "no" };

  test("has number, state and sentence; before the client has said what it speaks no state", () => {
    assert.deepEqual(readError(errorPayload(error), CAPABILITY.protocol41), error);
    assert.deepEqual(readError(errorPayload(error, false), 0), { ...error, sqlState: "HY000" });
    assert.equal(errorPayload(error).toString("latin1"), "\u00ffw\u0004#42000no");
  });

  test("is cut where servers cut theirs, between two characters", () => {
    for (const message of ["x".repeat(2000), `a${"é".repeat(1000)}`, `ab${"🎉".repeat(500)}`]) {
      const told = readError(errorPayload({ ...error, message }), CAPABILITY.protocol41).message;
      assert.ok(message.startsWith(told) && Buffer.byteLength(told) < 512 && Buffer.byteLength(told) > 500);
    }
  });

  test("is not made with a state that is none", () => {
    for (const sqlState of ["4200", "42000x", "4200#", "42 00"])
      assert.throws(() => errorPayload({ ...error, sqlState }), { code: "internal-error" });
  });
});
