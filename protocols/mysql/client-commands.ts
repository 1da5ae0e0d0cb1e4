/**
 * What each command of the client means for the session: texts are judged, values recorded, statements kept by their id.
 * A refused command is answered here and never goes upstream; MySQL's own errors of that kind leave a transaction alone too.
 */
import type { Denial } from "#policies/decision.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { Run } from "#protocols/wire/run.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import type { Outcome } from "./command-outcome.ts";
import { readExecuteCommand, readExecuteTypes, readLongData, readQueryCommand, readStatementId } from "./commands.ts";
import { CAPABILITY, COMMAND, EXECUTE_FLAG, HEADER_BYTES } from "./constants.ts";
import type { MysqlJudge, MysqlJudgement, SessionEffects } from "./judge.ts";
import { executed, nameChange } from "./named.ts";
import { type ErrPacket, errorPayload, okPayload } from "./outcome.ts";
import { packets } from "./packet.ts";
import { changedDenial, commandDenial, localFileDenial, unknownNameDenial, unknownStatementDenial, unparsedJudgement } from "./refusals.ts";
import type { Answer, Prepared, SessionState } from "./session.ts";
import { denialError, tooLargeError } from "./wire-errors.ts";

/** What becomes of a command that is too large to be collected. */
export interface LargeOutcome {
  readonly passes: boolean;
  /** Of the statement's beginning on record; its digest follows when all of it has come. */
  readonly event: number | null;
  /** Each part of the payload, from its first byte on; a view. */
  readonly takes: (payload: Buffer) => void;
  /** Once the last byte has come. */
  readonly done: (carryOut: (outcome: Outcome) => void) => () => void;
}

/** ER_UNSUPPORTED_PS, as servers answer to PREPARE in COM_STMT_PREPARE. */
const NOT_PREPARED: ErrPacket = {
  errno: 1295,
  sqlState: "HY000",
  message: "This command is not supported in the prepared statement protocol yet",
};

const IGNORED = (): void => undefined;

/** To MariaDB, the id of the statement that was prepared last. */
const LAST_PREPARED = 0xffffffff;

export class ClientCommands {
  readonly #state: SessionState;
  readonly #judge: MysqlJudge;
  readonly #effects: SessionEffects;

  constructor(state: SessionState, judge: MysqlJudge, effects: SessionEffects) {
    this.#state = state;
    this.#judge = judge;
    this.#effects = effects;
  }

