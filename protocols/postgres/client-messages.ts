/**
 * What each message of the client means for the session: texts are judged, values recorded, operations queued and names
 * kept. A refused text is replaced by one with a syntax error, whose error is exchanged on the way back. What the server
 * will skip, since an error comes before it and no Sync between them, is left out: it is neither judged nor recorded.
 */
import type { Denial } from "#policies/decision.ts";
import { secretsIn } from "#protocols/sql/postgres/secrets.ts";
import { Cursor } from "#protocols/wire/cursor.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Judge, Judgement } from "#protocols/wire/judgement.ts";
import { recordedJudgement, statementEvent } from "#protocols/wire/recorded.ts";
import { Run } from "#protocols/wire/run.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import { unreadJudgement } from "#protocols/wire/unread.ts";
import { CLIENT, tagTable } from "./constants.ts";
import { type BindMessage, readBind, readExecute, readNamed, readParse, readQuery } from "./decode.ts";
import { describePortal, describeStatement, parse, query } from "./encode.ts";
import { type Action, DROP, END, HEADER_BYTES, PASS, STOP } from "./frame.ts";
import { borrowsRows, changesIn, executeDenial, NO_CHANGES } from "./name-uses.ts";
import type { Portal, Prepared } from "./names.ts";
import type { Operation } from "./operations.ts";
import {
  changedDenial,
  functionCallDenial,
  largeBindDenial,
  nameDenial,
  parameterTypeDenial,
  refusedParse,
  refusedQuery,
  tooLargeMessage,
  unknownNameDenial,
} from "./refusals.ts";
import { rowReader } from "./rows.ts";
import type { SessionState } from "./session.ts";
import { recordedValue } from "./values.ts";
import { denialMessage } from "./wire-errors.ts";

/** Their messages have no body: with one, the server would answer an error that belongs to no operation. */
const EMPTY = tagTable([CLIENT.sync, CLIENT.flush, CLIENT.copyDone, CLIENT.terminate]);

const STATEMENT = "prepared statement";
const PORTAL = "portal";

const NOT_SKIPPED = tagTable([CLIENT.sync, CLIENT.flush, CLIENT.terminate]);

export class ClientMessages {
  readonly #state: SessionState;
  readonly #judge: Judge;
  readonly #digestOf: (value: Buffer) => string;
  #asking: Promise<Judgement> | null = null;
  /** A Parse was refused, and with it everything up to the next Sync. */
  #refusing = false;
  #lastEvent = 0;
  readonly #isOwn = (table: string): boolean => this.#state.made.isTemporary(table);

  /** @param digestOf keyed digest of a value that must not stand in the record */
  constructor(state: SessionState, judge: Judge, digestOf: (value: Buffer) => string) {
    this.#state = state;
    this.#judge = judge;
    this.#digestOf = digestOf;
  }

