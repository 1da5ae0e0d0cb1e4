/**
 * Hostile answers through a whole gateway, for a principal under masks: whatever a target sends, no byte that reaches the client
 * holds the canary, and none that is recorded.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import zlib from "node:zlib";
import { problems, recordings } from "#test/src/gateway/archive.ts";
import { type Ask, get2, raw, session2 } from "#test/src/gateway/http/client.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { chunked, reply, type ScriptedTarget, startScriptedTarget } from "#test/support/scripted-target.ts";
import { until } from "#test/support/waiting.ts";
import { searchFor } from "./search.ts";

const CANARY = "913-55-7204";
const shows = searchFor([{ text: CANARY }]);
const JSON_TYPE = "Content-Type: application/json";
const RECORD = JSON.stringify({ id: 7, ssn: CANARY, city: "Oslo" });
const MASKED = '{"id":7,"ssn":"***","city":"Oslo"}';

/** Each is one path: the bytes that answer it, and what the client may see in its body; null: anything but the canary. */
const ANSWERS: readonly (readonly [name: string, answer: readonly (string | Buffer)[], body: string | null])[] = [
  ["plain JSON", [reply([JSON_TYPE], RECORD)], MASKED],
  ["JSON in chunks of one byte", [reply([JSON_TYPE, "Transfer-Encoding: chunked"], chunked(Buffer.from(RECORD), 1))], MASKED],
  ["JSON in pieces", [...reply([JSON_TYPE], RECORD)].map((byte) => Buffer.of(byte)), MASKED],
  [
    "JSON whose end is the connection's",
    [`HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\nConnection: close\r\nTransfer-Encoding: identity\r\n\r\n${RECORD}`],
    null,
  ],
  ["JSON of HTTP/1.0", [`HTTP/1.0 200 OK\r\n${JSON_TYPE}\r\n\r\n${RECORD}`], null],
  ["a member twice", [reply([JSON_TYPE], `{"ssn":"${CANARY}","ssn":"${CANARY}"}`)], '{"ssn":"***","ssn":"***"}'],
  ["an escaped name", [reply([JSON_TYPE], `{"s\\u0073n":"${CANARY}"}`)], '{"s\\u0073n":"***"}'],
  ["JSON of another name", [reply(["Content-Type: application/vnd.crm.v2+json"], RECORD)], MASKED],
  ["a problem document", [reply(["Content-Type: application/problem+json"], RECORD, "500 Internal Server Error")], MASKED],
  ["lines", [reply(["Content-Type: application/x-ndjson"], `${RECORD}\n${RECORD}\n`)], `${MASKED}\n${MASKED}\n`],
  [
    "events",
    [reply(["Content-Type: text/event-stream"], `data: ${RECORD}\n\n: ${CANARY}\n\nssn: ${CANARY}\n\n`)],
    `data: ${MASKED}\n\n:\n\n\n`,
  ],
  ["events that are not JSON", [reply(["Content-Type: text/event-stream"], `data: ${CANARY}\n\n`)], null],
  ["a form", [reply(["Content-Type: application/x-www-form-urlencoded"], `id=7&ssn=${CANARY}`)], "id=7&ssn=***"],
  ...(["gzip", "x-gzip"] as const).map(
    (coding) => [coding, [reply([JSON_TYPE, `Content-Encoding: ${coding}`], zlib.gzipSync(RECORD))], MASKED] as const,
  ),
  ["deflate", [reply([JSON_TYPE, "Content-Encoding: deflate"], zlib.deflateSync(RECORD))], MASKED],
  ["brotli", [reply([JSON_TYPE, "Content-Encoding: br"], zlib.brotliCompressSync(RECORD))], MASKED],
  ["zstd", [reply([JSON_TYPE, "Content-Encoding: zstd"], zlib.zstdCompressSync(RECORD))], MASKED],
  ["a raw deflate stream", [reply([JSON_TYPE, "Content-Encoding: deflate"], zlib.deflateRawSync(RECORD))], null],
  ["two codings", [reply([JSON_TYPE, "Content-Encoding: gzip, gzip"], zlib.gzipSync(zlib.gzipSync(RECORD)))], null],
  ["two codings in two fields", [reply([JSON_TYPE, "Content-Encoding: identity", "Content-Encoding: compress"], RECORD)], null],
  ["a coding that nobody knows", [reply([JSON_TYPE, "Content-Encoding: x-own"], RECORD)], null],
  ["a coding that is none", [reply([JSON_TYPE, "Content-Encoding: gzip"], RECORD)], null],
  ["a transfer coding", [reply([JSON_TYPE, "Transfer-Encoding: gzip, chunked"], chunked(zlib.gzipSync(RECORD), 100))], null],
  [
    "behind compressed JSON, more",
    [reply([JSON_TYPE, "Content-Encoding: gzip"], Buffer.concat([zlib.gzipSync(RECORD), zlib.gzipSync(RECORD)]))],
    null,
  ],
  ["HTML", [reply(["Content-Type: text/html"], `<p>${CANARY}</p>`)], null],
  ["HTML in an error", [reply(["Content-Type: text/html"], `<p>${CANARY}</p>`, "404 Not Found")], null],
  ["a type that tells", [reply([`Content-Type: text/${CANARY}; charset=${CANARY}`], RECORD)], null],
  ["no type", [reply([], RECORD)], null],
  ["two types", [reply([JSON_TYPE, "Content-Type: text/plain"], CANARY)], null],
  ["two types, the other first", [reply(["Content-Type: text/plain", JSON_TYPE], RECORD)], null],
  ["two types in one field", [reply(["Content-Type: application/json, text/html"], RECORD)], null],
  ...(
    [
      "text/plain",
      "text/csv",
      "application/xml",
      "multipart/mixed; boundary=x",
      "application/octet-stream",
      "application/javascript",
      "application/cbor",
      "application/graphql-response+json",
      "application/grpc",
    ] as const
  ).map((type) => [type, [reply([`Content-Type: ${type}`], `x(${RECORD})`)], null] as const),
  ["UTF-16", [reply(["Content-Type: application/json; charset=utf-16"], Buffer.from(RECORD, "utf16le"))], null],
  ["UTF-16 that does not say so", [reply([JSON_TYPE], Buffer.from(RECORD, "utf16le"))], null],
  ["UTF-7", [reply(["Content-Type: application/json; charset=utf-7"], RECORD)], null],
  ["a byte order mark", [reply([JSON_TYPE], `\ufeff${RECORD}`)], null],
  ["what only lenient parsers read", [reply([JSON_TYPE], `{ssn:'${CANARY}'}`)], null],
  ["a comment", [reply([JSON_TYPE], `{"a":1/*"*/,"ssn":"${CANARY}"}`)], null],
  ["a second document", [reply([JSON_TYPE], `{"a":1}\n{"ssn":"${CANARY}"}`)], null],
  ["a document that breaks off", [reply([JSON_TYPE, "Content-Length: 500"], RECORD)], null],
  ["depth", [reply([JSON_TYPE], `${"[".repeat(600)}"${CANARY}"`)], null],
  ["a part of a document", [reply([JSON_TYPE, "Content-Range: bytes 8-30/36"], RECORD.slice(8, 30), "206 Partial Content")], null],
  ["several parts", [reply(["Content-Type: multipart/byteranges; boundary=x"], `--x\r\n\r\n${RECORD}`, "206 Partial Content")], null],
  ["a header field", [reply([JSON_TYPE, `X-SSN: ${CANARY}`, `x-ssn: ${CANARY}`], "{}")], "{}"],
  ["a folded header field", [reply([JSON_TYPE, `X-SSN: a\r\n ${CANARY}`], "{}")], null],
  ["a reason phrase", [reply([JSON_TYPE], "{}", `200 ${CANARY}`)], "{}"],
  ["a redirection", [reply([`Location: /next?ssn=${CANARY}&a=1`], "", "302 Found")], ""],
  ["a redirection elsewhere", [reply([`Location: https://other.example/?SSN[]=${CANARY}#ssn=${CANARY}`], "", "302 Found")], ""],
  [
    "a link",
    [
      reply(
        [JSON_TYPE, `Link: </n?ssn=${CANARY}>; rel=next`, `Refresh: 1; url=/n?ssn=${CANARY}`, `Content-Location: /n?ssn=${CANARY}`],
        "{}",
      ),
    ],
    "{}",
  ],
  [
    "a hint before it",
    [`HTTP/1.1 103 Early Hints\r\nLink: </n?ssn=${CANARY}>; rel=preload\r\nX-SSN: ${CANARY}\r\n\r\n`, reply([JSON_TYPE], RECORD)],
    MASKED,
  ],
  [
    "a trailer",
    [
      reply(
        [JSON_TYPE, "Transfer-Encoding: chunked", "Trailer: x-ssn, etag"],
        chunked(Buffer.from(RECORD), 9, [`x-ssn: ${CANARY}`, `etag: "${CANARY}"`]),
      ),
    ],
    MASKED,
  ],
  ["a chunk extension", [reply([JSON_TYPE, "Transfer-Encoding: chunked"], `2;ssn=${CANARY}\r\n{}\r\n0\r\n\r\n`)], "{}"],
  [
    "validators and digests",
    [reply([JSON_TYPE, `ETag: "${CANARY}"`, `Digest: sha-256=${CANARY}`, `Content-MD5: ${CANARY}`, `Repr-Digest: ${CANARY}`], RECORD)],
    MASKED,
  ],
  ["more than it announced", [reply([JSON_TYPE, "Content-Length: 2"], `{}${RECORD}`)], null],
  ["a body where none can be", [reply([JSON_TYPE], RECORD, "204 No Content")], ""],
  ["a body behind an answer that has none", [reply([JSON_TYPE, "Content-Length: 40"], RECORD, "304 Not Modified")], ""],
  ["a length given twice", [reply([JSON_TYPE, "Content-Length: 2", "Content-Length: 36"], RECORD)], null],
  ["a length and chunks", [reply([JSON_TYPE, "Content-Length: 2", "Transfer-Encoding: chunked"], chunked(Buffer.from(RECORD), 9))], null],
  [
    "another protocol that nobody asked for",
    [`HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\nConnection: Upgrade\r\n\r\n${RECORD}`],
    null,
  ],
  ["a status of gRPC", [reply([JSON_TYPE, "grpc-status: 0", `grpc-message: x`], RECORD)], null],
];

