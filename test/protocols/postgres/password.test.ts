/** The one message of a client that is being authenticated: taken once, whole, and nothing in its place. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { PasswordReader } from "#protocols/postgres/password.ts";
import { frame } from "#test/protocols/postgres/bytes.ts";
import { isFault } from "#test/support/faults.ts";

const MAX = 64 * 1024;

describe("the password message", () => {
  test("gives the password, byte by byte or at once", () => {
    const bytes = frame("p", "token-ä\0");
    const whole = new PasswordReader(MAX).push(bytes);
    assert.equal(whole?.password.expose(), "token-ä");
    const reader = new PasswordReader(MAX);
    for (let index = 0; index < bytes.length - 1; index++) assert.equal(reader.push(bytes.subarray(index, index + 1)), undefined);
    assert.equal(reader.push(bytes.subarray(-1))?.password.expose(), "token-ä");
  });

  test("is not shown with its reader or its result", () => {
    const reader = new PasswordReader(MAX);
    const read = reader.push(frame("p", "canary\0"));
    assert.doesNotMatch(inspect([reader, read], { depth: 9, showHidden: true }) + JSON.stringify([reader, read]), /canary/);
  });

  test("gives what is pipelined behind it, apart, as a copy", () => {
    const bytes = Buffer.concat([frame("p", "token\0"), frame("Q", "select 1\0")]);
    const read = new PasswordReader(MAX).push(bytes);
    bytes.fill(0);
    assert.deepEqual(read?.rest, frame("Q", "select 1\0"));
  });

  test("has nothing else in its place, seen from the first byte", () => {
    for (const tag of ["Q", "P", "X", "B", "d", "\0", "R", "S", "\xff"]) {
      assert.throws(() => new PasswordReader(MAX).push(Buffer.from(tag, "latin1")), isFault("unexpected-message"), tag);
      assert.throws(() => new PasswordReader(MAX).push(frame(tag, "select 1\0")), isFault("unexpected-message"), tag);
    }
  });

  test("is one string: no NUL inside, none missing, not empty", () => {
    for (const body of ["", "token", "to\0ken\0", "token\0\0", "\0\0", "\0token\0", "SCRAM-SHA-256\0\0\0\0\x03n,,"]) {
      assert.throws(() => new PasswordReader(MAX).push(frame("p", body)), isFault("malformed-message"), JSON.stringify(body));
    }
    assert.throws(() => new PasswordReader(MAX).push(frame("p", "\0")), isFault("identity-missing"));
  });

  test("is judged by its header, before the body comes", () => {
    for (const length of [MAX + 5, 0x7fffffff, 0xffffffff]) {
      assert.throws(() => new PasswordReader(MAX).push(frame("p", "", length)), isFault("message-too-large"), String(length));
    }
    for (const length of [0, 3]) {
      assert.throws(() => new PasswordReader(MAX).push(frame("p", "", length)), isFault("malformed-message"), String(length));
    }
    assert.equal(new PasswordReader(MAX).push(frame("p", "", MAX + 4)), undefined);
  });
});
