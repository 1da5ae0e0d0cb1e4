/** What a client is told for each reason: codes that PostgreSQL defines, and messages that a driver reads. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readErrorFields } from "#protocols/postgres/decode.ts";
import { denialMessage, faultMessage, WIRE_ERRORS } from "#protocols/postgres/wire-errors.ts";
import { FAULT_CODES, Fault } from "#protocols/wire/fault.ts";
import { denial } from "#test/protocols/postgres/judgements.ts";

const fieldsOf = (bytes: Buffer) => Object.fromEntries(readErrorFields(bytes.subarray(5)));

/** PostgreSQL documentation, appendix "PostgreSQL Error Codes". */
const DEFINED = new Set([
  ..."08000 08001 08003 08004 08006 08007 08P01 0A000 28000 28P01 3D000 42501 42601 42P01 53300 54000 57014 57P01 57P03 57P05 58030 F0000 XX000".split(
    " ",
  ),
]);

describe("the table of wire errors", () => {
  test("uses no code that PostgreSQL does not define", () => {
    for (const [reason, { sqlState }] of Object.entries(WIRE_ERRORS)) assert.ok(DEFINED.has(sqlState), `${reason}: ${sqlState}`);
  });

  test("ends the connection for every fault but those that only end a statement", () => {
    const mild: readonly string[] = ["statement-too-large", "row-limit", "statement-timeout"];
    for (const code of FAULT_CODES) assert.equal(WIRE_ERRORS[code].severity, mild.includes(code) ? "ERROR" : "FATAL", code);
  });

  test("keeps the session for every denial of a statement", () => {
    for (const [reason, { severity }] of Object.entries(WIRE_ERRORS)) {
      if (FAULT_CODES.some((code) => code === reason)) continue;
      assert.equal(severity, reason === "target-not-granted" ? "FATAL" : "ERROR", reason);
    }
  });

  test("names what clients and drivers act on", () => {
    const expected = {
      "malformed-message": "08P01",
      "tls-required": "28000",
      "identity-missing": "28000",
      "identity-refused": "28P01",
      "access-not-granted": "42501",
      "too-many-connections": "53300",
      "shutting-down": "57P01",
      "upstream-unreachable": "08001",
      "upstream-lost": "08006",
      "function-call-refused": "0A000",
      "name-refused": "0A000",
      "masked-unparsed": "42601",
    } as const;
    for (const [reason, sqlState] of Object.entries(expected)) {
      assert.equal(WIRE_ERRORS[reason as keyof typeof expected].sqlState, sqlState, reason);
    }
  });
});

describe("a fault's message", () => {
  test("has severity twice, code, sentence, reason and hint", () => {
    const message = faultMessage(new Fault("upstream-lost", "the connection to the target was lost", { hint: "connect again" }));
    assert.deepEqual(fieldsOf(message), {
      S: "FATAL",
      V: "FATAL",
      C: "08006",
      M: "the connection to the target was lost",
      D: "reason=upstream-lost",
      H: "connect again",
    });
  });

  test("does not carry its cause, nor a NUL that would end it early", () => {
    const fault = new Fault("internal-error", "a\0b", { cause: new Error("canary") });
    const message = faultMessage(fault);
    assert.doesNotMatch(message.toString("latin1"), /canary/);
    assert.equal(fieldsOf(message)["M"], "ab");
    assert.equal("H" in fieldsOf(message), false);
  });
});

describe("a denial's message", () => {
  test("names its reason and rule, and the place in the text", () => {
    const message = denialMessage(denial({ reason: "masked-write", rule: "pii", position: 8 }));
    assert.deepEqual(fieldsOf(message), {
      S: "ERROR",
      V: "ERROR",
      C: "42501",
      M: "not permitted",
      D: "reason=masked-write rule=pii",
      H: "ask for the right",
      P: "8",
    });
  });

  test("leaves out what it does not have", () => {
    const shown = fieldsOf(denialMessage(denial({ hint: "" })));
    assert.equal(shown["D"], "reason=access-not-granted");
    assert.equal("H" in shown || "P" in shown, false);
  });
});
