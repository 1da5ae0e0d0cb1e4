/**
 * A target that misbehaves: what a real server would never do is scripted here, on real sockets with real TLS. A stub, and
 * used only where a real server cannot be brought to do it. It keeps every byte that it was sent, so that a test can tell
 * what went out, and in which state of the connection.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import type { KeyPair } from "#src/config/config.ts";
import { message, Peer, text, words } from "#test/src/gateway/wire.ts";

export interface StubConnection {
  readonly raw: net.Socket;
  /** What came before TLS. */
  clear: Buffer;
  /** What came inside TLS. */
  secret: Buffer;
}

export type Script = (connection: StubConnection) => Promise<void> | void;

export interface StubTarget {
  readonly port: number;
  /** Connections so far, oldest first. */
  readonly connections: readonly StubConnection[];
  /** What happens to the next connections. */
  play(script: Script): void;
  stop(): Promise<void>;
}

export async function startStubTarget(): Promise<StubTarget> {
  let script: Script = () => undefined;
  const connections: StubConnection[] = [];
  const server = net.createServer({ noDelay: true }, (raw) => {
    const connection: StubConnection = { raw, clear: Buffer.alloc(0), secret: Buffer.alloc(0) };
    connections.push(connection);
    raw.on("error", () => undefined);
    void script(connection);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the stub has no port");
  return {
    port: address.port,
    connections,
    play(next) {
      connections.length = 0;
      script = next;
    },
    async stop() {
      for (const { raw } of connections) raw.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Answers SSLRequest as given, and keeps what comes. */
export async function answerClear(connection: StubConnection, answer: Buffer): Promise<void> {
  connection.raw.on("data", (chunk: Buffer) => {
    connection.clear = Buffer.concat([connection.clear, chunk]);
  });
  await once(connection.raw, "data");
  connection.raw.write(answer);
}

/** Agrees to TLS and shows the certificate. @returns the connection inside TLS. @throws when the gateway refuses it */
export async function agree(connection: StubConnection, pair: KeyPair, options: tls.SecureContextOptions = {}): Promise<Peer> {
  const { raw } = connection;
  const [request]: Buffer[] = await once(raw, "data");
  connection.clear = Buffer.from(request ?? "");
  raw.write("S");
  const socket = new tls.TLSSocket(raw, {
    isServer: true,
    secureContext: tls.createSecureContext({ cert: pair.cert, key: pair.key.expose(), ...options }),
  });
  socket.on("data", (chunk: Buffer) => {
    connection.secret = Buffer.concat([connection.secret, chunk]);
  });
  const peer = new Peer(socket, raw);
  // A TLSSocket that outlives its connection with something to write keeps Node from ending.
  raw.once("close", () => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once("secure", resolve).once("error", reject);
    raw.once("close", () => reject(new Error("the gateway closed the connection during the handshake")));
  });
  return peer;
}

export const AUTHENTICATION_OK = message("R", words(0));
export const READY = message("Z", Buffer.from("I"));

/** Reads the StartupMessage. */
export async function readStartup(peer: Peer): Promise<Buffer> {
  const length = (await peer.bytes(4)).readUInt32BE(0);
  return peer.bytes(length - 4);
}

/** TLS, then a login without any password: a session is open. */
export async function welcome(connection: StubConnection, pair: KeyPair): Promise<Peer> {
  const peer = await agree(connection, pair);
  await readStartup(peer);
  peer.send(AUTHENTICATION_OK, READY);
  return peer;
}

/** RowDescription of text columns. */
export function columns(...names: readonly string[]): Buffer {
  const column = (name: string) => [
    text(name),
    words(0),
    Buffer.from([0, 0]),
    words(25),
    Buffer.from([0xff, 0xff]),
    words(0xffffffff),
    Buffer.from([0, 0]),
  ];
  return message("T", int16(names.length), ...names.flatMap(column));
}

export function row(...values: readonly string[]): Buffer {
  return message("D", int16(values.length), ...values.flatMap((value) => [words(Buffer.byteLength(value)), Buffer.from(value)]));
}

export const complete = (tag: string): Buffer => message("C", text(tag));

export function int16(value: number): Buffer {
  return Buffer.from([(value >> 8) & 0xff, value & 0xff]);
}
