/** Messages to MCP servers: what they call, and that none is passed which two readers could take for different calls. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { HeaderPair } from "#protocols/http/header-pairs.ts";
import { readJson } from "#protocols/http/json-tree.ts";
import { mcpFacts, mcpMessage, mcpRefusal } from "#protocols/http/mcp.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { jsonText } from "./json-texts.ts";

const JSON_TYPE: HeaderPair = ["Content-Type", "application/json"];

function read(body: string | Buffer, headers: readonly HeaderPair[] = [JSON_TYPE]) {
  return mcpMessage(headers, Buffer.from(body));
}

function call(name: unknown, id: unknown = 1): object {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: { a: 1 } } };
}

describe("messages to an MCP server", () => {
  test("a call names its tool", () => {
    assert.deepEqual(read(JSON.stringify(call("search"))), { batch: false, calls: [{ id: 1, method: "tools/call", tool: "search" }] });
  });

  test("notifications, other methods and responses are what they say", () => {
    const message = read(
      JSON.stringify([
        { jsonrpc: "2.0", method: "notifications/initialized" },
        { jsonrpc: "2.0", id: "x", method: "tools/list" },
        { jsonrpc: "2.0", id: 3, result: {} },
        call("a"),
        call("b", 2),
      ]),
    );
    assert.ok(!(message instanceof Fault));
    assert.equal(message.batch, true);
    assert.deepEqual(mcpFacts(message), {
      methods: ["notifications/initialized", "tools/list", "response", "tools/call", "tools/call"],
      tools: ["a", "b"],
    });
  });

  const unreadable: readonly (readonly [string, string | Buffer])[] = [
    ["nothing", ""],
    ["no JSON", "{'method':'x'}"],
    ["a comment", '{"method":"ping"/* */}'],
    ["a comma too many", '{"method":"ping",}'],
    ["a byte order mark", '\ufeff{"method":"ping"}'],
    ["two documents", '{"method":"ping"}{"method":"tools/call"}'],
    ["another encoding", Buffer.from('{"method":"ping"}', "utf16le")],
    ["bytes that are not UTF-8", Buffer.from('{"method":"ping","x":"\xff"}', "latin1")],
    ["a method twice", '{"method":"ping","method":"tools/call","params":{"name":"x"}}'],
    ["a method twice, once escaped", '{"method":"ping","m\\u0065thod":"tools/call","params":{"name":"x"}}'],
    ["a method in another case", '{"Method":"tools/call","method":"ping"}'],
    ["a method in letters that fold", '{"method":"ping","PARAM\u017f":{"name":"x"}}'],
    ["a method with invisible characters", '{"method":"tools/call\u200b"}'],
    ["a method in full width", '{"method":"tools\uff0fcall"}'],
    ["a method that is no text", '{"method":["tools/call"]}'],
    ["a name twice", '{"method":"tools/call","params":{"name":"a","name":"b"}}'],
    ["a name in another case", '{"method":"tools/call","params":{"name":"a","Name":"b"}}'],
    ["params twice", '{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}'],
    ["no name", '{"method":"tools/call","params":{}}'],
    ["no params", '{"method":"tools/call"}'],
    ["a name that is no text", '{"method":"tools/call","params":{"name":["a"]}}'],
    ["params by position", '{"method":"tools/call","params":["a"]}'],
    ["a request that is a response as well", '{"method":"tools/call","params":{"name":"a"},"result":{}}'],
    ["neither request nor response", '{"id":1}'],
    ["an id that is an object", '{"id":{},"method":"ping"}'],
    ["no message", "7"],
    ["an empty batch", "[]"],
    ["a batch in a batch", '[[{"method":"tools/call","params":{"name":"a"}}]]'],
    ["a batch with something else in it", '[{"method":"ping"},7]'],
    ["a long batch", JSON.stringify(Array.from({ length: 101 }, () => call("a")))],
    ["depth", `{"method":"ping","params":${"[".repeat(200)}${"]".repeat(200)}}`],
  ];
  for (const [what, body] of unreadable) {
    test(`${what} is refused`, () => {
      const result = read(body);
      assert.ok(result instanceof Fault && result.code === "mcp-unreadable", JSON.stringify(result));
    });
  }

  for (const headers of [
    [],
    [["Content-Type", "text/plain"]],
    [["Content-Type", "application/json; charset=utf-16"]],
    [JSON_TYPE, JSON_TYPE],
    [JSON_TYPE, ["Content-Encoding", "gzip"]],
    [["Content-Type", "application/json, text/plain"]],
  ] as const) {
    test(`so is what comes with ${JSON.stringify(headers)}`, () => {
      const result = read(JSON.stringify(call("a")), headers);
      assert.ok(result instanceof Fault && result.code === "mcp-unreadable");
    });
  }

  test("header fields that name method and tool have to say what the body does", () => {
    const says = (method: string, name: string | null): unknown =>
      read(JSON.stringify(call("sück")), [JSON_TYPE, ["Mcp-Method", method], ...(name === null ? [] : [["Mcp-Name", name] as const])]);
    const encoded = `=?base64?${Buffer.from("sück").toString("base64")}?=`;
    assert.ok(!(says("tools/call", encoded) instanceof Fault));
    assert.ok(!(says("tools/call", null) instanceof Fault));
    assert.ok(says("tools/list", null) instanceof Fault);
    assert.ok(says("tools/call", "other") instanceof Fault);
    assert.ok(read(JSON.stringify([call("a"), call("b")]), [JSON_TYPE, ["Mcp-Method", "tools/call"]]) instanceof Fault);
  });

  test("a refusal answers each request of the message, with the status of its reason", () => {
    const message = read(JSON.stringify([call("a"), { jsonrpc: "2.0", method: "notifications/x" }, call("b", "two")]));
    assert.ok(!(message instanceof Fault));
    const denial = { verdict: "deny", reason: "access-not-granted", rule: null, message: "no", hint: "ask", position: null } as const;
    const { status, headers, body } = mcpRefusal(denial, message.calls, message.batch, "r-1");
    assert.equal(status, 403);
    assert.equal(new Map(headers).get("content-type"), "application/json");
    const error = { code: -32001, message: "no", data: { reason: "access-not-granted", hint: "ask", requestId: "r-1" } };
    assert.deepEqual(JSON.parse(body.toString()), [
      { jsonrpc: "2.0", id: 1, error },
      { jsonrpc: "2.0", id: "two", error },
    ]);
    const unread = mcpRefusal(new Fault("mcp-unreadable", "what"), [], false, "r-2");
    assert.equal(unread.status, 400);
    assert.deepEqual(JSON.parse(unread.body.toString()), {
      jsonrpc: "2.0",
      id: null,
      error: { code: -32600, message: "what", data: { reason: "mcp-unreadable", requestId: "r-2" } },
    });
  });
});

describe("the strict reader", () => {
  test("reads what the platform's parser reads, and nothing else", () => {
    const nearly = fc.oneof(
      jsonText,
      fc
        .tuple(jsonText, fc.nat(), fc.constantFrom(...'{}[],:"\\ue0-.tn \u00a0'))
        .map(([text, at, sign]) => text.slice(0, at % (text.length + 1)) + sign + text.slice(at % (text.length + 1))),
    );
    fc.assert(
      fc.property(nearly, (text) => {
        let wanted: unknown;
        try {
          wanted = JSON.parse(text);
        } catch {
          wanted = undefined;
        }
        const tree = readJson(Buffer.from(text));
        assert.equal(tree === undefined, wanted === undefined, text);
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 3000) },
    );
  });

  test("a text of megabytes is read", () => {
    assert.equal(readJson(Buffer.from(`"${"\\u0041".repeat(600_000)}"`)), "A".repeat(600_000));
  });
});
