/** A secret is read in one way only; every other way of showing it shows that there is one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { format, inspect } from "node:util";
import { Secret } from "#protocols/wire/secret.ts";

const CANARY = "canary-value";

describe("a secret", () => {
  const secret = new Secret(CANARY);
  const shown: readonly (readonly [string, () => string])[] = [
    ["String", () => String(secret)],
    ["a template", () => `${secret}`],
    ["concatenation", () => ["", secret].join("")],
    ["JSON", () => JSON.stringify({ secret, list: [secret] })],
    ["inspect", () => inspect({ secret }, { depth: 10, showHidden: true, getters: true })],
    ["inspect without custom methods", () => inspect(secret, { customInspect: false, showHidden: true })],
    ["format", () => format("%s %o %O %j", secret, secret, secret, secret)],
    ["an error's cause", () => inspect(new Error("refused", { cause: secret }))],
    ["its keys", () => JSON.stringify([Object.entries(secret), Reflect.ownKeys(secret).map(String)])],
    ["a clone", () => inspect(structuredClone({ secret: { ...secret } }))],
  ];

  test("is read by expose", () => {
    assert.equal(secret.expose(), CANARY);
  });

  for (const [name, show] of shown) {
    test(`is not shown by ${name}`, () => {
      assert.doesNotMatch(show(), new RegExp(CANARY));
    });
  }

  test("says that it is one", () => {
    assert.equal(String(secret), "[secret]");
    assert.equal(JSON.stringify(secret), '"[secret]"');
    assert.match(inspect({ secret }), /\[secret\]/);
  });
});
