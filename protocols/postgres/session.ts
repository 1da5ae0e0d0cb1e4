/**
 * One session after login: what both directions share. `client-flow.ts` turns the client's bytes into what goes upstream,
 * `server-flow.ts` the server's into what goes back; between them stand the operations under way, the names, the record.
 * Nothing here touches a socket, a clock or a key; time comes in with each chunk.
 */
import { noCounts, type SessionCounts } from "#protocols/wire/counts.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { type CopyDigest, CopyRecord } from "./copy.ts";
import type { Column } from "./decode.ts";
import { Made } from "./name-uses.ts";
import { Names } from "./names.ts";
import { Operations } from "./operations.ts";
import type { Append, ResultLimits } from "./run.ts";

/** What the policy in force means for the session as a whole; settled at login. */
export interface SessionTerms {
  /** The principal is under a mask on the target. */
  readonly underMask: boolean;
  /** A text that need not be understood may pass unparsed: no mask, no guardrail, every right. */
  readonly mayPassUnparsed: boolean;
  /** True when a result column comes from a protected one: `table OID`, `attribute number`. */
  readonly isProtected: (tableOid: number, attribute: number) => boolean;
  readonly limits: ResultLimits;
}

/** `in`: the server reads CopyData; Syncs from the client are ignored until CopyDone or CopyFail. */
export interface CopyMode {
  readonly kind: "none" | "in" | "out";
  /** Sequence number of the COPY's statement event. */
  readonly statement: number | null;
}

export const NO_COPY: CopyMode = { kind: "none", statement: null };

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
  /** The server has said that it ends the session. */
  fatal = false;
  /** A statement that may have changed the catalogue has completed since this was last read. */
  catalogueChanged = false;

  constructor(terms: SessionTerms, append: Append, counts: SessionCounts = noCounts()) {
    this.terms = terms;
    this.append = append;
    this.counts = counts;
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

  startCopy(direction: "in" | "out", statement: number): void {
    this.copy = { kind: direction, statement };
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

  /** @throws Fault `masking-tripwire` when a column of a protected origin comes back as itself */
  checkOrigins(columns: readonly Column[]): void {
    if (!this.terms.underMask) return;
    for (const column of columns) {
      if (column.tableOid !== 0 && this.terms.isProtected(column.tableOid, column.attribute)) {
        throw new Fault("masking-tripwire", "the target answered with a protected column that should have been masked; the session ends");
      }
    }
  }
}
