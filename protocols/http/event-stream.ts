/**
 * Masks the JSON in `data` of server-sent events while they stream (WHATWG HTML, section 9.2): each event's data lines are one
 * document. Bytes go on as soon as they are judged, within a line too, so that the first token of a model shows at once. Lines
 * are written anew, with LF; comments keep the connection open and say nothing.
 */
import type { HttpMask } from "#policies/question.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { FieldPaths } from "./field-paths.ts";
import { type BodyFilter, JsonFilter } from "./json-filter.ts";

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** How model APIs say that a stream is over; it is no JSON, and holds nothing. */
const DONE_WORD = "[DONE]";
const DONE = Buffer.from(DONE_WORD);

const DATA_WORD = "data: ";
const DATA = Buffer.from(DATA_WORD);
const NEWLINE = Buffer.of(LF);

/** Of `event`, `id` and `retry`: names and numbers. */
const FIELD_BYTES_MAX = 4096;

type Line = "start" | "name" | "blank" | "data" | "other" | "ignored";

export class EventStreamFilter implements BodyFilter {
  readonly #masks: readonly HttpMask[];
  readonly #paths: FieldPaths;
  #cells = 0;
  #line: Line = "start";
  #name = "";
  /** Whether this line is a comment that shows, as its colon alone. */
  #comment = false;
  /** Bytes of the byte order mark that may stand in front of everything. */
  #marked = 0;
  #returned = false;
  /** Of the event at hand: its document, once data has come; and its data, while that may be the word for the end. */
  #document: JsonFilter | undefined;
  #word: Buffer | undefined;
  #field: Buffer[] = [];
  #fieldBytes = 0;
  /** Fields that came behind data, to be written when that has ended; their order says nothing. */
  #later: Buffer[] = [];
  #out: Buffer[] = [];

  constructor(masks: readonly HttpMask[]) {
    this.#masks = masks;
    this.#paths = new FieldPaths(masks);
  }

  get maskedCells(): number {
    return this.#cells + (this.#document?.maskedCells ?? 0);
  }

  write(chunk: Buffer): readonly Buffer[] {
    this.#out = [];
    let at = 0;
    while (at < chunk.length) at = this.#step(chunk, at);
    return this.#out;
  }

  /** An event without the empty line behind it is one that was cut off, and readers drop it. */
  end(): readonly Buffer[] {
    this.#document = undefined;
    this.#word = undefined;
    return [];
  }

  pause(): readonly Buffer[] {
    return [];
  }

  #step(chunk: Buffer, at: number): number {
    const byte = chunk[at] ?? 0;
    if (this.#marked < BOM.length) {
      if (byte === BOM[this.#marked]) {
        this.#marked++;
        return at + 1;
      }
      if (this.#marked > 0) throw malformed("does not begin with an event");
      this.#marked = BOM.length;
    }
    if (byte === LF && this.#returned) {
      this.#returned = false;
      return at + 1;
    }
    this.#returned = byte === CR;
    if (byte === LF || byte === CR) {
      this.#endLine();
      return at + 1;
    }
    return this.#inLine(chunk, at, byte);
  }

  #inLine(chunk: Buffer, at: number, byte: number): number {
    switch (this.#line) {
      case "start":
      case "name":
        if (byte === COLON) {
          this.#line = this.#name === "" ? "ignored" : "blank";
          this.#comment = this.#name === "" && !this.#opened();
          if (this.#comment) this.#out.push(Buffer.of(COLON));
          return at + 1;
        }
        this.#line = "name";
        // No field's name is longer than `event` and `retry`; of one that is, its beginning will do.
        if (this.#name.length < 8) this.#name += String.fromCharCode(byte);
        return at + 1;
      case "blank":
        this.#beginValue();
        return byte === SPACE ? at + 1 : at;
      case "data":
      case "other":
      case "ignored": {
        const end = lineEnd(chunk, at);
        if (this.#line === "data") this.#data(chunk.subarray(at, end));
        if (this.#line === "other") this.#keep(chunk.subarray(at, end));
        return end;
      }
    }
  }

  #beginValue(): void {
    const known = this.#name === "event" || this.#name === "id" || this.#name === "retry";
    this.#line = this.#name === "data" ? "data" : known ? "other" : "ignored";
    if (this.#line === "data") this.#beginData();
  }

  /** A second data line goes on with the document of the first, a line end between them. */
  #beginData(): void {
    if (this.#word !== undefined) this.#spell();
    if (this.#document === undefined) this.#word = Buffer.alloc(0);
    else this.#hand(this.#document.write(NEWLINE));
  }

  #data(bytes: Buffer): void {
    if (this.#word === undefined) {
      if (this.#document !== undefined) this.#hand(this.#document.write(bytes));
      return;
    }
    this.#word = Buffer.concat([this.#word, bytes]);
    if (!DONE.subarray(0, this.#word.length).equals(this.#word)) this.#spell();
  }

  /** What was kept because it might be the word for the end is the beginning of a document. */
  #spell(): void {
    const kept = this.#word ?? Buffer.alloc(0);
    this.#word = undefined;
    this.#document = new JsonFilter(this.#masks, "one", this.#paths);
    this.#out.push(DATA);
    this.#hand(this.#document.write(kept));
  }

  /** A line end in a document stands between its tokens, and begins a data line. */
  #hand(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      let from = 0;
      for (let at = piece.indexOf(LF); at !== -1; at = piece.indexOf(LF, from)) {
        this.#out.push(piece.subarray(from, at + 1), DATA);
        from = at + 1;
      }
      if (from < piece.length) this.#out.push(piece.subarray(from));
    }
  }

  /** Whether data of this event was handed out, in the midst of which nothing else may stand. */
  #opened(): boolean {
    return this.#document !== undefined || this.#word !== undefined;
  }

  #keep(bytes: Buffer): void {
    this.#fieldBytes += bytes.length;
    if (this.#fieldBytes > FIELD_BYTES_MAX) throw malformed(`has a field ${this.#name} that does not end`);
    this.#field.push(Buffer.from(bytes));
  }

  #endLine(): void {
    // A line without a colon is a field's name alone, its value empty.
    if (this.#line === "name" || this.#line === "blank") this.#beginValue();
    if (this.#line === "start") this.#endEvent();
    else if (this.#line === "other") this.#endField();
    else if (this.#comment) this.#out.push(NEWLINE);
    this.#comment = false;
    this.#line = "start";
    this.#name = "";
  }

  #endField(): void {
    const line = Buffer.concat([Buffer.from(`${this.#name}: `), ...this.#field, NEWLINE]);
    if (this.#opened()) this.#later.push(line);
    else this.#out.push(line);
    this.#field = [];
    this.#fieldBytes = 0;
  }

  #endEvent(): void {
    if (this.#word !== undefined && this.#word.length !== 0 && this.#word.length !== DONE.length) this.#spell();
    if (this.#word !== undefined) this.#out.push(Buffer.concat([DATA, this.#word, NEWLINE]));
    if (this.#document !== undefined) {
      this.#hand(this.#document.end());
      this.#out.push(NEWLINE);
      this.#cells += this.#document.maskedCells;
    }
    this.#out.push(...this.#later, NEWLINE);
    this.#later = [];
    this.#document = undefined;
    this.#word = undefined;
  }
}

function lineEnd(chunk: Buffer, from: number): number {
  for (let at = from; at < chunk.length; at++) if (chunk[at] === LF || chunk[at] === CR) return at;
  return chunk.length;
}

function malformed(what: string): Fault {
  return new Fault("masked-body-malformed", `an event stream that is to be masked ${what}`, {
    hint: "events must be as their type says, their data JSON",
  });
}
