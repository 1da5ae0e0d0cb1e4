/** Clients of bad will: requests that two readers could take for two things, heads without end, floods of frames. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { until } from "#test/support/waiting.ts";
import { get1, get2, raw, session2 } from "./client.ts";

let target: HttpTarget;
let gateway: TestGateway;
let authorization: string;
before(async () => {
  target = await startHttpTarget(await makeAuthority());
  gateway = await startGateway({ apis: { crm: target } });
  authorization = `Bearer ${await gateway.token()}`;
});
after(async () => {
  await gateway?.stop();
  await target?.close();
});

async function stillServes(): Promise<void> {
  assert.equal((await get1(gateway, { path: "/t/crm/echo", headers: { authorization } })).status, 200);
  const session = session2(gateway);
  assert.equal((await get2(session, { path: "/t/crm/echo", headers: { authorization } })).status, 200);
  session.close();
}

const lines = (...more: string[]): string =>
  [`POST /t/crm/echo HTTP/1.1`, `host: localhost:${gateway.httpsPort}`, `authorization: ${authorization}`, ...more].join("\r\n");
const SMUGGLED = "GET /t/crm/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";

/** What stands behind the first lines of a request, by what is wrong with it. */
const VECTORS: readonly (readonly [string, () => string])[] = [
  ["content length and chunks", () => `${lines("content-length: 4", "transfer-encoding: chunked")}\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["chunks and content length", () => `${lines("transfer-encoding: chunked", "content-length: 4")}\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["two content lengths", () => `${lines("content-length: 0", "content-length: 50")}\r\n\r\n${SMUGGLED}`],
  ["two equal content lengths", () => `${lines("content-length: 0", "content-length: 0")}\r\n\r\n${SMUGGLED}`],
  ["a list of content lengths", () => `${lines("content-length: 0, 50")}\r\n\r\n${SMUGGLED}`],
  ["a signed content length", () => `${lines("content-length: +0")}\r\n\r\n${SMUGGLED}`],
  ["a hexadecimal content length", () => `${lines("content-length: 0x0")}\r\n\r\n${SMUGGLED}`],
  ["a negative content length", () => `${lines("content-length: -1")}\r\n\r\n${SMUGGLED}`],
  ["a content length with a blank in it", () => `${lines("content-length: 1 0")}\r\n\r\n${SMUGGLED}`],
  ["chunked in another spelling", () => `${lines("transfer-encoding: xchunked")}\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["chunked under another coding", () => `${lines("transfer-encoding: gzip, chunked")}\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["chunked twice", () => `${lines("transfer-encoding: chunked", "transfer-encoding: chunked")}\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["a coding behind chunked", () => `${lines("transfer-encoding: chunked, identity")}\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["a vertical tab before chunked", () => `${lines("transfer-encoding: \x0bchunked")}\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["a blank before the colon", () => `${lines("content-length : 0")}\r\n\r\n${SMUGGLED}`],
  ["a folded line", () => `${lines("x-a: b", " content-length: 50")}\r\n\r\n${SMUGGLED}`],
  ["a bare carriage return", () => `${lines("x-a: b\rcontent-length: 50")}\r\n\r\n${SMUGGLED}`],
  ["a bare line feed", () => `${lines("x-a: b\ncontent-length: 50")}\r\n\r\n${SMUGGLED}`],
  ["lines that end with line feeds alone", () => `${lines("x-a: b").replaceAll("\r\n", "\n")}\n\n${SMUGGLED}`],
  ["a NUL in a value", () => `${lines("x-a: b\0c")}\r\n\r\n${SMUGGLED}`],
  ["a NUL in a name", () => `${lines("x\0a: b")}\r\n\r\n${SMUGGLED}`],
  ["an empty name", () => `${lines(": b")}\r\n\r\n${SMUGGLED}`],
  ["a chunk size with a sign", () => `${lines("transfer-encoding: chunked")}\r\n\r\n+0\r\n\r\n${SMUGGLED}`],
  ["a chunk size beyond all numbers", () => `${lines("transfer-encoding: chunked")}\r\n\r\nffffffffffffffffff\r\nx`],
  ["a chunk that ends elsewhere", () => `${lines("transfer-encoding: chunked")}\r\n\r\n1\r\nxx\r\n0\r\n\r\n${SMUGGLED}`],
  ["a chunk extension with a line feed", () => `${lines("transfer-encoding: chunked")}\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n${SMUGGLED}`],
  ["no host", () => `GET /t/crm/echo HTTP/1.1\r\nauthorization: ${authorization}\r\n\r\n`],
  ["two hosts", () => `${lines("host: localhost")}\r\n\r\n`],
  ["HTTP/1.0", () => `GET /t/crm/echo HTTP/1.0\r\nhost: localhost\r\nauthorization: ${authorization}\r\n\r\n`],
  ["a version of the past", () => `GET /t/crm/echo HTTP/0.9\r\n\r\n`],
  ["a version of the future", () => `GET /t/crm/echo HTTP/3.0\r\nhost: localhost\r\n\r\n`],
  ["a preface of HTTP/2", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["no HTTP at all", () => "\0\x01\x02\x03\r\n\r\n"],
];

describe("a request that can be taken for two", () => {
  for (const [name, bytes] of VECTORS) {
    test(`${name}: refused once, the connection closed, nothing of what stands behind it asked for`, async () => {
      const before = target.asked.length;
      const answer = (await raw(gateway, bytes())).toString("latin1");
      assert.match(answer, /^HTTP\/1\.1 (400|505) /, name);
      assert.equal(answer.match(/^HTTP\/1\.1 /gm)?.length, 1, "one answer, and no second");
      assert.deepEqual(
        target.asked.slice(before).filter(({ url }) => url.includes("smuggled")),
        [],
      );
    });
  }

  test("what is offered and not asked for is passed over: h2c, other protocols", async () => {
    for (const [connection, upgrade, more] of [
      ["Upgrade, HTTP2-Settings", "h2c", "http2-settings: AAMAAABkAAQAAP__"],
      ["Upgrade", "TLS/1.2", "x-a: b"],
      ["Upgrade", "websocket, h2c", "x-a: b"],
    ] as const) {
      const request = lines("content-length: 0", `connection: ${connection}, close`, `upgrade: ${upgrade}`, more).replace("POST", "GET");
      const answer = (await raw(gateway, `${request}\r\n\r\n`)).toString("latin1");
      assert.match(answer, /^HTTP\/1\.1 (200|400) /, upgrade);
      assert.doesNotMatch(answer, / 101 /);
      assert.doesNotMatch(answer, /h2c|http2-settings/i);
    }
  });
});

describe("a head that is too large", () => {
  test("a target of 20 kB is 414, of 200 kB 431; fields of 200 kB, or too many of them, are 431", async () => {
    const long = (length: number) => raw(gateway, `GET /t/crm/${"a".repeat(length)} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    assert.match((await long(20_000)).toString(), /^HTTP\/1\.1 414 /);
    assert.match((await long(200_000)).toString(), /^(HTTP\/1\.1 431 |$)/);
    assert.match((await raw(gateway, `${lines(`x-a: ${"a".repeat(200_000)}`)}\r\n\r\n`)).toString(), /^(HTTP\/1\.1 431 |$)/);
    const many = Array.from({ length: 300 }, (_, index) => `x-${index}: y`);
    assert.match((await raw(gateway, `${lines("content-length: 0", ...many)}\r\n\r\n`)).toString(), /^HTTP\/1\.1 431 /);
    await stillServes();
  });

  test("over HTTP/2 its stream is reset or refused, and others go on", async () => {
    const session = session2(gateway);
    await once(session, "connect");
    const fields = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`x-${index}`, "y"]));
    await assert.rejects(get2(session, { path: "/t/crm/echo", headers: { authorization, ...fields } }));
    assert.equal((await get2(session, { path: "/t/crm/echo", headers: { authorization } })).status, 200);
    session.destroy();
  });
});

