/**
 * One session after login: what both directions share. `client-flow.ts` turns the client's bytes into what goes upstream,
 * `server-flow.ts` the server's into what goes back; between them stand the operations under way, the names, the record.
 * Nothing here touches a socket, a clock or a key; time comes in with each chunk.
 */
import { type Caps, SessionBudget } from "#protocols/wire/caps.ts";
import { noCounts, type SessionCounts } from "#protocols/wire/counts.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Append, ResultLimits } from "#protocols/wire/run.ts";
import { type CopyDigest, CopyRecord } from "./copy.ts";
import type { Column } from "./decode.ts";
import { Made } from "./name-uses.ts";
import { Names } from "./names.ts";
import { Operations } from "./operations.ts";
import { copyOvertimeFault, drop, overtimeFault, type Stopping, type StopReason } from "./stopping.ts";

/** A keyed digest in place of a value, as text. @param value as it stands in a DataRow, in either format */
export type HashValue = (value: Buffer) => Buffer;

/** What the policy in force means for the session as a whole; settled at login. */
export interface SessionTerms {
  /** The principal is under a mask on the target. */
  readonly underMask: boolean;
  /** A text that need not be understood may pass unparsed: no mask, no guardrail, every right. */
  readonly mayPassUnparsed: boolean;
  /** True when a result column comes from a protected one: `table OID`, `attribute number`. */
  readonly isProtected: (tableOid: number, attribute: number) => boolean;
  /** How a column of that origin is hashed on its way to the client; null where it is not. */
  readonly hashOf: (tableOid: number, attribute: number) => HashValue | null;
  /** Of what is recorded. */
  readonly limits: ResultLimits;
  readonly caps: Caps;
}

/** `in`: the server reads CopyData; Syncs from the client are ignored until CopyDone or CopyFail. */
export interface CopyMode {
  readonly kind: "none" | "in" | "out";
  /** Sequence number of the COPY's statement event. */
  readonly statement: number | null;
  /** In the binary format, whose last message holds no row. */
  readonly binary: boolean;
}

export const NO_COPY: CopyMode = { kind: "none", statement: null, binary: false };

export class SessionState {
  readonly terms: SessionTerms;
  readonly append: Append;
  readonly operations = new Operations();
  readonly names = new Names();
  readonly made = new Made();
  readonly counts: SessionCounts;
  /** After an error in the extended protocol, until the client's next Sync: the server reads and discards. */
  skipping = false;
  /** Transaction status of the last ReadyForQuery. */
  transaction: "I" | "T" | "E" = "I";
  copy: CopyMode = NO_COPY;
  /** Data that the client has sent behind its last operation, before CopyDone or CopyFail: for the COPY of that operation, if it is one. */
  sending: CopyRecord | null = null;
  /** Data of the COPY TO STDOUT under way. */
  receiving: CopyRecord | null = null;
  /** Syncs that were sent into the COPY FROM STDIN under way: the server reads them and says nothing, unless it has failed before. */
  ignoredSyncs = 0;
  /** What the gateway stops of its own accord; null: nothing. */
  stopping: Stopping | null = null;
  /** Grows with each answer that completes something. */
  progress = 0;
  /** Rows of the COPY TO STDOUT under way, as far as they are counted against a cap. */
  copiedRows = 0;
  readonly #budget: SessionBudget;
  /** The server has said that it ends the session. */
  fatal = false;
  /** A statement that may have changed the catalogue has completed since this was last read. */
  catalogueChanged = false;

  constructor(terms: SessionTerms, append: Append, counts: SessionCounts = noCounts()) {
    this.terms = terms;
    this.append = append;
    this.counts = counts;
    this.#budget = new SessionBudget(terms.caps, counts);
  }

  /** Nothing is under way: the session could end here without losing anything. */
  get quiet(): boolean {
    return this.operations.length === 0 && !this.skipping && this.copy.kind === "none" && this.transaction === "I";
  }

