/**
 * What each packet of the server means for the session: a step of the answer to the one command under way. A packet that
 * does not fit ends the session: a stream that is not followed can't be judged.
 *
 * Source: MySQL source documentation, "Command Phase", "Text Resultset", "Prepared Statements".
 */
import { lasts } from "#protocols/wire/caps.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { NAMES_MAX } from "#protocols/wire/limits.ts";
import type { Run } from "#protocols/wire/run.ts";
import { checkDefinition, checkFileRequest, readColumnCount, readPrepared, undescribed } from "./answer-packets.ts";
import {
  checkOrigin,
  EOF_BYTES_MAX,
  eventOf,
  fieldsOf,
  isCursorsOwn,
  isEnd,
  opensCursor,
  outOfStep,
  ownQuery,
  renamedAt,
  runOf,
  shownError,
  tookEnd,
  tookOk,
} from "./answer-parts.ts";
import { FIRST, type Phase } from "./answer-phase.ts";
import { type Column, withoutDefault } from "./column.ts";
import { ANSWER, PACKET_PAYLOAD_MAX, STATUS } from "./constants.ts";
import { Descriptions, describeCount } from "./descriptions.ts";
import { type ErrPacket, errorPayload, isEof, type OkPacket, readEof, readError } from "./outcome.ts";
import { Rows } from "./rows.ts";
import type { Exchange } from "./server-frame.ts";
import type { Answer, SessionState } from "./session.ts";
import { moreResultsFault, rowLimitError, timeoutError } from "./stopping.ts";
import { passes, toldEnd, toldMore, toldOk, withMore } from "./told.ts";
import { readBinaryRow, readTextRow } from "./values.ts";
import { rebuiltWarning, tellsWarnings } from "./warnings.ts";
import { denialError } from "./wire-errors.ts";

/** A server makes no error or definition larger than this. */
const CONTROL_BYTES_MAX = 1024 * 1024;
const AS_IT_IS: Exchange = null;

export class Answers {
  readonly #state: SessionState;
  /** Sends a command of our own upstream. */
  readonly #command: (bytes: Buffer) => void;
  readonly rows: Rows;
  readonly #descriptions = new Descriptions();
  #phase: Phase = FIRST;

  constructor(state: SessionState, command: (bytes: Buffer) => void) {
    this.#state = state;
    this.#command = command;
    this.rows = new Rows(state);
  }

  /** A command has gone upstream. COM_STMT_FETCH has rows from the first packet of its answer on. */
  begin(): void {
    const { answer } = this.#state;
    this.rows.begin(null);
    this.#state.begin(answer);
    if (answer?.kind === "fetch") this.#beginRows(answer.prepared?.open?.columns ?? [], answer);
    else this.#phase = FIRST;
  }

