/**
 * What each message of the client means for the session: texts are judged, values recorded, operations queued and names
 * kept. A refused text is replaced by one with a syntax error: the server's state, its transaction and the rest of the
 * pipeline are then exactly what an error in that place makes of them, and its error is exchanged on the way back.
 */
import type { Denial, DenyReason } from "#policies/decision.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Judge, Judgement } from "#protocols/wire/judgement.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import { CLIENT } from "./constants.ts";
import { type BindMessage, readBind, readExecute, readNamed, readParse, readQuery } from "./decode.ts";
import { describeStatement, errorResponse, parse, query } from "./encode.ts";
import { type Action, END, HEADER_BYTES, PASS, STOP } from "./frame.ts";
import type { Prepared } from "./names.ts";
import { Run } from "./run.ts";
import type { SessionState } from "./session.ts";
import { recordedValue } from "./values.ts";
import { denialMessage, WIRE_ERRORS } from "./wire-errors.ts";

/** No grammar of PostgreSQL accepts this. */
const REFUSED_SQL = "sallyport refused this statement";
const NO_TYPES = Buffer.alloc(2);
const NOTHING = (): void => {
  // The server skips what this would undo.
};

export class ClientMessages {
  readonly #state: SessionState;
  readonly #judge: Judge;
  readonly #digestOf: (value: Buffer) => string;
  #asking: Promise<Judgement> | null = null;

  /** @param digestOf keyed digest of a value that must not stand in the record */
  constructor(state: SessionState, judge: Judge, digestOf: (value: Buffer) => string) {
    this.#state = state;
    this.#judge = judge;
    this.#digestOf = digestOf;
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
    switch (tag) {
      case CLIENT.query:
      case CLIENT.parse:
        return this.#onText(tag, frame, nowMs);
      case CLIENT.bind:
        return this.#onBind(readBind(body, true), nowMs);
      case CLIENT.execute:
        return this.#onExecute(readExecute(body), nowMs);
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
        this.#push({ kind: "copy-end" });
        return PASS;
      case CLIENT.terminate:
        return END;
      default:
        throw new Fault("unexpected-message", `a message of type ${printable(tag)} has no place in a session`);
    }
  }

  /** The judgement that `takeAsked` gave out has come. */
  onJudged(frame: Buffer, judgement: Judgement, nowMs: number): Action {
    return frame[0] === CLIENT.query ? this.#query(judgement, nowMs) : this.#parse(frame, judgement);
  }

  /** The beginning of a text or a Bind that is too large to be collected and may pass. */
  onHead(tag: number, frame: Buffer, restBytes: number, nowMs: number): { readonly action: Action; readonly event: number } {
    const body = frame.subarray(HEADER_BYTES);
    if (tag === CLIENT.bind) {
      const action = this.#onBind(readBind(body, false), nowMs);
      return { action, event: this.#lastEvent };
    }
    const at = tag === CLIENT.parse ? body.indexOf(0) + 1 : 0;
    const judgement = unparsedJudgement(body.subarray(at), body.length - at + restBytes);
    const action = tag === CLIENT.query ? this.#query(judgement, nowMs) : this.#parseUnread(body.toString("utf8", 0, at - 1), judgement);
    return { action, event: this.#lastEvent };
  }

  /** A refusal that needs no more than the header. @returns what goes upstream in the message's place */
  onRefusedHeader(tag: number, length: number): Buffer {
    const denial: Denial =
      tag === CLIENT.functionCall
        ? deny("function-call-refused", "fast-path function calls are refused", "call the function in a SELECT")
        : deny("masked-unsupported", `a message of ${length} bytes is too large to be judged`, "split the statement");
    if (tag === CLIENT.functionCall) return this.#refuseQuery(denialMessage(denial), null, denial);
    const code = WIRE_ERRORS["statement-too-large"];
    const wire = errorResponse({
      severity: code.severity,
      sqlState: code.sqlState,
      message: `the statement has ${length} bytes; no more than 4 MiB can be judged`,
      detail: "reason=statement-too-large",
      hint: "split it into several statements, or use COPY for bulk data",
    });
    const event = this.#state.append({
      kind: "denied",
      statement: null,
      rule: null,
      reason: "statement-too-large",
      message: `${length} bytes`,
    });
    this.#state.counts.denied++;
    return tag === CLIENT.parse ? this.#refuseParse("", wire, event) : this.#refuseQuery(wire, event, null);
  }

  #lastEvent = 0;