  /** The server discards this message, whatever it is. A Flush is left to it: there may be answers to push out. */
  skips(tag: number): boolean {
    return (this.#state.skipping || this.#refusing) && NOT_SKIPPED[tag] === 0;
  }

  /** What a `stop` waits for. */
  takeAsked(): Promise<Judgement> | null {
    const asking = this.#asking;
    this.#asking = null;
    return asking;
  }

  /** @throws Fault `malformed-message`, `unexpected-message` */
  onFrame(tag: number, frame: Buffer, nowMs: number): Action {
    const body = frame.subarray(HEADER_BYTES);
    if (EMPTY[tag] === 1 && body.length > 0) throw new Fault("malformed-message", "a message that has no body came with one");
    if (this.skips(tag)) return DROP;
    switch (tag) {
      case CLIENT.query:
      case CLIENT.parse:
        return this.#onText(tag, frame, nowMs);
      case CLIENT.bind:
        return this.#onBind(readBind(body, true), true, nowMs);
      case CLIENT.execute:
        return this.#onExecute(readExecute(body), frame, nowMs);
      case CLIENT.describe:
        return this.#onDescribe(body);
      case CLIENT.close:
        return this.#onClose(body);
      case CLIENT.sync:
        return this.#onSync();
      case CLIENT.flush:
        return PASS;
      case CLIENT.copyDone:
      case CLIENT.copyFail:
        return this.#onCopyEnd();
      case CLIENT.terminate:
        return END;
      default:
        throw new Error("broken invariant: a message that has no place in a session was collected");
    }
  }

  /** The judgement that `takeAsked` gave out has come. */
  onJudged(frame: Buffer, judgement: Judgement, nowMs: number): Action {
    if (this.skips(frame[0] ?? 0)) return DROP;
    return frame[0] === CLIENT.query ? this.#query(judgement, nowMs) : this.#parse(frame, judgement);
  }

  /** The beginning of a text or a Bind that is too large to be collected and may pass. */
  onHead(tag: number, frame: Buffer, restBytes: number, nowMs: number): { readonly action: Action; readonly event: number } {
    if (this.skips(tag)) return { action: DROP, event: 0 };
    const cursor = new Cursor(frame.subarray(HEADER_BYTES));
    const action =
      tag === CLIENT.bind ? this.#onBind(readBind(cursor.rest(), false), false, nowMs) : this.#onUnread(tag, cursor, restBytes, nowMs);
    return { action, event: this.#lastEvent };
  }

  #onUnread(tag: number, cursor: Cursor, restBytes: number, nowMs: number): Action {
    const name = tag === CLIENT.parse ? cursor.name() : "";
    const bytes = cursor.left + restBytes;
    const judgement = unreadJudgement(cursor.rest(), bytes, secretsIn);
    if (tag === CLIENT.query) return this.#query(judgement, nowMs);
    const denial = nameDenial(STATEMENT, name);
    if (denial !== null) return this.#refuseNamed(denial);
    this.#prepare(parsed(name, judgement), this.#recordPrepare(name, judgement));
    return PASS;
  }

  /** A refusal that needs no more than the header. @returns what goes upstream in the message's place */
  onRefusedHeader(tag: number, length: number): Buffer {
    if (tag === CLIENT.functionCall) {
      const denial = functionCallDenial();
      this.#recordDenied(denial, null);
      return this.#refuseQuery(denialMessage(denial), null);
    }
    this.#state.append({ kind: "denied", statement: null, rule: null, reason: "statement-too-large", message: `${length} bytes` });
    this.#state.counts.denied++;
    const wire = tooLargeMessage(length);
    return tag === CLIENT.parse ? this.#refuseParse(null, wire, null) : this.#refuseQuery(wire, null);
  }

  #onText(tag: number, frame: Buffer, nowMs: number): Action {
    const body = frame.subarray(HEADER_BYTES);
    const answer = this.#judge(tag === CLIENT.query ? readQuery(body) : readParse(body).sql, this.#isOwn);
    if (answer instanceof Promise) {
      this.#asking = answer;
      return STOP;
    }
    return tag === CLIENT.query ? this.#query(answer, nowMs) : this.#parse(frame, answer);
  }

