/** Cuts what a MySQL server or a gateway sent into the answer to one command: columns, rows, counts, error. */
import { type Column, readColumn } from "#protocols/mysql/column.ts";
import { STATUS } from "#protocols/mysql/constants.ts";
import { PayloadCursor } from "#protocols/mysql/cursor.ts";
import { isEof, readEof, readError, readOk } from "#protocols/mysql/outcome.ts";
import { takePacket } from "#protocols/mysql/packet.ts";
import { readBinaryRow, readTextRow } from "#protocols/mysql/values.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";

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

/** What a command is answered with. */
export type Kind = "plain" | "text" | "prepare" | "binary" | "fetch" | "fields";

export class Reading {
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
