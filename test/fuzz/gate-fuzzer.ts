/**
 * The fuzzer of the gate: statements of the corpora, mutated, judged for a masked principal, and sent to real servers where
 * they are let through. Of three servers two hold other secrets than the third, in databases that are the same otherwise:
 * an answer that shows a canary, or that depends on the secrets in any other way, is a leak, be it in a row, in an error, in
 * a plan or in what a write left behind. A judgement that throws or takes too long is a finding too.
 */
import { parseText } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { isBody, textOf } from "#protocols/sql/postgres/tree.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { type CanarySearch, joinedCells } from "#test/masking/search.ts";
import { makeQuery } from "#test/protocols/sql/postgres/lineage/query-maker.ts";
import { MASKED_TABLES } from "#test/protocols/sql/postgres/lineage/schema.ts";
import { Chance } from "./gate-chance.ts";
import { STATEMENTS, WRITES } from "./gate-corpus.ts";
import { type Means, mutated } from "./gate-mutations.ts";
import { piecesOf } from "./gate-pieces.ts";
import type { GateSession, Outcome, Sent } from "./gate-session.ts";
import type { Vocabulary } from "./gate-vocabulary.ts";

export interface Finding {
  readonly kind: "canary" | "difference" | "fault" | "exception" | "hang";
  readonly try: number;
  readonly texts: readonly string[];
  readonly upstream: readonly string[];
  readonly what: string;
}

/** `like` holds the secrets of `first`, `other` has its own. */
export interface Sessions {
  readonly first: GateSession;
  readonly like: GateSession;
  readonly other: GateSession;
}

export interface Terms {
  /** To start from more often than others; none when empty. */
  readonly starts: readonly (readonly string[])[];
  readonly view: MaskingView;
  readonly judge: (sql: string) => Judgement;
  readonly words: Vocabulary;
  readonly search: CanarySearch;
  readonly sessions: Sessions;
  /** A judgement that takes longer is a finding, if it does so each time. */
  readonly judgedMsMax: number;
  /** Is told of each text that is judged, and of "" when it is: should that never be, it is known which text it was. */
  readonly before?: (sql: string) => void;
}

export interface Counts {
  tries: number;
  texts: number;
  /** Texts that the gate let through, and of these, such as it rewrote. */
  passed: number;
  masked: number;
  /** Texts that a server ran without an error, and of these, such as had been rewritten. */
  ran: number;
  ranMasked: number;
  /** Answers that differ between two servers of the same secrets: of time, of chance, of the server itself. */
  unsteady: number;
  /** Texts that ended for taking too long, and are compared no further. */
  slow: number;
  /** Let through, but left out: they would end the transaction that everything is undone with. */
  leftOut: number;
}

/** How many mutations a text gets. */
const TIMES = [1, 1, 1, 1, 1, 2, 2, 2, 3, 5];
/** Process numbers, ports and times of the servers: parts of them agree between two and not with the third. */
const OF_SERVER = /activity|pg_stat|pg_locks|pg_backend|inet_|setting|\bshow\b|pg_postmaster|pg_control|pg_current_|txid_|xact/i;
const ROUNDS = 8;
const KEPT_MAX = 4_000;
const KEPT_TEXT_MAX = 500;
/** Answers above it are compared between servers; those below are searched for canaries as well. */
const SEARCHED_BYTES_MAX = 1 << 20;
const JOINED_ROWS_MAX = 10_000;

export class GateFuzzer {
  readonly counts: Counts = { tries: 0, texts: 0, passed: 0, masked: 0, ran: 0, ranMasked: 0, unsteady: 0, slow: 0, leftOut: 0 };
  readonly #seed: number;
  readonly #terms: Terms;
  /** Mutants that were rewritten and that the server understood: what is made of them goes further than one step. */
  readonly #kept: string[] = [];

  constructor(seed: number, terms: Terms) {
    this.#seed = seed;
    this.#terms = terms;
  }

