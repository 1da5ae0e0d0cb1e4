/**
 * What has been sent upstream and not been answered yet, in order. The server answers strictly in the order of the
 * operations, so that the head of this queue says what an answer belongs to; an answer that does not fit ends the session.
 */
import { Fault } from "#protocols/wire/fault.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { OPERATIONS_MAX } from "#protocols/wire/limits.ts";
import type { Run } from "#protocols/wire/run.ts";
import type { CopyRecord } from "./copy.ts";
import type { TextChange } from "./name-uses.ts";
import type { Change, Portal, Prepared } from "./names.ts";

/** A statement that did not go upstream: a text with a syntax error went in its place, so that the server's state is its own. */
export interface Refusal {
  /** The ErrorResponse that the client gets in place of the server's. */
  readonly wire: Buffer;
  /** Sequence number of the event that holds the text; null where none could be read. */
  readonly event: number | null;
}

export type Operation =
  /** `changes`, here and below: what the text does to names. */
  | { readonly kind: "query"; readonly run: Run | null; readonly refusal: Refusal | null; readonly changes: readonly TextChange[] }
  | { readonly kind: "parse"; readonly prepared: Prepared; readonly change: Change; readonly event: number; readonly refusal: null }
  | { readonly kind: "parse"; readonly prepared: null; readonly change: null; readonly event: null; readonly refusal: Refusal }
  | { readonly kind: "bind"; readonly portal: Portal; readonly change: Change }
  | { readonly kind: "describe"; readonly prepared: Prepared | null; readonly portal: Portal | null; readonly ours: boolean }
  | { readonly kind: "execute"; readonly portal: Portal; readonly changes: readonly TextChange[] }
  | { readonly kind: "close"; readonly change: Change }
  | { readonly kind: "sync" }
  /** CopyDone or CopyFail, with the data before it; means nothing unless the server is in copy-in mode when it gets there. */
  | { readonly kind: "copy-end"; readonly record: CopyRecord | null };

export function judgementOf(operation: Operation | undefined): Judgement | null {
  switch (operation?.kind) {
    case "query":
      return operation.run?.judgement ?? null;
    case "parse":
      return operation.prepared?.judgement ?? null;
    case "describe":
      return (operation.prepared ?? operation.portal?.prepared)?.judgement ?? null;
    case "bind":
    case "execute":
      return operation.portal.prepared?.judgement ?? null;
    case "close":
    case "sync":
    case "copy-end":
    case undefined:
      return null;
  }
}

/** What an operation runs, if it runs anything. */
export function runOf(operation: Operation): Run | null {
  if (operation.kind === "query") return operation.run;
  if (operation.kind === "execute") return operation.portal.run;
  return null;
}

/** Sequence number of the event that an operation's error belongs to. */
export function eventOf(operation: Operation | undefined): number | null {
  switch (operation?.kind) {
    case "query":
      return operation.run?.statement ?? operation.refusal?.event ?? null;
    case "parse":
      return operation.event ?? operation.refusal.event;
    case "describe":
    case "bind":
    case "execute":
      return operation.portal?.run.statement ?? null;
    case "close":
    case "sync":
    case "copy-end":
    case undefined:
      return null;
  }
}

/**
 * Whether the text that an operation runs is certainly the one that was judged. Behind a named portal it is not: CLOSE and
 * DECLARE in other texts can exchange what the name stands for.
 */
export function isCertain(operation: Operation | undefined): boolean {
  if (operation?.kind === "execute") return operation.portal.name === "";
  return operation?.kind !== "describe" || (operation.portal?.name ?? "") === "";
}

