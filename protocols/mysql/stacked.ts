/**
 * A text of several statements (CLIENT_MULTI_STATEMENTS). All are on record, and may run, before the first of them goes to the
 * target; then they go one by one, each once the one before it is answered, so that an answer belongs to one statement. The
 * client gets the answers as those of one text, an error as the last of them. What a statement changed for those behind it is
 * known exactly when their turn comes: one that would read differently by then is refused.
 *
 * Source: MySQL manual, "Multiple Statement Execution Support"; MySQL source documentation, "Multi-Resultset".
 */
import type { Denial } from "#policies/decision.ts";
import { bytesOf } from "#protocols/sql/mysql/cuts.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import type { MysqlJudge, MysqlJudgement, StackedStatement } from "./judge.ts";
import { type Changes, changesOf, executed, NamedStatements } from "./named.ts";
import { recordDenied, recordSkipped, recordText, runOn } from "./on-record.ts";
import { packets } from "./packet.ts";
import { changedDenial, killAmongOthersDenial, localFileDenial, turnedDenial, unknownNameDenial } from "./refusals.ts";
import type { SessionState, Turn, Turns } from "./session.ts";
import type { Settings } from "./settings.ts";

interface Waiting extends StackedStatement {
  /** What is run: of EXECUTE, what was prepared under its name. */
  readonly runs: MysqlJudgement;
  /** Of EXECUTE, as far as that is known. */
  readonly prepared: MysqlJudgement | undefined;
  readonly changes: Changes;
  /** Of its statement event. */
  readonly event: number;
  /** The command that goes upstream. */
  readonly bytes: Buffer;
}

export class Stack implements Turns {
  readonly #state: SessionState;
  readonly #judge: MysqlJudge;
  readonly #waiting: readonly Waiting[];
  #next = 0;

  /** @param waiting on record */
  constructor(state: SessionState, judge: MysqlJudge, waiting: readonly Waiting[]) {
    this.#state = state;
    this.#judge = judge;
    this.#waiting = waiting;
  }

  get waits(): boolean {
    return this.#next < this.#waiting.length;
  }

  turn(nowMs: number): Turn {
    const next = this.#waiting[this.#next++];
    if (next === undefined) throw new Error("broken invariant: no statement of the text is left");
    const { runs, event, bytes, changes } = next;
    const denial = this.#denialOf(next);
    if (denial === null) return { kind: "run", bytes, run: runOn(this.#state, event, runs, nowMs), inserts: runs.inserts, ...changes };
    recordDenied(this.#state, denial, event);
    this.skip(event);
    return { kind: "refused", denial };
  }

  skip(because: number): void {
    for (const { event } of this.#waiting.slice(this.#next)) recordSkipped(this.#state, event, because);
    this.#next = this.#waiting.length;
  }

  /** Nothing stands in its way when it reads as it did when the text was judged, of which its event tells. */
  #denialOf({ judgement, sql, settings, prepared }: Waiting): Denial | null {
    const { settings: now, named, temporary, terms } = this.#state;
    const { underMask } = terms;
    if (judgement.named?.kind === "execute" && named.get(judgement.named.name) !== prepared) return turnedDenial(underMask);
    const unknown = executeDenial(judgement, prepared, this.#state);
    if (unknown !== null) return unknown;
    if (isSame(settings, now)) return judgement.holdsWith(temporary) ? null : turnedDenial(underMask);
    const again = this.#judge(sql, { ...now, temporary });
    if (again instanceof Promise) return turnedDenial(underMask);
    return again.denial ?? (readsAlike(again, judgement) ? null : turnedDenial(underMask));
  }
}

function isSame(one: Settings, other: Settings): boolean {
  if (one === other) return true;
  const modes = Object.keys(one.sqlMode) as (keyof Settings["sqlMode"])[];
  return (
    one.database === other.database && one.charset === other.charset && modes.every((mode) => one.sqlMode[mode] === other.sqlMode[mode])
  );
}

function readsAlike(now: MysqlJudgement, before: MysqlJudgement): boolean {
  return (
    now.several.length === 0 &&
    now.verdict === before.verdict &&
    now.rule === before.rule &&
    now.upstreamSql === before.upstreamSql &&
    now.inserts === before.inserts &&
    now.tables.join("\0") === before.tables.join("\0")
  );
}

/**
 * Puts the statements on record.
 *
 * @param sent as the client sent it, views: what stands before the text in the command, and the text
 * @param sent.values of query attributes
 * @returns where one is refused, and none runs, the denial that the client is told
 * @throws Fault `session-budget`
 */
export function stackOf(
  { several }: MysqlJudgement,
  { head, text, values }: { readonly head: Buffer; readonly text: Buffer; readonly values: readonly RecordedValue[] },
  state: SessionState,
  judge: MysqlJudge,
): Stack | Denial {
  const own = bytesOf(text, several);
  const foreseen = several.some(({ judgement }) => judgement.named !== null) ? state.named.copy() : new NamedStatements();
  const waiting = several.map((one, index): Waiting => {
    const { upstreamSql, named, denial } = one.judgement;
    const prepared = named?.kind === "execute" && denial === null ? foreseen.get(named.name) : undefined;
    const runs = prepared === undefined ? one.judgement : executed(one.judgement, prepared);
    const changes = changesOf(runs);
    foreseen.begin(changes.names);
    foreseen.done(changes.names);
    const event = recordText(state, runs, values);
    const statement = upstreamSql === null ? own[index] : Buffer.from(upstreamSql);
    if (statement === undefined) throw new Error("broken invariant: a statement of the text has no bytes");
    return { ...one, runs, prepared, changes, event, bytes: packets(Buffer.concat([head, statement]), 0) };
  });
  const denials = waiting.map(({ judgement, prepared }) => denialOf(judgement, state) ?? executeDenial(judgement, prepared, state));
  const first = denials.findIndex((denial) => denial !== null);
  const denial = denials[first] ?? null;
  if (denial === null) return new Stack(state, judge, waiting);
  for (const [index, { event }] of waiting.entries()) {
    const why = denials[index] ?? null;
    if (why === null) recordSkipped(state, event, waiting[first]?.event ?? event);
    else recordDenied(state, why, event);
  }
  return denial;
}

/** What the gateway does itself it does only for a statement that came alone. */
function denialOf({ denial, instead, localFile }: MysqlJudgement, { terms }: SessionState): Denial | null {
  if (denial !== null) return denial;
  if (instead !== null) return killAmongOthersDenial();
  return localFile === null ? null : localFileDenial(terms.localFiles);
}

/** EXECUTE of a name that nothing seen has prepared is for those alone whose texts need not be understood. */
function executeDenial(
  { named, denial }: MysqlJudgement,
  prepared: MysqlJudgement | undefined,
  { terms, temporary }: SessionState,
): Denial | null {
  if (named?.kind !== "execute" || denial !== null) return null;
  if (prepared !== undefined) return prepared.holdsWith(temporary) ? null : changedDenial(named.name);
  return terms.mayPassUnparsed ? null : unknownNameDenial(named.name);
}