  /** One more try, the next of this seed. */
  async next(): Promise<readonly Finding[]> {
    const at = this.counts.tries;
    this.counts.tries += 1;
    const chance = new Chance(Math.imul(this.#seed, 0x9e3779b1) + at);
    return this.try(this.#texts(chance), chance);
  }

  /** The texts of one session, whatever they came from. */
  async try(texts: readonly string[], chance = new Chance(0)): Promise<readonly Finding[]> {
    const at = this.counts.tries - 1;
    const findings: Finding[] = [];
    const sent: Sent[] = [];
    for (const sql of texts) {
      const judged = this.#judged(sql);
      if (typeof judged === "string")
        findings.push({ kind: judged.startsWith("took") ? "hang" : "exception", try: at, texts: [sql], upstream: [], what: judged });
      else if (judged.verdict !== "deny") this.#pass(sql, judged, chance, sent);
    }
    if (sent.length === 0) return findings;
    const told = await this.#told(sent, chance);
    const upstream = sent.map(({ sql, judgement }) => judgement.upstreamSql ?? sql);
    return told === undefined ? findings : [...findings, { ...told, try: at, texts: sent.map(({ sql }) => sql), upstream }];
  }

  #pass(sql: string, judgement: Judgement, chance: Chance, sent: Sent[]): void {
    this.counts.passed += 1;
    if (judgement.verdict === "mask") this.counts.masked += 1;
    const statements = statementsIn(judgement.upstreamSql ?? sql);
    if (statements.some(endsTransaction)) {
      this.counts.leftOut += 1;
      return;
    }
    const numbers = [...(judgement.upstreamSql ?? sql).matchAll(/\$(\d{1,2})(?!\d)/g)].map(([, number]) => Number(number));
    const simple = statements.length !== 1 || (numbers.length === 0 && !chance.oneIn(3));
    const values = Array.from({ length: Math.max(0, ...numbers) }, () => chance.pick(["1", "x", "9%", "2024-01-01", "{}", null]));
    sent.push({ sql, judgement, parameters: simple ? null : values, binary: chance.oneIn(2) });
  }

  #keep(sql: string, chance: Chance): void {
    if (this.#kept.length < KEPT_MAX) this.#kept.push(sql);
    else this.#kept[chance.below(KEPT_MAX)] = sql;
  }

  #texts(chance: Chance): readonly string[] {
    const donor = () => piecesOf(this.#base(chance).at(-1) ?? "");
    const means: Means = { chance, words: this.#terms.words, donor };
    return this.#base(chance).map((sql) => (chance.oneIn(12) ? sql : mutated(sql, means, chance.pick(TIMES))));
  }

  #base(chance: Chance): readonly string[] {
    const { starts } = this.#terms;
    if (starts.length > 0 && chance.oneIn(3)) return chance.pick(starts);
    const kind = chance.below(10);
    if (kind < 3) return [makeQuery(chance.choices(20 + chance.below(80)), MASKED_TABLES).sql];
    if (kind === 9) return chance.pick(WRITES);
    const kept = kind < 7 && this.#kept.length > 0 ? chance.pick(this.#kept) : undefined;
    return kept === undefined ? chance.pick(STATEMENTS) : [kept];
  }

  /** What is wrong, in words, where the judgement did not come as it should. */
  #judged(sql: string): Judgement | string {
    this.counts.texts += 1;
    this.#terms.before?.(sql);
    try {
      const { judge, judgedMsMax } = this.#terms;
      let [judgement, took] = timed(() => judge(sql));
      // A machine that does something else for a while is no finding.
      for (let again = 2; again > 0 && took > judgedMsMax; again -= 1) [judgement, took] = timed(() => judge(sql));
      return took > judgedMsMax ? `took ${Math.round(took)} ms to judge` : judgement;
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    } finally {
      this.#terms.before?.("");
    }
  }

  async #told(sent: readonly Sent[], chance: Chance): Promise<Pick<Finding, "kind" | "what"> | undefined> {
    const { sessions, view } = this.#terms;
    const { first, like, other } = sessions;
    const [one, two] = await Promise.all([first.try(sent, view), other.try(sent, view)]);
    this.counts.ran += one.ran;
    const rewritten = sent.filter(({ judgement }) => judgement.verdict === "mask");
    if (isUnderstood(one)) for (const { sql } of rewritten) if (sql.length <= KEPT_TEXT_MAX) this.#keep(sql, chance);
    if (one.ran > 0 && rewritten.length > 0) this.counts.ranMasked += 1;
    if (one.fault !== null && one.fault === two.fault) return { kind: "fault", what: one.fault };
    if (one.closed !== two.closed || isSlow(one) || isSlow(two)) {
      this.counts.slow += 1;
      return undefined;
    }
    // What is the same where other secrets lie holds none.
    if (same(one, two)) return undefined;
    const canary = this.#canaryIn(one);
    if (canary !== undefined) return { kind: "canary", what: canary };
    if (sent.some(({ sql, judgement }) => OF_SERVER.test(judgement.upstreamSql ?? sql))) {
      this.counts.unsteady += 1;
      return undefined;
    }
    // An answer that is left to chance agrees with itself now and then, not each time.
    for (let round = ROUNDS; round > 0; round -= 1) {
      const [three, four] = await Promise.all([like.try(sent, view), other.try(sent, view)]);
      if (same(one, three) && same(two, four)) continue;
      this.counts.unsteady += 1;
      return undefined;
    }
    return { kind: "difference", what: differenceOf(one, two) };
  }

