/** JSON masked while it streams, held against a slow reference that knows nothing of streams. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Framing, JsonFilter } from "#protocols/http/json-filter.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { leastCpuMs } from "#test/support/cpu.ts";
import { cut, cuts, jsonText, rules } from "./json-texts.ts";
import { masksOf } from "./masks.ts";
import { slowlyMasked } from "./slow-json.ts";

type Rules = readonly Readonly<Record<string, unknown>>[];

/** What is handed out is read before the chunk is spoilt, as a reader does whose buffer is used again. */
function through(filter: JsonFilter, chunks: readonly Buffer[]): Buffer {
  const out = chunks.flatMap((chunk) => {
    const pieces = filter.write(chunk).map((piece) => Buffer.from(piece));
    chunk.fill(0);
    return pieces;
  });
  return Buffer.concat([...out, ...filter.end()]);
}

function masked(text: string | Buffer, applied: Rules, framing: Framing = "one", sizes: readonly number[] = [1 << 20]): string {
  return through(new JsonFilter(masksOf(...applied), framing), cut(Buffer.from(text), sizes)).toString();
}

function refused(text: string | Buffer, framing: Framing = "one", applied: Rules = [{ fields: ["$..ssn"] }]): void {
  for (const sizes of [[1 << 20], [1], [3]]) {
    assert.throws(
      () => masked(text, applied, framing, sizes),
      (error) => error instanceof Fault && error.code === "masked-body-malformed",
      JSON.stringify(text.toString()),
    );
  }
}

