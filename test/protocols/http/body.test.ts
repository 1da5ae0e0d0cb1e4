/** Which bodies pass, which are masked, and which are refused because nobody could tell what to mask in them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Literals } from "#protocols/http/blanker.ts";
import { type RequestBodyContext, type ResponseBodyContext, requestBody, responseBody } from "#protocols/http/body.ts";
import type { BodyFilter } from "#protocols/http/json-filter.ts";
import { literalsOf } from "#protocols/http/literals.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { masksOf } from "./masks.ts";

const NONE = new Literals([]);
const plain: ResponseBodyContext = {
  status: 200,
  contentTypes: ["application/json"],
  contentEncoding: null,
  empty: false,
  masks: [],
  literals: NONE,
};

function through(filter: BodyFilter | Fault | null, text: string): string {
  assert.ok(filter !== null && !(filter instanceof Fault), String(filter));
  return Buffer.concat([...filter.write(Buffer.from(text)), ...filter.end()]).toString();
}

function answered(text: string, context: Partial<ResponseBodyContext>): string {
  return through(responseBody({ ...plain, ...context }), text);
}

function refusal(context: Partial<ResponseBodyContext>): string | undefined {
  const result = responseBody({ ...plain, ...context });
  return result instanceof Fault ? result.code : undefined;
}

const ssn = masksOf({ fields: ["$..ssn"] });

describe("bodies of answers", () => {
  test("without masks and literals every type passes as it is", () => {
    for (const type of [[], ["text/html"], ["x", "y"], ["multipart/mixed; boundary=a"]])
      assert.equal(answered("<ssn>", { contentTypes: type }), "<ssn>");
    assert.equal(answered("\u0001", { contentEncoding: "zstd" }), "\u0001");
  });

  test("types that hold JSON are masked, whatever their parameters", () => {
    const types = [
      "application/json",
      "Application/JSON",
      "application/json; charset=utf-8",
      'application/json;charset="UTF-8"',
      "application/json ; profile=x",
      "application/problem+json",
      "application/vnd.api+json; version=1",
      "text/json",
      "application/json;charset=us-ascii",
      "application/json;",
      "application/hal+json",
    ];
    for (const type of types) assert.equal(answered('{"ssn":1}', { contentTypes: [type], masks: ssn }), '{"ssn":null}', type);
  });

  test("lines, records, events and forms are masked as what they are", () => {
    assert.equal(
      answered('{"ssn":1}\n{"ssn":2}\n', { contentTypes: ["application/x-ndjson"], masks: ssn }),
      '{"ssn":null}\n{"ssn":null}\n',
    );
    assert.equal(answered('\u001e{"ssn":1}\n', { contentTypes: ["application/json-seq"], masks: ssn }), '\u001e{"ssn":null}\n');
    assert.equal(answered('data: {"ssn":1}\n\n', { contentTypes: ["text/event-stream"], masks: ssn }), 'data: {"ssn":null}\n\n');
    assert.equal(answered("ssn=1", { contentTypes: ["application/x-www-form-urlencoded"], masks: masksOf({ form: ["ssn"] }) }), "ssn=***");
  });

  const types = [
    [""],
    ["text/html"],
    ["text/plain"],
    ["application/xml"],
    ["application/octet-stream"],
    ["text/csv"],
    ["application/grpc"],
    ["application/grpc-web+proto"],
    ["application/x-protobuf"],
    ["image/png"],
    ["multipart/form-data; boundary=x"],
    ["multipart/mixed; boundary=x"],
    ["application/javascript"],
    ["text/javascript"],
    ["application/yaml"],
    ["application/cbor"],
    ["application/msgpack"],
    ["application/json, text/html"],
    ["application/json", "text/html"],
    ["application/json", "application/json"],
    ["application/json; charset=utf-8; charset=utf-16"],
    ["json"],
    ["application/json x"],
    ["application/json;a=b\u0001"],
    ["application/graphql-response+json"],
    ["application/jsonp"],
    ["application/x-json"],
    ["application/ld+json+xml"],
    ["constructor"],
    ["__proto__/x"],
  ];
  for (const contentTypes of types) {
    test(`under a mask ${JSON.stringify(contentTypes)} is refused`, () =>
      assert.equal(refusal({ contentTypes, masks: ssn }), "masked-body-type"));
  }

  for (const charset of ["utf-16", "utf-16le", "utf-32", "utf-7", "iso-8859-1", "shift_jis", "ebcdic-cp-us", ""]) {
    test(`under a mask JSON in ${JSON.stringify(charset)} is refused`, () => {
      assert.equal(
        refusal({ contentTypes: [`application/json; charset=${charset === "" ? '""' : charset}`], masks: ssn }),
        "masked-body-encoding",
      );
    });
  }

  test("a coding that the gateway cannot decode, and a part of a document, are refused", () => {
    for (const contentEncoding of ["compress", "x", "gzip"]) assert.equal(refusal({ contentEncoding, masks: ssn }), "masked-body-encoding");
    assert.equal(refusal({ contentEncoding: "dcb", literals: new Literals([Buffer.from("secret")]) }), "masked-body-encoding");
    assert.equal(refusal({ status: 206, masks: ssn }), "masked-body-encoding");
    assert.equal(refusal({ contentEncoding: "identity", masks: ssn }), undefined);
  });

  test("a body without a type is refused as soon as there is one: an answer that is empty need not say so", () => {
    assert.equal(answered("", { contentTypes: [], masks: ssn }), "");
    assert.throws(
      () => answered("{}", { contentTypes: [], masks: ssn }),
      (error) => error instanceof Fault && error.code === "masked-body-type",
    );
  });

  test("error answers are masked like any other", () => {
    assert.equal(answered('{"ssn":1}', { status: 500, contentTypes: ["application/problem+json"], masks: ssn }), '{"ssn":null}');
    assert.equal(refusal({ status: 404, contentTypes: ["text/html"], masks: ssn }), "masked-body-type");
  });

  test("an answer without a body passes, whatever it says of it", () => {
    assert.equal(refusal({ empty: true, contentTypes: ["text/html"], contentEncoding: "x", masks: ssn }), undefined);
  });

  test("a form is refused where rules name fields alone: whoever asks may choose the type", () => {
    assert.equal(refusal({ contentTypes: ["application/x-www-form-urlencoded"], masks: ssn }), "masked-body-type");
  });

  test("rules for header fields and queries alone leave bodies alone", () => {
    assert.equal(answered("<p>", { contentTypes: ["text/html"], masks: masksOf({ headers: ["x"], query: ["y"] }) }), "<p>");
  });

  test("credentials are blanked behind masks, in any type, across chunks", () => {
    const literals = new Literals(literalsOf(["Bearer s3cret-token"]));
    assert.equal(answered("<p>s3cret-token</p>", { contentTypes: ["text/html"], literals }), "<p>************</p>");
    const filter = responseBody({ ...plain, masks: ssn, literals });
    assert.ok(!(filter instanceof Fault));
    const pieces = ['{"ssn":"1","echo":"s3cret', '-token"', "}"].flatMap((text) => filter.write(Buffer.from(text)));
    assert.equal(Buffer.concat([...pieces, ...filter.end()]).toString(), '{"ssn":"***","echo":"************"}');
    assert.equal(filter.maskedCells, 1);
  });
});

describe("bodies of requests", () => {
  const posted: RequestBodyContext = { method: "POST", contentTypes: ["application/json"], contentEncoding: null, masks: ssn };

  test("are written down with masks on what rules name", () => {
    assert.equal(through(requestBody(posted), '{"ssn":"1","a":2}'), '{"ssn":"***","a":2}');
    const form = { ...posted, contentTypes: ["application/x-www-form-urlencoded"], masks: masksOf({ form: ["ssn"] }) };
    assert.equal(through(requestBody(form), "ssn=1&a=2"), "ssn=***&a=2");
  });

  test("are not written down where they cannot be read, and pass all the same", () => {
    for (const contentTypes of [["text/csv"], []]) assert.equal(requestBody({ ...posted, contentTypes }), null);
    assert.equal(requestBody({ ...posted, contentEncoding: "gzip" }), null);
    assert.equal(through(requestBody({ ...posted, contentTypes: ["text/csv"], masks: [] }), "1"), "1");
  });

  test("are refused where they are not what their type says", () => {
    assert.throws(
      () => through(requestBody(posted), '{"ssn":1'),
      (error) => error instanceof Fault && error.code === "masked-request",
    );
  });

  test("are refused under `assign: none` as soon as they carry a value for what a rule masks", () => {
    const strict = { ...posted, masks: [...masksOf({ fields: ["$..ssn"], assign: "none" }), ...masksOf({ fields: ["$.mail"] })] };
    assert.equal(through(requestBody(strict), '{"a":1,"mail":"x"}'), '{"a":1,"mail":"***"}');
    assert.throws(
      () => through(requestBody(strict), '{"a":[{"ssn":"1"}]}'),
      (error) => error instanceof Fault && error.code === "masked-request",
    );
    for (const unread of [{ contentTypes: ["text/csv"] }, { contentTypes: [] }, { contentEncoding: "gzip" }]) {
      const result = requestBody({ ...strict, ...unread });
      assert.ok(result instanceof Fault && result.code === "masked-request");
    }
  });
});