  #canaryIn({ shown, stored, rows }: Outcome): string | undefined {
    const searched = [shown, stored].map((bytes) => this.#terms.search(bytes.subarray(0, SEARCHED_BYTES_MAX)));
    return (
      searched.find((found) => found !== undefined) ??
      this.#terms.search(joinedCells(rows.slice(0, JOINED_ROWS_MAX)).subarray(0, SEARCHED_BYTES_MAX))
    );
  }
}

function timed(run: () => Judgement): readonly [Judgement, number] {
  const before = performance.now();
  const judgement = run();
  return [judgement, performance.now() - before];
}

/** The server found nothing wrong with the texts as such. Whether they ran in time is another matter, and left to chance. */
const isUnderstood = ({ errors: [first] }: Outcome): boolean => first === undefined || !/^(42|0A)/.test(first);
const isSlow = ({ errors }: Outcome): boolean => errors.some((error) => error.startsWith("57014"));

function same(one: Outcome, two: Outcome): boolean {
  return one.shown.equals(two.shown) && one.stored.equals(two.stored) && one.fault === two.fault && one.closed === two.closed;
}

function differenceOf(one: Outcome, two: Outcome): string {
  const readable = (bytes: Buffer): string => bytes.toString("latin1").replace(/[^\x20-\x7e]+/g, ".");
  for (const [name, left, right] of [
    ["shown", one.shown, two.shown],
    ["stored", one.stored, two.stored],
  ] as const) {
    if (left.equals(right)) continue;
    const at = Math.max(
      0,
      left.findIndex((byte, index) => byte !== right[index]),
    );
    return `${name} at byte ${at}: ${readable(left.subarray(Math.max(0, at - 40), at + 80))} <> ${readable(right.subarray(Math.max(0, at - 40), at + 80))}`;
  }
  return `fault ${one.fault} <> ${two.fault}`;
}

/** Types of the statements, `TransactionStmt` with its kind. */
function statementsIn(sql: string): readonly string[] {
  const parsed = parseText(sql);
  const list = parsed.kind === "tree" && isBody(parsed.tree) ? parsed.tree["stmts"] : undefined;
  if (!Array.isArray(list)) return [];
  return list.filter(isBody).map(({ stmt }) => {
    const [type = "", body] = isBody(stmt) ? (Object.entries(stmt)[0] ?? []) : [];
    return type === "TransactionStmt" && isBody(body) ? `${type} ${textOf(body, "kind")}` : type;
  });
}

const endsTransaction = (statement: string): boolean =>
  /^TransactionStmt TRANS_STMT_(COMMIT|ROLLBACK|PREPARE)(_PREPARED)?$/.test(statement);
