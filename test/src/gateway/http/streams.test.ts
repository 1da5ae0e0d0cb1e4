/** Streams in both directions at once: as gRPC uses HTTP/2, and WebSocket. Whoever breaks off is heard on the other side. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { until } from "#test/support/waiting.ts";
import { session2 } from "./client.ts";

let target: HttpTarget;
let sockets: https.Server;
let gateway: TestGateway;
let authorization: string;
let session: http2.ClientHttp2Session;
before(async () => {
  const authority = await makeAuthority();
  target = await startHttpTarget(authority);
  const { cert, key } = await authority.server(["localhost"]);
  sockets = https.createServer({ cert, key: key.expose() }, (_request, response) => void response.writeHead(404).end("no socket here"));
  const echo = new WebSocketServer({ server: sockets, path: "/socket" });
  echo.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  sockets.listen(0, "127.0.0.1");
  await once(sockets, "listening");
  gateway = await startGateway({ apis: { crm: target, ws: { port: (sockets.address() as AddressInfo).port, ca: authority.ca } } });
  authorization = `Bearer ${await gateway.token()}`;
  session = session2(gateway);
});
after(async () => {
  session?.destroy();
  await gateway?.stop();
  sockets?.closeAllConnections();
  sockets?.close();
  await target?.close();
});

const grpc = () => ({ authorization, ":method": "POST", "content-type": "application/grpc", te: "trailers" });

describe("a stream both ways", () => {
  test("answers each piece before the next is sent, and says at the end what gRPC's trailers say", async () => {
    const stream = session.request({ ...grpc(), ":path": "/t/crm/duplex" });
    for (let piece = 0; piece < 5; piece++) {
      stream.write(`piece ${piece}`);
      const [back] = await once(stream, "data");
      assert.equal(String(back), `piece ${piece}`);
    }
    stream.end();
    stream.resume();
    const [trailers] = await once(stream, "trailers");
    assert.deepEqual([trailers["grpc-status"], trailers["x-pieces"]], ["0", "5"]);
    assert.equal(new Map(target.asked.at(-1)?.headers).get("te"), "trailers");
  });

  test("an answer of trailers alone is one head that ends the stream", async () => {
    const stream = session.request({ ...grpc(), ":path": "/t/crm/trailers-only" });
    stream.end("x");
    const [head, flags] = await once(stream, "response");
    assert.equal(head["grpc-status"], "5");
    assert.ok((flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0);
    stream.resume();
    await once(stream, "close");
  });

  test("a client that gives up is heard at the target", async () => {
    const stream = session.request({ ...grpc(), ":path": "/t/crm/duplex?cancelled" });
    stream.on("error", () => undefined);
    stream.write("x");
    await once(stream, "data");
    // Node's `close` would end the request in good order first.
    stream.destroy(new Error("given up"));
    await until(() => target.aborted.includes("/duplex"), "the target has heard");
  });

  test("a target that resets is heard at the client: before its answer as 502, of gRPC as a status, in it as a reset", async () => {
    const before = session.request({ authorization, ":path": "/t/crm/reset" });
    const [head] = await once(before, "response");
    assert.equal(head[":status"], 502);
    before.resume();
    const call = session.request({ ...grpc(), ":path": "/t/crm/reset" });
    call.end();
    const [status] = await once(call, "response");
    assert.deepEqual([status[":status"], status["grpc-status"]], [200, "14"]);
    call.resume();
    const within = session.request({ authorization, ":path": "/t/crm/cut" });
    within.resume();
    await assert.rejects(once(within, "close"), /INTERNAL_ERROR/);
  });

  test("an upload that is given up never looks complete to the target", async () => {
    const asked = target.asked.length;
    const stream = session.request({ authorization, ":method": "POST", ":path": "/t/crm/upload?given-up" });
    stream.on("error", () => undefined);
    stream.write("half");
    await until(() => target.asked.length > asked, "the target was asked");
    // Node's `close` would end the request in good order first.
    stream.destroy(new Error("given up"));
    await until(() => target.aborted.includes("/upload"), "the target has heard");
  });
});

describe("WebSocket", () => {
  function open(path: string, headers: Record<string, string> = { authorization }): WebSocket {
    return new WebSocket(`wss://localhost:${gateway.httpsPort}${path}`, { ca: gateway.ca, headers });
  }

  test("passes text and binary both ways, large and small, and closes in order", async () => {
    const socket = open("/t/ws/socket?first");
    await once(socket, "open");
    for (const sent of ["hello", "ü".repeat(100_000), Buffer.alloc(1_000_000, 7)]) {
      socket.send(sent);
      const [back] = await once(socket, "message");
      assert.ok(Buffer.from(sent).equals(back as Buffer));
    }
    socket.close(1000, "done");
    const [code, reason] = await once(socket, "close");
    assert.deepEqual([code, String(reason)], [1000, "done"]);
    const events = await recordingOf(gateway, "GET /socket?first");
    assert.ok(events.some((event) => event.kind === "head" && event.status === 101));
    assert.ok(events.some((event) => event.kind === "copy" && event.direction === "in"));
    assert.ok(events.some((event) => event.kind === "result" && event.tag === "101 Switching Protocols"));
  });

  test("is refused in words where nobody is named, or the target has none", async () => {
    for (const [path, headers, status] of [
      ["/t/ws/socket", {}, 401],
      ["/t/ws/elsewhere", { authorization }, 400],
      ["/t/nothing/socket", { authorization }, 404],
    ] as const) {
      const socket = open(path, headers);
      const [, response] = await once(socket, "unexpected-response");
      assert.equal(response.statusCode, status, path);
      socket.on("error", () => undefined);
      socket.terminate();
    }
  });

  test("ends for the target when the client is gone", async () => {
    const socket = open("/t/ws/socket?gone");
    await once(socket, "open");
    const connections = () => new Promise<number>((resolve) => sockets.getConnections((_error, count) => resolve(count)));
    assert.ok((await connections()) > 0);
    socket.terminate();
    await until(async () => (await connections()) === 0, "the target's connection is closed");
  });
});
