/**
 * What each message of the server means for the session: it answers the operation at the head of the queue, or comes on
 * its own. An answer that does not fit ends the session: a stream that is not followed can't be judged.
 *
 * Source: PostgreSQL documentation, "Message Flow" (protocol-flow).
 */
import { isJudgeableEncoding } from "#protocols/sql/postgres/encodings.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { ROW_GATHER_BYTES_MAX } from "#protocols/wire/limits.ts";
import { recordedText } from "#protocols/wire/recorded.ts";
import { SERVER, tagTable } from "./constants.ts";
import { type Column, readCommandTag, readErrorFields, readNotification, readParameterStatus, readRowDescription } from "./decode.ts";
import { type Action, DROP, HEADER_BYTES, PASS } from "./frame.ts";
import { failed, maskedColumns, settle } from "./name-uses.ts";
import { eventOf, isCertain, judgementOf, type Operation } from "./operations.ts";
import { isOfValues, rebuilt } from "./rebuilt-errors.ts";
import type { Run } from "./run.ts";
import type { SessionState } from "./session.ts";

/** May come at any time, also inside a COPY. */
const ANY_TIME = tagTable([SERVER.errorResponse, SERVER.noticeResponse, SERVER.notificationResponse, SERVER.parameterStatus]);

const WITHOUT_BODY = tagTable([
  SERVER.parseComplete,
  SERVER.bindComplete,
  SERVER.closeComplete,
  SERVER.noData,
  SERVER.emptyQueryResponse,
  SERVER.portalSuspended,
  SERVER.copyDone,
]);

/** What ParameterStatus may tell a principal under a mask. */
const TOLD_UNDER_MASK = new Set([
  "application_name",
  "client_encoding",
  "DateStyle",
  "default_transaction_read_only",
  "in_hot_standby",
  "integer_datetimes",
  "IntervalStyle",
  "is_superuser",
  "scram_iterations",
  "server_encoding",
  "server_version",
  "standard_conforming_strings",
  "TimeZone",
]);

export class ServerMessages {
  readonly #state: SessionState;
  /** The run whose rows are coming. */
  #run: Run | null = null;
  #rows = 0;
  /** The Query at the head has had an answer, so that ReadyForQuery can be its. */
  #answered = false;
  /** Syncs that were sent into a COPY which failed: read before that they have no answer, read after it they have one each. */
  #strayReady = 0;

  constructor(state: SessionState) {
    this.#state = state;
  }

  /** A DataRow begins. @returns whether it is kept for the record */
  row(length: number): boolean {
    if (this.#state.copy.kind !== "none") throw outOfStep("a row");
    if (this.#run === null) this.#run = this.#runOfRows();
    const run = this.#run;
    if (this.#state.terms.underMask && !run.described) {
      throw new Fault("masking-tripwire", "rows came whose columns are not known; the session ends");
    }
    this.#rows++;
    this.#state.counts.rows++;
    this.#state.counts.maskedCells += run.maskedColumns;
    if (run.keeps && length > ROW_GATHER_BYTES_MAX) run.keepNoMore();
    if (run.keeps) return true;
    run.beyondRow();
    return false;
  }

  keepRow(body: Buffer): void {
    this.#run?.row(body);
  }

  beyondRows(region: Buffer): void {
    this.#run?.beyond(region);
  }

  cut(): void {
    this.#run?.cut();
    this.#state.endCopy("cut");
  }

  /** @throws Fault `upstream-out-of-step`, `masking-tripwire`, `malformed-message` */
  onFrame(tag: number, frame: Buffer, nowMs: number): Action {
    const body = frame.subarray(HEADER_BYTES);
    if (body.length > 0 && WITHOUT_BODY[tag] === 1) throw new Fault("malformed-message", "a message that has no body came with one");
    this.#checkCopy(tag);
    // Any answer but ReadyForQuery is to something that was sent behind those Syncs: they are answered, or never will be.
    if (ANY_TIME[tag] === 0 && tag !== SERVER.readyForQuery) this.#strayReady = 0;
    switch (tag) {
      case SERVER.parseComplete:
        return this.#expect("parse");
      case SERVER.bindComplete:
        return this.#expect("bind");
      case SERVER.closeComplete:
        return this.#expect("close");
      case SERVER.parameterDescription:
        return this.#onParameterTypes(body);
      case SERVER.rowDescription:
        return this.#onRowDescription(body);
      case SERVER.noData:
        return this.#onNoData();
      case SERVER.commandComplete:
        return this.#onComplete(readCommandTag(body), nowMs);
      case SERVER.emptyQueryResponse:
        return this.#onComplete("", nowMs);
      case SERVER.portalSuspended:
        return this.#onSuspended(nowMs);
      case SERVER.copyInResponse:
        return this.#onCopy("in");
      case SERVER.copyOutResponse:
        return this.#onCopy("out");
      case SERVER.copyDone:
        return this.#onCopyDone();
      case SERVER.readyForQuery:
        return this.#onReady(body);
      case SERVER.errorResponse:
      case SERVER.noticeResponse:
        return this.#onText(tag, body);
      case SERVER.notificationResponse:
        return this.#onNotification(body);
      case SERVER.parameterStatus:
        return this.#onParameter(body);
      default:
        throw new Error("broken invariant: a message that has no place in a session was collected");
    }
  }

  #checkCopy(tag: number): void {
    const { kind } = this.#state.copy;
    if (kind === "none" || ANY_TIME[tag] === 1) return;
    if (tag !== (kind === "in" ? SERVER.commandComplete : SERVER.copyDone)) throw outOfStep("an answer inside a COPY");
  }

  #head(): Operation | undefined {
    return this.#state.operations.head;
  }

