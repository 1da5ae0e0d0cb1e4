/**
 * Commands that name a prepared statement by its id: COM_STMT_EXECUTE, FETCH, RESET, CLOSE, SEND_LONG_DATA. They go upstream
 * only for statements that are known here, under the id that the server gave them: what the server has of a statement (values
 * sent ahead, types, a cursor) must be what the record tells of.
 *
 * Source: MySQL source documentation, "Prepared Statements"; MariaDB documentation, "COM_STMT_EXECUTE".
 */
import { Fault } from "#protocols/wire/fault.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import { forward, type Outcome } from "./command-outcome.ts";
import { readExecuteCommand, readLongData, readStatementId } from "./commands.ts";
import { COMMAND, HEADER_BYTES } from "./constants.ts";
import type { SessionEffects } from "./judge.ts";
import { changesOf } from "./named.ts";
import { answered, recordCommand, recordText, refused, runOn } from "./on-record.ts";
import type { ErrPacket } from "./outcome.ts";
import { attributesDenial, changedDenial, unknownStatementDenial } from "./refusals.ts";
import type { Prepared, SessionState } from "./session.ts";

/** To MariaDB, the id of the statement that was prepared last: upstream goes the statement's own. */
const LAST_PREPARED = 0xffffffff;

interface Named {
  readonly id: number;
  readonly prepared: Prepared;
  /** A view, command byte first. */
  readonly payload: Buffer;
  readonly whole: Buffer;
}

export class PreparedCommands {
  readonly #state: SessionState;
  readonly #effects: SessionEffects;

  constructor(state: SessionState, effects: SessionEffects) {
    this.#state = state;
    this.#effects = effects;
  }

  /** @param whole the payload with headers. @throws Fault `malformed-message` */
  onCommand(payload: Buffer, whole: Buffer, nowMs: number): Outcome {
    const named = this.#named(payload, whole);
    switch (payload[0]) {
      case COMMAND.stmtExecute:
        return named === null ? this.#unknown(payload, "mysqld_stmt_execute") : this.#onExecute(named, nowMs);
      case COMMAND.stmtFetch:
        return this.#onFetch(named, payload);
      case COMMAND.stmtReset:
        return named === null ? this.#unknown(payload, "mysqld_stmt_reset") : this.#onReset(named);
      case COMMAND.stmtClose:
        if (named !== null) this.#state.forget(named.id);
        return named === null ? NOTHING : forward(named.whole, null);
      case COMMAND.stmtSendLongData:
        return this.#onLongData(named, payload);
      default:
        throw new Fault("internal-error", "a command that names no prepared statement");
    }
  }

  /** @returns null where no such statement was prepared here */
  #named(payload: Buffer, whole: Buffer): Named | null {
    const told = readStatementId(payload);
    const id = told === LAST_PREPARED ? this.#state.lastPrepared : told;
    const prepared = id === null ? undefined : this.#state.statements.get(id);
    if (id === null || prepared === undefined) return null;
    if (id === told) return { id, prepared, payload, whole };
    const own = Buffer.from(whole);
    own.writeUInt32LE(id, HEADER_BYTES + 1);
    return { id, prepared, payload: own.subarray(HEADER_BYTES), whole: own };
  }

  #onExecute({ id, prepared, payload, whole }: Named, nowMs: number): Outcome {
    const { judgement } = prepared;
    const { terms } = this.#state;
    // Nothing of the statement changes here where the server does not see the command.
    const denial = judgement.holdsWith(this.#state.temporary) ? attributesDenial(payload, prepared, terms) : changedDenial(id);
    if (denial !== null) return refused(this.#state, denial, null);
    const command = readExecuteCommand(payload, terms.clientCapabilities, prepared);
    prepared.types = command.types;
    prepared.cursor = command.cursor;
    prepared.longData?.clear();
    prepared.open = null;
    const event = recordText(this.#state, judgement, this.#shown(command.values, prepared));
    const run = runOn(this.#state, event, judgement, nowMs);
    return forward(whole, { kind: "execute", run, prepared, inserts: judgement.inserts, ...changesOf(judgement) });
  }

  #shown(values: readonly RecordedValue[], { judgement }: Prepared): readonly RecordedValue[] {
    return values.map((value, index) =>
      value !== null && judgement.sensitiveParameters.includes(index + 1)
        ? this.#effects.digestOf(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)))
        : value,
    );
  }

  /** Rows belong to the execution whose cursor is open. */
  #onFetch(named: Named | null, payload: Buffer): Outcome {
    if (named !== null && named.prepared.open !== null) return forward(named.whole, { kind: "fetch", prepared: named.prepared });
    const id = readStatementId(payload);
    if (this.#state.terms.underMask) return refused(this.#state, unknownStatementDenial(id), null);
    return answered(this.#state, named === null ? unknownStatement(id, "mysqld_stmt_fetch") : noCursor(id), null);
  }

  #onReset({ prepared, whole }: Named): Outcome {
    prepared.longData?.clear();
    prepared.open = null;
    return forward(whole, { kind: "plain", event: null, onOk: null });
  }

  /** It has no answer, also where there is no such statement. */
  #onLongData(named: Named | null, payload: Buffer): Outcome {
    const { parameter, piece } = readLongData(payload);
    const id = readStatementId(payload);
    recordCommand(this.#state, `-- COM_STMT_SEND_LONG_DATA of statement ${id}, ${piece.length} bytes`);
    if (named === null) return NOTHING;
    this.#state.longDataOf(named.prepared).add(parameter, piece);
    return forward(named.whole, null);
  }

  /** What has no judgement and no record here does not run. */
  #unknown(payload: Buffer, asked: string): Outcome {
    const id = readStatementId(payload);
    if (this.#state.terms.underMask) return refused(this.#state, unknownStatementDenial(id), null);
    const event = recordCommand(this.#state, `-- ${asked} of statement ${id}, which is not known`);
    return answered(this.#state, unknownStatement(id, asked), event);
  }
}

const NOTHING: Outcome = { kind: "forward", bytes: [], answer: null };

/** ER_UNKNOWN_STMT_HANDLER. */
export function unknownStatement(name: number | string, asked: string): ErrPacket {
  return { errno: 1243, sqlState: "HY000", message: `Unknown prepared statement handler (${name}) given to ${asked}` };
}

/** ER_STMT_HAS_NO_OPEN_CURSOR. */
function noCursor(id: number): ErrPacket {
  return { errno: 1421, sqlState: "HY000", message: `The statement (${id}) has no open cursor.` };
}