describe("masking JSON", () => {
  const applied = [
    { fields: ["$.a.b", "$..ssn", "$['x y'][0]"] },
    { fields: ["$.z"], with: "null" },
    { fields: ["$..card"], with: { keepLast: 4 } },
  ];
  const text =
    '{"a" : {"b":1e400,"c":1.0}, "z":{"q":[1,2,{"ssn":3}]}, "s\\u0073n":"x\\"y","k":[{"ssn":{"d":true,"e":null}}], "x y":[1,2], "card":"4111111111111111","card":4111111111111111}';
  const expected =
    '{"a" : {"b":null,"c":1.0}, "z":null, "s\\u0073n":"***","k":[{"ssn":{"d":null,"e":null}}], "x y":[null,2], "card":"************1111","card":"************1111"}';

  test("replaces what rules mean, and leaves every other byte as it was", () => {
    assert.equal(masked(text, applied), expected);
  });

  test("does the same wherever the document is cut", () => {
    for (let size = 1; size < 20; size++) assert.equal(masked(text, applied, "one", [size]), expected);
  });

  test("does what a slow reader of the whole tree does, for any text, rules and cuts", () => {
    fc.assert(
      fc.property(jsonText, rules, cuts, (any, some, sizes) => {
        assert.equal(masked(any, some, "one", sizes), slowlyMasked(any, masksOf(...some)));
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 2000) },
    );
  });

  test("counts what it replaced", () => {
    const filter = new JsonFilter(masksOf({ fields: ["$..ssn"] }));
    through(filter, [Buffer.from('[{"ssn":"a"},{"ssn":[1,null,true]}]')]);
    assert.equal(filter.maskedCells, 3);
  });

  const table: readonly (readonly [string, Rules[number], string, string])[] = [
    ["a rule's whole document", { fields: ["$"] }, '{"a":["x",1]}', '{"a":["***",null]}'],
    ["a document that is one text", { fields: ["$"] }, ' "x" ', ' "***" '],
    ["a number at the end of the document", { fields: ["$"], with: { constant: 0 } }, "12", "0"],
    ["a member given twice, both times", { fields: ["$.a"] }, '{"a":"x","a":"y"}', '{"a":"***","a":"***"}'],
    ["a member below another given twice", { fields: ["$.a.b"] }, '{"a":{"b":"x"},"a":{"b":"y"}}', '{"a":{"b":"***"},"a":{"b":"***"}}'],
    ["an escaped name", { fields: ["$.ssn"] }, '{"\\u0073\\u0073\\u006E":"x"}', '{"\\u0073\\u0073\\u006E":"***"}'],
    ["an empty text", { fields: ["$.a"] }, '{"a":""}', '{"a":"***"}'],
    ["null, which stays", { fields: ["$.a"], with: { constant: 1 } }, '{"a":null}', '{"a":null}'],
    ["an object as a whole under null", { fields: ["$.a"], with: "null" }, '{"a":{"ssn":1},"b":2}', '{"a":null,"b":2}'],
    ["an array as a whole under a constant", { fields: ["$.a"], with: { constant: "-" } }, '{"a":[[1],2],"b":2}', '{"a":"-","b":2}'],
    ["the domain of an address", { fields: ["$.a"], with: "email" }, '{"a":"ann@ex.org"}', '{"a":"***@ex.org"}'],
    ["no domain where none is", { fields: ["$.a"], with: "email" }, '{"a":"ann at home"}', '{"a":"***"}'],
    ["a text behind an @ that is no domain", { fields: ["$.a"], with: "email" }, '{"a":"@ssn 123 45"}', '{"a":"***"}'],
    ["the year of a date", { fields: ["$.a"], with: "year" }, '{"a":"1990-05-17"}', '{"a":"1990-01-01"}'],
    ["the year of a moment in UTC", { fields: ["$.a"], with: "year" }, '{"a":"1990-01-01T00:30:00+02:00"}', '{"a":"1989-01-01T00:00:00Z"}'],
    ["a number under a mask for texts", { fields: ["$.a"], with: "email" }, '{"a":17}', '{"a":null}'],
    ["a number with a point, of which no last digits show", { fields: ["$.a"], with: { keepLast: 2 } }, '{"a":1.25}', '{"a":null}'],
    ["the end of a text in characters, not bytes", { fields: ["$.a"], with: { keepLast: 2 } }, '{"a":"ab\\ud834\\udd1e𝄞"}', '{"a":"**𝄞𝄞"}'],
    ["a value no longer than what is kept", { fields: ["$.a"], with: { keepLast: 4 } }, '{"a":"1234"}', '{"a":"****"}'],
    ["every element", { fields: ["$.a[*]"] }, '{"a":["x","y"]}', '{"a":["***","***"]}'],
    ["one element", { fields: ["$.a[1]"] }, '{"a":["x","y"]}', '{"a":["x","***"]}'],
    ["any depth", { fields: ["$..b"] }, '{"a":[[{"b":"x"}]]}', '{"a":[[{"b":"***"}]]}'],
    ["any depth, twice", { fields: ["$..a..b"] }, '{"a":{"c":{"b":"x"}},"b":1}', '{"a":{"c":{"b":"***"}},"b":1}'],
    [
      "a name like one of JavaScript's own",
      { fields: ["$.constructor"] },
      '{"__proto__":1,"constructor":"x"}',
      '{"__proto__":1,"constructor":"***"}',
    ],
  ];
  for (const [what, rule, from, to] of table) test(`masks ${what}`, () => assert.equal(masked(from, [rule]), to));

  test("the first of two rules that mean a value counts", () => {
    assert.equal(masked('{"a":"x@y.z"}', [{ fields: ["$.a"] }, { fields: ["$.a"], with: "email" }]), '{"a":"***"}');
    assert.equal(masked('{"a":{"b":"x@y.z"}}', [{ fields: ["$..b"], with: "email" }, { fields: ["$.a"] }]), '{"a":{"b":"***@y.z"}}');
  });

  test("JSON inside a text is a text: it is not looked into", () => {
    assert.equal(masked('{"t":"{\\"ssn\\":1}"}', [{ fields: ["$..ssn"] }]), '{"t":"{\\"ssn\\":1}"}');
  });

  test("a name longer than any rule's is any name, wherever it is cut", () => {
    const long = "\\u0041".repeat(2000);
    for (const sizes of [[1 << 20], [7], [1600]]) {
      assert.equal(masked(`{"${long}":1,"ssn":2}`, [{ fields: ["$..ssn"] }], "one", sizes), `{"${long}":1,"ssn":null}`);
      assert.equal(masked(`{"${long}":1}`, [{ fields: ["$.*"] }], "one", sizes), `{"${long}":null}`);
    }
  });

  test("an empty body passes", () => {
    assert.equal(masked("", [{ fields: ["$.a"] }]), "");
    assert.equal(masked(" \n", [{ fields: ["$.a"] }]), " \n");
  });
});

