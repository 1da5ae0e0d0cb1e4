/**
 * What each message of the server means for the session: it answers the operation at the head of the queue, or comes on
 * its own. An answer that does not fit ends the session: a stream that is not followed can't be judged.
 *
 * Source: PostgreSQL documentation, "Message Flow" (protocol-flow).
 */
import { lasts } from "#protocols/wire/caps.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { recordedText } from "#protocols/wire/recorded.ts";
import type { Run } from "#protocols/wire/run.ts";
import { SERVER, tagTable } from "./constants.ts";
import { type Column, readCommandTag, readErrorFields, readNotification, readParameterStatus, readRowDescription } from "./decode.ts";
import { type Action, DROP, HEADER_BYTES, PASS } from "./frame.ts";
import { failed, settle } from "./name-uses.ts";
import { eventOf, isCertain, judgementOf, type Operation, runOf } from "./operations.ts";
import { isOfValues, rebuilt } from "./rebuilt-errors.ts";
import { checkSetting, toldUnderMask } from "./reported.ts";
import { outOfStep, Rows } from "./rows.ts";
import type { SessionState } from "./session.ts";
import { checkMuted, rowLimitMessage, timeoutMessage } from "./stopping.ts";

/** May come at any time, also inside a COPY. */
const ANY_TIME = tagTable([SERVER.errorResponse, SERVER.noticeResponse, SERVER.notificationResponse, SERVER.parameterStatus]);

/** With these an operation, or one of several statements of a text, is over. */
const COMPLETING = tagTable([
  SERVER.parseComplete,
  SERVER.bindComplete,
  SERVER.closeComplete,
  SERVER.commandComplete,
  SERVER.portalSuspended,
]);

const WITHOUT_BODY = tagTable([
  SERVER.parseComplete,
  SERVER.bindComplete,
  SERVER.closeComplete,
  SERVER.noData,
  SERVER.emptyQueryResponse,
  SERVER.portalSuspended,
  SERVER.copyDone,
]);

/** Of a description that is kept: some two hundred columns. */
const DESCRIPTION_BYTES_KEPT = 8 * 1024;

export class ServerMessages {
  readonly #state: SessionState;
  readonly rows: Rows;
  /** The Query at the head has had an answer, so that ReadyForQuery can be its. */
  #answered = false;
  /** The last RowDescription. */
  #described: { readonly body: Buffer; readonly columns: readonly Column[] } | null = null;
  /** Syncs that were sent into a COPY which failed: read before that they have no answer, read after it they have one each. */
  #strayReady = 0;

  constructor(state: SessionState) {
    this.#state = state;
    this.rows = new Rows(state);
  }

  cut(): void {
    this.rows.cut();
    this.#state.endCopy("cut");
  }

  /** @throws Fault `upstream-out-of-step`, `masking-tripwire`, `malformed-message` */
  onFrame(tag: number, frame: Buffer, nowMs: number): Action {
    const body = frame.subarray(HEADER_BYTES);
    if (body.length > 0 && WITHOUT_BODY[tag] === 1) throw new Fault("malformed-message", "a message that has no body came with one");
    this.#checkCopy(tag);
    // Any answer but ReadyForQuery is to something that was sent behind those Syncs: they are answered, or never will be.
    if (ANY_TIME[tag] === 0 && tag !== SERVER.readyForQuery) this.#strayReady = 0;
    const { stopping } = this.#state;
    if (COMPLETING[tag] === 1 || tag === SERVER.readyForQuery) {
      this.#state.progress++;
      // It ended by itself, in time or just behind it.
      if (stopping?.kind === "stopping" && stopping.reason === "statement-timeout") this.#state.stopping = null;
    }
    return stopping?.kind === "muted" ? this.#muted(stopping.by, tag, body, nowMs) : this.#onMessage(tag, body, nowMs);
  }

  /** The session is followed, and the client hears nothing but what may come at any time, up to ReadyForQuery. */
  #muted(by: "query" | "execute", tag: number, body: Buffer, nowMs: number): Action {
    const head = this.#head();
    // Behind an error in the extended protocol a Query would have been skipped, its error and ReadyForQuery with it.
    const skipped = by === "execute" && head?.kind === "query" && (ANY_TIME[tag] === 0 || tag === SERVER.errorResponse);
    if (skipped || COMPLETING[tag] === 1 || tag === SERVER.copyInResponse) checkMuted(by, head);
    const action = this.#onMessage(tag, body, nowMs);
    const passes = tag === SERVER.readyForQuery || (tag === SERVER.errorResponse ? this.#state.fatal : ANY_TIME[tag] === 1);
    return passes ? action : DROP;
  }

