/**
 * Values of a statement's parameters that come before it is executed, in pieces (COM_STMT_SEND_LONG_DATA), kept as far as the
 * record shows them: a value has its place among those of the execution, however it was sent.
 *
 * Source: MySQL source documentation, "COM_STMT_SEND_LONG_DATA".
 */
import { createHash, type Hash } from "node:crypto";
import { Fault } from "#protocols/wire/fault.ts";
import { RECORDED_VALUE_BYTES_MAX } from "#protocols/wire/limits.ts";
import { excessOf, textValue } from "#protocols/wire/recorded.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";

/** Of all values of a session that wait for their execution, kept for the record: beyond it by length and digest alone. */
const KEPT_BYTES_MAX = 1024 * 1024;
/** Parameters of one statement: the protocol counts them in two bytes. No client has more waiting in all its statements. */
const WAITING_MAX = 65_535;

/** What one session has waiting, over all its statements. */
export class LongDataRoom {
  #bytes = 0;
  #values = 0;

  /** @throws Fault `unexpected-message` */
  begin(): void {
    if (++this.#values > WAITING_MAX)
      throw new Fault("unexpected-message", `more than ${WAITING_MAX} values sent as long data wait to be used`);
  }

  /** @returns whether so many bytes may be kept */
  keep(bytes: number): boolean {
    if (this.#bytes + bytes > KEPT_BYTES_MAX) return false;
    this.#bytes += bytes;
    return true;
  }

  end(bytes: number): void {
    this.#values--;
    this.#bytes -= bytes;
  }
}

/** Of one statement, by the parameter's number from 0. */
export class LongData {
  readonly #room: LongDataRoom;
  readonly #values = new Map<number, LongValue>();

  constructor(room: LongDataRoom) {
    this.#room = room;
  }

  /** @param piece is copied as far as it is kept. @throws Fault `unexpected-message` */
  add(parameter: number, piece: Buffer): void {
    this.#at(parameter).add(piece, this.#room);
  }

  /** @returns undefined where nothing was sent for it */
  value(parameter: number): RecordedValue | undefined {
    return this.#values.get(parameter)?.recorded();
  }

  /** They were used, or taken back. */
  clear(): void {
    for (const { keptBytes } of this.#values.values()) this.#room.end(keptBytes);
    this.#values.clear();
  }

  #at(parameter: number): LongValue {
    const known = this.#values.get(parameter);
    if (known !== undefined) return known;
    this.#room.begin();
    const value = new LongValue();
    this.#values.set(parameter, value);
    return value;
  }
}

class LongValue {
  readonly #kept: Buffer[] = [];
  keptBytes = 0;
  #bytes = 0;
  readonly #digest: Hash = createHash("sha256");

  add(piece: Buffer, room: LongDataRoom): void {
    this.#keep(piece, room);
    this.#bytes += piece.length;
    this.#digest.update(piece);
  }

  recorded(): RecordedValue {
    const kept = this.#kept.length === 1 ? (this.#kept[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#kept);
    if (kept.length === this.#bytes) return textValue(kept, RECORDED_VALUE_BYTES_MAX);
    // A digest that was told can't be added to: the client may send more, or execute the same again.
    return excessOf(kept, this.#bytes, this.#digest.copy().digest("hex"));
  }

  /** Only what follows without a gap is a beginning. */
  #keep(piece: Buffer, room: LongDataRoom): void {
    if (this.keptBytes !== this.#bytes || this.#bytes > RECORDED_VALUE_BYTES_MAX) return;
    const kept = piece.subarray(0, RECORDED_VALUE_BYTES_MAX + 1 - this.keptBytes);
    if (!room.keep(kept.length)) return;
    this.#kept.push(Buffer.from(kept));
    this.keptBytes += kept.length;
  }
}
