/**
 * A PostgreSQL client of bare bytes: it writes what a test hands it, in whatever order, and reads messages one by one.
 * It shares no code with the gateway, so that a mistake cannot hide by being made on both sides.
 */
import assert from "node:assert/strict";
import net from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";

export const SSL_REQUEST = words(8, 80877103);
export const GSSENC_REQUEST = words(8, 80877104);

/** Big-endian 32-bit words. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4);
  return bytes;
}

export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

export function startup(parameters: Readonly<Record<string, string>>, version = 0x30000): Buffer {
  const body = Buffer.concat([...Object.entries(parameters).flat().map(text), Buffer.alloc(1)]);
  return Buffer.concat([words(body.length + 8, version), body]);
}

export function cancel(processId: number, secret: Buffer): Buffer {
  return Buffer.concat([words(12 + secret.length, 80877102, processId), secret]);
}

export function message(tag: string, ...body: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(body);
  return Buffer.concat([Buffer.from(tag), words(whole.length + 4), whole]);
}

export const query = (sql: string): Buffer => message("Q", text(sql));
export const password = (secret: string): Buffer => message("p", text(secret));
export const SYNC = message("S");
export const TERMINATE = message("X");

/** Parse, Bind, Describe, Execute of an unnamed statement; Sync is the caller's. */
export function extended(sql: string, parameters: readonly string[] = []): Buffer {
  const int16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
  const values = parameters.flatMap((value) => [words(Buffer.byteLength(value)), Buffer.from(value)]);
  return Buffer.concat([
    message("P", text(""), text(sql), int16(0)),
    message("B", text(""), text(""), int16(0), int16(parameters.length), ...values, int16(0)),
    message("D", Buffer.from("P"), text("")),
    message("E", text(""), words(0)),
  ]);
}

export interface Message {
  readonly tag: string;
  readonly body: Buffer;
}

/** Fields of an ErrorResponse or NoticeResponse. */
export function fields({ body }: Message): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const part of body.toString("utf8").split("\0")) if (part !== "") found[part.slice(0, 1)] = part.slice(1);
  return found;
}

/** The values of a DataRow as text. */
export function values({ body }: Message): readonly (string | null)[] {
  const row: (string | null)[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left -= 1) {
    const length = body.readInt32BE(at);
    at += 4;
    row.push(length < 0 ? null : body.toString("utf8", at, at + length));
    at += Math.max(length, 0);
  }
  return row;
}

/** How long an answer may take; what is promised "within a second" is measured where it is promised. */
const ANSWER_MS = 60_000;

