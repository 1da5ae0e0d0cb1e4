/** Columns judged by a sample and their name: what is found, what is no coincidence, and what is left alone. */
import assert from "node:assert/strict";
import { createHash, randomInt, randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { luhn } from "#src/discover/checksums.ts";
import { likenessOf, type SampledColumn } from "#src/discover/likeness.ts";
import { leavesOf, shapeOf } from "#src/discover/values.ts";

const many = (count: number, make: (index: number) => string): readonly string[] =>
  Array.from({ length: count }, (_, index) => make(index));
const column = (name: string, cells: readonly string[], more: Partial<SampledColumn> = {}): SampledColumn => ({
  table: "t",
  column: name,
  of: "text",
  cells,
  ...more,
});
const kindOf = (sampled: SampledColumn) => likenessOf(sampled)?.kind;

const card = (index: number): string => {
  const body = `4${String(100_000_000_000_000 + index * 7_919).slice(1)}`;
  return `${body}${[..."0123456789"].find((digit) => luhn(body + digit))}`;
};
const mail = (index: number) => `user${index}@example.com`;
const ssn = (index: number) => `9${String(10 + (index % 90))}-44-${String(1000 + index)}`;

describe("a column is found", () => {
  for (const [kind, sampled] of [
    ["email", column("a", many(50, mail))],
    [
      "email",
      column(
        "contact",
        many(50, (index) => (index % 5 === 0 ? mail(index) : "call first")),
      ),
    ],
    [
      "email",
      column(
        "remarks",
        many(200, (index) => (index % 8 === 0 ? `please write to ${mail(index)} first` : "nothing")),
      ),
    ],
    ["card", column("a", many(50, card))],
    ["card", column("number", many(50, card), { of: "number" })],
    [
      "card",
      column(
        "card_number",
        many(50, (index) => (index % 8 === 0 ? card(index) : "on file")),
      ),
    ],
    ["national-id", column("a", many(50, ssn))],
    [
      "national-id",
      column(
        "ssn",
        many(50, (index) => ssn(index).replaceAll("-", "")),
      ),
    ],
    [
      "phone",
      column(
        "a",
        many(50, (index) => `+1 202 555 ${1000 + index}`),
      ),
    ],
    [
      "phone",
      column(
        "mobile",
        many(50, (index) => String(2_025_550_000 + index)),
        { of: "number" },
      ),
    ],
    [
      "name",
      column(
        "first_name",
        many(50, (index) => ["Ada", "Grace", "Edsger"][index % 3] ?? ""),
      ),
    ],
    [
      "name",
      column(
        "name",
        many(50, () => "Ada Lovelace"),
        { table: "customers" },
      ),
    ],
    [
      "birth-date",
      column(
        "date_of_birth",
        many(50, (index) => `19${10 + index}-01-02`),
        { of: "date" },
      ),
    ],
    [
      "ip-address",
      column(
        "a",
        many(50, (index) => `203.0.113.${index}`),
      ),
    ],
    [
      "ip-address",
      column(
        "last_seen_from",
        many(50, (index) => `203.0.113.${index}`),
        { of: "address" },
      ),
    ],
    [
      "secret",
      column(
        "a",
        many(50, () => `$2b$12$${"a".repeat(53)}`),
      ),
    ],
    [
      "secret",
      column(
        "password",
        many(50, (index) => `word-${index}`),
      ),
    ],
    [
      "secret",
      column(
        "session_token",
        many(50, (index) => createHash("sha256").update(String(index)).digest("hex")),
      ),
    ],
    [
      "email",
      column(
        "payload",
        many(50, (index) => JSON.stringify({ type: "signup", user: { mail: mail(index) } })),
        { of: "json" },
      ),
    ],
    [
      "name",
      column(
        "payload",
        many(50, () => JSON.stringify({ first_name: "Ada", n: 3 })),
        { of: "json" },
      ),
    ],
    [
      "email",
      column(
        "addresses",
        many(50, (index) => JSON.stringify([mail(index)])),
        { of: "json" },
      ),
    ],
  ] as const) {
    test(`${sampled.column} (${sampled.of}) such as ${shapeOf(sampled.cells[0] ?? "")} as ${kind}`, () => {
      const likeness = likenessOf(sampled);
      assert.equal(likeness?.kind, kind);
      assert.ok((likeness?.confidence ?? 0) >= 0.5 && (likeness?.confidence ?? 0) < 1, String(likeness?.confidence));
    });
  }
});

describe("a column is left alone", () => {
  for (const sampled of [
    column(
      "id",
      many(100, (index) => String(index + 1)),
      { of: "number" },
    ),
    column(
      "id",
      many(1000, (index) => String(123_000_000 + index)),
      { of: "number" },
    ),
    column(
      "id",
      many(1000, (index) => String(12_345_678_000 + index)),
      { of: "number" },
    ),
    column(
      "order_number",
      many(1000, () => `4${randomInt(10 ** 7)}${randomInt(10 ** 8)}`.padEnd(16, "0")),
    ),
    column(
      "order_number",
      many(1000, () => `5${randomInt(10 ** 7, 10 ** 8)}${randomInt(10 ** 6, 10 ** 7)}`),
      { of: "number" },
    ),
    column(
      "order_number",
      many(500, (index) => `ORD-2024-${100_000 + index}`),
    ),
    column(
      "imei",
      many(200, () => `35${randomInt(10 ** 12, 10 ** 13 - 1)}`),
    ),
    column(
      "id",
      many(100, () => randomUUID()),
    ),
    column(
      "token_id",
      many(100, () => randomUUID()),
    ),
    column(
      "sha256",
      many(100, (index) => createHash("sha256").update(String(index)).digest("hex")),
    ),
    column(
      "etag",
      many(100, (index) => createHash("md5").update(String(index)).digest("hex")),
    ),
    column(
      "created",
      many(500, (index) => String(1_700_000_000 + index * 61)),
      { of: "number" },
    ),
    column(
      "created_ms",
      many(500, (index) => String(1_700_000_000_000 + index * 61_003)),
      { of: "number" },
    ),
    column(
      "at",
      many(100, (index) => `2024-01-02 03:04:${10 + (index % 50)}`),
    ),
    column(
      "created_on",
      many(100, (index) => `19${10 + (index % 80)}-01-02`),
      { of: "date" },
    ),
    column(
      "version",
      many(100, (index) => `1.2.${index}`),
    ),
    column(
      "name",
      many(100, () => "Garden Chair"),
      { table: "products" },
    ),
    column(
      "city",
      many(100, () => "London"),
    ),
    column(
      "status",
      many(100, () => "active"),
    ),
    column(
      "email_verified",
      many(100, () => "true"),
    ),
    column(
      "phone_count",
      many(100, (index) => String(index % 4)),
      { of: "number" },
    ),
    column(
      "password_changed_at",
      many(100, () => "2024-01-02 03:04:05"),
    ),
    column(
      "price",
      many(100, (index) => `${index}.99`),
      { of: "number" },
    ),
    column(
      "sku",
      many(100, (index) => `AB-${100_000 + index}`),
    ),
    column(
      "payload",
      many(50, (index) => JSON.stringify({ id: randomUUID(), n: index, name: "click" })),
      { of: "json" },
    ),
    column(
      "remarks",
      many(200, (index) => (index === 7 ? mail(index) : "nothing")),
    ),
    column("a", []),
    column("a", ["", "  "]),
  ]) {
    test(`${sampled.column} (${sampled.of}) such as ${shapeOf(sampled.cells[0] ?? "")}`, () => assert.equal(kindOf(sampled), undefined));
  }
});

describe("confidence", () => {
  const of = (cells: readonly string[], name = "a") => likenessOf(column(name, cells))?.confidence ?? 0;

  test("grows with the share, with the name, and with the number of values", () => {
    const half = many(100, (index) => (index % 2 === 0 ? mail(index) : "none"));
    assert.ok(of(many(100, mail)) > of(half));
    assert.ok(of(half, "email") > of(half));
    assert.ok(of(many(100, mail)) > of(many(4, mail)));
  });

  test("without a row the name alone says a little, and counts nothing", () => {
    assert.partialDeepStrictEqual(likenessOf(column("email", [])), { kind: "email", matched: 0, sampled: 0, named: true, confidence: 0.3 });
  });

  test("a few hits in a small table are enough only when there is nothing else", () => {
    assert.equal(kindOf(column("a", [ssn(1), ssn(2)])), "national-id");
    assert.equal(kindOf(column("a", [ssn(1), ssn(2), "none"])), undefined);
    assert.equal(kindOf(column("ssn", [ssn(1), "none", "none"])), "national-id");
  });
});

describe("what is told of values", () => {
  test("is their shape, where several share it", () => {
    assert.equal(likenessOf(column("a", many(9, ssn)))?.shape, "999-99-9999");
    assert.equal(likenessOf(column("a", [ssn(1), ssn(2)]))?.shape, null);
    assert.equal(likenessOf(column("a", many(9, mail)))?.shape, null);
    assert.equal(
      likenessOf(
        column(
          "password",
          many(9, () => "hunter2"),
        ),
      )?.shape,
      null,
    );
  });

  test("and no sign of theirs: digits and letters are gone, the rest is cut", () => {
    assert.equal(shapeOf("AB-12 cd é/5"), "AA-99 aa a/9");
    assert.equal(shapeOf("ключ №7 日本"), "aaaa ?9 aa");
    assert.equal(shapeOf("1".repeat(60)), `${"9".repeat(24)}…`);
  });

  test("a column is pure when nothing else stands beside what was found", () => {
    assert.equal(likenessOf(column("a", many(100, mail)))?.pure, true);
    assert.equal(likenessOf(column("a", [...many(99, mail), `not ${mail(1)} but 917-44-2051`]))?.pure, false);
    assert.equal(
      likenessOf(
        column(
          "a",
          many(100, (index) => (index % 2 === 0 ? mail(index) : "")),
        ),
      )?.pure,
      true,
    );
    assert.equal(likenessOf(column("a", [...many(50, card), ...many(20, () => "none")]))?.pure, false);
    assert.equal(likenessOf(column("a", [...many(99, card), "4111 1111 1111 1112"]))?.pure, true);
    assert.equal(likenessOf(column("a", [...many(99, card), "see 917-44-2051"]))?.pure, false);
  });
});

describe("cells of JSON", () => {
  test("come apart into leaves with their keys", () => {
    assert.deepEqual(leavesOf('{"a":{"b":"x","n":5,"t":true},"c":[null,"y"]}', true), [
      { value: "x", key: "b" },
      { value: "5", key: "n" },
      { value: "y", key: "c" },
    ]);
    assert.deepEqual(leavesOf('{"a":1}', false), [{ value: '{"a":1}', key: null }]);
  });

  test("that were cut off are searched for their strings", () => {
    assert.deepEqual(leavesOf('{"email": "a@b.example", "note": "say \\"hi\\"", "x": ["y", "z', true), [
      { value: "a@b.example", key: "email" },
      { value: 'say "hi"', key: "note" },
      { value: "y", key: "x" },
    ]);
  });

  test("of any form are read without a fault, and not beyond a bound", () => {
    assert.equal(leavesOf(JSON.stringify(many(5000, String)), true).length, 200);
    for (const text of ["", "{", '"', "nul", "[[[[", '{"a', "\\"]) assert.deepEqual(leavesOf(text, true), []);
  });
});
