/**
 * The fuzzer of the gate: statements of the corpora, mutated, judged for a masked principal, and sent to real servers where
 * they are let through. Of three servers two hold other secrets than the third, in databases that are the same otherwise:
 * an answer that shows a canary, or that depends on the secrets in any other way, is a leak, be it in a row, in an error, in
 * a plan or in what a write left behind. A judgement that throws or takes too long is a finding too.
 */
import type { Judgement } from "#protocols/wire/judgement.ts";
import { type CanarySearch, joinedCells } from "#test/masking/search.ts";
import { Chance } from "./gate-chance.ts";
import type { Forms } from "./gate-forms.ts";
import { type Means, mutated } from "./gate-mutations.ts";
import type { Vocabulary } from "./gate-vocabulary.ts";

export interface Finding {
  readonly kind: "canary" | "difference" | "fault" | "exception" | "hang";
  readonly try: number;
  readonly texts: readonly string[];
  readonly upstream: readonly string[];
  readonly what: string;
}

/** One text on its way, with whatever else says how it is sent. */
export interface Going {
  readonly sql: string;
  readonly judgement: Judgement;
  /** Said in front of the text where it is reported. */
  readonly how?: string;
}

export interface Outcome {
  /** All that the client was shown, for all texts. */
  readonly shown: Buffer;
  readonly rows: readonly (readonly (string | null)[])[];
  /** Texts that the server ran without an error. */
  readonly ran: number;
  readonly errors: readonly string[];
  /** What lies in columns that are not masked, where something was written. */
  readonly stored: Buffer;
  /** The product ended the session: its fault's code and words. */
  readonly fault: string | null;
  readonly closed: boolean;
}

export interface Session<One extends Going> {
  try(texts: readonly One[]): Promise<Outcome>;
  /** The next try finds the server's memory in another state: what hangs on addresses comes out otherwise. */
  shake?(chance: Chance): Promise<void>;
}

/** `like` holds the secrets of `first`, `other` has its own. */
export interface Sessions<One extends Going> {
  readonly first: Session<One>;
  readonly like: Session<One>;
  readonly other: Session<One>;
}

/** What the fuzzer has to know of a protocol and its SQL. */
export interface Dialect<One extends Going> {
  readonly forms: Forms;
  /** Texts of one session to start from. @param kept some that went through before */
  base(chance: Chance, kept: (() => readonly string[]) | undefined): readonly string[];
  /** Of texts that were understood, what is to be mutated further on account of the one at the index. */
  keeps(texts: readonly string[], at: number): readonly string[];
  /** A text that stays as it is. */
  isFixed(sql: string): boolean;
  /** @returns null for what would end the transaction that everything is undone with */
  sending(sql: string, judgement: Judgement, chance: Chance): One | null;
  /** Process numbers, ports and times of the servers: parts of them agree between two and not with the third. */
  readonly ofServer: RegExp;
  /** Errors that say that a text is wrong as such. Whether it ran in time is another matter, and left to chance. */
  readonly misunderstood: RegExp;
  /** Errors of what took too long. */
  readonly slow: RegExp;
}

export interface Terms<One extends Going> {
  readonly dialect: Dialect<One>;
  /** @param before texts of the session that come first */
  readonly judge: (sql: string, before: readonly string[]) => Judgement;
  readonly words: Vocabulary;
  readonly search: CanarySearch;
  readonly sessions: Sessions<One>;
  /** The same without the tripwire: servers name aliases as origins now and then, and an alarm may be a false one. */
  readonly unguarded?: Pick<Sessions<One>, "first" | "other">;
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
  /** The tripwire ended sessions that would have shown nothing. */
  alarms: number;
  /** Let through, but left out: they would end the transaction that everything is undone with. */
  leftOut: number;
}

/** How many mutations a text gets. */
const TIMES = [1, 1, 1, 1, 1, 2, 2, 2, 3, 5];
const ROUNDS = 8;
const KEPT_MAX = 4_000;
const KEPT_TEXT_MAX = 500;
/** Answers above it are compared between servers; those below are searched for canaries as well. */
const SEARCHED_BYTES_MAX = 1 << 20;
const JOINED_ROWS_MAX = 10_000;

export class GateFuzzer<One extends Going = Going> {
  readonly counts: Counts = { tries: 0, texts: 0, passed: 0, masked: 0, ran: 0, ranMasked: 0, unsteady: 0, slow: 0, alarms: 0, leftOut: 0 };
  readonly #seed: number;
  readonly #terms: Terms<One>;
  /** Mutants that were rewritten and that the server understood: what is made of them goes further than one step. */
  readonly #kept: (readonly string[])[] = [];

  constructor(seed: number, terms: Terms<One>) {
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
    const sent: One[] = [];
    for (const [index, sql] of texts.entries()) {
      const judged = this.#judged(sql, texts.slice(0, index));
      if (typeof judged === "string")
        findings.push({ kind: judged.startsWith("took") ? "hang" : "exception", try: at, texts: [sql], upstream: [], what: judged });
      else if (judged.verdict !== "deny") this.#pass(sql, judged, chance, sent);
    }
    if (sent.length === 0) return findings;
    const told = await this.#told(sent, chance);
    const upstream = sent.map(({ sql, judgement, how = "" }) => how + (judgement.upstreamSql ?? sql));
    return told === undefined ? findings : [...findings, { ...told, try: at, texts: sent.map(({ sql }) => sql), upstream }];
  }

