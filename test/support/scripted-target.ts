/**
 * A target that answers with the very bytes that a test has written, piece by piece: what no decent server would send can be sent
 * by it. HTTP/1.1 over TLS, one response a connection.
 */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";
import type { Authority } from "#test/support/certificates.ts";

export interface ScriptedTarget {
  readonly port: number;
  readonly ca: string;
  /** Whole requests as they came, heads and bodies. */
  readonly asked: string[];
  /** What is answered to a path: pieces, sent one by one, then the connection ends. */
  readonly script: Map<string, readonly (string | Buffer)[]>;
  close(): Promise<void>;
}

const PIECE_MS = 2;

export async function startScriptedTarget(authority: Authority): Promise<ScriptedTarget> {
  const { cert, key } = await authority.server(["localhost"]);
  const sockets = new Set<Socket>();
  const script = new Map<string, readonly (string | Buffer)[]>();
  const asked: string[] = [];
  const server = tls.createServer({ cert, key: key.expose(), ALPNProtocols: ["http/1.1"] }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    let request = "";
    let answered = false;
    socket.on("data", (chunk: Buffer) => {
      request += chunk.toString("latin1");
      if (answered || !isWhole(request)) return;
      answered = true;
      asked.push(request);
      const [, path = ""] = /^\S+ ([^? ]*)/.exec(request) ?? [];
      play(socket, script.get(path) ?? ["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]).catch(() => socket.destroy());
    });
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    get port() {
      return (server.address() as AddressInfo).port;
    },
    ca: authority.ca,
    asked,
    script,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function isWhole(request: string): boolean {
  const end = request.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const [, length = "0"] = /\r\ncontent-length: *(\d+)/i.exec(request) ?? [];
  return /\r\ntransfer-encoding:/i.test(request) ? request.endsWith("0\r\n\r\n") : request.length >= end + 4 + Number(length);
}

async function play(socket: Socket, pieces: readonly (string | Buffer)[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
    await pause(PIECE_MS);
  }
  socket.end();
}

/** A whole response; the length is announced unless the fields frame the body themselves. */
export function reply(fields: readonly string[], body: string | Buffer = "", status = "200 OK"): Buffer {
  const bytes = Buffer.from(body);
  const framed = fields.some((field) => /^(content-length|transfer-encoding):/i.test(field));
  const lines = [`HTTP/1.1 ${status}`, ...fields, ...(framed ? [] : [`Content-Length: ${bytes.length}`]), "", ""];
  return Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), bytes]);
}

/** As chunks of so many bytes each, with trailers behind. */
export function chunked(body: Buffer, size: number, trailers: readonly string[] = []): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
  }
  return Buffer.concat([...pieces, Buffer.from(`0\r\n${trailers.map((line) => `${line}\r\n`).join("")}\r\n`)]);
}