let target: ScriptedTarget;
let gateway: TestGateway;
const tokens: Record<string, string> = {};
before(async () => {
  target = await startScriptedTarget(await makeAuthority());
  for (const [index, [, answer]] of ANSWERS.entries()) target.script.set(`/v1/${index}`, answer);
  gateway = await startGateway({
    apis: { crm: target },
    agents: { agent: ["data-agents"], desk: ["data-agents", "fraud-desk"] },
    configure: (sections) => ({
      ...sections,
      masking: {
        rules: [
          {
            name: "pii",
            target: "crm",
            paths: ["/v1/**"],
            fields: ["$..ssn"],
            headers: ["x-ssn"],
            query: ["ssn"],
            form: ["ssn"],
            with: "redact",
            unless: { groups: ["fraud-desk"] },
          },
        ],
      },
    }),
  });
  for (const agent of ["agent", "desk"]) tokens[agent] = await gateway.token(agent);
});
after(async () => {
  await gateway?.stop();
  await target?.close();
});

/** Every byte that comes back over HTTP/1.1. */
function asked(path: string, { method = "GET", agent = "agent", fields = [] as readonly string[], body = "" } = {}): Promise<Buffer> {
  const lines = [
    `${method} /t/crm${path} HTTP/1.1`,
    "Host: localhost",
    "Connection: close",
    `Authorization: Bearer ${tokens[agent]}`,
    ...fields,
  ];
  const framing = body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return raw(gateway, [...lines, ...framing, "", body].join("\r\n"));
}