/** Or gone. */
function drained(socket: tls.TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}

describe("a flood of frames", () => {
  const frame = (type: number, flags: number, id: number, payload: Buffer): Buffer => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(id, 5);
    return Buffer.concat([head, payload]);
  };
  const PREFACE = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, Buffer.alloc(0))]);
  /** `:method GET`, `:scheme https`, `:path /`, from the static table. */
  const HEADERS = Buffer.from([0x82, 0x87, 0x84]);

  /** @returns whether the gateway closed the connection within `ms` */
  async function flood(make: (count: number) => Buffer, ms = 60_000): Promise<boolean> {
    const socket = tls.connect({
      host: "127.0.0.1",
      port: gateway.httpsPort,
      servername: "localhost",
      ca: gateway.ca,
      ALPNProtocols: ["h2"],
    });
    await once(socket, "secureConnect");
    let closed = false;
    socket.on("error", () => undefined);
    socket.on("close", () => {
      closed = true;
    });
    socket.resume();
    socket.write(PREFACE);
    const end = performance.now() + ms;
    for (let count = 0; !closed && performance.now() < end; count++) {
      if (!socket.write(make(count))) await Promise.race([drained(socket), pause(100)]);
      if (count % 50 === 0) await pause(1);
    }
    socket.destroy();
    return closed;
  }

  const id = (count: number) => count * 2 + 1;
  const FLOODS: readonly (readonly [string, (count: number) => Buffer])[] = [
    [
      "streams that are opened and reset at once",
      (count) => Buffer.concat([frame(1, 5, id(count), HEADERS), frame(3, 0, id(count), Buffer.from([0, 0, 0, 8]))]),
    ],
    [
      "a head that goes on without end",
      (count) => (count === 0 ? frame(1, 1, 1, HEADERS) : frame(9, 0, 1, Buffer.from([0x40, 0x01, 0x61, 0x01, 0x62]))),
    ],
    ["a head that is no HPACK", () => frame(1, 5, 1, Buffer.alloc(100, 0xff))],
    ["a head of a stream of the gateway's", () => frame(1, 5, 2, HEADERS)],
    ["a frame that is larger than was agreed", () => frame(0, 0, 1, Buffer.alloc(20_000))],
    ["data for a stream that is not there", () => frame(0, 0, 1, Buffer.alloc(10))],
    ["a window that grows beyond its limit", () => frame(8, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff]))],
    ["a window that grows by nothing", () => frame(8, 0, 0, Buffer.alloc(4))],
    ["settings that are none", () => frame(4, 0, 0, Buffer.from([0, 4, 0xff, 0xff, 0xff, 0xff]))],
    ["a ping of a wrong length", () => frame(6, 0, 0, Buffer.alloc(7))],
  ];
  for (const [name, make] of FLOODS) {
    test(`${name}: the connection is closed, the others go on`, async () => {
      assert.equal(await flood(make), true);
      await stillServes();
    });
  }

  test("pings and settings whose answers nobody reads do not pile up", async () => {
    const socket = tls.connect({
      host: "127.0.0.1",
      port: gateway.httpsPort,
      servername: "localhost",
      ca: gateway.ca,
      ALPNProtocols: ["h2"],
    });
    await once(socket, "secureConnect");
    socket.on("error", () => undefined);
    socket.pause();
    socket.write(PREFACE);
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(6, 0, 0, Buffer.alloc(8))));
    const settings = Buffer.concat(Array.from({ length: 1000 }, () => frame(4, 0, 0, Buffer.alloc(0))));
    for (let count = 0; count < 500 && !socket.destroyed; count++) {
      if (!socket.write(count % 2 === 0 ? pings : settings)) await Promise.race([drained(socket), pause(20)]);
    }
    socket.destroy();
    await stillServes();
  });

  test("clients that reset what they asked for leave nothing running at the target", async () => {
    const session = session2(gateway);
    await once(session, "connect");
    for (let count = 0; count < 20; count++) {
      const stream = session.request({ ":path": "/t/crm/silent", authorization }, { endStream: true });
      stream.on("error", () => undefined);
      await pause(10);
      stream.close(http2.constants.NGHTTP2_CANCEL);
    }
    const silent = () => target.asked.filter(({ url }) => url === "/silent").length;
    const gone = () => target.aborted.filter((path) => path === "/silent").length;
    await until(
      () => silent() > 0 && gone() === silent(),
      () => `all have ended: ${gone()} of ${silent()}`,
    );
    session.close();
  });
});

