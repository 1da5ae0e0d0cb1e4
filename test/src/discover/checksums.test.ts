/** Check digits against numbers that their publishers give as examples, and what they must notice. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isOneDigit, luhn, mod11And10, modulo97, verhoeff } from "#src/discover/checksums.ts";

const digits = (minLength: number, maxLength: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength, maxLength }).map((list) => list.join(""));

/** The one digit that makes a number pass; fails when there is none or another. */
function completed(body: string, passes: (digits: string) => boolean): string {
  const found = [..."0123456789"].filter((digit) => passes(body + digit));
  assert.equal(found.length, 1, body);
  return body + found[0];
}

describe("check digits", () => {
  test("known numbers pass", () => {
    assert.ok(luhn("79927398713"));
    assert.ok(verhoeff("2363"));
    assert.ok(verhoeff("234123412346"));
    assert.ok(mod11And10("86095742719"));
    assert.equal(modulo97("3214282912345698765432161182"), 1);
  });

  for (const [name, passes] of [
    ["luhn", luhn],
    ["verhoeff", verhoeff],
    ["mod 11,10", mod11And10],
  ] as const) {
    test(`${name}: every number has one check digit, and no wrong digit passes`, () => {
      fc.assert(
        fc.property(digits(2, 18), fc.nat(), fc.integer({ min: 1, max: 9 }), (body, place, change) => {
          const whole = completed(body, passes);
          const at = place % whole.length;
          const wrong = `${whole.slice(0, at)}${(Number(whole[at]) + change) % 10}${whole.slice(at + 1)}`;
          assert.equal(passes(wrong), false, `${whole} ${wrong}`);
        }),
      );
    });

    test(`${name}: what is no number does not pass`, () => {
      for (const text of ["", "a", "12 34", "1234-", "१२३"]) assert.equal(passes(text), false, text);
    });
  }

  test("verhoeff: two neighbours in the wrong order do not pass", () => {
    fc.assert(
      fc.property(digits(3, 18), fc.nat(), (body, place) => {
        const whole = completed(body, verhoeff);
        const at = place % (whole.length - 1);
        fc.pre(whole[at] !== whole[at + 1]);
        assert.equal(verhoeff(`${whole.slice(0, at)}${whole[at + 1]}${whole[at]}${whole.slice(at + 2)}`), false);
      }),
    );
  });

  test("modulo 97 is that of the number, however long", () => {
    fc.assert(fc.property(digits(1, 40), (text) => assert.equal(modulo97(text), Number(BigInt(text) % 97n))));
  });

  test("one digit over and over is seen", () => {
    assert.ok(isOneDigit("0000"));
    assert.ok(!isOneDigit("0001"));
    assert.ok(!isOneDigit(""));
  });
});
