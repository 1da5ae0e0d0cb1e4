/**
 * What each command of the client means for the session: texts are judged, values recorded, statements kept by their id.
 * A refused command is answered here and never goes upstream; MySQL's own errors of that kind leave a transaction alone too.
 */
import type { Denial } from "#policies/decision.ts";
import { NO_TEMPORARY } from "#protocols/sql/mysql/temporary.ts";
import { decodeText } from "#protocols/wire/cursor.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import { forward, type Outcome } from "./command-outcome.ts";
import { readQueryCommand } from "./commands.ts";
import { CAPABILITY, COMMAND } from "./constants.ts";
import type { MysqlJudge, MysqlJudgement, SessionEffects } from "./judge.ts";
import { changesOf, executed } from "./named.ts";
import { notSeveral } from "./not-several.ts";
import { answered, recordCommand, recordText, refused, runOn } from "./on-record.ts";
import { type ErrPacket, errorPayload, okPayload } from "./outcome.ts";
import { packets } from "./packet.ts";
import { PreparedCommands, unknownStatement } from "./prepared-commands.ts";
import { changedDenial, commandDenial, localFileDenial, severalDenial, unknownNameDenial } from "./refusals.ts";
import type { Answer, SessionState } from "./session.ts";
import { Stack, stackOf } from "./stacked.ts";
import { denialError } from "./wire-errors.ts";

/** ER_UNSUPPORTED_PS, as servers answer to PREPARE in COM_STMT_PREPARE. */
const NOT_PREPARED: ErrPacket = {
  errno: 1295,
  sqlState: "HY000",
  message: "This command is not supported in the prepared statement protocol yet",
};

export class ClientCommands {
  readonly #state: SessionState;
  readonly #judge: MysqlJudge;
  readonly #effects: SessionEffects;
  readonly #prepared: PreparedCommands;