  #onMessage(tag: number, body: Buffer, nowMs: number): Action {
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
      case SERVER.dataRow:
        return this.rows.hashed(body);
      case SERVER.emptyQueryResponse:
        return this.#onComplete("", nowMs);
      case SERVER.portalSuspended:
        return this.#onSuspended(nowMs);
      case SERVER.copyInResponse:
        return this.#onCopy("in", body);
      case SERVER.copyOutResponse:
        return this.#onCopy("out", body);
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
    const columns = this.#columnsOf(body);
    this.#state.checkOrigins(columns, hashedOf(head));
    if (head?.kind === "query" && head.run !== null) {
      this.rows.describe(head.run, columns, []);
      this.rows.begin(head.run);
      return PASS;
    }
    if (head?.kind !== "describe") throw outOfStep("RowDescription");
    if (head.prepared !== null) head.prepared.columns = columns;
    if (head.portal !== null) this.rows.describe(head.portal.run, columns, head.portal.formats);
    this.#state.operations.shift();
    return head.ours ? DROP : PASS;
  }

  /** The very same as last time where the description is: a session repeats itself. */
  #columnsOf(body: Buffer): readonly Column[] {
    if (this.#described?.body.equals(body) === true) return this.#described.columns;
    const columns = readRowDescription(body);
    this.#described = body.length <= DESCRIPTION_BYTES_KEPT ? { body: Buffer.from(body), columns } : null;
    return columns;
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
    const lasting = lasts(run.judgement, run.results);
    run.complete(tag, this.rows.count, nowMs);
    this.rows.forget();
    if (run.judgement?.changesCatalogue ?? true) this.#state.catalogueChanged = true;
    if (head.kind === "execute") this.#state.operations.shift();
    else this.#answered = true;
    return this.#overran ? this.#tellOverrun(head, run, lasting) : PASS;
  }

  /** The result that has just come to its end, or a part of it, went over the limit before it could be stopped. */
  get #overran(): boolean {
    const { stopping } = this.#state;
    return stopping?.kind === "stopping" && stopping.reason === "row-limit";
  }

  /** To the client an error, as it would be had the target been stopped in time; to us, all behind it is still to be followed. */
  #tellOverrun(head: Operation, run: Run, lasting: boolean): Action {
    const { operations, stopping, terms } = this.#state;
    const wire = rowLimitMessage({ rows: terms.caps.rowsPerStatement, outcome: "completed", lasting });
    this.#state.append({
      kind: "error",
      statement: run.statement,
      fields: plain(readErrorFields(wire.subarray(HEADER_BYTES))),
      from: "gateway",
    });
    const by = head.kind === "query" ? "query" : "execute";
    this.#state.stopping = { kind: "muted", by, alone: stopping?.alone ?? false };
    if (by === "execute" && !operations.hasSync) this.#state.skipping = true;
    return { kind: "replace", bytes: [wire] };
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
    const { run, prepared } = head.portal;
    run.suspend(this.rows.count, nowMs);
    this.rows.forget();
    this.#state.operations.shift();
    return this.#overran ? this.#tellOverrun(head, run, lasts(prepared?.judgement ?? null, run.results)) : PASS;
  }

  #onCopy(direction: "in" | "out", body: Buffer): Action {
    const head = this.#head();
    const run = head === undefined ? null : runOf(head);
    if (run === null) throw outOfStep("a COPY response");
    this.#state.startCopy(direction, run.statement, body[0] === 1);
    return PASS;
  }

  #onCopyDone(): Action {
    if (this.#state.copy.kind !== "out") throw outOfStep("CopyDone");
    this.#state.endCopy(this.#overran ? "cut" : "done");
    return this.#overran ? DROP : PASS;
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
    this.#state.stopping = null;
    this.#state.transaction = status;
    this.rows.forget();
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
    const own = refusal?.wire ?? (last ? undefined : this.#stopped(fields));
    const replacement = own ?? rebuilt(SERVER.errorResponse, fields, judgementOf(head), rebuild);
    const run = head === undefined ? null : runOf(head);
    run?.cut();
    const shown = replacement === undefined ? fields : readErrorFields(replacement.subarray(HEADER_BYTES));
    this.#state.append({
      kind: "error",
      statement: eventOf(head),
      fields: plain(shown),
      from: own === undefined ? "target" : "gateway",
    });
    this.#afterError(head);
    return replacement === undefined ? PASS : { kind: "replace", bytes: [replacement] };
  }

  /** The error of a statement that was to be stopped, in our words where that is what ended it. */
  #stopped(fields: ReadonlyMap<string, string>): Buffer | undefined {
    const { stopping, terms } = this.#state;
    if (stopping?.kind !== "stopping") return undefined;
    this.#state.stopping = null;
    if (stopping.reason === "statement-timeout") return fields.get("C") === "57014" ? timeoutMessage() : undefined;
    return rowLimitMessage({ rows: terms.caps.rowsPerStatement, outcome: "cancelled", lasting: false });
  }

  /** After an error the server goes on behind the next Sync, or, in a simple Query, with ReadyForQuery. */
  #afterError(head: Operation | undefined): void {
    if (head !== undefined && head.kind !== "sync") this.#strayReady = this.#state.copy.kind === "in" ? this.#state.ignoredSyncs : 0;
    if (this.#strayReady > 0 && head?.kind === "execute" && this.#state.operations.hasMoreBeforeSync) {
      throw new Fault("unexpected-message", "a COPY failed with a pipeline behind it: what the target skips of it can't be known");
    }
    this.#state.endCopy("failed");
    this.rows.forget();
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
    return this.#state.terms.underMask && !toldUnderMask(name) ? DROP : PASS;
  }
}

/** Of the rows that a description is of. */
function hashedOf(head: Operation | undefined): readonly boolean[] {
  if (head?.kind === "query") return head.run?.judgement?.outputHashed[head.run.results] ?? [];
  if (head?.kind !== "describe") return [];
  return (head.prepared ?? head.portal?.prepared)?.judgement.outputHashed[0] ?? [];
}

function plain(fields: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(fields);
}