  #pass(sql: string, judgement: Judgement, chance: Chance, sent: One[]): void {
    this.counts.passed += 1;
    if (judgement.verdict === "mask") this.counts.masked += 1;
    const going = this.#terms.dialect.sending(sql, judgement, chance);
    if (going === null) this.counts.leftOut += 1;
    else sent.push(going);
  }

  #keep(texts: readonly string[], chance: Chance): void {
    if (this.#kept.length < KEPT_MAX) this.#kept.push(texts);
    else this.#kept[chance.below(KEPT_MAX)] = texts;
  }

  #texts(chance: Chance): readonly string[] {
    const { words, dialect } = this.#terms;
    const { forms } = dialect;
    const donor = () => forms.piecesOf(this.#base(chance).at(-1) ?? "");
    const means: Means = { chance, words, forms, donor };
    return this.#base(chance).map((sql) => (dialect.isFixed(sql) || chance.oneIn(12) ? sql : mutated(sql, means, chance.pick(TIMES))));
  }

  #base(chance: Chance): readonly string[] {
    return this.#terms.dialect.base(chance, this.#kept.length === 0 ? undefined : () => chance.pick(this.#kept));
  }

  /** What is wrong, in words, where the judgement did not come as it should. */
  #judged(sql: string, before: readonly string[]): Judgement | string {
    this.counts.texts += 1;
    this.#terms.before?.(sql);
    try {
      const { judge, judgedMsMax } = this.#terms;
      let [judgement, took] = timed(() => judge(sql, before));
      // A machine that does something else for a while is no finding.
      for (let again = 2; again > 0 && took > judgedMsMax; again -= 1) [judgement, took] = timed(() => judge(sql, before));
      return took > judgedMsMax ? `took ${Math.round(took)} ms to judge` : judgement;
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    } finally {
      this.#terms.before?.("");
    }
  }

  async #told(sent: readonly One[], chance: Chance): Promise<Pick<Finding, "kind" | "what"> | undefined> {
    const { sessions, dialect } = this.#terms;
    const { first, like, other } = sessions;
    const isSlow = ([one, two]: readonly [Outcome, Outcome]) =>
      one.closed !== two.closed || [...one.errors, ...two.errors].some((error) => dialect.slow.test(error));
    const both = () => Promise.all([first.try(sent), other.try(sent)]);
    let outcomes = await both();
    // As with a judgement: what is slow by itself is so again.
    for (let again = 2; again > 0 && isSlow(outcomes); again -= 1) outcomes = await both();
    const [one, two] = outcomes;
    this.counts.ran += one.ran;
    const rewritten = sent.filter(({ judgement }) => judgement.verdict === "mask");
    if (!dialect.misunderstood.test(one.errors[0] ?? "")) {
      const texts = sent.map(({ sql }) => sql);
      for (const [at, { sql, judgement }] of sent.entries())
        if (judgement.verdict === "mask" && sql.length <= KEPT_TEXT_MAX) this.#keep(dialect.keeps(texts, at), chance);
    }
    if (one.ran > 0 && rewritten.length > 0) this.counts.ranMasked += 1;
    if (one.fault !== null && one.fault === two.fault) {
      if (!(await this.#isFalseAlarm(one.fault, sent))) return { kind: "fault", what: one.fault };
      this.counts.alarms += 1;
      return undefined;
    }
    if (isSlow(outcomes)) {
      this.counts.slow += 1;
      return undefined;
    }
    // What is the same where other secrets lie holds none.
    if (same(one, two)) return undefined;
    const canary = this.#canaryIn(one);
    if (canary !== undefined) return { kind: "canary", what: canary };
    if (sent.some(({ sql, judgement }) => dialect.ofServer.test(judgement.upstreamSql ?? sql))) {
      this.counts.unsteady += 1;
      return undefined;
    }
    // An answer that is left to chance agrees with itself now and then, not each time.
    for (let round = ROUNDS; round > 0; round -= 1) {
      await Promise.all([like.shake?.(chance), other.shake?.(chance)]);
      const [three, four] = await Promise.all([like.try(sent), other.try(sent)]);
      if (same(one, three) && same(two, four)) continue;
      this.counts.unsteady += 1;
      return undefined;
    }
    return { kind: "difference", what: differenceOf(one, two) };
  }

  /** What two servers of other secrets answer alike, with nothing to stop it, held nothing. */
  async #isFalseAlarm(fault: string, sent: readonly One[]): Promise<boolean> {
    const { unguarded } = this.#terms;
    if (unguarded === undefined || !fault.startsWith("masking-tripwire")) return false;
    const [one, two] = await Promise.all([unguarded.first.try(sent), unguarded.other.try(sent)]);
    return one.fault === null && same(one, two);
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
    const hex = (bytes: Buffer): string => bytes.subarray(Math.max(0, at - 6), at + 10).toString("hex");
    return `${name} at byte ${at} (${hex(left)} <> ${hex(right)}): ${readable(left.subarray(Math.max(0, at - 40), at + 80))} <> ${readable(right.subarray(Math.max(0, at - 40), at + 80))}`;
  }
  return `fault ${one.fault} <> ${two.fault}`;
}