  constructor(state: SessionState, judge: MysqlJudge, effects: SessionEffects) {
    this.#state = state;
    this.#judge = judge;
    this.#effects = effects;
    this.#prepared = new PreparedCommands(state, effects);
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
      case COMMAND.stmtFetch:
      case COMMAND.stmtReset:
      case COMMAND.stmtClose:
      case COMMAND.stmtSendLongData:
        return this.#prepared.onCommand(payload, whole, nowMs);
      case COMMAND.initDb:
        return this.#onInitDb(payload, whole);
      case COMMAND.fieldList:
        return this.#onFieldList(payload, whole);
      case COMMAND.ping:
        return forward(whole, { kind: "plain", event: null, onOk: null });
      case COMMAND.setOption:
        return this.#onSetOption(payload, whole);
      case COMMAND.statistics:
        return this.#state.terms.underMask ? this.#refuse(commandDenial("COM_STATISTICS"), null) : forward(whole, { kind: "text" });
      case COMMAND.resetConnection:
        return forward(whole, { kind: "reset", event: recordCommand(this.#state, "-- COM_RESET_CONNECTION"), next: 0 });
      case COMMAND.processKill:
        return this.#kill(payload.length >= 5 ? payload.readUInt32LE(1) : 0, true, recordCommand(this.#state, "-- COM_PROCESS_KILL"));
      default:
        return this.#refuse(commandDenial(nameOf(payload[0] ?? 0)), null);
    }
  }

  #onQuery(payload: Buffer, whole: Buffer, nowMs: number): Outcome {
    const command = readQueryCommand(payload, this.#state.terms.clientCapabilities);
    return this.#judged(command.sql, payload, whole, (outer, own) => {
      const prepared = outer.named?.kind === "execute" ? this.#state.named.get(outer.named.name) : undefined;
      const judgement = prepared === undefined || outer.denial !== null ? outer : executed(outer, prepared);
      const values = command.attributes.map(({ value }) => value);
      if (judgement.several.length > 0 && this.#state.multiStatements)
        return this.#onStack(judgement, command.textAt, values, own.payload, nowMs);
      const event = recordText(this.#state, judgement, values);
      const refusal = this.#executeRefusal(outer, prepared, event);
      if (refusal !== null) return refusal;
      if (judgement.denial !== null) return this.#refuse(judgement.denial, event);
      if (judgement.several.length > 0) {
        const { underMask, product } = this.#state.terms;
        if (underMask) return this.#refuse(severalDenial(false), event);
        return answered(this.#state, notSeveral(own.payload.subarray(command.textAt), judgement.several, product), event);
      }
      if (judgement.instead !== null) return this.#kill(judgement.instead.id, judgement.instead.connection, event);
      const { localFiles } = this.#state.terms;
      if (judgement.localFile !== null && (!localFiles || judgement.localFile.name === null)) {
        return this.#refuse(localFileDenial(localFiles), event);
      }
      const answer: Answer = {
        kind: "query",
        run: runOn(this.#state, event, judgement, nowMs),
        file: judgement.localFile?.name ?? null,
        inserts: judgement.inserts,
        ...changesOf(judgement),
        stack: null,
      };
      return { kind: "forward", bytes: [this.#queryBytes(judgement, command.textAt, own.payload, own.whole)], answer };
    });
  }

  /** Why EXECUTE of a name does not run; null where it may, and for other texts. */
  #executeRefusal({ named, denial }: MysqlJudgement, prepared: MysqlJudgement | undefined, event: number): Outcome | null {
    if (named?.kind !== "execute" || denial !== null) return null;
    const { underMask, mayPassUnparsed } = this.#state.terms;
    if (prepared !== undefined) return prepared.holdsWith(this.#state.temporary) ? null : this.#refuse(changedDenial(named.name), event);
    // Under a mask nothing else can have been prepared: the server would say the same.
    if (underMask) return answered(this.#state, unknownStatement(named.name, "EXECUTE"), event);
    return mayPassUnparsed ? null : this.#refuse(unknownNameDenial(named.name), event);
  }

  /** @param textAt where the text begins in the payload */
  #onStack(judgement: MysqlJudgement, textAt: number, values: readonly RecordedValue[], payload: Buffer, nowMs: number): Outcome {
    const made = stackOf(
      judgement,
      { text: payload.subarray(textAt), head: this.#queryHead(textAt, payload), values },
      this.#state,
      this.#judge,
    );
    if (!(made instanceof Stack)) return { kind: "answer", payloads: [errorPayload(denialError(made))] };
    const turn = made.turn(nowMs);
    if (turn.kind === "refused") return { kind: "answer", payloads: [errorPayload(denialError(turn.denial))] };
    const { bytes, ...running } = turn;
    return forward(bytes, { ...running, kind: "query", file: null, stack: made });
  }

  /** The client's own packets, unless the text was rewritten or the target knows no query attributes. */
  #queryBytes(judgement: MysqlJudgement, textAt: number, payload: Buffer, whole: Buffer): Buffer {
    const head = this.#queryHead(textAt, payload);
    if (judgement.upstreamSql === null && head.length === textAt) return whole;
    const text = judgement.upstreamSql === null ? payload.subarray(textAt) : Buffer.from(judgement.upstreamSql);
    return packets(Buffer.concat([head, text]), 0);
  }

  /** The command's byte, and query attributes where the target knows them. */
  #queryHead(textAt: number, payload: Buffer): Buffer {
    const { clientCapabilities, upstreamCapabilities } = this.#state.terms;
    const stripped = (clientCapabilities & ~upstreamCapabilities & CAPABILITY.queryAttributes) !== 0;
    return payload.subarray(0, stripped ? 1 : textAt);
  }

  #onPrepare(payload: Buffer, whole: Buffer): Outcome {
    this.#state.lastPrepared = null;
    return this.#judged(decodeText(payload, 1), payload, whole, (judgement, own) => {
      const event = recordText(this.#state, judgement, null);
      if (judgement.denial !== null) return this.#refuse(judgement.denial, event);
      if (judgement.several.length > 0 && this.#state.terms.underMask) return this.#refuse(severalDenial(true), event);
      if (judgement.instead !== null) return this.#refuse(commandDenial("a prepared KILL"), event);
      if (judgement.named !== null) return answered(this.#state, NOT_PREPARED, event);
      if (judgement.localFile !== null) return this.#refuse(localFileDenial(this.#state.terms.localFiles), event);
      const rewritten = judgement.upstreamSql;
      const bytes =
        rewritten === null ? own.whole : packets(Buffer.concat([Buffer.from([COMMAND.stmtPrepare]), Buffer.from(rewritten)]), 0);
      return forward(bytes, { kind: "prepare", judgement, event });
    });
  }

  /** MYSQL_OPTION_MULTI_STATEMENTS_ON is 0, OFF is 1. MariaDB reads bytes that did not come as zeros. */
  #onSetOption(payload: Buffer, whole: Buffer): Outcome {
    if (payload.length !== 3) throw new Fault("malformed-message", "COM_SET_OPTION has another length than 3");
    const on = payload.readUInt16LE(1) === 0;
    const onOk = (): void => {
      this.#state.multiStatements = on;
    };
    return forward(whole, { kind: "plain", event: recordCommand(this.#state, "-- COM_SET_OPTION"), onOk });
  }

  /** USE by another name. */
  #onInitDb(payload: Buffer, whole: Buffer): Outcome {
    const name = payload.toString("utf8", 1);
    return this.#judged(`USE ${quoted(name)}`, payload, whole, (judgement, own) => {
      const event = recordText(this.#state, judgement, []);
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
      const event = recordText(this.#state, judgement, []);
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
    const { settings, temporary } = this.#state;
    // The very same object while nothing has changed: what is kept of it is found by it.
    const judgement = this.#judge(sql, temporary === NO_TEMPORARY ? settings : { ...settings, temporary });
    if (!(judgement instanceof Promise)) return then(judgement, { payload, whole });
    // Views end with this call.
    const own = { payload: Buffer.from(payload), whole: Buffer.from(whole) };
    return { kind: "ask", asked: judgement.then((found) => then(found, own)) };
  }

  #kill(id: number, connection: boolean, event: number): Outcome {
    if (this.#effects.kill(id, connection)) return { kind: "answer", payloads: [this.#ok()] };
    return answered(this.#state, { errno: 1094, sqlState: "HY000", message: `Unknown thread id: ${id}` }, event);
  }

  #ok(): Buffer {
    const { status, terms } = this.#state;
    const nothing = { affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "", changes: Buffer.alloc(0) };
    return okPayload({ ...nothing, status }, terms.clientCapabilities);
  }

  #refuse(denial: Denial, event: number | null): Outcome {
    return refused(this.#state, denial, event);
  }
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