  /** Whether a packet that begins so is a row. @throws Fault `upstream-out-of-step` */
  isRow(length: number, first: number): boolean {
    if (this.#state.answer === null && first !== ANSWER.error) throw outOfStep("a packet");
    if (this.#phase.kind === "rows" && first !== ANSWER.error) {
      const eofBytes = this.#state.deprecatesEof ? PACKET_PAYLOAD_MAX - 1 : EOF_BYTES_MAX;
      if (first !== ANSWER.eof || length > eofBytes) return !this.#rebuilds;
    }
    if (length > CONTROL_BYTES_MAX) throw outOfStep(`a control packet of ${length} bytes`);
    return false;
  }

  cut(): void {
    runOf(this.#state.answer)?.cut();
    this.#skip(this.#state.answer);
  }

  /** @returns what the client gets in the packet's place. @throws Fault `upstream-out-of-step`, `masking-tripwire`, `malformed-message` */
  onPacket(payload: Buffer, nowMs: number): Exchange {
    const { answer } = this.#state;
    if (payload[0] === ANSWER.error) return this.#onError(payload, answer);
    if (answer === null) throw outOfStep("a packet");
    switch (this.#phase.kind) {
      case "first":
      case "file":
        return this.#onFirst(payload, answer, nowMs);
      case "columns":
        return this.#onColumn(payload, this.#phase, answer);
      case "columns-eof":
        return this.#onColumnsEof(payload, this.#phase, answer, nowMs);
      case "rows":
        if (this.#rebuilds && !isEnd(payload, this.#state.deprecatesEof)) return [this.#warning(payload, this.#phase.columns, answer)];
        return this.#onRowsEnd(payload, answer, nowMs);
      case "definitions":
        return this.#onDefinition(payload, this.#phase);
      case "fields":
        return this.#onField(payload);
    }
  }

  #onFirst(payload: Buffer, answer: Answer, nowMs: number): Exchange {
    switch (answer.kind) {
      case "plain": {
        if (isEof(payload)) return this.#eofInstead(payload, answer);
        const ok = tookOk(payload, this.#state);
        answer.onOk?.();
        return this.#over(ok);
      }
      case "text":
        this.#done();
        return AS_IT_IS;
      case "reset":
        return this.#onReset(tookOk(payload, this.#state), answer);
      case "settings":
        return this.#onSettings(payload, answer, nowMs);
      case "prepare":
        return this.#onPrepared(payload, answer);
      case "fields":
        this.#phase = { kind: "fields" };
        return this.#onField(payload);
      case "fetch":
        throw outOfStep("an answer to COM_STMT_FETCH");
      case "query":
      case "execute":
        return this.#onResult(payload, answer, nowMs);
    }
  }

  #over(ok: OkPacket): Exchange {
    this.#done();
    return [toldOk(ok, this.#state.terms, false)];
  }

  /** COM_SET_OPTION answers with an EOF packet, or where there are none with an OK packet that begins so. */
  #eofInstead(payload: Buffer, answer: Extract<Answer, { kind: "plain" }>): Exchange {
    const { end, ok } = tookEnd(payload, this.#state);
    answer.onOk?.();
    this.#done();
    return toldEnd(end, ok, this.#state.terms);
  }

  /** The settings that we rely on are gone with all others: they are made anew before the client hears of it. */
  #onReset(ok: OkPacket, answer: Extract<Answer, { kind: "reset" }>): Exchange {
    const next = this.#state.terms.preamble[answer.next];
    if (answer.next === 0) this.#state.forgetAll();
    // Of what the gateway has set since, its client hears nothing.
    if (next === undefined) return this.#over({ ...ok, changes: Buffer.alloc(0) });
    answer.next++;
    this.#command(ownQuery(next, this.#state.terms));
    return [];
  }

  #onPrepared(payload: Buffer, answer: Extract<Answer, { kind: "prepare" }>): Exchange {
    const { prepared, outputs, definitions: counts } = readPrepared(payload, answer.judgement, this.#state.terms);
    if (this.#state.statements.size >= NAMES_MAX) throw new Fault("unexpected-message", `more than ${NAMES_MAX} prepared statements`);
    this.#state.lastPrepared = prepared.id;
    this.#state.statements.set(prepared.id, prepared);
    const left = counts.shift();
    if (left === undefined) this.#done();
    else this.#phase = { kind: "definitions", counts, left: left + this.#eofs, outputs };
    return AS_IT_IS;
  }

  #onDefinition(payload: Buffer, phase: Extract<Phase, { kind: "definitions" }>): Exchange {
    const eof = phase.left === 1 && this.#eofs === 1;
    if (eof && !isEof(payload)) throw outOfStep("a definition too many");
    if (!eof) checkDefinition(payload, phase, this.#state.terms);
    phase.left--;
    if (phase.left > 0) return AS_IT_IS;
    const next = phase.counts.shift();
    if (next === undefined) this.#done();
    else phase.left = next + this.#eofs;
    return AS_IT_IS;
  }

  #onField(payload: Buffer): Exchange {
    const isOver = isEnd(payload, this.#state.deprecatesEof);
    if (isOver) this.#done();
    // A default may be a constant of a masked column's; no row of it comes.
    return !isOver && this.#state.terms.underMask ? [withoutDefault(payload)] : AS_IT_IS;
  }

  #onResult(payload: Buffer, answer: Extract<Answer, { kind: "query" | "execute" }>, nowMs: number): Exchange {
    const [first] = payload;
    if (first === ANSWER.ok) return this.#onStatementOk(tookOk(payload, this.#state), answer, nowMs);
    if (first === ANSWER.localInfile) return this.#onFileRequest(payload, answer);
    const { left, described } = readColumnCount(payload, this.#state.terms);
    if (described) this.#phase = { kind: "columns", columns: [], left };
    else this.#undescribed(answer, left);
    return AS_IT_IS;
  }

  /** The client has asked for no definitions: rows are digested, and under a mask they don't come. */
  #undescribed(answer: Extract<Answer, { kind: "query" | "execute" }>, columns: number): void {
    if (this.#state.terms.underMask) throw undescribed();
    describeCount(answer.run, columns);
    this.#beginRows([], answer);
  }

  #onStatementOk(ok: OkPacket, answer: Extract<Answer, { kind: "query" | "execute" }>, nowMs: number): Exchange {
    const { run } = answer;
    run.complete("OK", Number(ok.affectedRows), nowMs);
    this.#completed(run);
    this.#state.made(answer);
    this.#phase = FIRST;
    const behind = (ok.status & STATUS.moreResults) === 0 ? this.#next(answer, nowMs) : [];
    if (behind === null && passes(ok, this.#state.terms)) return AS_IT_IS;
    return [toldOk(withMore(ok, behind !== null), this.#state.terms, answer.inserts), ...(behind ?? [])];
  }

  /**
   * A statement is answered: the next of its text has its turn.
   *
   * @returns what the client gets at once; null: there is none, and that was the answer
   */
  #next(answer: Answer, nowMs: number): readonly Buffer[] | null {
    const stack = answer.kind === "query" && answer.stack?.waits === true ? answer.stack : null;
    if (stack === null || answer.kind !== "query") {
      this.#done();
      return null;
    }
    // It came to its end before it could be stopped for taking too long; KILL QUERY may be on its way.
    if (this.#state.stopping !== null) return [this.#failed(answer, answer.run, timeoutError())];
    if (this.#state.settingsDoubtful) return this.#askSettings(answer);
    const turn = stack.turn(nowMs);
    if (turn.kind === "refused") {
      this.#done();
      return [errorPayload(denialError(turn.denial))];
    }
    const { bytes, ...running } = turn;
    this.#state.answer = { ...running, kind: "query", file: null, stack };
    this.#state.progress++;
    this.begin();
    this.#command(bytes);
    return [];
  }

  /** The gateway's own error ends the answer. */
  #failed(answer: Answer, run: Run | null, error: ErrPacket): Buffer {
    this.#state.append({ kind: "error", statement: run?.statement ?? null, fields: fieldsOf(error), from: "gateway" });
    this.#skip(answer);
    this.#done();
    return errorPayload(error);
  }

  /** What waits behind a statement that is not answered as it should be does not run. */
  #skip(answer: Answer | null): void {
    if (answer?.kind === "query") answer.stack?.skip(answer.run.statement);
  }

  #onFileRequest(payload: Buffer, answer: Extract<Answer, { kind: "query" | "execute" }>): Exchange {
    const file = answer.kind === "query" && this.#phase.kind === "first" ? answer.file : null;
    checkFileRequest(payload, file);
    this.#phase = { kind: "file" };
    this.#state.sendingFile = true;
    return AS_IT_IS;
  }

  #onColumn(payload: Buffer, phase: Extract<Phase, { kind: "columns" }>, answer: Answer): Exchange {
    const index = phase.columns.length;
    const column = this.#descriptions.column(payload, index);
    const renamed = renamedAt(runOf(answer)?.judgement ?? null, index, index + phase.left);
    if (!isCursorsOwn(column, index, answer)) checkOrigin(column, this.#state.terms, renamed);
    phase.columns.push(column);
    phase.left--;
    if (phase.left > 0) return AS_IT_IS;
    this.#descriptions.describe(runOf(answer), phase.columns, answer.kind === "query" ? readTextRow : readBinaryRow);
    if (this.#eofs === 1) this.#phase = { kind: "columns-eof", columns: phase.columns };
    else this.#beginRows(phase.columns, answer);
    return AS_IT_IS;
  }

  #onColumnsEof(payload: Buffer, { columns }: Extract<Phase, { kind: "columns-eof" }>, answer: Answer, nowMs: number): Exchange {
    if (!isEof(payload)) throw outOfStep("a column too many");
    const end = readEof(payload);
    this.#beginRows(columns, answer);
    if ((end.status & STATUS.cursorExists) !== 0 && answer.kind === "execute") this.#opened(columns, answer, end.status, nowMs);
    const told = answer.kind === "query" && answer.stack?.waits === true ? toldMore : toldEnd;
    return told(end, null, this.#state.terms);
  }

  #beginRows(columns: readonly Column[], answer: Answer): void {
    const run = runOf(answer);
    this.rows.begin(run);
    this.#phase = { kind: "rows", columns, run };
  }

  /** The rows are the server's own sentences, and are exchanged for ours. */
  get #rebuilds(): boolean {
    return this.#state.terms.underMask && this.#phase.kind === "rows" && tellsWarnings(this.#phase.columns);
  }

  #warning(payload: Buffer, columns: readonly Column[], answer: Answer): Buffer {
    const rebuilt = rebuiltWarning(payload, columns, answer.kind !== "query");
    this.rows.exchanged(rebuilt);
    return rebuilt;
  }

  /** A cursor: the rows come by COM_STMT_FETCH. */
  #opened(columns: readonly Column[], answer: Extract<Answer, { kind: "execute" }>, status: number, nowMs: number): void {
    if (answer.prepared !== null) answer.prepared.open = { run: answer.run, columns };
    answer.run.suspend(0, nowMs);
    this.#state.status = status;
    this.#done();
  }

  #onRowsEnd(payload: Buffer, answer: Answer, nowMs: number): Exchange {
    const phase = this.#phase;
    if (phase.kind !== "rows") throw outOfStep("the end of rows");
    const { end, ok } = tookEnd(payload, this.#state);
    const { status } = end;
    const { count } = this.rows;
    const overran = this.#state.stopping === "row-limit";
    if (answer.kind === "execute" && opensCursor(status) && count === 0 && !overran) {
      this.#opened(phase.columns, answer, status, nowMs);
    } else if (answer.kind === "fetch") {
      phase.run?.suspend(count, nowMs);
      if ((status & STATUS.lastRowSent) !== 0 && answer.prepared !== null) answer.prepared.open = null;
      this.#done();
    } else {
      const { run } = phase;
      const at = run?.results ?? 0;
      run?.complete("ROWS", count, nowMs);
      if (run !== null) this.#completed(run);
      this.#phase = FIRST;
      const more = (status & STATUS.moreResults) !== 0;
      if (overran) return this.#overrun(answer, run, at, more);
      const behind = more ? null : this.#next(answer, nowMs);
      return behind === null ? toldEnd(end, ok, this.#state.terms) : [...toldMore(end, ok, this.#state.terms), ...behind];
    }
    if (overran) return this.#overrun(answer, phase.run, 0, false);
    return toldEnd(end, ok, this.#state.terms);
  }

  /** The result went over the limit and came to its end before it could be stopped: to the client an error, as if it had been. */
  #overrun(answer: Answer, run: Run | null, at: number, more: boolean): Exchange {
    if (more) throw moreResultsFault();
    const rows = this.#state.terms.caps.rowsPerStatement;
    const lasting = lasts(run?.judgement ?? null, at);
    return [this.#failed(answer, run, rowLimitError({ rows, outcome: "completed", lasting }))];
  }

  #onError(payload: Buffer, answer: Answer | null): Exchange {
    if (answer?.kind === "settings") throw outOfStep("no word of the session's settings");
    const error = readError(payload, this.#state.terms.upstreamCapabilities);
    const { shown, from, settingsDoubtful } = shownError(error, answer, this.#state);
    runOf(answer)?.cut();
    this.#state.append({ kind: "error", statement: eventOf(answer), fields: fieldsOf(shown), from });
    this.#state.sendingFile = false;
    this.#state.settingsDoubtful ||= settingsDoubtful;
    this.#skip(answer);
    this.#done();
    return shown === error ? AS_IT_IS : [errorPayload(shown)];
  }

  #completed(run: Run): void {
    if (run.judgement?.changesCatalogue ?? true) this.#state.catalogueChanged = true;
  }

  #done(): void {
    this.#phase = FIRST;
    this.rows.begin(null);
    this.#state.stopping = null;
    this.#state.answer = null;
    if (this.#state.settingsDoubtful) this.#askSettings(null);
  }

  /** The client has its answer; the next text waits until it is known how it will be read. @param behind whose stack goes on then */
  #askSettings(behind: Answer | null): readonly Buffer[] {
    this.#state.settingsDoubtful = false;
    this.#state.answer = { kind: "settings", behind };
    this.begin();
    this.#command(ownQuery(this.#state.terms.preamble.at(-1) ?? "DO 0", this.#state.terms));
    return [];
  }

  #onSettings(payload: Buffer, { behind }: Extract<Answer, { kind: "settings" }>, nowMs: number): Exchange {
    if (tookOk(payload, this.#state).changes.length === 0) throw outOfStep("no word of the session's settings");
    this.#done();
    return behind === null ? [] : (this.#next(behind, nowMs) ?? []);
  }

  /** EOF packets behind each list of definitions. */
  get #eofs(): 0 | 1 {
    return this.#state.deprecatesEof ? 0 : 1;
  }
}