  /**
   * @param payload a view, command byte first
   * @param whole the same with headers, as it came
   * @throws Fault `malformed-message`
   */
  onCommand(payload: Buffer, whole: Buffer, nowMs: number): Outcome {
    switch (payload[0]) {
      case COMMAND.quit:
        return { kind: "quit", bytes: [whole] };
      case COMMAND.query:
        return this.#onQuery(payload, whole, nowMs);
      case COMMAND.stmtPrepare:
        return this.#onPrepare(payload, whole);
      case COMMAND.stmtExecute:
        return this.#onExecute(payload, whole, nowMs);
      case COMMAND.stmtFetch:
        return this.#onFetch(payload, whole);
      case COMMAND.stmtReset:
        return this.#onReset(payload, whole);
      case COMMAND.stmtClose:
        this.#state.forget(readStatementId(payload));
        return forward(whole, null);
      case COMMAND.stmtSendLongData:
        return this.#onLongData(payload, whole);
      case COMMAND.initDb:
        return this.#onInitDb(payload, whole);
      case COMMAND.fieldList:
        return this.#onFieldList(payload, whole);
      case COMMAND.ping:
        return forward(whole, { kind: "plain", event: null, onOk: null });
      case COMMAND.setOption:
        return forward(whole, { kind: "plain", event: this.#record("-- COM_SET_OPTION"), onOk: null });
      case COMMAND.statistics:
        return this.#state.terms.underMask ? this.#refuse(commandDenial("COM_STATISTICS"), null) : forward(whole, { kind: "text" });
      case COMMAND.resetConnection:
        return forward(whole, { kind: "reset", event: this.#record("-- COM_RESET_CONNECTION"), next: 0 });
      case COMMAND.processKill:
        return this.#kill(payload.length >= 5 ? payload.readUInt32LE(1) : 0, true, this.#record("-- COM_PROCESS_KILL"));
      default:
        return this.#refuse(commandDenial(nameOf(payload[0] ?? 0)), null);
    }
  }

  /** The beginning of a command that is too large to be collected. */
  onLarge(command: number, beginning: Buffer, nowMs: number): LargeOutcome {
    if (command === COMMAND.stmtSendLongData) return this.#onLargeLongData(beginning);
    if (command === COMMAND.stmtExecute) return this.#onLargeExecute(beginning, nowMs);
    const isText = command === COMMAND.query || command === COMMAND.stmtPrepare;
    if (!isText || !this.#state.terms.mayPassUnparsed) return this.#tooLarge();
    const judgement = unparsedJudgement(beginning.subarray(1), beginning.length);
    const event = this.#recordText(judgement, command === COMMAND.query ? [] : null);
    const answer: Answer =
      command === COMMAND.query
        ? { kind: "query", run: this.#run(event, judgement, nowMs), file: null, inserts: false, names: nameChange(judgement) }
        : { kind: "prepare", judgement, event };
    return { passes: true, event, takes: IGNORED, done: (carryOut) => () => carryOut({ kind: "forward", bytes: [], answer }) };
  }

  /** Its values are digested, not read. */
  #onLargeExecute(beginning: Buffer, nowMs: number): LargeOutcome {
    const id = readStatementId(beginning);
    const prepared = this.#state.statements.get(id) ?? null;
    const denial = prepared === null ? unknownStatementDenial(id) : prepared.judgement.holds() ? null : changedDenial(id);
    if (prepared === null || denial !== null) {
      const refused = this.#refuse(denial ?? unknownStatementDenial(id), null);
      return { passes: false, event: null, takes: IGNORED, done: (carryOut) => () => carryOut(refused) };
    }
    prepared.types = readExecuteTypes(beginning, this.#state.terms.clientCapabilities, prepared);
    prepared.longData?.clear();
    prepared.open = null;
    const event = this.#recordText(prepared.judgement, []);
    const answer: Answer = {
      kind: "execute",
      run: this.#run(event, prepared.judgement, nowMs),
      prepared,
      inserts: prepared.judgement.inserts,
      names: nameChange(prepared.judgement),
    };
    return { passes: true, event, takes: IGNORED, done: (carryOut) => () => carryOut({ kind: "forward", bytes: [], answer }) };
  }

  #tooLarge(): LargeOutcome {
    this.#state.counts.denied++;
    const message = "the statement is too large to be judged";
    this.#state.append({ kind: "denied", statement: null, rule: null, reason: "statement-too-large", message });
    return {
      passes: false,
      event: null,
      takes: IGNORED,
      done: (carryOut) => () => carryOut({ kind: "answer", payloads: [errorPayload(tooLargeError())] }),
    };
  }

  #onQuery(payload: Buffer, whole: Buffer, nowMs: number): Outcome {
    const command = readQueryCommand(payload, this.#state.terms.clientCapabilities);
    return this.#judged(command.sql, payload, whole, (outer, own) => {
      const prepared = outer.named?.kind === "execute" ? this.#state.named.get(outer.named.name) : undefined;
      const judgement = prepared === undefined || outer.denial !== null ? outer : executed(outer, prepared);
      const values = command.attributes.map(({ value }) => value);
      const event = this.#recordText(judgement, values);
      const refusal = this.#executeRefusal(outer, prepared, event);
      if (refusal !== null) return refusal;
      if (judgement.denial !== null) return this.#refuse(judgement.denial, event);
      if (judgement.instead !== null) return this.#kill(judgement.instead.id, judgement.instead.connection, event);
      const { localFiles } = this.#state.terms;
      if (judgement.localFile !== null && (!localFiles || judgement.localFile.name === null)) {
        return this.#refuse(localFileDenial(localFiles), event);
      }
      const answer: Answer = {
        kind: "query",
        run: this.#run(event, judgement, nowMs),
        file: judgement.localFile?.name ?? null,
        inserts: judgement.inserts,
        names: nameChange(judgement),
      };
      return { kind: "forward", bytes: [this.#queryBytes(judgement, command.textAt, own.payload, own.whole)], answer };
    });
  }

  /** Why EXECUTE of a name does not run; null where it may, and for other texts. */
  #executeRefusal({ named, denial }: MysqlJudgement, prepared: MysqlJudgement | undefined, event: number): Outcome | null {
    if (named?.kind !== "execute" || denial !== null) return null;
    const { underMask, mayPassUnparsed } = this.#state.terms;
    if (prepared !== undefined) return prepared.holds() ? null : this.#refuse(changedDenial(named.name), event);
    // Under a mask nothing else can have been prepared: the server would say the same.
    if (underMask) return this.#unknown(`Unknown prepared statement handler (${named.name}) given to EXECUTE`, event);
    return mayPassUnparsed ? null : this.#refuse(unknownNameDenial(named.name), event);
  }

  /** The client's own packets, unless the text was rewritten or the target knows no query attributes. */
  #queryBytes(judgement: MysqlJudgement, textAt: number, payload: Buffer, whole: Buffer): Buffer {
    const { clientCapabilities, upstreamCapabilities } = this.#state.terms;
    const stripped = (clientCapabilities & ~upstreamCapabilities & CAPABILITY.queryAttributes) !== 0;
    if (judgement.upstreamSql === null && !stripped) return whole;
    const text = judgement.upstreamSql === null ? payload.subarray(textAt) : Buffer.from(judgement.upstreamSql);
    const head = stripped ? payload.subarray(0, 1) : payload.subarray(0, textAt);
    return packets(Buffer.concat([head, text]), 0);
  }

  #onPrepare(payload: Buffer, whole: Buffer): Outcome {
    this.#state.lastPrepared = null;
    const sql = payload.toString("utf8", 1);
    return this.#judged(sql, payload, whole, (judgement, own) => {
      const event = this.#recordText(judgement, null);
      if (judgement.denial !== null) return this.#refuse(judgement.denial, event);
      if (judgement.instead !== null) return this.#refuse(commandDenial("a prepared KILL"), event);
      if (judgement.named !== null) return this.#answered(NOT_PREPARED, event);
      if (judgement.localFile !== null) return this.#refuse(localFileDenial(this.#state.terms.localFiles), event);
      const rewritten = judgement.upstreamSql;
      const bytes =
        rewritten === null ? own.whole : packets(Buffer.concat([Buffer.from([COMMAND.stmtPrepare]), Buffer.from(rewritten)]), 0);
      return forward(bytes, { kind: "prepare", judgement, event });
    });
  }

