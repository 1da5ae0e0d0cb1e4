/** A target that echoes the gateway's credential, in every place and dress: nothing of it reaches the client or the record. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import zlib from "node:zlib";
import { recordings } from "#test/src/gateway/archive.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { chunked, reply, type ScriptedTarget, startScriptedTarget } from "#test/support/scripted-target.ts";
import { until } from "#test/support/waiting.ts";
import { get2, raw, session2 } from "./client.ts";

const SECRET = "tk-9f/3aQ+zz&7<w=1";
const bytes = Buffer.from(SECRET);
const HTML = "Content-Type: text/html";
const PAGE = `<p>${SECRET}</p>`;

function compressed(coding: string, body: Buffer): Buffer {
  return reply([HTML, `Content-Encoding: ${coding}`], body);
}

/** What the client may see in the body; null: anything but the secret. */
const ANSWERS: readonly (readonly [name: string, answer: readonly (string | Buffer)[], body: string | null])[] = [
  ["in a page", [reply([HTML], PAGE)], `<p>${"*".repeat(bytes.length)}</p>`],
  [
    "in chunks of one byte",
    [reply([HTML, "Transfer-Encoding: chunked"], chunked(Buffer.from(PAGE), 1))],
    `<p>${"*".repeat(bytes.length)}</p>`,
  ],
  [
    "in two chunks, wherever it is cut",
    bytes.length > 0 ? [...reply([HTML], PAGE)].map((byte) => Buffer.of(byte)) : [],
    `<p>${"*".repeat(bytes.length)}</p>`,
  ],
  [
    "in JSON",
    [reply(["Content-Type: application/json"], JSON.stringify({ headers: { authorization: `Bearer ${SECRET}` } }))],
    `{"headers":{"authorization":"Bearer ${"*".repeat(bytes.length)}"}}`,
  ],
  [
    "in JSON as Go writes it",
    [reply(["Content-Type: application/json"], JSON.stringify(SECRET).replaceAll("&", "\\u0026").replaceAll("<", "\\u003c"))],
    null,
  ],
  ["percent-encoded", [reply([HTML], encodeURIComponent(SECRET))], "*".repeat(encodeURIComponent(SECRET).length)],
  ["in HTML", [reply([HTML], SECRET.replaceAll("&", "&amp;").replaceAll("<", "&lt;"))], null],
  ["in base64", [reply([HTML], bytes.toString("base64"))], null],
  ["in base64 behind a user's name", [reply([HTML], Buffer.from(`app:${SECRET}`).toString("base64"))], null],
  ["in base64 of URLs", [reply([HTML], Buffer.from(`u:${SECRET}:x`).toString("base64url"))], null],
  ["in hex", [reply([HTML], bytes.toString("hex"))], "*".repeat(bytes.length * 2)],
  ["in events", [reply(["Content-Type: text/event-stream"], `data: ${SECRET}\n\n`)], `data: ${"*".repeat(bytes.length)}\n\n`],
  ["in lines", [reply(["Content-Type: application/x-ndjson"], `"${SECRET}"\n"${SECRET}"\n`)], null],
  ["in binary", [reply(["Content-Type: application/octet-stream"], Buffer.concat([Buffer.of(0, 255, 1), bytes, Buffer.of(0, 254)]))], null],
  ["gzip", [compressed("gzip", zlib.gzipSync(PAGE))], `<p>${"*".repeat(bytes.length)}</p>`],
  ["deflate", [compressed("deflate", zlib.deflateSync(PAGE))], null],
  ["brotli", [compressed("br", zlib.brotliCompressSync(PAGE))], `<p>${"*".repeat(bytes.length)}</p>`],
  ["zstd", [compressed("zstd", zlib.zstdCompressSync(PAGE))], null],
  ["two codings", [compressed("gzip, gzip", zlib.gzipSync(zlib.gzipSync(PAGE)))], null],
  ["an unknown coding", [compressed("x-own", Buffer.from(PAGE))], null],
  ["a transfer coding", [reply([HTML, "Transfer-Encoding: gzip, chunked"], chunked(zlib.gzipSync(PAGE), 50))], null],
  ["in a part of a document", [reply([HTML, "Content-Range: bytes 0-3/9"], PAGE, "206 Partial Content")], null],
  [
    "in header fields",
    [reply([HTML, `X-Echo: ${SECRET}`, `Set-Cookie: t=${SECRET}`, `ETag: "${SECRET}"`, `WWW-Authenticate: Bearer x="${SECRET}"`], "x")],
    "x",
  ],
  [
    "in addresses",
    [
      reply(
        [`Location: https://localhost/x?token=${encodeURIComponent(SECRET)}`, `Link: </${encodeURIComponent(SECRET)}>`],
        "",
        "302 Found",
      ),
    ],
    "",
  ],
  ["in a reason phrase", [reply([HTML], "x", `200 ${SECRET}`)], "x"],
  [
    "in trailers",
    [reply([HTML, "Transfer-Encoding: chunked", "Trailer: x-echo"], chunked(Buffer.from("x"), 1, [`x-echo: ${SECRET}`]))],
    "x",
  ],
  ["in a hint", [`HTTP/1.1 103 Early Hints\r\nLink: </?t=${SECRET}>; rel=preload\r\n\r\n`, reply([HTML], "x")], "x"],
  ["in an error", [reply([HTML], PAGE, "500 Oops")], `<p>${"*".repeat(bytes.length)}</p>`],
  [
    "in a refusal of the credential",
    [reply([HTML, `WWW-Authenticate: Bearer error="${SECRET}"`], PAGE, "401 Unauthorized")],
    `<p>${"*".repeat(bytes.length)}</p>`,
  ],
  ["in gRPC", [reply(["Content-Type: application/grpc"], Buffer.concat([Buffer.of(0, 0, 0, 0, bytes.length), bytes]))], null],
  ["in an answer that breaks off", [reply([HTML, "Content-Length: 900"], PAGE)], null],
];