  #onText(tag: number, frame: Buffer, nowMs: number): Action {
    const body = frame.subarray(HEADER_BYTES);
    const answer = this.#judge(tag === CLIENT.query ? readQuery(body) : readParse(body).sql);
    if (answer instanceof Promise) {
      this.#asking = answer;
      return STOP;
    }
    return tag === CLIENT.query ? this.#query(answer, nowMs) : this.#parse(frame, answer);
  }

  #query(judgement: Judgement, nowMs: number): Action {
    const statement = this.#recordStatement(judgement, []);
    if (judgement.denial !== null) {
      this.#recordDenied(judgement.denial, statement);
      return { kind: "replace", bytes: [this.#refuseQuery(denialMessage(judgement.denial), statement, null)] };
    }
    for (const { name, sql } of judgement.prepares) {
      this.#state.names.setStatement(name, {
        name,
        judgement: { ...judgement, recordedSql: sql, prepares: [] },
        columns: undefined,
        parameterTypes: [],
      });
    }
    this.#push({ kind: "query", run: this.#run(statement, judgement, nowMs, []), refusal: null });
    return judgement.upstreamSql === null ? PASS : { kind: "replace", bytes: [query(judgement.upstreamSql)] };
  }

  #parse(frame: Buffer, judgement: Judgement): Action {
    const message = readParse(frame.subarray(HEADER_BYTES));
    const event = this.#recordPrepare(message.name, judgement);
    if (judgement.denial !== null) {
      this.#recordDenied(judgement.denial, event);
      return { kind: "replace", bytes: [this.#refuseParse(message.name, denialMessage(judgement.denial), event)] };
    }
    const prepared: Prepared = { name: message.name, judgement, columns: undefined, parameterTypes: [] };
    this.#push({ kind: "parse", prepared, undo: this.#setStatement(message.name, prepared), refusal: null });
    const rewritten = judgement.upstreamSql === null ? null : parse(message.name, judgement.upstreamSql, message.types);
    if (!this.#state.terms.underMask) return rewritten === null ? PASS : { kind: "replace", bytes: [rewritten] };
    // Under a mask no row may come whose columns are not known: the statement is described at once, for us.
    this.#push({ kind: "describe", prepared, portal: null, ours: true });
    const describe = describeStatement(message.name);
    return rewritten === null ? { kind: "then", bytes: describe } : { kind: "replace", bytes: [rewritten, describe] };
  }

  #parseUnread(name: string, judgement: Judgement): Action {
    this.#recordPrepare(name, judgement);
    const prepared: Prepared = { name, judgement, columns: undefined, parameterTypes: [] };
    this.#push({ kind: "parse", prepared, undo: this.#setStatement(name, prepared), refusal: null });
    return PASS;
  }

  #onBind(bind: BindMessage, nowMs: number): Action {
    const prepared = this.#state.names.statement(bind.statement) ?? null;
    if (prepared === null && this.#state.terms.underMask) return this.#refuseUnknown("prepared statement", bind.statement);
    const judgement = prepared?.judgement ?? null;
    const statement =
      judgement === null
        ? this.#recordForeign(`Bind of "${bind.statement}"`)
        : this.#recordStatement(judgement, this.#values(bind, prepared));
    const run = this.#run(statement, judgement, nowMs, bind.resultFormats);
    const portal = { prepared, run };
    const undo = this.#state.skipping ? NOTHING : this.#state.names.setPortal(bind.portal, portal);
    this.#push({ kind: "bind", portal, undo });
    return PASS;
  }

  #onExecute(name: string, nowMs: number): Action {
    let portal = this.#state.names.portal(name) ?? null;
    if (portal === null) {
      if (this.#state.terms.underMask) return this.#refuseUnknown("portal", name);
      const statement = this.#recordForeign(`Execute of portal "${name}"`);
      portal = { prepared: null, run: this.#run(statement, null, nowMs, []) };
    }
    this.#push({ kind: "execute", portal });
    return PASS;
  }

  #onDescribe(body: Buffer): Action {
    const { kind, name } = readNamed(body, "Describe");
    const prepared = kind === "statement" ? (this.#state.names.statement(name) ?? null) : null;
    const portal = kind === "portal" ? (this.#state.names.portal(name) ?? null) : null;
    this.#push({ kind: "describe", prepared, portal, ours: false });
    return PASS;
  }

  #onClose(body: Buffer): Action {
    const { kind, name } = readNamed(body, "Close");
    const names = this.#state.names;
    const undo = this.#state.skipping ? NOTHING : kind === "statement" ? names.closeStatement(name) : names.closePortal(name);
    this.#push({ kind: "close", undo });
    return PASS;
  }

  #onSync(): Action {
    // In copy-in mode the server reads Sync and says nothing (protocol-flow, "COPY Operations").
    const ignored = this.#state.copy.kind === "in" && !this.#state.operations.hasCopyEnd;
    if (!ignored) this.#state.operations.push({ kind: "sync" });
    this.#state.skipping = false;
    return PASS;
  }

  /** What the server skips leaves no trace in the queue. */
  #push(operation: Parameters<SessionState["operations"]["push"]>[0]): void {
    if (!this.#state.skipping) this.#state.operations.push(operation);
  }

  #setStatement(name: string, prepared: Prepared): () => void {
    return this.#state.skipping ? NOTHING : this.#state.names.setStatement(name, prepared);
  }

  #run(statement: number, judgement: Judgement | null, startedMs: number, resultFormats: readonly number[]): Run {
    return new Run({ statement, judgement, startedMs, append: this.#state.append, limits: this.#state.terms.limits, resultFormats });
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
    this.#state.counts.statements++;
    this.#lastEvent = this.#state.append({ kind: "statement", ...recorded(judgement), parameters });
    return this.#lastEvent;
  }

  #recordPrepare(name: string, judgement: Judgement): number {
    this.#lastEvent = this.#state.append({ kind: "prepare", name, ...recorded(judgement) });
    return this.#lastEvent;
  }

  /** A name that only the server knows (SQL-level DECLARE or PREPARE, or none at all). */
  #recordForeign(what: string): number {
    this.#state.counts.statements++;
    this.#lastEvent = this.#state.append({
      kind: "statement",
      sql: `-- ${what}`,
      upstreamSql: null,
      parameters: [],
      verdict: "allow",
      rule: null,
      reason: null,
      tables: [],
    });
    return this.#lastEvent;
  }

  #recordDenied(denial: Denial, statement: number): void {
    this.#state.counts.denied++;
    this.#state.append({ kind: "denied", statement, rule: denial.rule, reason: denial.reason, message: denial.message });
  }

  #refuseQuery(wire: Buffer, event: number | null, denial: Denial | null): Buffer {
    if (event === null && denial !== null) {
      this.#state.counts.denied++;
      this.#state.append({ kind: "denied", statement: null, rule: null, reason: denial.reason, message: denial.message });
    }
    this.#push({ kind: "query", run: null, refusal: { wire } });
    return query(REFUSED_SQL);
  }

  #refuseParse(name: string, wire: Buffer, _event: number | null): Buffer {
    this.#push({ kind: "parse", prepared: null, undo: NOTHING, refusal: { wire } });
    return parse(name, REFUSED_SQL, NO_TYPES);
  }

  /** Under a mask, what is not known by name has not been judged. */
  #refuseUnknown(what: string, name: string): Action {
    const denial = deny(
      "masked-unsupported",
      `no ${what} "${name}" was made through this protocol`,
      "prepare the statement again and bind it",
    );
    const event = this.#state.append({ kind: "denied", statement: null, rule: null, reason: denial.reason, message: denial.message });
    this.#state.counts.denied++;
    return { kind: "replace", bytes: [this.#refuseParse("", denialMessage(denial), event)] };
  }
}

function recorded(judgement: Judgement) {
  return {
    sql: judgement.recordedSql,
    upstreamSql: judgement.recordedUpstreamSql,
    verdict: judgement.verdict,
    rule: judgement.rule,
    reason: judgement.reason,
    tables: judgement.tables,
  };
}

function deny(reason: DenyReason, message: string, hint: string): Denial {
  return { verdict: "deny", reason, rule: null, message, hint, position: null };
}

/** For a text that streams by, unread: only principals with every right and no mask have one. */
function unparsedJudgement(beginning: Buffer, bytes: number): Judgement {
  return {
    verdict: "allow",
    rule: null,
    reason: "unparsed",
    denial: null,
    upstreamSql: null,
    outputMasked: [],
    mapPosition: (position) => position,
    recordedSql: { head: beginning.toString("utf8", 0, 1024), bytes, sha256: null },
    recordedUpstreamSql: null,
    tables: [],
    sensitiveParameters: [],
    rebuildErrors: false,
    prepares: [],
    changesCatalogue: true,
  };
}

function printable(tag: number): string {
  return tag > 0x20 && tag < 0x7f ? `'${String.fromCharCode(tag)}'` : `0x${tag.toString(16).padStart(2, "0")}`;
}
