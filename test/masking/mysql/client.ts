/**
 * A MySQL client that keeps every byte it receives behind its login, and says what became of each command: texts, prepared
 * statements with rows in the binary protocol, cursors that are fetched from, and single packets made by hand.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import type { Column } from "#protocols/mysql/column.ts";
import { CAPABILITY, COMMAND } from "#protocols/mysql/constants.ts";
import { readGreeting } from "#protocols/mysql/greeting.ts";
import { handshakeResponsePayload, sslRequestPayload } from "#protocols/mysql/login.ts";
import { packets, takePacket } from "#protocols/mysql/packet.ts";
import { UpstreamLogin } from "#protocols/mysql/upstream-login.ts";
import { Secret } from "#protocols/wire/secret.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import { joinedCells } from "#test/masking/search.ts";
import type { TestGateway } from "#test/support/gateway.ts";
import type { MysqlServer } from "#test/support/mysql.ts";
import { type Kind, type MysqlAnswer, Reading } from "./reading.ts";

export const MYSQL_WAYS = ["text", "prepared", "cursor"] as const;
export type MysqlWay = (typeof MYSQL_WAYS)[number];

/** However slow the machine: only a failing test waits so long. */
const ANSWER_MS = 60_000;
const NOTHING: MysqlValue = { type: 6, bytes: null };
const PACKET_BYTES_MAX = 1 << 24;
export const CAPABILITIES =
  CAPABILITY.protocol41 |
  CAPABILITY.ssl |
  CAPABILITY.secureConnection |
  CAPABILITY.pluginAuth |
  CAPABILITY.pluginAuthLenencData |
  CAPABILITY.transactions |
  CAPABILITY.multiStatements |
  CAPABILITY.multiResults |
  CAPABILITY.psMultiResults;

export interface Entering {
  readonly target: string;
  readonly agent?: string;
  /** Character set of the handshake; utf8mb4_general_ci when left out. */
  readonly collation?: number;
  /** Capabilities beside the usual ones. */
  readonly more?: number;
}

/** What a client speaks over: a socket, or whatever stands for one. */
export interface MysqlLine {
  write(bytes: Buffer): void;
  end(): void;
  /** From now on, whatever comes is for this listener. */
  listen(data: (chunk: Buffer) => void, over: () => void): void;
}

/** One parameter of an execution: its type byte, and its value as the binary protocol has it; null is NULL. */
export interface MysqlValue {
  readonly type: number;
  readonly bytes: Buffer | null;
  /** Sent ahead, by COM_STMT_SEND_LONG_DATA. */
  readonly long?: boolean;
}

export class MysqlAttacker {
  readonly #line: MysqlLine;
  readonly #capabilities: number;
  readonly #all: Buffer[] = [];
  #pending = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => undefined;
  /** Id and columns of the statement prepared last. */
  #prepared: { readonly id: number; readonly parameters: number } | null = null;
  #columns: readonly Column[] = [];

  /** @param capabilities that were agreed on when the login on the line was done */
  constructor(line: MysqlLine, capabilities: number = CAPABILITIES) {
    this.#line = line;
    this.#capabilities = capabilities;
    this.attach();
  }

