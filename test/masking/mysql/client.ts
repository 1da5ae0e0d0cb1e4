/**
 * A MySQL client that keeps every byte it receives behind its login, and says what became of each command: texts, prepared
 * statements with rows in the binary protocol, cursors that are fetched from, and single packets made by hand.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { type Column, readColumn } from "#protocols/mysql/column.ts";
import { CAPABILITY, COMMAND, STATUS } from "#protocols/mysql/constants.ts";
import { PayloadCursor } from "#protocols/mysql/cursor.ts";
import { readGreeting } from "#protocols/mysql/greeting.ts";
import { handshakeResponsePayload, sslRequestPayload } from "#protocols/mysql/login.ts";
import { isEof, readEof, readError, readOk } from "#protocols/mysql/outcome.ts";
import { packets, takePacket } from "#protocols/mysql/packet.ts";
import { UpstreamLogin } from "#protocols/mysql/upstream-login.ts";
import { readBinaryRow, readTextRow } from "#protocols/mysql/values.ts";
import { Secret } from "#protocols/wire/secret.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import { joinedCells } from "#test/masking/search.ts";
import type { TestGateway } from "#test/support/gateway.ts";
import type { MysqlServer } from "#test/support/mysql.ts";

export const MYSQL_WAYS = ["text", "prepared", "cursor"] as const;
export type MysqlWay = (typeof MYSQL_WAYS)[number];

export interface MysqlAnswer {
  /** Everything received for the command, TLS taken off. */
  readonly bytes: Buffer;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly RecordedValue[])[];
  /** Of each statement that brought no rows. */
  readonly affected: readonly bigint[];
  readonly error: { readonly errno: number; readonly message: string } | null;
  /** A cursor was opened: the rows are to be fetched. */
  readonly cursor: boolean;
  readonly closed: boolean;
}

const ANSWER_MS = 15_000;
const PACKET_BYTES_MAX = 1 << 24;
const CAPABILITIES =
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
}

type Kind = "plain" | "text" | "prepare" | "binary" | "fetch" | "fields";

export class MysqlAttacker {
  readonly #socket: tls.TLSSocket;
  readonly #capabilities: number;
  readonly #all: Buffer[] = [];
  #pending = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => undefined;
  /** Id and columns of the statement prepared last. */
  #prepared: { readonly id: number; readonly parameters: number } | null = null;
  #columns: readonly Column[] = [];