  #onExecute(payload: Buffer, whole: Buffer, nowMs: number): Outcome {
    const id = readStatementId(payload);
    if (id === LAST_PREPARED && this.#state.lastPrepared !== null) return this.#onExecuteLast(whole, this.#state.lastPrepared, nowMs);
    const prepared = this.#state.statements.get(id) ?? null;
    if (prepared === null) {
      if (this.#state.terms.underMask) return this.#refuse(unknownStatementDenial(id), null);
      // What has no judgement and no record here does not run.
      const event = this.#record(`-- COM_STMT_EXECUTE of statement ${id}, which is not known`);
      return this.#unknown(`Unknown prepared statement handler (${id}) given to mysqld_stmt_execute`, event);
    }
    const { judgement } = prepared;
    if (!judgement.holds()) return this.#refuse(changedDenial(id), null);
    const command = readExecuteCommand(payload, this.#state.terms.clientCapabilities, prepared);
    prepared.types = command.types;
    prepared.longData?.clear();
    prepared.open = null;
    const event = this.#recordText(judgement, this.#shown(command.values, prepared));
    const stripped = payload[5] !== undefined && ((payload[5] ?? 0) & ~EXECUTE_FLAG.parameterCountAvailable) !== payload[5];
    if (stripped && (this.#state.terms.upstreamCapabilities & CAPABILITY.queryAttributes) === 0) {
      return this.#refuse(commandDenial("COM_STMT_EXECUTE with query attributes, which this target does not know,"), event);
    }
    const run = this.#run(event, judgement, nowMs);
    return forward(whole, { kind: "execute", run, prepared, inserts: judgement.inserts, names: nameChange(judgement) });
  }

  /** MariaDB's clients send it right behind COM_STMT_PREPARE; upstream it goes by the statement's own id. */
  #onExecuteLast(whole: Buffer, id: number, nowMs: number): Outcome {
    const named = Buffer.from(whole);
    named.writeUInt32LE(id, HEADER_BYTES + 1);
    return this.#onExecute(named.subarray(HEADER_BYTES), named, nowMs);
  }

  #shown(values: readonly RecordedValue[], { judgement }: Prepared): readonly RecordedValue[] {
    return values.map((value, index) =>
      value !== null && judgement.sensitiveParameters.includes(index + 1)
        ? this.#effects.digestOf(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)))
        : value,
    );
  }

  #onFetch(payload: Buffer, whole: Buffer): Outcome {
    const id = readStatementId(payload);
    const prepared = this.#state.statements.get(id) ?? null;
    if ((prepared?.open ?? null) === null && this.#state.terms.underMask) return this.#refuse(unknownStatementDenial(id), null);
    return forward(whole, { kind: "fetch", prepared });
  }

  #onReset(payload: Buffer, whole: Buffer): Outcome {
    const prepared = this.#state.statements.get(readStatementId(payload));
    prepared?.longData?.clear();
    if (prepared !== undefined) prepared.open = null;
    return forward(whole, { kind: "plain", event: null, onOk: null });
  }

