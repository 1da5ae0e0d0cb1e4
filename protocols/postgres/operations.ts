/**
 * What has been sent upstream and not been answered yet, in order. The server answers strictly in the order of the
 * operations, so that the head of this queue says what an answer belongs to; an answer that does not fit ends the session.
 */
import { Fault } from "#protocols/wire/fault.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { OPERATIONS_MAX } from "#protocols/wire/limits.ts";
import type { Portal, Prepared, Undo } from "./names.ts";
import type { Run } from "./run.ts";

/** A statement that did not go upstream: a text with a syntax error went in its place, so that the server's state is its own. */
export interface Refusal {
  /** The ErrorResponse that the client gets in place of the server's. */
  readonly wire: Buffer;
}

export type Operation =
  | { readonly kind: "query"; readonly run: Run | null; readonly refusal: Refusal | null }
  | { readonly kind: "parse"; readonly prepared: Prepared | null; readonly undo: Undo; readonly refusal: Refusal | null }
  | { readonly kind: "bind"; readonly portal: Portal | null; readonly undo: Undo }
  | { readonly kind: "describe"; readonly prepared: Prepared | null; readonly portal: Portal | null; readonly ours: boolean }
  | { readonly kind: "execute"; readonly portal: Portal | null }
  | { readonly kind: "close"; readonly undo: Undo }
  | { readonly kind: "sync" }
  /** CopyDone or CopyFail; means nothing unless the server is in copy-in mode when it gets there. */
  | { readonly kind: "copy-end" };

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
      return operation.portal?.prepared?.judgement ?? null;
    case "close":
    case "sync":
    case "copy-end":
    case undefined:
      return null;
  }
}

export class Operations {
  #items: Operation[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get head(): Operation | undefined {
    return this.#items[this.#head];
  }

  /** @throws Fault `unexpected-message` when a client never waits for answers */
  push(operation: Operation): void {
    if (this.length >= OPERATIONS_MAX) throw new Fault("unexpected-message", `more than ${OPERATIONS_MAX} operations await an answer`);
    this.#items.push(operation);
  }

  shift(): void {
    this.#head++;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /**
   * After an error in the extended protocol the server discards everything up to the next Sync: so do we, newest first.
   *
   * @returns true when that Sync is in the queue, false when it has still to come
   */
  discardToSync(): boolean {
    const at = this.#items.findIndex((operation, index) => index >= this.#head && operation.kind === "sync");
    const end = at < 0 ? this.#items.length : at;
    for (let index = end - 1; index >= this.#head; index--) {
      const operation = this.#items[index];
      if (operation !== undefined) undo(operation);
    }
    this.#items = this.#items.slice(end);
    this.#head = 0;
    return at >= 0;
  }

  /** Whether the client has said that its COPY data are over. */
  get hasCopyEnd(): boolean {
    return this.#copyEnd() >= 0;
  }

  /** In copy-in mode the server reads Sync and says nothing (protocol-flow, "COPY Operations"). @returns how many were dropped */
  dropSyncsInCopy(): number {
    const end = this.#copyEnd();
    const before = this.#items.length;
    this.#items = this.#items.filter((operation, index) => index < this.#head || operation.kind !== "sync" || (end >= 0 && index > end));
    return before - this.#items.length;
  }

  /** The server has read CopyDone or CopyFail. */
  dropCopyEnd(): void {
    const end = this.#copyEnd();
    if (end >= 0) this.#items.splice(end, 1);
  }

  /** CopyDone and CopyFail outside copy-in mode are ignored by the server. */
  skipCopyEnds(): void {
    while (this.head?.kind === "copy-end") this.shift();
  }

  #copyEnd(): number {
    return this.#items.findIndex((operation, index) => index >= this.#head && operation.kind === "copy-end");
  }
}

function undo(operation: Operation): void {
  if (operation.kind === "parse" || operation.kind === "bind" || operation.kind === "close") operation.undo();
}