  private constructor(socket: tls.TLSSocket, capabilities: number) {
    this.#socket = socket;
    this.#capabilities = capabilities;
    socket.on("data", (chunk: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, chunk]);
      this.#all.push(chunk);
      this.#wake();
    });
    const over = (): void => {
      this.#closed = true;
      this.#wake();
    };
    socket.on("error", over).on("close", over);
  }

  static async login(gateway: TestGateway, { target, agent, collation = 45 }: Entering): Promise<MysqlAttacker> {
    const { host, port, user, password } = await gateway.mysqlLogin(target, agent);
    const request = { capabilities: CAPABILITIES, maxPacketBytes: PACKET_BYTES_MAX, collation };
    const { socket } = await begun({ host, port, ca: gateway.ca }, request);
    const client = new MysqlAttacker(socket, CAPABILITIES);
    const proof = { user: `${user}@${target}`, authentication: Buffer.from(`${password}\0`), plugin: "mysql_clear_password" };
    socket.write(packets(handshakeResponsePayload({ ...request, ...proof, database: null, attributes: new Map() }), 2));
    const { error } = await client.answer("plain");
    if (error !== null) throw new Error(`login refused: ${error.message}`);
    return client;
  }

  /** To the server itself, with no gateway between. @param more capabilities beside the usual ones */
  static async straight({ host, port, user, password, ca }: MysqlServer, database: string, more = 0): Promise<MysqlAttacker> {
    const request = { capabilities: CAPABILITIES | CAPABILITY.connectWithDatabase | more, maxPacketBytes: PACKET_BYTES_MAX, collation: 45 };
    const { socket, greeting } = await begun({ host, port, ca }, request);
    const client = new MysqlAttacker(socket, request.capabilities);
    const means = { credential: { user, password: new Secret(password), allowWeak: false }, signEd25519: () => Buffer.alloc(0) };
    const machine = new UpstreamLogin(means, greeting, request.capabilities);
    socket.write(packets(handshakeResponsePayload({ ...request, ...machine.first(), user, database, attributes: new Map() }), 2));
    for (let sequence = 4; ; sequence += 2) {
      const effect = machine.onPacket(await client.#packet());
      if (effect.kind === "send") socket.write(packets(effect.payload, sequence));
      else if (effect.kind === "wait") sequence -= 1;
      else return client;
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
    this.#socket.write(packets(payload, 0));
  }

  query(sql: string | Buffer): Promise<MysqlAnswer> {
    return this.command("text", COMMAND.query, sql);
  }

  async ask(sql: string, way: MysqlWay): Promise<MysqlAnswer> {
    if (way === "text") return this.query(sql);
    const prepared = await this.prepare(sql);
    if (prepared.error !== null || this.#closed) return prepared;
    const executed = await this.execute(way === "cursor");
    const answer = executed.cursor ? joined(executed, await this.fetch(100)) : executed;
    if (this.#prepared !== null && !this.#closed) this.write(Buffer.concat([Buffer.from([COMMAND.stmtClose]), int4(this.#prepared.id)]));
    return joined(prepared, answer);
  }

  prepare(sql: string): Promise<MysqlAnswer> {
    return this.command("prepare", COMMAND.stmtPrepare, sql);
  }

  /** The statement prepared last, its parameters NULL. */
  execute(cursor = false): Promise<MysqlAnswer> {
    const { id, parameters } = this.#prepared ?? { id: 1, parameters: 0 };
    const nulls = Buffer.alloc((parameters + 7) >> 3, 0xff);
    const types = parameters === 0 ? [] : [nulls, Buffer.from([1]), ...Array.from({ length: parameters }, () => Buffer.from([6, 0]))];
    return this.command("binary", COMMAND.stmtExecute, int4(id), Buffer.from([cursor ? 1 : 0, 1, 0, 0, 0]), ...types);
  }

  fetch(rows: number): Promise<MysqlAnswer> {
    return this.command("fetch", COMMAND.stmtFetch, int4(this.#prepared?.id ?? 1), int4(rows));
  }

  end(): void {
    this.#socket.destroy();
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

function readable(cell: RecordedValue): string | null {
  if (cell === null || typeof cell === "string") return cell;
  return "hex" in cell ? Buffer.from(cell.hex, "hex").toString("latin1") : JSON.stringify(cell);
}

class Reading {
  readonly #bytes: Buffer;
  at = 0;
  columns: Column[] = [];
  prepared: { readonly id: number; readonly parameters: number } | null = null;
  readonly #before: readonly Column[];
  readonly #capabilities: number;
  readonly #rows: (readonly RecordedValue[])[] = [];
  readonly #affected: bigint[] = [];
  #error: MysqlAnswer["error"] = null;
  #cursor = false;

  /** @param before columns of the result that a cursor is open on */
  constructor(bytes: Buffer, before: readonly Column[], capabilities: number) {
    this.#bytes = bytes;
    this.#before = before;
    this.#capabilities = capabilities;
  }

  /** @returns whether the answer is there as a whole */
  read(kind: Kind): boolean {
    if (kind === "prepare") return this.#prepare();
    if (kind === "fetch") return this.#rowsOf(this.#before, true) !== undefined;
    if (kind === "fields") return this.#fields();
    for (;;) {
      const status = this.#result(kind === "binary");
      if (status === undefined) return false;
      if ((status & STATUS.moreResults) === 0) return true;
    }
  }

  found(): Omit<MysqlAnswer, "closed"> {
    const { columns } = this;
    const bytes = this.#bytes.subarray(0, this.at);
    return { bytes, columns, rows: this.#rows, affected: this.#affected, error: this.#error, cursor: this.#cursor };
  }

  #packet(): Buffer | undefined {
    const packet = takePacket(this.#bytes.subarray(this.at));
    if (packet === undefined) return undefined;
    this.at = this.#bytes.length - packet.rest.length;
    return packet.payload;
  }

  #failed(payload: Buffer): boolean {
    if (payload[0] !== 0xff) return false;
    const { errno, message } = readError(payload, this.#capabilities);
    this.#error = { errno, message };
    return true;
  }

  /** @returns the server's status behind it; undefined while something is missing */
  #result(binary: boolean): number | undefined {
    const first = this.#packet();
    if (first === undefined) return undefined;
    if (this.#failed(first)) return 0;
    if (isEof(first)) return readEof(first).status;
    if (first[0] === 0) {
      const ok = readOk(first, this.#capabilities);
      this.#affected.push(ok.affectedRows);
      return ok.status;
    }
    const columns: Column[] = [];
    const count = new PayloadCursor(first).lenenc();
    for (let index = 0; index < count; index++) {
      const payload = this.#packet();
      if (payload === undefined) return undefined;
      columns.push(readColumn(payload));
    }
    this.columns = columns;
    const eof = this.#packet();
    if (eof === undefined) return undefined;
    // What fails when a cursor is opened fails behind the definitions.
    if (this.#failed(eof)) return 0;
    const { status } = readEof(eof);
    // A program of the server's that has a cursor open says so too, behind results in the text protocol.
    this.#cursor = binary && (status & STATUS.cursorExists) !== 0;
    return this.#cursor ? status & ~STATUS.moreResults : this.#rowsOf(columns, binary);
  }

  #rowsOf(columns: readonly Column[], binary: boolean): number | undefined {
    for (;;) {
      const payload = this.#packet();
      if (payload === undefined) return undefined;
      if (this.#failed(payload)) return 0;
      if (isEof(payload)) return readEof(payload).status;
      this.#rows.push(binary ? readBinaryRow(payload, columns) : readTextRow(payload, columns));
    }
  }

  #prepare(): boolean {
    const first = this.#packet();
    if (first === undefined) return false;
    if (this.#failed(first)) return true;
    const id = first.readUInt32LE(1);
    const [columns, parameters] = [first.readUInt16LE(5), first.readUInt16LE(7)];
    for (const count of [parameters, columns]) {
      for (let index = 0; index < (count === 0 ? 0 : count + 1); index++) if (this.#packet() === undefined) return false;
    }
    this.prepared = { id, parameters };
    return true;
  }

  #fields(): boolean {
    for (;;) {
      const payload = this.#packet();
      if (payload === undefined) return false;
      if (this.#failed(payload) || isEof(payload)) return true;
    }
  }
}

function joined(first: MysqlAnswer, second: MysqlAnswer): MysqlAnswer {
  return {
    ...second,
    bytes: Buffer.concat([first.bytes, second.bytes]),
    columns: second.columns.length > 0 ? second.columns : first.columns,
    rows: [...first.rows, ...second.rows],
  };
}

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