describe("clients that take their time", () => {
  /** How much later than it was due a machine that stands still may do something. */
  const LATE_MS = 20_000;

  /** Sends `first`, then a byte each second. @returns what came back, and after how long the gateway closed */
  async function trickle(first: string): Promise<{ readonly answer: string; readonly ms: number }> {
    const options = { host: "127.0.0.1", port: gateway.httpsPort, servername: "localhost", ca: gateway.ca };
    const socket = tls.connect({ ...options, ALPNProtocols: ["http/1.1"] });
    await once(socket, "secureConnect");
    const begun = performance.now();
    const timer = setInterval(() => socket.write("a"), 1000);
    socket.write(first);
    socket.on("error", () => undefined);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += String(chunk);
    });
    await once(socket, "close");
    clearInterval(timer);
    return { answer, ms: performance.now() - begun };
  }

  test("heads and bodies that trickle are not waited for", { timeout: 180_000 }, async () => {
    const [head, body] = await Promise.all([trickle(lines("x-a: b")), trickle(`${lines("content-length: 1000")}\r\n\r\n`)]);
    assert.ok(head.ms < 30_000 + LATE_MS);
    assert.match(head.answer, /^(HTTP\/1\.1 408 |$)/);
    assert.ok(body.ms < 40_000 + LATE_MS);
    assert.match(body.answer, /^HTTP\/1\.1 408 .*too slowly/s);
  });
});
