/**
 * One session after login: what both directions share. `client-flow.ts` turns the client's bytes into what goes upstream,
 * `server-flow.ts` the server's into what goes back. One command is under way at a time: the next is read when its answer is
 * complete, so that an answer belongs to no other, and settings are exact when a text is judged.
 */
import type { Denial } from "#policies/decision.ts";
import { NO_TEMPORARY, type TemporaryTables } from "#protocols/sql/mysql/temporary.ts";
import { type Caps, SessionBudget } from "#protocols/wire/caps.ts";
import type { SessionCounts } from "#protocols/wire/counts.ts";
import type { Append, ResultLimits, Run } from "#protocols/wire/run.ts";
import type { Column } from "./column.ts";
import type { ParameterType } from "./commands.ts";
import { CAPABILITY, STATUS } from "./constants.ts";
import type { MysqlJudgement } from "./judge.ts";
import { LongData, LongDataRoom } from "./long-data.ts";
import { type Changes, NamedStatements } from "./named.ts";
import type { Settings } from "./settings.ts";
import type { Stopping } from "./stopping.ts";

/** What the policy in force means for the session as a whole; settled at login. */
export interface SessionTerms {
  /** The principal is under a mask on the target. */
  readonly underMask: boolean;
  /** A text that need not be understood may pass unparsed: no mask, no guardrail, every right. */
  readonly mayPassUnparsed: boolean;
  /** LOAD DATA LOCAL is allowed. */
  readonly localFiles: boolean;
  /** True when a result column comes from a protected one. */
  readonly isProtected: (schema: string, table: string, column: string) => boolean;
  readonly limits: ResultLimits;
  readonly caps: Caps;
  /** Agreed on with the client. */
  readonly clientCapabilities: number;
  /** Of the target, as its own errors name it. */
  readonly product: "MySQL" | "MariaDB";
  /** Agreed on with the target: what the client has, and session tracking. */
  readonly upstreamCapabilities: number;
  /** Statements of the gateway's own that a reset connection needs anew, one text each; the last makes the server tell its settings. */
  readonly preamble: readonly string[];
}

/** A prepared statement, by the id that the server gave it. */
export interface Prepared {
  readonly id: number;
  readonly judgement: MysqlJudgement;
  readonly parameters: number;
  /** Of its last execution, which the next may leave out. */
  types: readonly ParameterType[];
  /** Values that were sent as long data since the last execution; null: none. */
  longData: LongData | null;
  /** Of each column, whether it bears another name than the one it comes from; as the server told when it prepared the statement. */
  readonly renamed: boolean[];
  /** The last execution asked for a cursor. */
  cursor: boolean;
  /** The execution whose cursor is open; rows come by COM_STMT_FETCH. */
  open: { readonly run: Run; readonly columns: readonly Column[] } | null;
}

/** A statement of a text of several, whose turn has come: to be sent, or refused by then. */
export type Turn =
  /** `bytes`: the command, with header. */
  | ({ readonly kind: "run"; readonly bytes: Buffer; readonly run: Run; readonly inserts: boolean } & Changes)
  | { readonly kind: "refused"; readonly denial: Denial };

/** The statements of a text that have not had their turn. */
export interface Turns {
  readonly waits: boolean;
  /** One that is refused is on record as that, and those behind it as left out. */
  turn(nowMs: number): Turn;
  /** None of them runs. @param because the event of the statement that is why */
  skip(because: number): void;
}