async function asked2(ask: Ask) {
  const session = session2(gateway);
  try {
    return await get2(session, {
      ...ask,
      path: `/t/crm${ask.path}`,
      headers: { authorization: `Bearer ${tokens["agent"]}`, ...ask.headers },
    });
  } finally {
    session.destroy();
  }
}

/** Of the last response: what came before it are hints. */
function bodyOf(received: Buffer): string {
  const response = received.subarray(received.lastIndexOf("HTTP/1.1 "));
  const end = response.indexOf("\r\n\r\n");
  let rest = response.subarray(end + 4);
  if (!/^transfer-encoding: chunked/im.test(response.toString("latin1", 0, end))) return rest.toString();
  const pieces: Buffer[] = [];
  for (;;) {
    const line = rest.indexOf("\r\n");
    const length = Number.parseInt(rest.toString("latin1", 0, line), 16);
    if (!(length > 0)) return Buffer.concat(pieces).toString();
    pieces.push(rest.subarray(line + 2, line + 2 + length));
    rest = rest.subarray(line + 4 + length);
  }
}

describe("whatever a target sends, what is masked does not show", () => {
  for (const [index, [name, , body]] of ANSWERS.entries()) {
    test(name, async () => {
      const response = await asked(`/v1/${index}`);
      assert.equal(shows(response), undefined, response.toString());
      if (body !== null) assert.equal(bodyOf(response), body, response.toString());
      const got = await asked2({ path: `/v1/${index}` }).catch((error: Error) => error);
      if (got instanceof Error) return;
      assert.equal(shows(Buffer.concat([Buffer.from(JSON.stringify([got.headers, got.trailers])), got.body])), undefined);
      if (body !== null) assert.equal(got.body.toString(), body);
    });
  }

  test("the length and the validator of a document do not show either, where HEAD asks for them", async () => {
    target.script.set("/v1/head", [reply([JSON_TYPE, `Content-Length: ${RECORD.length}`, 'ETag: "x"'])]);
    const response = (await asked("/v1/head", { method: "HEAD" })).toString();
    assert.match(response, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(response, /^(content-length|etag):/im);
  });

  test("other spellings of a path are under the same masks", async () => {
    for (const path of ["/V1/x", "/v1;a=b/x", "/%76%31/x", "/v1/x/", "/v1"]) {
      target.script.set(
        path.replace(/%7?6|%31/g, (code) => decodeURIComponent(code)),
        [reply([JSON_TYPE], RECORD)],
      );
      const response = await asked(path);
      assert.equal(shows(response), undefined, path);
    }
  });

  test("principals whom the rule spares see it all", async () => {
    assert.ok((await asked("/v1/0", { agent: "desk" })).includes(RECORD));
  });
});

describe("requests under a mask", () => {
  test("a lookup sees the mask, no range or validator goes on, and a WebSocket is refused", async () => {
    await asked(`/v1/0?ssn=${CANARY}&a=1`, {
      fields: [`X-SSN: ${CANARY}`, "Range: bytes=0-3", 'If-None-Match: "x"', "Accept-Encoding: gzip"],
    });
    const request = target.asked.at(-1) ?? "";
    assert.equal(request.includes(CANARY), false, request);
    assert.match(request, /^GET \/v1\/0\?ssn=\*\*\*&a=1 /);
    assert.doesNotMatch(request, /^(range|if-none-match|accept-encoding: gzip)/im);
    const upgrade = [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    const before = target.asked.length;
    const response = await raw(
      gateway,
      [`GET /t/crm/v1/0 HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${tokens["agent"]}`, ...upgrade, "", ""].join("\r\n"),
    );
    assert.match(response.toString(), /^HTTP\/1\.1 403 [\s\S]*masked-body-type/);
    assert.equal(target.asked.length, before);
  });

  test("a write gives its own value", async () => {
    await asked(`/v1/0?ssn=${CANARY}`, { method: "POST", fields: [JSON_TYPE, `X-SSN: ${CANARY}`], body: RECORD });
    assert.match(target.asked.at(-1) ?? "", new RegExp(`^POST /v1/0\\?ssn=${CANARY} [\\s\\S]*${CANARY}`));
  });

  test("a condition on the stored document is refused", async () => {
    const response = await asked("/v1/0", { method: "PUT", fields: ['If-Match: "x"'], body: "{}" });
    assert.match(response.toString(), /^HTTP\/1\.1 403 [\s\S]*"reason":"masked-request"/);
  });
});

test("a withheld error keeps its status, and says why", async () => {
  const index = ANSWERS.findIndex(([name]) => name === "HTML in an error");
  const response = (await asked(`/v1/${index}`)).toString();
  assert.match(response, /^HTTP\/1\.1 404 Not Found\r\n[\s\S]*application\/problem\+json[\s\S]*"reason":"masked-body-type"/);
});

test("nothing of it is on record in clear, for the principal under the mask, and the record verifies", async () => {
  const ofAgent = async () =>
    [...(await recordings(gateway)).values()].filter((events) =>
      events.some((event) => event.kind === "session-start" && event.principal.name === "agent"),
    );
  const masked = await until(async () => {
    const found = await ofAgent();
    return found.length >= ANSWERS.length && found;
  }, "each answer's session is on record");
  for (const events of masked)
    for (const event of events) assert.equal(shows(Buffer.from(JSON.stringify(event))), undefined, JSON.stringify(event));
  assert.deepEqual(await problems(gateway), []);
});
