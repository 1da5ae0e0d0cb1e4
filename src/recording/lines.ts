/**
 * Turns an event into its line of JSON. This is the hot path of recording: the kinds that every statement makes are
 * put together from cached pieces, the rest goes through `JSON.stringify`. A line never holds a raw control
 * character, so a terminal or a log collector that shows one is not steered by it.
 */
import type { RecordedText, RecordedValue } from "#protocols/wire/transcript.ts";
import type { EventBody } from "./events.ts";

/** Anything but printable ASCII: such a line takes the slower way through `escapeControls` and UTF-8. */
const NOT_PLAIN = /[^\x20-\x7e]/;
/** What JSON lets stand raw although terminals or JavaScript act on it: DEL, C1, line and paragraph separators, BOM, bidi controls. */
const CONTROLS = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** True when every character is one byte in UTF-8 and printable. */
export function isPlain(line: string): boolean {
  return !NOT_PLAIN.test(line);
}

/** Writes control characters outside ASCII as `\uXXXX`; inside a JSON text they can only stand in strings. */
export function escapeControls(json: string): string {
  return json.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function text(value: RecordedText | null): string {
  return JSON.stringify(value);
}

function values(list: readonly RecordedValue[]): string {
  return list.length === 0 ? "[]" : JSON.stringify(list);
}

/** What a statement's verdict adds to its event; the same objects come back while a verdict is cached. */
interface Judged {
  readonly verdict: string;
  readonly rule: string | null;
  readonly reason: string | null;
  readonly tables: readonly string[];
}

/** Writes event bodies; one for each journal, because it remembers the last verdict. */
export class LineWriter {
  #verdict = "";
  #rule: string | null = null;
  #reason: string | null = null;
  #tables: readonly string[] | undefined;
  #judged = "";
  #atMs = Number.NaN;
  #at = "";

  /**
   * The line without its newline. `sinceStartMs` is rounded to microseconds.
   * The result may hold characters that `isPlain` denies; then `escapeControls` must be applied.
   */
  line(seq: number, prev: string, nowMs: number, sinceStartMs: number, event: EventBody): string {
    if (nowMs !== this.#atMs) {
      this.#atMs = nowMs;
      this.#at = new Date(nowMs).toISOString();
    }
    const since = Math.round(sinceStartMs * 1000) / 1000;
    return `{"seq":${seq},"prev":"${prev}","at":"${this.#at}","sinceStartMs":${since},${this.#body(event)}`;
  }

  #body(event: EventBody): string {
    switch (event.kind) {
      case "statement":
        return `"kind":"statement","sql":${text(event.sql)},"upstreamSql":${text(event.upstreamSql)},"parameters":${values(event.parameters)},${this.#verdictOf(event)}}`;
      case "prepare":
        return `"kind":"prepare","name":${JSON.stringify(event.name)},"sql":${text(event.sql)},"upstreamSql":${text(event.upstreamSql)},${this.#verdictOf(event)}}`;
      case "result": {
        const beyond = event.beyond === null ? "null" : JSON.stringify(event.beyond);
        return `"kind":"result","statement":${event.statement},"tag":${JSON.stringify(event.tag)},"rows":${event.rows},"durationMs":${event.durationMs},"beyond":${beyond}}`;
      }
      default: {
        // `kind` first, so that a person and a `grep` find it in the same place in every line.
        const { kind, ...rest } = event;
        return JSON.stringify({ kind, ...rest }).slice(1);
      }
    }
  }

  #verdictOf(judged: Judged): string {
    if (
      judged.tables !== this.#tables ||
      judged.verdict !== this.#verdict ||
      judged.rule !== this.#rule ||
      judged.reason !== this.#reason
    ) {
      this.#verdict = judged.verdict;
      this.#rule = judged.rule;
      this.#reason = judged.reason;
      this.#tables = judged.tables;
      const [verdict, rule, reason] = [judged.verdict, judged.rule, judged.reason].map((part) => JSON.stringify(part));
      this.#judged = `"verdict":${verdict},"rule":${rule},"reason":${reason},"tables":${JSON.stringify(judged.tables)}`;
    }
    return this.#judged;
  }
}