  /**
   * A CopyData message begins.
   *
   * @param digestOf set where nothing but a keyed digest may be recorded
   * @returns whether it is to be kept, else it is only digested
   */
  beginCopyData(direction: "in" | "out", bodyBytes: number, digestOf: CopyDigest | null): boolean {
    const limit = this.terms.limits.bytesPerStatement;
    const record = (direction === "in" ? this.sending : this.receiving) ?? new CopyRecord(direction, limit, digestOf);
    if (direction === "in") this.sending = record;
    else this.receiving = record;
    return record.begin(bodyBytes);
  }

  startCopy(direction: "in" | "out", statement: number, binary: boolean): void {
    this.copy = { kind: direction, statement, binary };
    this.copiedRows = 0;
    if (direction === "in") this.ignoredSyncs = this.operations.dropSyncsInCopy();
  }

  endCopy(outcome: "done" | "failed" | "cut"): void {
    const { kind, statement } = this.copy;
    if (kind === "none") return;
    const record = kind === "in" ? this.#takeSent() : this.receiving;
    this.receiving = null;
    this.copy = NO_COPY;
    (record ?? new CopyRecord(kind, 0, null)).end(this.append, statement, outcome);
  }

  /** What was sent for the COPY at the head; behind another operation, what is being sent is for that one. */
  #takeSent(): CopyRecord | null {
    const ended = this.operations.takeCopyEnd();
    if (ended !== undefined) return ended;
    if (!this.operations.headIsLast) return null;
    const record = this.sending;
    this.sending = null;
    return record;
  }

  /** @throws Fault `session-budget` */
  spendBytes(bytes: number): void {
    this.#budget.spendBytes(bytes);
  }

  /** A row comes that would be the given one of its result. @returns whether it may pass. @throws Fault `session-budget` */
  spendRow(ordinal: number, bytes: number): boolean {
    if (this.stopping === null && ordinal > this.terms.caps.rowsPerStatement) this.stop("row-limit");
    if (this.stopping?.kind === "stopping" && this.stopping.reason === "row-limit") drop(this.stopping, bytes);
    if (this.stopping?.kind === "muted" || this.stopping?.reason === "row-limit") return false;
    this.#budget.spendRow();
    return true;
  }

  /** @throws Fault `session-budget` */
  countStatement(): void {
    this.#budget.countStatement();
  }

  /** The statement at the head is to end. */
  stop(reason: StopReason): void {
    this.stopping = { kind: "stopping", reason, alone: !this.operations.hasMoreBehindSegment, dropped: 0 };
  }

  /**
   * It takes longer than it may.
   *
   * @throws Fault `outcome-unknown` when a cancel request could hit what stands behind it, `statement-timeout` when the server
   *   waits for the client: it notices nothing before data comes
   */
  stopOvertime(): void {
    if (this.operations.length === 0 || this.stopping?.alone === true) return;
    if (this.copy.kind === "in") throw copyOvertimeFault();
    if (this.operations.hasMoreBehindSegment) throw overtimeFault();
    if (this.stopping === null) this.stop("statement-timeout");
  }

  /** The target is to be asked to stop what it does, and until it has said how that ended nothing more may be sent to it. */
  get interrupts(): boolean {
    const { stopping, operations } = this;
    if (stopping === null || !stopping.alone) return false;
    // What is muted is over once only its Sync is left, which may be still to come.
    return stopping.kind === "stopping" || stopping.by === "query" || (operations.length > 0 && operations.head?.kind !== "sync");
  }

  /**
   * @param hashed for each column, whether it may come as it is since it is hashed on its way; empty: none
   * @throws Fault `masking-tripwire` when a column of a protected origin comes back as itself, or one that is to be hashed has another
   */
  checkOrigins(columns: readonly Column[], hashed: readonly boolean[]): void {
    if (!this.terms.underMask) return;
    for (const [index, { tableOid, attribute }] of columns.entries()) {
      const isProtected = tableOid !== 0 && this.terms.isProtected(tableOid, attribute);
      const isHashed = hashed[index] === true;
      if (isProtected === isHashed && (!isHashed || this.terms.hashOf(tableOid, attribute) !== null)) continue;
      throw new Fault("masking-tripwire", "the target answered with a protected column that should have been masked; the session ends");
    }
  }
}
