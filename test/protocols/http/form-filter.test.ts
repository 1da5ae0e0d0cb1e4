/** Forms masked as they stream, and query strings by the same names. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FormFilter } from "#protocols/http/form-filter.ts";
import { maskedQuery, sentQuery } from "#protocols/http/urls.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { cut, cuts } from "./json-texts.ts";
import { masksOf } from "./masks.ts";

const RULES = [{ form: ["ssn", "my card"] }, { form: ["mail"], with: "email" }, { form: ["gone"], with: "null" }];

function masked(text: string, sizes: readonly number[] = [1 << 20]): string {
  const filter = new FormFilter(masksOf(...RULES));
  const out = cut(Buffer.from(text), sizes).flatMap((chunk) => {
    const pieces = filter.write(chunk).map((piece) => Buffer.from(piece));
    chunk.fill(0);
    return pieces;
  });
  return Buffer.concat([...out, ...filter.end()]).toString();
}

const table: readonly (readonly [string, string])[] = [
  ["", ""],
  ["a=1&ssn=123&b=2", "a=1&ssn=***&b=2"],
  ["ssn=1&ssn=2", "ssn=***&ssn=***"],
  ["SSN=1", "SSN=***"],
  ["s%73n=1&%73%73%6e=2", "s%73n=***&%73%73%6e=***"],
  ["my+card=1&my%20card=2", "my+card=***&my%20card=***"],
  ["ssn[]=1&ssn%5B0%5D=2&ssn.last=3", "ssn[]=***&ssn%5B0%5D=***&ssn.last=***"],
  ["a=1;ssn=2", "a=1;ssn=***"],
  ["ssn==x=y&a=b=c", "ssn=***&a=b=c"],
  ["mail=ann%40example.com&mail=none", "mail=***%40example.com&mail=***"],
  ["gone=1&b=", "gone=&b="],
  ["ssn&a", "ssn&a"],
  ["assn=1&ssnx=2", "assn=1&ssnx=2"],
  ["&&a=1&", "&&a=1&"],
];

describe("masking forms", () => {
  for (const [from, to] of table) {
    test(`${from || "nothing"} becomes ${to || "nothing"}`, () => {
      assert.equal(masked(from), to);
      for (const size of [1, 2, 3]) assert.equal(masked(from, [size]), to);
    });
  }

  test("a query is masked by its own list in the same way", () => {
    const masks = masksOf(...RULES.map(({ form, ...rule }) => ({ ...rule, query: form })));
    for (const [from, to] of table) assert.equal(maskedQuery(from, masks), to);
    assert.equal(maskedQuery("ssn=1", masksOf(...RULES)), "ssn=1");
  });

  test("a lookup sees the mask; a write gives its own value, unless a rule forbids", () => {
    const masks = masksOf({ query: ["ssn"] });
    for (const method of ["GET", "HEAD", "OPTIONS"]) assert.equal(sentQuery(method, "ssn=1&a=2", masks), "ssn=***&a=2");
    assert.equal(sentQuery("POST", "ssn=1&a=2", masks), "ssn=1&a=2");
    const strict = masksOf({ query: ["ssn"], assign: "none" });
    const result = sentQuery("POST", "a=2;s%73n[]=1", strict);
    assert.ok(result instanceof Fault && result.code === "masked-request");
    assert.equal(sentQuery("POST", "a=2", strict), "a=2");
  });

  test("no cut changes what comes out", () => {
    const text = fc.array(fc.constantFrom("ssn", "=", "&", ";", "a", "%73", "+", "mail", "@x.y", "[0]"), { maxLength: 20 });
    fc.assert(fc.property(text, cuts, (parts, sizes) => assert.equal(masked(parts.join(""), sizes), masked(parts.join("")))));
  });

  test("a name that does not end is refused, and a value that does not is not kept", () => {
    assert.throws(
      () => masked("x".repeat(20_000)),
      (error) => error instanceof Fault && error.code === "masked-body-malformed",
    );
    assert.equal(masked(`ssn=${"x".repeat(1_000_000)}&a=1`, [4096]), "ssn=***&a=1");
    assert.equal(masked(`mail=${"x".repeat(1_000_000)}@a.b`, [4096]), "mail=***");
  });
});