describe("what is no JSON in UTF-8 is refused", () => {
  const utf16 = Buffer.from('{"ssn":1}', "utf16le");
  const wrong: readonly (string | Buffer)[] = [
    "{",
    "[1",
    '"',
    '"abc',
    "{,}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "[1,]",
    "[,1]",
    "[1 2]",
    "{1:2}",
    "{a:1}",
    "{'a':1}",
    "01",
    "-",
    "1.",
    ".5",
    "+1",
    "1e",
    "0x1",
    "NaN",
    "Infinity",
    "tru",
    "truee",
    "nul",
    "// x\n1",
    "/* */1",
    "1 2",
    '{"a":1}{"ssn":2}',
    '"\t"',
    '"\\x41"',
    '"\\u12"',
    '"\\u12g4"',
    "]",
    "}",
    '{"a":1]',
    "[1}",
    "\u00a01",
    "\ufeff{}",
    '{"ssn":1}\u0000',
    "\u001e1",
    utf16,
    utf16.swap16(),
    Buffer.from('"\xff"', "latin1"),
    Buffer.from('{"\xe9":1}', "latin1"),
    Buffer.from([0x22, 0xc0, 0xaf, 0x22]),
    Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
    Buffer.from([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]),
    Buffer.from([0x22, 0xe2, 0x82, 0x22]),
  ];
  for (const text of wrong) test(JSON.stringify(text.toString("latin1" as BufferEncoding)), () => refused(text));

  test("what nests too deeply, and what nests less passes", () => {
    refused("[".repeat(513) + "]".repeat(513));
    const deep = "[".repeat(512) + "]".repeat(512);
    assert.equal(masked(deep, [{ fields: ["$..ssn"] }]), deep);
  });

  test("any bytes end in a fault, or are JSON to the platform's parser as well", () => {
    const nearly = fc.oneof(
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(jsonText, fc.nat(), fc.constantFrom(...'{}[],:"\\ue0-.tn \n'.split(""))).map(([text, at, sign]) => {
        const place = at % (text.length + 1);
        return Buffer.from(text.slice(0, place) + sign + text.slice(place + 1));
      }),
    );
    fc.assert(
      fc.property(nearly, cuts, (bytes, sizes) => {
        let passed = true;
        try {
          through(new JsonFilter(masksOf({ fields: ["$..ssn"] })), cut(bytes, sizes));
        } catch (error) {
          assert.ok(error instanceof Fault, String(error));
          passed = false;
        }
        const text = bytes.toString("utf8");
        const isJson = Buffer.from(text).equals(bytes) && !text.startsWith("\ufeff") && (text.trim() === "" || parses(text));
        assert.equal(passed, isJson && !/^[^\S \t\r\n]|[^\S \t\r\n]$/.test(text), JSON.stringify(text));
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 3000) },
    );
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("several documents in one body", () => {
  const applied = [{ fields: ["$.ssn"] }];

  test("each line is one", () => {
    assert.equal(masked('{"ssn":"a"}\n\n{"ssn":1}\r\n7\n', applied, "lines"), '{"ssn":"***"}\n\n{"ssn":null}\r\n7\n');
    assert.equal(masked('{"ssn":"a"}\n{"ssn":1}', applied, "lines", [1]), '{"ssn":"***"}\n{"ssn":null}');
  });

  test("two on a line, or one on two, are refused: readers by line would see something else", () => {
    refused('{"ssn":1} {"ssn":2}\n', "lines");
    refused('{"a":\n{"ssn":2}}\n', "lines");
  });

  test("each behind a record separator is one", () => {
    assert.equal(masked('\u001e{"ssn":"a"}\n\u001e{"ssn":1}\n', applied, "records", [2]), '\u001e{"ssn":"***"}\n\u001e{"ssn":null}\n');
    refused('{"ssn":1}\n', "records");
    refused('\u001e{"ssn":\u001e{"ssn":1}', "records");
  });
});

describe("time and memory", () => {
  const MS_MAX = 4_000;

  // A step that looked at all there was before would take minutes over these.
  test("no shape of a document takes more than a time that grows with its length, whole or byte by byte", () => {
    const shapes: Readonly<Record<string, (size: number) => string>> = {
      wide: (size) => `[${Array.from({ length: size / 10 }, () => '{"ssn":1}').join(",")}]`,
      names: (size) => `{${Array.from({ length: size / 10 }, (_, at) => `"n${at}":"x"`).join(",")}}`,
      long: (size) => `{"ssn":"${"x".repeat(size)}"}`,
      escaped: (size) => `{"a":"${"\\u0041".repeat(size / 6)}"}`,
      key: (size) => `{"${"k".repeat(size)}":1}`,
      deep: (size) => `[${Array.from({ length: size / 1000 }, () => `${'{"a":['.repeat(60)}1${"]}".repeat(60)}`).join(",")}]`,
    };
    const some = [{ fields: ["$..ssn", "$..a..a..a[*]", "$.*.*"] }, { fields: ["$..card"], with: { keepLast: 4 } }];
    for (const [shape, of] of Object.entries(shapes)) {
      const run = (size: number, sizes: readonly number[]): number => {
        const chunks = cut(Buffer.from(of(size)), sizes);
        const whole = () => {
          const filter = new JsonFilter(masksOf(...some));
          for (const chunk of chunks) filter.write(chunk);
          filter.end();
        };
        return leastCpuMs(3, whole, MS_MAX);
      };
      for (const sizes of [[1 << 16], [1]]) {
        const took = run(600_000, sizes);
        assert.ok(took < MS_MAX, `${shape} in chunks of ${sizes}: ${took} ms`);
      }
    }
  });

  test("a long masked value is not kept", () => {
    const filter = new JsonFilter(masksOf({ fields: ["$.a"], with: { keepLast: 4 } }));
    const chunk = Buffer.alloc(1 << 16, "x");
    const before = process.memoryUsage().rss;
    filter.write(Buffer.from('{"a":"'));
    for (let turn = 0; turn < 2000; turn++) assert.equal(filter.write(chunk).length, 0);
    assert.equal(Buffer.concat([...filter.write(Buffer.from('"}')), ...filter.end()]).toString(), '"***"}');
    assert.ok(process.memoryUsage().rss - before < 64 << 20);
  });
});