let target: ScriptedTarget;
let gateway: TestGateway;
let authorization: string;
before(async () => {
  target = await startScriptedTarget(await makeAuthority());
  for (const [index, [, answer]] of ANSWERS.entries()) target.script.set(`/${index}`, answer);
  const credential = { header: "authorization", value: { env: "CRM_TOKEN" } };
  gateway = await startGateway({ apis: { crm: { ...target, section: { credential } } }, env: { CRM_TOKEN: `Bearer ${SECRET}` } });
  authorization = `Bearer ${await gateway.token()}`;
});
after(async () => {
  await gateway?.stop();
  await target?.close();
});

/** Six characters of it in a row, in any dress that keeps its order. */
function leak(received: Buffer): string | undefined {
  const dressed = (part: Buffer) => [
    part.toString("latin1"),
    part.toString("hex"),
    encodeURIComponent(part.toString()),
    Buffer.concat([Buffer.from("x"), part])
      .toString("base64")
      .slice(4, -4),
  ];
  const text = received.toString("latin1");
  for (let at = 0; at + 9 <= bytes.length; at++) {
    const found = dressed(bytes.subarray(at, at + 9)).find((one) => one.length >= 6 && text.includes(one));
    if (found !== undefined) return found;
  }
  return undefined;
}

describe("a credential that the target echoes does not come back", () => {
  for (const [index, [name, , body]] of ANSWERS.entries()) {
    test(name, async () => {
      const response = await raw(
        gateway,
        `GET /t/crm/${index} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: ${authorization}\r\n\r\n`,
      );
      assert.ok(response.length > 0 || body === null, "nothing came back");
      assert.equal(leak(response), undefined, response.toString());
      assert.match(target.asked.at(-1) ?? "", new RegExp(`\r\nauthorization: Bearer ${SECRET.replace(/[+/]/g, "\\$&")}\r\n`, "i"));
      const session = session2(gateway);
      const got = await get2(session, { path: `/t/crm/${index}`, headers: { authorization } }).catch((error: Error) => error);
      session.destroy();
      if (got instanceof Error) return;
      assert.equal(leak(Buffer.concat([Buffer.from(JSON.stringify([got.headers, got.trailers])), got.body])), undefined);
      if (body !== null) assert.equal(got.body.toString(), body);
    });
  }

  test("nor does it stand on record", async () => {
    const sessions = await until(async () => {
      const sealed = await recordings(gateway);
      return sealed.size >= 10 && sealed;
    }, "ten sessions are on record");
    for (const events of sessions.values())
      for (const event of events) assert.equal(leak(Buffer.from(JSON.stringify(event))), undefined, JSON.stringify(event));
  });
});
