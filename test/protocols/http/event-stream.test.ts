/** Server-sent events: the JSON in their data masked as it streams, and nothing else let through that could carry it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EventStreamFilter } from "#protocols/http/event-stream.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { cut, cuts, jsonText, rules } from "./json-texts.ts";
import { masksOf } from "./masks.ts";
import { slowlyMasked } from "./slow-json.ts";

type Rules = readonly Readonly<Record<string, unknown>>[];
const SSN: Rules = [{ fields: ["$..ssn"] }];

function masked(text: string, applied: Rules = SSN, sizes: readonly number[] = [1 << 20]): string {
  const filter = new EventStreamFilter(masksOf(...applied));
  const out = cut(Buffer.from(text), sizes).flatMap((chunk) => {
    const pieces = filter.write(chunk).map((piece) => Buffer.from(piece));
    chunk.fill(0);
    return pieces;
  });
  return Buffer.concat([...out, ...filter.end()]).toString();
}

/** As a client reads a stream (WHATWG HTML, section 9.2.6), written apart from the filter. */
function eventsOf(stream: string): readonly { readonly type: string; readonly id: string; readonly data: string }[] {
  const events: { type: string; id: string; data: string }[] = [];
  let event = { type: "", id: "", data: [] as string[] };
  for (const line of stream.replace(/^\ufeff/, "").split(/\r\n|\r|\n/)) {
    if (line === "") {
      if (event.data.length > 0) events.push({ ...event, data: event.data.join("\n") });
      event = { type: "", id: event.id, data: [] };
      continue;
    }
    const [, name = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "data") event.data.push(value);
    if (name === "event") event.type = value;
    if (name === "id") event.id = value;
  }
  return events;
}

describe("masking server-sent events", () => {
  const table: readonly (readonly [string, string, string])[] = [
    ["an event", 'data: {"ssn":"1"}\n\n', 'data: {"ssn":"***"}\n\n'],
    ["type and id before it", 'event: x\nid: 7\nretry: 10\ndata: {"ssn":1}\n\n', 'event: x\nid: 7\nretry: 10\ndata: {"ssn":null}\n\n'],
    ["type and id behind it", 'data: {"ssn":1}\nevent: x\nid: 7\n\n', 'data: {"ssn":null}\nevent: x\nid: 7\n\n'],
    ["no blank behind the colon", 'data:{"ssn":1}\n\n', 'data: {"ssn":null}\n\n'],
    ["carriage returns", 'data: {"ssn":1}\r\n\r\ndata: 1\r\rdata: 2\n\n', 'data: {"ssn":null}\n\ndata: 1\n\ndata: 2\n\n'],
    [
      "a document on several lines",
      'data: {"a":\ndata: [1,\ndata:  {"ssn"\ndata: :"x"}]}\n\n',
      'data: {"a":\ndata: [1,\ndata:  {"ssn"\ndata: :"***"}]}\n\n',
    ],
    ["a line of data that is empty", 'data: {"a":\ndata\ndata: 1}\n\n', 'data: {"a":\ndata: \ndata: 1}\n\n'],
    ["other fields between lines of data", "data: [1\nid: 5\ndata: ,2]\n\n", "data: [1\ndata: ,2]\nid: 5\n\n"],
    ["the word that ends a model's stream", 'data: {"ssn":1}\n\ndata: [DONE]\n\n', 'data: {"ssn":null}\n\ndata: [DONE]\n\n'],
    ["an array, though that word begins so", "data: [1]\n\n", "data: [1]\n\n"],
    ["an event without data", "event: ping\n\n", "event: ping\n\n"],
    ["empty data", "data\n\ndata:\n\n", "data: \n\ndata: \n\n"],
    ["comments, which say nothing any more", ': {"ssn":1}\ndata: 1\n\n:\n\n', ":\ndata: 1\n\n:\n\n"],
    ["a comment in the midst of data, which is dropped", "data: [1\n: ssn\ndata: ]\n\n", "data: [1\ndata: ]\n\n"],
    ["fields that are none", 'ssn: 1\ndataset: {"ssn":1}\ndatas\n data: 1\ndata: 2\n\n', "data: 2\n\n"],
    ["a byte order mark", '\ufeffdata: {"ssn":1}\n\n', 'data: {"ssn":null}\n\n'],
    ["an event that was cut off", 'data: 1\n\ndata: {"ss', 'data: 1\n\ndata: {"ss'],
  ];
  for (const [what, from, to] of table) {
    test(what, () => {
      assert.equal(masked(from), to);
      for (const size of [1, 2, 3, 5]) assert.equal(masked(from, SSN, [size]), to, `in chunks of ${size}`);
    });
  }

  test("an object replaced as a whole takes its lines with it", () => {
    assert.equal(
      masked('data: {"a":{\ndata: "b":\ndata: 1},\ndata: "c":2}\n\n', [{ fields: ["$.a"], with: "null" }]),
      'data: {"a":null,\ndata: "c":2}\n\n',
    );
  });

  for (const data of ["hello", "[DONE", "[DONE] ", "{'ssn':1}", '{"ssn":1', '{"ssn":1} 2', "data: x"]) {
    test(`data that is not JSON is refused: ${data}`, () => {
      for (const size of [1, 100]) {
        assert.throws(
          () => masked(`data: ${data}\n\n`, SSN, [size]),
          (error) => error instanceof Fault && error.code === "masked-body-malformed",
        );
      }
    });
  }

  test("a token shows as soon as it is there", () => {
    const filter = new EventStreamFilter(masksOf(...SSN));
    const shown = (text: string) => Buffer.concat(filter.write(Buffer.from(text))).toString();
    assert.equal(shown('data: {"delta":"Hel'), 'data: {"delta":"Hel');
    assert.equal(shown('lo"}\n'), 'lo"}');
    assert.equal(shown("\n"), "\n\n");
    assert.equal(shown(": ping\n\n"), ":\n\n");
  });

  test("a reader sees the same events, their data masked, however they are written and cut", () => {
    const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
    const event = fc
      .tuple(jsonText, lineEnd, fc.constantFrom("", "event: a", "id: 9", "retry: 3", ": ssn"), fc.boolean())
      .map(([text, end, other, first]) => {
        const data = text.split(/\r\n|\r|\n/).map((line) => `data: ${line}${end}`);
        const field = other === "" ? "" : `${other}${end}`;
        return `${first ? field : ""}${data.join("")}${first ? "" : field}${end}`;
      });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 4 }), rules, cuts, (events, some, sizes) => {
        const stream = events.join("");
        const wanted = eventsOf(stream).map((one) => ({ ...one, data: slowlyMasked(one.data, masksOf(...some)) }));
        assert.deepEqual(eventsOf(masked(stream, some, sizes)), wanted);
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 1000) },
    );
  });
});