  #onLongData(payload: Buffer, whole: Buffer): Outcome {
    const id = readStatementId(payload);
    const { parameter, piece } = readLongData(payload);
    const prepared = this.#state.statements.get(id);
    if (prepared !== undefined) this.#state.longDataOf(prepared).add(parameter, piece);
    this.#record(`-- COM_STMT_SEND_LONG_DATA of statement ${id}, ${piece.length} bytes`);
    return forward(whole, null);
  }

  #onLargeLongData(beginning: Buffer): LargeOutcome {
    const id = readStatementId(beginning);
    const { parameter, piece } = readLongData(beginning);
    const prepared = this.#state.statements.get(id);
    const longData = prepared === undefined ? null : this.#state.longDataOf(prepared);
    let head = beginning.length - piece.length;
    const takes = (payload: Buffer): void => {
      longData?.add(parameter, payload.subarray(head));
      head = Math.max(0, head - payload.length);
    };
    const event = this.#record(`-- COM_STMT_SEND_LONG_DATA of statement ${id}`);
    return { passes: true, event, takes, done: () => () => undefined };
  }

  /** USE by another name. */
  #onInitDb(payload: Buffer, whole: Buffer): Outcome {
    const name = payload.toString("utf8", 1);
    return this.#judged(`USE ${quoted(name)}`, payload, whole, (judgement, own) => {
      const event = this.#recordText(judgement, []);
      if (judgement.denial !== null) return this.#refuse(judgement.denial, event);
      // Which database that is the server tells with its OK.
      return forward(own.whole, { kind: "plain", event, onOk: null });
    });
  }

  /** SHOW COLUMNS by another name. */
  #onFieldList(payload: Buffer, whole: Buffer): Outcome {
    const end = payload.indexOf(0, 1);
    const table = payload.toString("utf8", 1, end < 0 ? payload.length : end);
    return this.#judged(`SHOW COLUMNS FROM ${quoted(table)}`, payload, whole, (judgement, own) => {
      const event = this.#recordText(judgement, []);
      if (judgement.denial !== null) return this.#refuse(judgement.denial, event);
      return forward(own.whole, { kind: "fields", event });
    });
  }

  #judged(
    sql: string,
    payload: Buffer,
    whole: Buffer,
    then: (judgement: MysqlJudgement, own: { readonly payload: Buffer; readonly whole: Buffer }) => Outcome,
  ): Outcome {
    const judgement = this.#judge(sql, this.#state.settings);
    if (!(judgement instanceof Promise)) return then(judgement, { payload, whole });
    // Views end with this call.
    const own = { payload: Buffer.from(payload), whole: Buffer.from(whole) };
    return { kind: "ask", asked: judgement.then((found) => then(found, own)) };
  }

  #kill(id: number, connection: boolean, event: number): Outcome {
    if (this.#effects.kill(id, connection)) return { kind: "answer", payloads: [this.#ok()] };
    return this.#answered({ errno: 1094, sqlState: "HY000", message: `Unknown thread id: ${id}` }, event);
  }

  /** ER_UNKNOWN_STMT_HANDLER. */
  #unknown(message: string, event: number): Outcome {
    return this.#answered({ errno: 1243, sqlState: "HY000", message }, event);
  }

  /** An error as the server would tell it. */
  #answered(error: ErrPacket, event: number): Outcome {
    this.#state.append({ kind: "error", statement: event, fields: { errno: String(error.errno), M: error.message }, from: "gateway" });
    return { kind: "answer", payloads: [errorPayload(error)] };
  }

  #ok(): Buffer {
    const { status, terms } = this.#state;
    const nothing = { affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "", changes: Buffer.alloc(0) };
    return okPayload({ ...nothing, status }, terms.clientCapabilities);
  }

  #refuse(denial: Denial, event: number | null): Outcome {
    this.#state.counts.denied++;
    this.#state.append({ kind: "denied", statement: event, rule: denial.rule, reason: denial.reason, message: denial.message });
    return { kind: "answer", payloads: [errorPayload(denialError(denial))] };
  }

  /** @param parameters null for a statement that is prepared */
  #recordText(judgement: Judgement, parameters: readonly RecordedValue[] | null): number {
    const said = {
      sql: judgement.recordedSql,
      upstreamSql: judgement.recordedUpstreamSql,
      verdict: judgement.verdict,
      rule: judgement.rule,
      reason: judgement.reason,
      tables: judgement.tables,
    };
    if (parameters === null) return this.#state.append({ kind: "prepare", name: "", ...said });
    this.#state.budget.countStatement();
    return this.#state.append({ kind: "statement", ...said, parameters });
  }

  /** A command without a text of its own. */
  #record(sql: string): number {
    this.#state.budget.countStatement();
    const said = { upstreamSql: null, parameters: [], verdict: "allow", rule: null, reason: null, tables: [] };
    return this.#state.append({ kind: "statement", sql, ...said });
  }

  #run(statement: number, judgement: Judgement | null, startedMs: number): Run {
    return new Run({ statement, judgement, startedMs, append: this.#state.append, limits: this.#state.terms.limits, read: () => [] });
  }
}

function forward(bytes: Buffer, answer: Answer | null): Outcome {
  return { kind: "forward", bytes: [bytes], answer };
}

function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(COMMAND).map(([name, code]) => [code, name]));

/** `binlogDump` → `COM_BINLOG_DUMP`. */
function nameOf(command: number): string {
  const name = NAMES.get(command);
  if (name === undefined) return `command 0x${command.toString(16)}`;
  return `COM_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