  #expect(kind: "parse" | "bind" | "close"): Action {
    const head = this.#head();
    if (head?.kind !== kind || (head.kind === "parse" && head.refusal !== null)) throw outOfStep(`an answer to ${kind}`);
    head.change?.settle();
    this.#state.operations.shift();
    return PASS;
  }

  #onParameterTypes(body: Buffer): Action {
    const head = this.#head();
    if (head?.kind !== "describe") throw outOfStep("ParameterDescription");
    const count = body.length >= 2 ? body.readUInt16BE(0) : 0;
    if (body.length !== 2 + 4 * count) throw new Fault("malformed-message", "ParameterDescription has another length than it announces");
    if (head.prepared !== null)
      head.prepared.parameterTypes = Array.from({ length: count }, (_, index) => body.readUInt32BE(2 + 4 * index));
    return head.ours ? DROP : PASS;
  }

  #onRowDescription(body: Buffer): Action {
    const head = this.#head();
    const columns = readRowDescription(body);
    this.#state.checkOrigins(columns);
    if (head?.kind === "query" && head.run !== null) {
      this.#describe(head.run, columns);
      this.#run = head.run;
      return PASS;
    }
    if (head?.kind !== "describe") throw outOfStep("RowDescription");
    if (head.prepared !== null) head.prepared.columns = columns;
    if (head.portal !== null) this.#describe(head.portal.run, columns);
    this.#state.operations.shift();
    return head.ours ? DROP : PASS;
  }

  #onNoData(): Action {
    const head = this.#head();
    if (head?.kind !== "describe") throw outOfStep("NoData");
    if (head.prepared !== null) head.prepared.columns = null;
    this.#state.operations.shift();
    return head.ours ? DROP : PASS;
  }

  #onComplete(tag: string, nowMs: number): Action {
    const head = this.#head();
    const run = head === undefined ? null : runOf(head);
    if (run === null || head === undefined) throw outOfStep("CommandComplete");
    this.#state.endCopy("done");
    this.#settle(head, run);
    run.complete(tag, this.#rows, nowMs);
    this.#forgetRows();
    if (run.judgement?.changesCatalogue ?? true) this.#state.catalogueChanged = true;
    if (head.kind === "execute") this.#state.operations.shift();
    else this.#answered = true;
    return PASS;
  }

  /** Behind a portal whose text may have been exchanged nothing is certain to be done. */
  #settle(head: Operation, run: Run): void {
    this.#state.made.answered(run.judgement, run.results);
    if (head.kind === "query") settle(head.changes, run.results);
    else if (head.kind === "execute") for (const { change } of head.changes) isCertain(head) ? change.settle() : change.doubt();
  }

  #onSuspended(nowMs: number): Action {
    const head = this.#head();
    if (head?.kind !== "execute") throw outOfStep("PortalSuspended");
    head.portal.run.suspend(this.#rows, nowMs);
    this.#forgetRows();
    this.#state.operations.shift();
    return PASS;
  }

  #forgetRows(): void {
    this.#run = null;
    this.#rows = 0;
  }

  #onCopy(direction: "in" | "out"): Action {
    const head = this.#head();
    const run = head === undefined ? null : runOf(head);
    if (run === null) throw outOfStep("a COPY response");
    this.#state.startCopy(direction, run.statement);
    return PASS;
  }

  #onCopyDone(): Action {
    if (this.#state.copy.kind !== "out") throw outOfStep("CopyDone");
    this.#state.endCopy("done");
    return PASS;
  }

  #onReady(body: Buffer): Action {
    const status = body.toString("latin1");
    if (status !== "I" && status !== "T" && status !== "E") throw outOfStep("an unknown transaction status");
    const head = this.#head();
    if (head?.kind === "sync" || (head?.kind === "query" && this.#answered)) {
      this.#state.operations.shift();
    } else if (this.#strayReady > 0) {
      this.#strayReady--;
      this.#state.skipping = false;
    } else throw outOfStep("ReadyForQuery");
    this.#answered = false;
    this.#state.transaction = status;
    this.#forgetRows();
    if (this.#state.quiet) this.#state.names.clearPortals();
    return PASS;
  }

  #onText(tag: number, body: Buffer): Action {
    const fields = readErrorFields(body);
    const head = this.#head();
    const judgement = judgementOf(head);
    const rebuild = this.#state.terms.underMask && ((judgement?.rebuildErrors ?? true) || isOfValues(fields.get("C")) || !isCertain(head));
    if (tag === SERVER.noticeResponse) {
      const notice = rebuilt(tag, fields, judgement, rebuild);
      this.#state.append({ kind: "notice", fields: plain(notice === undefined ? fields : readErrorFields(notice.subarray(HEADER_BYTES))) });
      return notice === undefined ? PASS : { kind: "replace", bytes: [notice] };
    }
    return this.#onError(fields, head, rebuild);
  }

  #onError(fields: ReadonlyMap<string, string>, head: Operation | undefined, rebuild: boolean): Action {
    const severity = fields.get("V") ?? fields.get("S");
    const last = severity === "FATAL" || severity === "PANIC";
    if (last) this.#state.fatal = true;
    else if (head === undefined) throw outOfStep("an error");
    // The last words of a server are its own, whatever it was doing.
    const refusal = !last && (head?.kind === "query" || head?.kind === "parse") ? head.refusal : null;
    const replacement = refusal?.wire ?? rebuilt(SERVER.errorResponse, fields, judgementOf(head), rebuild);
    const run = head === undefined ? null : runOf(head);
    run?.cut();
    const shown = replacement === undefined ? fields : readErrorFields(replacement.subarray(HEADER_BYTES));
    this.#state.append({
      kind: "error",
      statement: eventOf(head),
      fields: plain(shown),
      from: refusal === null ? "target" : "gateway",
    });
    this.#afterError(head);
    return replacement === undefined ? PASS : { kind: "replace", bytes: [replacement] };
  }

  /** After an error the server goes on behind the next Sync, or, in a simple Query, with ReadyForQuery. */
  #afterError(head: Operation | undefined): void {
    if (head !== undefined && head.kind !== "sync") this.#strayReady = this.#state.copy.kind === "in" ? this.#state.ignoredSyncs : 0;
    if (this.#strayReady > 0 && head?.kind === "execute" && this.#state.operations.hasMoreBeforeSync) {
      throw new Fault("unexpected-message", "a COPY failed with a pipeline behind it: what the target skips of it can't be known");
    }
    this.#state.endCopy("failed");
    this.#forgetRows();
    if (head === undefined || head.kind === "sync") return;
    if (head.kind === "query") {
      this.#answered = true;
      failed(head.changes, head.run?.results ?? 0);
    } else {
      if (head.kind === "execute") for (const { change } of head.changes) change.doubt();
      this.#state.skipping = !this.#state.operations.discardToSync();
    }
  }

  #onNotification(body: Buffer): Action {
    const { channel, payload } = readNotification(body);
    if (this.#state.terms.underMask) return DROP;
    this.#state.append({ kind: "notify", channel, payload: recordedText(payload, 8192) });
    return PASS;
  }

  #onParameter(body: Buffer): Action {
    const { name, value } = readParameterStatus(body);
    checkSetting(name, value);
    return this.#state.terms.underMask && !TOLD_UNDER_MASK.has(name) ? DROP : PASS;
  }

  #runOfRows(): Run {
    const head = this.#head();
    const run = head === undefined ? null : runOf(head);
    if (run === null) throw outOfStep("a row");
    const columns = head?.kind === "execute" ? head.portal.prepared?.columns : undefined;
    if (columns && !run.described) this.#describe(run, columns);
    return run;
  }

  #describe(run: Run, columns: readonly Column[]): void {
    run.describe(columns, maskedColumns(run, this.#state.names, this.#state.made));
  }
}

/** Also asked of what the target reports at login. @throws Fault `upstream-out-of-step` */
export function checkSetting(name: string, value: string): void {
  if (name === "client_encoding" && !isJudgeableEncoding(value)) {
    throw new Fault("upstream-out-of-step", "the session's client_encoding is one in which statements can't be judged; the session ends");
  }
  if (name === "standard_conforming_strings" && value !== "on") {
    throw new Fault("upstream-out-of-step", "standard_conforming_strings is off, so that statements can't be judged; the session ends");
  }
}

export function toldUnderMask(name: string): boolean {
  return TOLD_UNDER_MASK.has(name);
}

function runOf(operation: Operation): Run | null {
  if (operation.kind === "query") return operation.run;
  if (operation.kind === "execute") return operation.portal.run;
  return null;
}

function plain(fields: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(fields);
}

function outOfStep(what: string): Fault {
  return new Fault("upstream-out-of-step", `the target sent ${what} out of turn; the session ends`);
}