export class Operations {
  #items: Operation[] = [];
  #head = 0;
  /** Where the newest stands that is neither Sync nor the end of a COPY; before the head when that is answered. */
  #newest = -1;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get head(): Operation | undefined {
    return this.#items[this.#head];
  }

  /** What was sent last, Syncs and ends of COPY left aside. */
  get newest(): Operation | undefined {
    return this.#newest < this.#head ? undefined : this.#items[this.#newest];
  }

  /** @throws Fault `unexpected-message` when a client never waits for answers */
  push(operation: Operation): void {
    if (this.length >= OPERATIONS_MAX) throw new Fault("unexpected-message", `more than ${OPERATIONS_MAX} operations await an answer`);
    this.#items.push(operation);
    if (operation.kind !== "sync" && operation.kind !== "copy-end") this.#newest = this.#items.length - 1;
  }

  /** The head is answered. CopyDone and CopyFail behind it were for no COPY of its: the server has ignored them. */
  shift(): void {
    let next = this.#head + 1;
    while (this.#items[next]?.kind === "copy-end") next++;
    this.#advance(next);
  }

  /**
   * After an error in the extended protocol the server discards everything up to the next Sync: so do we, newest first.
   *
   * @returns true when that Sync is in the queue, false when it has still to come
   */
  discardToSync(): boolean {
    let end = this.#head;
    while (end < this.#items.length && this.#items[end]?.kind !== "sync") end++;
    for (let index = end - 1; index >= this.#head; index--) {
      const operation = this.#items[index];
      if (operation !== undefined) undo(operation);
    }
    const found = end < this.#items.length;
    this.#advance(end);
    return found;
  }

  /**
   * In copy-in mode the server reads Sync and says nothing (protocol-flow, "COPY Operations"). Those behind another message
   * it does not read in that mode: the message would end the session.
   *
   * @returns how many were dropped
   */
  dropSyncsInCopy(): number {
    return this.#remove(this.#behindSyncs(), (operation) => operation.kind === "sync");
  }

  /** Whether something that has an answer of its own stands between the head and the next Sync. */
  get hasMoreBeforeSync(): boolean {
    let at = this.#head + 1;
    while (this.#items[at]?.kind === "copy-end") at++;
    return at < this.#items.length && this.#items[at]?.kind !== "sync";
  }

  /** Whether anything is under way that an error of the head would not have the server skip. */
  get hasMoreBehindSegment(): boolean {
    let at = this.#head;
    const ends = (kind: Operation["kind"] | undefined): boolean => kind === "sync" || kind === "query" || kind === undefined;
    while (!ends(this.#items[at]?.kind)) at++;
    // A Query without a Sync before it has an end of its own: an error skips it, and otherwise it is another matter.
    if (at > this.#head && this.#items[at]?.kind === "query") return true;
    at++;
    while (this.#items[at]?.kind === "copy-end") at++;
    return at < this.#items.length;
  }

  /** Whether the client has sent the Sync that ends what the head stands in. */
  get hasSync(): boolean {
    let at = this.#head;
    while (at < this.#items.length && this.#items[at]?.kind !== "sync") at++;
    return at < this.#items.length;
  }

  /**
   * The COPY FROM STDIN at the head is over.
   *
   * @returns the data that were sent for it, up to CopyDone or CopyFail; undefined when neither has been sent
   */
  takeCopyEnd(): CopyRecord | null | undefined {
    const at = this.#behindSyncs();
    const end = this.#items[at];
    if (end?.kind !== "copy-end") return undefined;
    this.#remove(at + 1, (operation) => operation === end);
    return end.record;
  }

  /** Nothing but Syncs has been sent behind the head. */
  get headIsLast(): boolean {
    return this.#behindSyncs() >= this.#items.length;
  }

  #behindSyncs(): number {
    let at = this.#head + 1;
    while (this.#items[at]?.kind === "sync") at++;
    return at;
  }

  /** Removes from the front part, up to `end`; what stays moves back, so that a long queue behind it stays where it is. */
  #remove(end: number, which: (operation: Operation) => boolean): number {
    let kept = end;
    for (let index = end - 1; index >= this.#head; index--) {
      const operation = this.#items[index];
      if (operation === undefined || which(operation)) continue;
      this.#items[--kept] = operation;
      if (index === this.#newest) this.#newest = kept;
    }
    const removed = kept - this.#head;
    this.#advance(kept);
    return removed;
  }

  #advance(to: number): void {
    this.#head = to;
    if (this.#head >= this.#items.length) {
      this.#items = [];
      this.#head = 0;
      this.#newest = -1;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#newest -= this.#head;
      this.#head = 0;
    }
  }
}

function undo(operation: Operation): void {
  if (operation.kind === "parse") operation.change?.undo();
  else if (operation.kind === "bind" || operation.kind === "close") operation.change.undo();
  else if (operation.kind === "query" || operation.kind === "execute")
    for (const { change } of operation.changes.toReversed()) change.undo();
}
