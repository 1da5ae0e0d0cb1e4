/**
 * Follows the events of a journal on their way into a recording, and adds the last one where the gateway could not:
 * a session that was cut off still ends with a `session-end`, chained to what stands before it.
 */
import { hash } from "node:crypto";
import type { SessionStatus } from "#protocols/wire/transcript.ts";
import type { Clock } from "./clock.ts";
import { CHAIN_START, type JournalPaths } from "./journal-format.ts";
import { type JournalEnd, JournalError, readJournal } from "./journal-reader.ts";
import { escapeControls, LineWriter } from "./lines.ts";

/** What a missing `session-end` is to say. */
export interface Ending {
  readonly status: SessionStatus;
  readonly reason: string | null;
}

const NEWLINE = 0x0a;

/** The few members of an event that sealing looks at, read with care: a journal is bytes from a disk. */
interface Glimpse {
  readonly seq: number;
  readonly at: string;
  readonly sinceStartMs: number;
  readonly kind: string;
  readonly status: string | null;
}

export class Tail {
  readonly #sessionId: string;
  readonly #clock: Clock;
  readonly #ending: Ending;
  #startedAt: string | undefined;
  #last: Buffer | undefined;
  #end: { head: string; events: number; status: SessionStatus; endedAt: string } | undefined;

  constructor(sessionId: string, clock: Clock, ending: Ending) {
    this.#sessionId = sessionId;
    this.#clock = clock;
    this.#ending = ending;
  }

  /** `at` of the first event; known when the first chunk has passed. For a journal without events, the present. */
  get startedAt(): string {
    this.#startedAt ??= new Date(this.#clock.now()).toISOString();
    return this.#startedAt;
  }

  /** The chain's head and what the last event says; known when everything has passed. */
  end(): { head: string; events: number; status: SessionStatus; endedAt: string } {
    if (this.#end === undefined) throw new Error(`the journal of ${this.#sessionId} was not read to its end`);
    return this.#end;
  }

  /** Everything the recording holds, the added end included. */
  *through(paths: JournalPaths, onLine: ((line: string) => void) | undefined): Generator<Buffer, void, undefined> {
    const blocks = readJournal(paths);
    try {
      let step = blocks.next();
      while (step.done !== true) {
        const block = step.value;
        this.#startedAt ??= glimpse(block.subarray(0, block.indexOf(NEWLINE))).at;
        this.#last = block.subarray(block.lastIndexOf(NEWLINE, block.length - 2) + 1, block.length - 1);
        if (onLine !== undefined) for (const line of block.toString("utf8", 0, block.length - 1).split("\n")) onLine(line);
        yield block;
        step = blocks.next();
      }
      const added = this.#finish(step.value);
      if (added !== undefined) {
        onLine?.(added.toString("utf8", 0, added.length - 1));
        yield added;
      }
    } finally {
      // Whoever stops early lets go of the file.
      blocks.return({ goodBytes: 0, tornBytes: 0, head: CHAIN_START });
    }
  }

  /** Settles the end; returns the line to add, with its newline, when the last event is no `session-end`. */
  #finish(end: JournalEnd): Buffer | undefined {
    const last = this.#last === undefined ? undefined : glimpse(this.#last);
    if (last?.kind === "session-end") {
      this.#end = { head: end.head, events: last.seq + 1, status: statusOf(last.status), endedAt: last.at };
      return undefined;
    }
    const seq = last === undefined ? 0 : last.seq + 1;
    const torn = end.tornBytes === 0 ? null : `${end.tornBytes} bytes behind the last whole block were cut`;
    const reason = [this.#ending.reason, torn].filter((part) => part !== null).join("; ") || null;
    // The moment of the end is not known: the last event's is the latest that is.
    const endedAt = last?.at ?? this.startedAt;
    const line = new LineWriter().line(seq, end.head, Date.parse(endedAt), last?.sinceStartMs ?? 0, {
      kind: "session-end",
      status: this.#ending.status,
      reason,
    });
    const bytes = Buffer.from(`${escapeControls(line)}\n`);
    const head = hash("sha256", bytes.subarray(0, -1), "hex");
    this.#end = { head, events: seq + 1, status: this.#ending.status, endedAt };
    return bytes;
  }
}

const STATUSES: readonly SessionStatus[] = [
  "closed",
  "token-expired",
  "client-lost",
  "upstream-lost",
  "recording-failed",
  "shutdown",
  "fault",
  "recovered",
];

function statusOf(text: string | null): SessionStatus {
  return STATUSES.find((status) => status === text) ?? "fault";
}

function glimpse(line: Uint8Array): Glimpse {
  const parsed = parse(Buffer.from(line).toString("utf8"));
  if (typeof parsed !== "object" || parsed === null) throw notAnEvent();
  const { seq, at, sinceStartMs, kind, status } = { seq: 0, at: "", sinceStartMs: 0, kind: "", status: null, ...parsed };
  if (!Number.isSafeInteger(seq) || typeof at !== "string" || Number.isNaN(Date.parse(at)) || typeof kind !== "string") {
    throw notAnEvent();
  }
  return { seq, at, sinceStartMs, kind, status: typeof status === "string" ? status : null };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw notAnEvent(cause);
  }
}

/** Bytes under a good tag that no journal writes: the session is lost, the recovery of others goes on. */
function notAnEvent(cause?: unknown): JournalError {
  return new JournalError("not-a-journal", "a line of the journal is no event", cause);
}