export class Peer {
  readonly socket: Duplex;
  /** The TCP connection below `socket`, or `socket` itself. */
  readonly raw: net.Socket;
  /** As the gateway sees it: what a handshake record has in `remote`. */
  readonly remote: string;
  /** Unix milliseconds, before the connection was made: its port may have been another one's earlier. */
  readonly openedAt: number;
  #received = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(socket: Duplex, raw: net.Socket, openedAt = Date.now()) {
    this.socket = socket;
    this.openedAt = openedAt;
    this.raw = raw;
    this.remote = `${raw.localAddress}:${raw.localPort}`;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const over = () => {
      this.#closed = true;
      this.#wake();
    };
    // What went wrong shows in what was received, and in that nothing more comes.
    socket.on("error", over).on("end", over).on("close", over);
  }

  /** Bytes that came and were not taken yet. */
  get received(): Buffer {
    return this.#received;
  }

  send(...bytes: readonly Buffer[]): this {
    this.socket.write(Buffer.concat(bytes));
    return this;
  }

  /** @throws Error when fewer come before the connection is over, or within the time */
  async bytes(count: number): Promise<Buffer> {
    await this.#wait(() => this.#received.length >= count, `${count} bytes`);
    if (this.#received.length < count) throw new Error(`the connection was closed after ${this.#received.length} of ${count} bytes`);
    return this.#take(count);
  }

  /** The next message; null when the connection is over instead. */
  async next(): Promise<Message | null> {
    await this.#wait(() => this.#whole() !== null, "a message");
    const length = this.#whole();
    if (length === null) return null;
    const frame = this.#take(length);
    return { tag: frame.toString("latin1", 0, 1), body: frame.subarray(5) };
  }

  /** All messages up to and with the first of this type. @throws Error when the connection ends before */
  async upTo(tag: string): Promise<readonly Message[]> {
    const seen: Message[] = [];
    for (;;) {
      const message = await this.next();
      if (message === null) throw new Error(`the connection ended before ${tag}; there came ${seen.map(shown).join(", ") || "nothing"}`);
      seen.push(message);
      if (message.tag === tag) return seen;
    }
  }

  /** All messages until the other side closes. */
  async rest(): Promise<readonly Message[]> {
    const seen: Message[] = [];
    for (let message = await this.next(); message !== null; message = await this.next()) seen.push(message);
    return seen;
  }

  /** The fields of the one message that ends the connection. @throws when another comes, or it does not end */
  async lastWords(): Promise<Readonly<Record<string, string>>> {
    const all = await this.rest();
    assert.equal(all.map(({ tag }) => tag).join(""), "E", `expected one error and the end, got ${all.map(shown).join(", ")}`);
    const [error] = all;
    assert.ok(error !== undefined);
    return fields(error);
  }

  async closed(): Promise<void> {
    await this.#wait(() => false, "the end of the connection");
  }

  /** Goes as a process does that is killed: its side is closed, and nothing was said. */
  vanish(): void {
    this.socket.destroy();
  }

  /** Goes as a process does that is killed with answers unread, or a host that has restarted: RST. */
  reset(): void {
    this.raw.resetAndDestroy();
    // Node does not end while a TLSSocket whose connection is gone has something to write, and breaks when both go in one turn.
    setImmediate(() => this.socket.destroy());
  }

  #whole(): number | null {
    if (this.#received.length < 5) return null;
    const length = this.#received.readUInt32BE(1) + 1;
    return this.#received.length < length ? null : length;
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  async #wait(enough: () => boolean, what: string): Promise<void> {
    const late = new Error(`${what} did not come within ${ANSWER_MS} ms; received: ${this.#received.toString("latin1").slice(0, 200)}`);
    let passed = false;
    const timer = setTimeout(() => {
      passed = true;
      this.#wake();
    }, ANSWER_MS);
    try {
      while (!enough() && !this.#closed) {
        if (passed) throw late;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

export function shown(message: Message): string {
  const { tag } = message;
  return tag === "E" || tag === "N" ? `${tag} ${fields(message)["C"]} ${fields(message)["M"]}` : tag;
}

export interface Address {
  readonly host?: string;
  readonly port: number;
  /** Where the connection comes from; any of 127.0.0.0/8. */
  readonly from?: string;
}

/** Plain TCP, nothing sent yet. Half-open on purpose: what the gateway does about a peer that never closes is its own matter. */
export async function dialPlain({ host = "127.0.0.1", port, from = "127.0.0.1" }: Address): Promise<Peer> {
  const openedAt = Date.now();
  const raw = net.connect({ host, port, localAddress: from, noDelay: true, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => raw.once("connect", resolve).once("error", reject));
  return new Peer(raw, raw, openedAt);
}

export type TlsOptions = Omit<tls.ConnectionOptions, "socket">;

export interface DialOptions extends TlsOptions {
  /** TLS from the first byte, without SSLRequest. */
  readonly direct?: boolean;
  /** The other side's end does not end ours. */
  readonly allowHalfOpen?: boolean;
}

/** TLS on a TCP connection, by SSLRequest or, with `direct`, at once. @throws what the handshake fails with */
export async function dialTls(address: Address, ca: string, options: DialOptions = {}): Promise<Peer> {
  const { direct = false, allowHalfOpen = false, ...rest } = options;
  const openedAt = Date.now();
  const raw = net.connect({ host: address.host ?? "127.0.0.1", port: address.port, noDelay: true, allowHalfOpen });
  await new Promise<void>((resolve, reject) => raw.once("connect", resolve).once("error", reject));
  raw.on("error", () => undefined);
  if (!direct) {
    raw.write(SSL_REQUEST);
    const answer: unknown = await new Promise((resolve) => raw.once("data", resolve).once("close", () => resolve(null)));
    if (!(answer instanceof Buffer) || answer.toString() !== "S") throw new Error(`SSLRequest was answered with ${String(answer)}`);
  }
  const socket = tls.connect({ ca, servername: "localhost", ...(direct ? { ALPNProtocols: ["postgresql"] } : {}), ...rest, socket: raw });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve).once("error", reject);
    raw.once("close", () => reject(new Error("the connection was closed during the handshake")));
  });
  return new Peer(socket, raw, openedAt);
}
