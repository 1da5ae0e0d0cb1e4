/** What stands in an answer under way: its run, its event, where rows end, and what may not be among them. */
import { Fault } from "#protocols/wire/fault.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import type { Run } from "#protocols/wire/run.ts";
import type { Column } from "./column.ts";
import { ANSWER, CAPABILITY, COMMAND, PACKET_PAYLOAD_MAX, STATUS } from "./constants.ts";
import { type EofPacket, type ErrPacket, type OkPacket, readEof, readOk } from "./outcome.ts";
import { packets } from "./packet.ts";
import { rebuiltError } from "./rebuilt-errors.ts";
import type { Answer, SessionState, SessionTerms } from "./session.ts";
import { applyChanges, judgeable } from "./settings.ts";
import { stoppedError } from "./stopping.ts";

export const EOF_BYTES_MAX = 8;

export function runOf(answer: Answer | null): Run | null {
  if (answer?.kind === "query" || answer?.kind === "execute") return answer.run;
  return answer?.kind === "fetch" ? (answer.prepared?.open?.run ?? null) : null;
}

/** Whether a packet among rows is their end, and no row that begins with the same byte. */
export function isEnd(payload: Buffer, deprecatesEof: boolean): boolean {
  return payload[0] === ANSWER.eof && payload.length <= (deprecatesEof ? PACKET_PAYLOAD_MAX - 1 : EOF_BYTES_MAX);
}

/**
 * @param renamed names that are known to be aliases of the column, in lower case
 * @throws Fault `masking-tripwire` when a column of a protected origin comes back as itself
 */
export function checkOrigin({ schema, originalTable, originalName }: Column, terms: SessionTerms, renamed: readonly string[] = []): void {
  const isOrigin = terms.underMask && originalTable !== "" && !renamed.includes(originalName.toLowerCase());
  if (isOrigin && terms.isProtected(schema, originalTable, originalName)) {
    throw new Fault("masking-tripwire", "the target answered with a protected column that should have been masked; the session ends");
  }
}

/** Of the column at a place; where the statement has not so many columns, it was read otherwise than the server did. */
export function renamedAt(judgement: Judgement | null, index: number, columns: number): readonly string[] {
  const { renamed = [] } = judgement ?? {};
  return renamed.length === columns ? (renamed[index] ?? []) : [];
}

/**
 * Whether a column bears its name only as one of the table that a server reads a cursor off: there it tells names of the
 * statement as those of origins. The true ones it has told, and they were checked, when it prepared the statement.
 */
export function isCursorsOwn({ name, originalName }: Column, index: number, answer: Answer): boolean {
  const prepared = answer.kind === "execute" ? answer.prepared : null;
  return prepared?.cursor === true && prepared.renamed[index] === true && name === originalName;
}

export function eventOf(answer: Answer | null): number | null {
  if (answer === null || answer.kind === "text" || answer.kind === "settings") return null;
  if (answer.kind === "query" || answer.kind === "execute") return answer.run.statement;
  return answer.kind === "fetch" ? (answer.prepared?.open?.run.statement ?? null) : answer.event;
}

/** @throws Fault `upstream-out-of-step` for what is no OK, and where its settings are such that texts can't be judged */
export function tookOk(payload: Buffer, state: SessionState): OkPacket {
  if (payload[0] !== ANSWER.ok && payload[0] !== ANSWER.eof) throw outOfStep("something else than OK");
  const ok = readOk(payload, state.terms.upstreamCapabilities);
  state.status = ok.status;
  state.sendingFile = false;
  if (ok.changes.length > 0) state.settings = judgeable(applyChanges(state.settings, ok.changes));
  // Between results a procedure's own settings are told; that they end with it is not.
  if (ok.changes.length > 0 && (ok.status & STATUS.moreResults) !== 0) state.settingsDoubtful = true;
  return ok;
}

/** An EOF packet, or where there are none an OK packet that begins so. @throws Fault as `tookOk` */
export function tookEnd(payload: Buffer, state: SessionState): { readonly end: EofPacket; readonly ok: OkPacket | null } {
  const ok = state.deprecatesEof ? tookOk(payload, state) : null;
  const end = ok ?? readEof(payload);
  state.status = end.status;
  return { end, ok };
}

interface ShownError {
  readonly shown: ErrPacket;
  readonly from: "target" | "gateway";
  /** The statement may have changed settings before it failed, of which an ERR packet does not tell, nor MariaDB at all. */
  readonly settingsDoubtful: boolean;
}

/** @param error of the target's. @returns the same where the client may see it as it is */
export function shownError(error: ErrPacket, answer: Answer | null, { terms, stopping }: SessionState): ShownError {
  const run = runOf(answer);
  const judgement = answer?.kind === "prepare" ? answer.judgement : (run?.judgement ?? null);
  const stopped = stoppedError(stopping, error, terms.caps);
  const shown = stopped ?? (terms.underMask && (judgement?.rebuildErrors ?? true) ? rebuiltError(error) : error);
  const settingsDoubtful = (answer?.kind === "query" || answer?.kind === "execute") && answer.setsSeveral;
  return { shown, from: stopped === null ? "target" : "gateway", settingsDoubtful };
}

export function fieldsOf({ errno, sqlState, message }: ErrPacket): Readonly<Record<string, string>> {
  return { errno: String(errno), C: sqlState, M: message };
}

/** Behind the definitions of an execution: its rows are to be fetched. */
export function opensCursor(status: number): boolean {
  return (status & STATUS.cursorExists) !== 0 && (status & STATUS.lastRowSent) === 0;
}

/** COM_QUERY with a statement of the gateway's own. */
export function ownQuery(sql: string, { upstreamCapabilities }: SessionTerms): Buffer {
  const attributes = (upstreamCapabilities & CAPABILITY.queryAttributes) === 0 ? [] : [0, 1];
  return packets(Buffer.concat([Buffer.from([COMMAND.query, ...attributes]), Buffer.from(sql)]), 0);
}

export function outOfStep(what: string): Fault {
  return new Fault("upstream-out-of-step", `the target sent ${what} out of turn; the session ends`);
}
