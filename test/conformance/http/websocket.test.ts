/** ws, straight and through the gateway: messages of each kind and size, pings, closes, refusals; and the credential blanked in what comes back. */
import assert from "node:assert/strict";
import { once } from "node:events";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";

const KEY = "wq-a-key-of-the-gateway";

let server: https.Server;
let sockets: WebSocketServer;
let ca: string;
const plain = new Set<Socket>();
let gateway: TestGateway;
let token: string;
before(async () => {
  const authority = await makeAuthority();
  const { cert, key } = await authority.server(["localhost"]);
  ca = authority.ca;
  server = https.createServer({ cert, key: key.expose() }, (_request, response) => response.writeHead(426).end("upgrade"));
  server.on("secureConnection", (socket) => plain.add(socket));
  sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true, handleProtocols: (offered) => [...offered][1] ?? false });
  server.on("upgrade", (request, socket, head) => {
    if (request.url === "/no") {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      if (request.url === "/greets") ws.send("hello at once");
      ws.on("message", (data, isBinary) => {
        const text = data.toString();
        if (text === "close") ws.close(4001, "as asked");
        else if (text === "key") ws.send(`the key is ${String(request.headers["x-key"])}, is it?`);
        else ws.send(data, { binary: isBinary });
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const section = { credential: { header: "x-key", value: { env: "WS_KEY" } } };
  gateway = await startGateway({
    apis: { ws: { port: (server.address() as AddressInfo).port, ca, hosts: ["localhost"], section } },
    env: { WS_KEY: KEY },
  });
  token = await gateway.token();
});
after(async () => {
  await gateway?.stop();
  for (const socket of plain) socket.destroy();
  server?.close();
});

function straight(path: string, protocols: string[] = []): WebSocket {
  return new WebSocket(`wss://localhost:${(server.address() as AddressInfo).port}${path}`, protocols, { ca });
}

function through(path: string, protocols: string[] = []): WebSocket {
  return new WebSocket(`wss://localhost:${gateway.httpsPort}${path}`, protocols, {
    ca: gateway.ca,
    headers: { authorization: `Bearer ${token}` },
  });
}

async function opened(ws: WebSocket): Promise<WebSocket> {
  await once(ws, "open");
  return ws;
}

async function answer(ws: WebSocket, message: string | Buffer): Promise<readonly [Buffer, boolean]> {
  const [data, isBinary]: [Buffer, boolean] = await Promise.all([once(ws, "message"), ws.send(message)]).then(([event]) => [
    event[0],
    event[1],
  ]);
  return [data, isBinary];
}

for (const [name, make] of [
  ["straight", straight],
  ["through the gateway", through],
] as const) {
  describe(`ws ${name}`, () => {
    test("messages come back as they were sent, text and binary, small and large, those that end as a credential begins", async () => {
      const ws = await opened(make("/"));
      for (const message of ["", "x", "ü".repeat(1000), "w", "wq", "wq-", "y".repeat(2_000_000), Buffer.alloc(70_000, 255)]) {
        const [data, isBinary] = await answer(ws, message);
        assert.ok(data.equals(Buffer.from(message)));
        assert.equal(isBinary, message instanceof Buffer);
      }
      ws.close();
      await once(ws, "close");
    });

    test("many messages keep their order", async () => {
      const ws = await opened(make("/"));
      const seen: string[] = [];
      const done = new Promise<void>((resolve) => {
        ws.on("message", (data: Buffer) => {
          seen.push(data.toString());
          if (seen.length === 1000) resolve();
        });
      });
      for (let at = 0; at < 1000; at++) ws.send(String(at));
      await done;
      assert.deepEqual(
        seen,
        Array.from({ length: 1000 }, (_, at) => String(at)),
      );
      ws.terminate();
    });

    test("pings are answered, and a close has its code and words", async () => {
      const ws = await opened(make("/"));
      ws.ping("beat");
      const [pong] = await once(ws, "pong");
      assert.equal(String(pong), "beat");
      ws.send("close");
      const [code, reason] = await once(ws, "close");
      assert.deepEqual([code, String(reason)], [4001, "as asked"]);
    });

    test("what the server says first arrives, and the protocol is the one that it chose", async () => {
      const ws = make("/greets", ["one", "two"]);
      const [data] = await once(ws, "message");
      assert.deepEqual([String(data), ws.protocol], ["hello at once", "two"]);
      ws.terminate();
    });

    test("a server's refusal is the client's answer", async () => {
      const ws = make("/no");
      const [error] = await once(ws, "error");
      assert.match(String(error), /403/);
    });
  });
}

describe("a WebSocket through the gateway", () => {
  test("shows nothing of the credential, though the server says it", async () => {
    const ws = await opened(through("/"));
    assert.equal(String((await answer(ws, "key"))[0]), `the key is ${"*".repeat(KEY.length)}, is it?`);
    assert.equal(ws.extensions, "");
    ws.terminate();
  });

  test("is not opened without a token", async () => {
    const ws = new WebSocket(`wss://localhost:${gateway.httpsPort}/`, { ca: gateway.ca });
    const [error] = await once(ws, "error");
    assert.match(String(error), /401/);
  });

  test("ends at the target when the client is gone", async () => {
    const ws = await opened(through("/"));
    const [last] = [...sockets.clients].slice(-1);
    ws.terminate();
    if (last !== undefined && last.readyState !== WebSocket.CLOSED) await once(last, "close");
    assert.equal(last?.readyState, WebSocket.CLOSED);
  });
});