/** The answer that is waited for. */
export type Answer =
  /** OK or ERR, maybe EOF. `onOk` is done, before the client sees it. */
  | { readonly kind: "plain"; readonly event: number | null; readonly onOk: (() => void) | null }
  /** COM_STATISTICS: one packet of text, or ERR. */
  | { readonly kind: "text" }
  /** `file`: the one that the server may ask for; null: none. `inserts`: an id that comes back was made for one of its rows. */
  | ({
      readonly kind: "query";
      readonly run: Run;
      readonly file: string | null;
      readonly inserts: boolean;
      /** Statements of the same text whose turn comes behind this one's. */
      readonly stack: Turns | null;
    } & Changes)
  | { readonly kind: "prepare"; readonly judgement: MysqlJudgement; readonly event: number }
  | ({ readonly kind: "execute"; readonly run: Run; readonly prepared: Prepared | null; readonly inserts: boolean } & Changes)
  | { readonly kind: "fetch"; readonly prepared: Prepared | null }
  /** COM_FIELD_LIST: definitions up to an EOF. */
  | { readonly kind: "fields"; readonly event: number }
  /** COM_RESET_CONNECTION, and behind it `preamble`, from the given statement on. */
  | { readonly kind: "reset"; readonly event: number; next: number }
  /** The last of `preamble`, sent behind an answer that left doubt. `behind`: whose stack goes on then; null: that was all. */
  | { readonly kind: "settings"; readonly behind: Answer | null };

export class SessionState {
  readonly terms: SessionTerms;
  readonly append: Append;
  readonly counts: SessionCounts;
  readonly statements = new Map<number, Prepared>();
  #longDataRoom = new LongDataRoom();
  /** Prepared by PREPARE in a text. */
  readonly named = new NamedStatements();
  /** Of a session under a mask, the temporary tables that it has made. */
  temporary: TemporaryTables = NO_TEMPORARY;
  /** Id of the statement that the last COM_STMT_PREPARE made; null when that failed. */
  lastPrepared: number | null = null;
  settings: Settings;
  /** What the answer under way told of `settings`, or did not tell, need not be so when it is complete. */
  settingsDoubtful = false;
  /** Server status flags of the last answer. */
  status: number;
  answer: Answer | null = null;
  /** Texts may hold several statements. */
  multiStatements: boolean;
  /** Grows with each statement of a text that is answered. */
  progress = 0;
  /** The server waits for the content of a file that the client reads. */
  sendingFile = false;
  /** Sequence number of the last packet of the command under way. */
  commandSequence = 0;
  /** What the gateway stops of its own accord; null: nothing. */
  stopping: Stopping | null = null;
  readonly budget: SessionBudget;
  /** A statement that may have changed the catalogue has completed since this was last read. */
  catalogueChanged = false;

  constructor(terms: SessionTerms, append: Append, counts: SessionCounts, settings: Settings, status: number) {
    this.terms = terms;
    this.append = append;
    this.counts = counts;
    this.budget = new SessionBudget(terms.caps, counts);
    this.multiStatements = (terms.clientCapabilities & CAPABILITY.multiStatements) !== 0;
    this.settings = settings;
    this.status = status;
  }

  /** Where values of `prepared` that come as long data are kept. */
  longDataOf(prepared: Prepared): LongData {
    prepared.longData ??= new LongData(this.#longDataRoom);
    return prepared.longData;
  }

  forget(id: number): void {
    this.statements.get(id)?.longData?.clear();
    this.statements.delete(id);
    if (this.lastPrepared === id) this.lastPrepared = null;
  }

  forgetAll(): void {
    this.statements.clear();
    this.#longDataRoom = new LongDataRoom();
    this.temporary = NO_TEMPORARY;
    this.lastPrepared = null;
  }

  /** A command goes upstream: what it may change is not certain until its answer is there. */
  begin(answer: Answer | null): void {
    if (answer?.kind === "query" || answer?.kind === "execute") {
      this.named.begin(answer.names);
      this.temporary = this.temporary.begin(answer.temporary);
    } else if (answer?.kind === "reset") {
      this.named.clear();
      this.temporary = this.temporary.doubted();
    }
  }

  /** It was answered OK. @throws Fault `unexpected-message` */
  made({ names, temporary }: Changes): void {
    this.named.done(names);
    this.temporary = this.temporary.done(temporary);
  }

  get inTransaction(): boolean {
    return (this.status & STATUS.inTransaction) !== 0;
  }

  /** Nothing is under way: the session could end here without losing anything. */
  get quiet(): boolean {
    return this.answer === null && !this.inTransaction;
  }

  get deprecatesEof(): boolean {
    return (this.terms.clientCapabilities & CAPABILITY.deprecateEof) !== 0;
  }
}
