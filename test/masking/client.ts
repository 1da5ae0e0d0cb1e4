/**
 * A client that keeps every byte it receives behind its login, and says what became of each text: in the simple protocol,
 * or in the extended one with text or binary results.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { message, password, query, SSL_REQUEST, SYNC, startup, text, words } from "#test/src/gateway/wire.ts";
import type { Login, TestGateway } from "#test/support/gateway.ts";

export type Way = "simple" | "extended" | "binary";

export interface Answer {
  /** Everything received for the text, TLS taken off. */
  readonly bytes: Buffer;
  readonly names: readonly (readonly string[])[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** Error fields; null when none came. */
  readonly error: ReadonlyMap<string, string> | null;
  /** `reason=` of a refusal by the gateway. */
  readonly reason: string | null;
  readonly tags: string;
  /** Texts of CommandComplete. */
  readonly completed: readonly string[];
  readonly closed: boolean;
}

/** However slow the machine: only a failing test waits so long. */
const ANSWER_MS = 60_000;

export class Attacker {
  readonly #socket: tls.TLSSocket;
  #pending = Buffer.alloc(0);
  #all: Buffer[] = [];
  #closed = false;
  #wake: () => void = () => undefined;

  private constructor(socket: tls.TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, chunk]);
      this.#all.push(chunk);
      this.#wake();
    });
    const over = () => {
      this.#closed = true;
      this.#wake();
    };
    socket.on("error", over).on("close", over);
  }

  static async login(
    gateway: TestGateway,
    agent: string,
    parameters: Readonly<Record<string, string>> = {},
    version = 0x30000,
  ): Promise<Attacker> {
    return Attacker.enter(await gateway.login(agent), gateway.ca, parameters, version);
  }

  /** To a gateway, or to a server that asks for the password in clear text inside TLS. */
  static async enter(
    { host, port, user, password: secret, database }: Login,
    ca: string,
    parameters: Readonly<Record<string, string>> = {},
    version = 0x30000,
  ): Promise<Attacker> {
    const raw = net.connect(port, "127.0.0.1");
    raw.write(SSL_REQUEST);
    const [answer] = (await once(raw, "data")) as [Buffer];
    if (answer.toString() !== "S") throw new Error("no TLS");
    const socket = tls.connect({ socket: raw, ca, servername: host });
    await once(socket, "secureConnect");
    const client = new Attacker(socket);
    socket.write(startup({ user, database, ...parameters }, version));
    socket.write(password(secret));
    const greeting = await client.answer();
    if (greeting.error !== null) throw new Error(`login refused: ${[...greeting.error].join(" ")}`);
    return client;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** All bytes since the login began. */
  get everything(): Buffer {
    return Buffer.concat(this.#all);
  }

  send(...bytes: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(bytes));
  }

  ask(sql: string, way: Way = "simple", parameters: readonly (string | null)[] = []): Promise<Answer> {
    this.send(way === "simple" ? query(sql) : extended(sql, way === "binary", parameters));
    return this.answer();
  }

  /** All that comes up to ReadyForQuery, or to the end of the connection. */
  async answer(readies = 1): Promise<Answer> {
    const deadline = Date.now() + ANSWER_MS;
    const end: AnswerEnd = { at: 0, left: readies, reached: false };
    for (;;) {
      followTo(end, this.#pending);
      if (end.reached || this.#closed) {
        const answer = readAnswer(this.#pending.subarray(0, end.at));
        this.#pending = this.#pending.subarray(end.at);
        return { ...answer, closed: this.#closed };
      }
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(
          `no answer within ${ANSWER_MS} ms; so far ${this.#pending.length} bytes: ${this.#pending.toString("latin1").slice(0, 300)}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  end(): void {
    this.#socket.end(message("X"));
  }
}

/** How far an answer has been followed, from message to message, so that a long one is read once. */
interface AnswerEnd {
  at: number;
  /** ReadyForQuery messages that are still to come. */
  left: number;
  reached: boolean;
}

function followTo(end: AnswerEnd, bytes: Buffer): void {
  while (!end.reached && end.at + 5 <= bytes.length) {
    const next = end.at + 1 + bytes.readUInt32BE(end.at + 1);
    if (next > bytes.length) return;
    const tag = String.fromCharCode(bytes[end.at] ?? 0);
    if (tag === "Z") end.left -= 1;
    // The server waits for data to copy, or for the next statement.
    end.reached = tag === "G" || (tag === "Z" && end.left === 0);
    end.at = next;
  }
}

const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

export const parseMessage = (name: string, sql: string): Buffer => message("P", text(name), text(sql), int16(0));
export function bindMessage(portal: string, name: string, binary = false, parameters: readonly (string | null)[] = []): Buffer {
  const values = parameters.flatMap((value) =>
    value === null ? [words(0xffffffff)] : [words(Buffer.byteLength(value)), Buffer.from(value)],
  );
  return message("B", text(portal), text(name), int16(0), int16(parameters.length), ...values, int16(1), int16(binary ? 1 : 0));
}
export const executeMessage = (portal: string, rows = 0): Buffer => message("E", text(portal), words(rows));
export const describeMessage = (kind: "S" | "P", name: string): Buffer => message("D", Buffer.from(kind), text(name));

export function extended(sql: string, binary: boolean, parameters: readonly (string | null)[] = []): Buffer {
  return Buffer.concat([
    parseMessage("", sql),
    bindMessage("", "", binary, parameters),
    describeMessage("P", ""),
    executeMessage(""),
    SYNC,
  ]);
}

/** Of whole messages. */
function readAnswer(bytes: Buffer): Answer {
  const rows: (string | null)[][] = [];
  const names: string[][] = [];
  const completed: string[] = [];
  let error: Map<string, string> | null = null;
  let tags = "";
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    const tag = String.fromCharCode(bytes[at] ?? 0);
    const body = bytes.subarray(at + 5, at + 1 + length);
    at += 1 + length;
    tags += tag;
    if (tag === "D") rows.push(cells(body));
    if (tag === "C") completed.push(body.toString("utf8", 0, body.length - 1));
    if (tag === "T") names.push(columns(body));
    if (tag === "E") error ??= fieldsOf(body);
  }
  const reason = /reason=([\w-]+)/.exec(error?.get("D") ?? "")?.[1] ?? null;
  return { bytes: Buffer.from(bytes), names, rows, error, reason, tags, completed, closed: false };
}

function cells(body: Buffer): (string | null)[] {
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

function columns(body: Buffer): string[] {
  const names: string[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left -= 1) {
    const end = body.indexOf(0, at);
    names.push(body.toString("utf8", at, end));
    at = end + 1 + 18;
  }
  return names;
}

function fieldsOf(body: Buffer): Map<string, string> {
  return new Map(
    body
      .toString("utf8")
      .split("\0")
      .filter((part) => part !== "")
      .map((part) => [part.slice(0, 1), part.slice(1)]),
  );
}