  /** Takes the line (back). */
  attach(): void {
    this.#line.listen(
      (chunk) => {
        this.#pending = Buffer.concat([this.#pending, chunk]);
        this.#all.push(chunk);
        this.#wake();
      },
      () => {
        this.#closed = true;
        this.#wake();
      },
    );
  }

  static async login(gateway: TestGateway, { target, agent, collation = 45, more = 0 }: Entering): Promise<MysqlAttacker> {
    const { host, port, user, password } = await gateway.mysqlLogin(target, agent);
    const request = { capabilities: CAPABILITIES | more, maxPacketBytes: PACKET_BYTES_MAX, collation };
    const { socket } = await begun({ host, port, ca: gateway.ca }, request);
    const client = new MysqlAttacker(lineOf(socket), request.capabilities);
    const proof = { user: `${user}@${target}`, authentication: Buffer.from(`${password}\0`), plugin: "mysql_clear_password" };
    socket.write(packets(handshakeResponsePayload({ ...request, ...proof, database: null, attributes: new Map() }), 2));
    const { error } = await client.answer("plain");
    if (error !== null) throw new Error(`login refused: ${error.message}`);
    return client;
  }

  /** To the server itself, with no gateway between. */
  static async straight(server: MysqlServer, database: string): Promise<MysqlAttacker> {
    return (await MysqlAttacker.lineTo(server, database)).client;
  }

  /** The same, with the line that it speaks over. @param more capabilities beside the usual ones */
  static async lineTo({ host, port, user, password, ca }: MysqlServer, database: string, more = 0) {
    const request = { capabilities: CAPABILITIES | CAPABILITY.connectWithDatabase | more, maxPacketBytes: PACKET_BYTES_MAX, collation: 45 };
    const { socket, greeting } = await begun({ host, port, ca }, request);
    const line = lineOf(socket);
    const client = new MysqlAttacker(line, request.capabilities);
    const nothing = () => Buffer.alloc(0);
    const means = { credential: { user, password: new Secret(password), allowWeak: false }, signEd25519: nothing, signParsec: nothing };
    const machine = new UpstreamLogin(means, greeting, request.capabilities);
    socket.write(packets(handshakeResponsePayload({ ...request, ...machine.first(), user, database, attributes: new Map() }), 2));
    for (let sequence = 4; ; sequence += 2) {
      const effect = machine.onPacket(await client.#packet());
      if (effect.kind === "send") socket.write(packets(effect.payload, sequence));
      else if (effect.kind === "wait") sequence -= 1;
      else return { line, client, capabilities: request.capabilities };
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** All bytes since the login began. */
  get everything(): Buffer {
    return Buffer.concat(this.#all);
  }

  /** One command, whatever it is. */
  command(kind: Kind, command: number, ...rest: readonly (Buffer | string)[]): Promise<MysqlAnswer> {
    this.write(Buffer.concat([Buffer.from([command]), ...rest.map((part) => Buffer.from(part))]));
    return this.answer(kind);
  }

  /** A command's payload, without waiting for what comes. */
  write(payload: Buffer): void {
    this.#line.write(packets(payload, 0));
  }

  query(sql: string | Buffer): Promise<MysqlAnswer> {
    return this.command("text", COMMAND.query, sql);
  }

  /** @param values of its parameters, over and over again; NULL when there are none */
  async ask(sql: string, way: MysqlWay, values: readonly MysqlValue[] = []): Promise<MysqlAnswer> {
    if (way === "text") return this.query(sql);
    const prepared = await this.prepare(sql);
    if (prepared.error !== null || this.#closed) return prepared;
    const executed = await this.execute(way === "cursor", values);
    const answer = executed.cursor ? joined(executed, await this.fetch(100)) : executed;
    if (this.#prepared !== null && !this.#closed) this.write(Buffer.concat([Buffer.from([COMMAND.stmtClose]), int4(this.#prepared.id)]));
    return joined(prepared, answer);
  }

  prepare(sql: string): Promise<MysqlAnswer> {
    return this.command("prepare", COMMAND.stmtPrepare, sql);
  }

  /** The statement prepared last. */
  execute(cursor = false, values: readonly MysqlValue[] = []): Promise<MysqlAnswer> {
    const { id, parameters } = this.#prepared ?? { id: 1, parameters: 0 };
    const given = Array.from({ length: parameters }, (_, index): MysqlValue => values[index % values.length] ?? NOTHING);
    const nulls = Buffer.alloc((parameters + 7) >> 3);
    for (const [index, { bytes, long }] of given.entries()) {
      if (bytes === null) nulls[index >> 3] = (nulls[index >> 3] ?? 0) | (1 << (index & 7));
      if (bytes !== null && long === true)
        this.write(Buffer.concat([Buffer.from([COMMAND.stmtSendLongData]), int4(id), int2(index), bytes]));
    }
    const types = given.map(({ type }) => int2(type));
    const rest = given.flatMap(({ bytes, long }) => (bytes === null || long === true ? [] : [bytes]));
    const bound = parameters === 0 ? [] : [nulls, Buffer.from([1]), ...types, ...rest];
    return this.command("binary", COMMAND.stmtExecute, int4(id), Buffer.from([cursor ? 1 : 0, 1, 0, 0, 0]), ...bound);
  }

  fetch(rows: number): Promise<MysqlAnswer> {
    return this.command("fetch", COMMAND.stmtFetch, int4(this.#prepared?.id ?? 1), int4(rows));
  }

  end(): void {
    this.#line.end();
  }

  /** All that comes for one command, or up to the end of the connection. */
  async answer(kind: Kind): Promise<MysqlAnswer> {
    const deadline = Date.now() + ANSWER_MS;
    for (;;) {
      const reading = new Reading(this.#pending, this.#columns, this.#capabilities);
      const done = reading.read(kind);
      if (done || this.#closed) {
        this.#pending = this.#pending.subarray(done ? reading.at : this.#pending.length);
        if (reading.prepared !== null) this.#prepared = reading.prepared;
        if (reading.columns.length > 0) this.#columns = reading.columns;
        return { ...reading.found(), closed: this.#closed };
      }
      await this.#more(deadline);
    }
  }

  async #packet(): Promise<Buffer> {
    const deadline = Date.now() + ANSWER_MS;
    for (;;) {
      const packet = takePacket(this.#pending);
      if (packet === undefined) {
        if (this.#closed) throw new Error("the server closed the connection");
        await this.#more(deadline);
        continue;
      }
      this.#pending = Buffer.from(packet.rest);
      return packet.payload;
    }
  }

  async #more(deadline: number): Promise<void> {
    const left = deadline - Date.now();
    if (left <= 0) throw new Error(`no answer within ${ANSWER_MS} ms; so far: ${this.#pending.toString("latin1").slice(0, 300)}`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function lineOf(socket: tls.TLSSocket): MysqlLine {
  socket.on("error", () => undefined);
  return {
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.destroy(),
    listen(data, over) {
      socket.removeAllListeners("data").removeAllListeners("close").on("data", data).on("close", over);
    },
  };
}

/** TLS, from the greeting on. */
async function begun({ host, port, ca }: Pick<MysqlServer, "host" | "port" | "ca">, request: Parameters<typeof sslRequestPayload>[0]) {
  const raw = net.connect({ port, host, noDelay: true });
  const ended = once(raw, "close").then(() => {
    throw new Error("the connection ended before the login");
  });
  const [first] = await Promise.race([once(raw, "data"), ended]);
  const packet = Buffer.isBuffer(first) ? takePacket(first) : undefined;
  if (packet === undefined) throw new Error("no greeting");
  raw.write(packets(sslRequestPayload(request), 1));
  const socket = tls.connect({ socket: raw, ca, servername: "localhost" });
  await Promise.race([once(socket, "secureConnect"), ended]);
  ended.catch(() => undefined);
  return { socket, greeting: readGreeting(packet.payload) };
}

/** All that answers showed, as a client could put it together: bytes as they came, values in one row or one column joined. */
export function received(answers: readonly MysqlAnswer[]): Buffer {
  return Buffer.concat(
    answers.flatMap(({ bytes, rows }) => [
      bytes,
      joinedCells(rows.map((row) => row.map(readable))),
      Buffer.from(rows.map((row) => row.map(readable).join("\n")).join("\n")),
    ]),
  );
}

export function readable(cell: RecordedValue): string | null {
  if (cell === null || typeof cell === "string") return cell;
  return "hex" in cell ? Buffer.from(cell.hex, "hex").toString("latin1") : JSON.stringify(cell);
}

function joined(first: MysqlAnswer, second: MysqlAnswer): MysqlAnswer {
  return {
    ...second,
    bytes: Buffer.concat([first.bytes, second.bytes]),
    columns: second.columns.length > 0 ? second.columns : first.columns,
    rows: [...first.rows, ...second.rows],
  };
}

function int2(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8]);
}

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