  #query(judgement: Judgement, nowMs: number): Action {
    const statement = this.#recordStatement(judgement, []);
    const denial = judgement.denial ?? this.#executeDenial(judgement);
    if (denial !== null) {
      this.#recordDenied(denial, statement);
      return { kind: "replace", bytes: [this.#refuseQuery(denialMessage(denial), statement)] };
    }
    const run = this.#run(statement, judgement, nowMs, []);
    const changes = changesIn(judgement, this.#state.names);
    this.#push({ kind: "query", run, refusal: null, changes });
    // Its error skips nothing behind it: what it does is not certain to what comes next.
    if (changes.length > 0) this.#state.names.endSegment();
    return judgement.upstreamSql === null ? PASS : { kind: "replace", bytes: [query(judgement.upstreamSql)] };
  }

  /** Of a judgement that allows, why its text may not run all the same. */
  #executeDenial(judgement: Judgement): Denial | null {
    return this.#state.terms.underMask ? executeDenial(judgement, this.#state.names) : null;
  }

  #parse(frame: Buffer, judgement: Judgement): Action {
    const { name, types } = readParse(frame.subarray(HEADER_BYTES));
    const event = this.#recordPrepare(name, judgement);
    const denial = judgement.denial ?? nameDenial(STATEMENT, name) ?? (this.#state.terms.underMask ? parameterTypeDenial(types) : null);
    if (denial !== null) {
      this.#recordDenied(denial, event);
      return { kind: "replace", bytes: [this.#refuseParse(name, denialMessage(denial), event)] };
    }
    const prepared = parsed(name, judgement);
    this.#prepare(prepared, event);
    const rewritten = judgement.upstreamSql === null ? null : parse(name, judgement.upstreamSql, types);
    if (!this.#state.terms.underMask) return rewritten === null ? PASS : { kind: "replace", bytes: [rewritten] };
    // Under a mask no row may come whose columns are not known: the statement is described at once, for us.
    this.#push({ kind: "describe", prepared, portal: null, ours: true });
    const describe = describeStatement(name);
    return rewritten === null ? { kind: "then", bytes: describe } : { kind: "replace", bytes: [rewritten, describe] };
  }

  #prepare(prepared: Prepared, event: number): void {
    this.#push({ kind: "parse", prepared, change: this.#state.names.setStatement(prepared.name, prepared), event, refusal: null });
  }

  /** @param whole the message is at hand, so that another can be put behind it */
  #onBind(bind: BindMessage, whole: boolean, nowMs: number): Action {
    const { underMask } = this.#state.terms;
    const misnamed = nameDenial(STATEMENT, bind.statement) ?? nameDenial(PORTAL, bind.portal);
    if (misnamed !== null) return this.#refuseNamed(misnamed);
    const prepared = this.#state.names.statement(bind.statement) ?? null;
    if (prepared === null && underMask) return this.#refuseNamed(unknownNameDenial(STATEMENT, bind.statement));
    if (prepared !== null && !prepared.judgement.holds()) return this.#refuseNamed(changedDenial(prepared.name));
    // Asked now and not at Execute alone: the description that follows is of what the name has come to stand for.
    const denial = prepared === null ? null : this.#executeDenial(prepared.judgement);
    if (denial !== null) return this.#refuseNamed(denial);
    const borrowing = underMask && prepared !== null && borrowsRows(prepared);
    if (borrowing && !whole) return this.#refuseNamed(largeBindDenial(bind.statement));
    const judgement = prepared?.judgement ?? null;
    const statement =
      judgement === null
        ? this.#recordForeign(`Bind of "${bind.statement}"`, this.#values(bind, null))
        : this.#recordStatement(judgement, this.#values(bind, prepared));
    const run = this.#run(statement, judgement, nowMs, bind.resultFormats);
    const portal = { name: bind.portal, prepared, run, formats: bind.resultFormats };
    this.#push({ kind: "bind", portal, change: this.#state.names.setPortal(bind.portal, portal) });
    return borrowing ? { kind: "then", bytes: this.#describeForUs(portal) } : PASS;
  }

  /** Under a mask no row may come whose columns are not known: the portal is described as it is now, unseen by the client. */
  #describeForUs(portal: Portal): Buffer {
    this.#push({ kind: "describe", prepared: null, portal, ours: true });
    return describePortal(portal.name);
  }

  #onExecute(name: string, frame: Buffer, nowMs: number): Action {
    const misnamed = nameDenial(PORTAL, name);
    if (misnamed !== null) return this.#refuseNamed(misnamed);
    let portal = this.#state.names.portal(name) ?? null;
    if (portal === null) {
      if (this.#state.terms.underMask) return this.#refuseNamed(unknownNameDenial(PORTAL, name));
      const statement = this.#recordForeign(`Execute of portal "${name}"`, []);
      portal = { name, prepared: null, run: this.#run(statement, null, nowMs, []), formats: [] };
    }
    const judgement = portal.prepared?.judgement ?? null;
    const denial = judgement === null ? null : this.#executeDenial(judgement);
    if (denial !== null) return this.#refuseNamed(denial);
    // A named portal can have been exchanged for a cursor by a text.
    const described = this.#state.terms.underMask && name !== "" ? this.#describeForUs(portal) : null;
    const changes = judgement === null ? NO_CHANGES : changesIn(judgement, this.#state.names);
    this.#push({ kind: "execute", portal, changes });
    return described === null ? PASS : { kind: "replace", bytes: [described, frame] };
  }

  #onDescribe(body: Buffer): Action {
    const { kind, name } = readNamed(body, "Describe");
    const misnamed = nameDenial(kind === "statement" ? STATEMENT : PORTAL, name);
    if (misnamed !== null) return this.#refuseNamed(misnamed);
    const prepared = kind === "statement" ? (this.#state.names.statement(name) ?? null) : null;
    const portal = kind === "portal" ? (this.#state.names.portal(name) ?? null) : null;
    this.#push({ kind: "describe", prepared, portal, ours: false });
    return PASS;
  }

  #onClose(body: Buffer): Action {
    const { kind, name } = readNamed(body, "Close");
    const { names } = this.#state;
    const misnamed = nameDenial(kind === "statement" ? STATEMENT : PORTAL, name);
    if (misnamed !== null) return this.#refuseNamed(misnamed);
    this.#push({ kind: "close", change: kind === "statement" ? names.closeStatement(name) : names.closePortal(name) });
    return PASS;
  }

  #onSync(): Action {
    // In copy-in mode the server reads Sync and says nothing (protocol-flow, "COPY Operations").
    if (this.#state.copy.kind === "in" && this.#state.operations.length === 1) this.#state.ignoredSyncs++;
    else this.#state.operations.push({ kind: "sync" });
    this.#state.names.endSegment();
    this.#state.skipping = false;
    this.#refusing = false;
    return PASS;
  }

  #onCopyEnd(): Action {
    const record = this.#state.sending;
    this.#state.sending = null;
    // With nothing under way the server ignores it.
    if (this.#state.operations.length > 0) this.#state.operations.push({ kind: "copy-end", record });
    return PASS;
  }

  /** Data that were sent before this operation are for the one before. */
  #push(operation: Operation): void {
    const { operations, sending } = this.#state;
    this.#state.sending = null;
    if (sending !== null && operations.length > 0) operations.push({ kind: "copy-end", record: sending });
    operations.push(operation);
  }

  #run(statement: number, judgement: Judgement | null, startedMs: number, formats: readonly number[]): Run {
    const read = rowReader([], formats);
    return new Run({ statement, judgement, startedMs, append: this.#state.append, limits: this.#state.terms.limits, read });
  }

  #values(bind: BindMessage, prepared: Prepared | null): readonly RecordedValue[] {
    const sensitive = prepared?.judgement.sensitiveParameters ?? [];
    const types = prepared?.parameterTypes ?? [];
    return bind.values.map((value, index) =>
      value !== null && sensitive.includes(index + 1)
        ? this.#digestOf(value)
        : recordedValue(value, bind.binary[index] ?? false, types[index] ?? 0),
    );
  }

  #recordStatement(judgement: Judgement, parameters: readonly RecordedValue[]): number {
    this.#state.countStatement();
    this.#lastEvent = this.#state.append(statementEvent(judgement, parameters));
    return this.#lastEvent;
  }

  #recordPrepare(name: string, judgement: Judgement): number {
    this.#lastEvent = this.#state.append({ kind: "prepare", name, ...recordedJudgement(judgement) });
    return this.#lastEvent;
  }

  /** A name that only the server knows: made by DECLARE or PREPARE in a text, or changed by messages that may be skipped. */
  #recordForeign(what: string, parameters: readonly RecordedValue[]): number {
    this.#state.countStatement();
    this.#lastEvent = this.#state.append({
      kind: "statement",
      sql: `-- ${what}`,
      upstreamSql: null,
      parameters,
      verdict: "allow",
      rule: null,
      reason: null,
      tables: [],
    });
    return this.#lastEvent;
  }

  #recordDenied(denial: Denial, statement: number | null): void {
    this.#state.counts.denied++;
    this.#state.append({ kind: "denied", statement, rule: denial.rule, reason: denial.reason, message: denial.message });
  }

  #refuseQuery(wire: Buffer, event: number | null): Buffer {
    this.#push({ kind: "query", run: null, refusal: { wire, event }, changes: [] });
    return refusedQuery();
  }

  #refuseParse(name: string | null, wire: Buffer, event: number | null): Buffer {
    this.#push({ kind: "parse", prepared: null, change: null, event: null, refusal: { wire, event } });
    this.#refusing = true;
    return refusedParse(name);
  }

  #refuseNamed(denial: Denial): Action {
    this.#recordDenied(denial, null);
    return { kind: "replace", bytes: [this.#refuseParse(null, denialMessage(denial), null)] };
  }
}

function parsed(name: string, judgement: Judgement): Prepared {
  return { name, judgement, columns: undefined, parameterTypes: [], inText: false };
}
