/**
 * Judges MySQL texts: reads the facts off a text as the session's settings cut it, asks policy, and turns the answer into what
 * is sent and what is written down. Once for each distinct text, settings and principal on a target; where constants decide
 * nothing, once for all texts that differ in nothing else.
 */
import { LRUCache } from "lru-cache";
import { decide } from "#policies/decide.ts";
import type { Decision, Denial } from "#policies/decision.ts";
import type { PolicyDocument } from "#policies/document.ts";
import type { Principal, TextFacts } from "#policies/question.ts";
import {
  analyseMysql,
  cutsOf,
  type MysqlAnalysis,
  type MysqlJudge,
  type MysqlJudgement,
  type MysqlMaskingView,
  mysqlStandsForAll,
  mysqlTemplateOf,
  NO_TEMPORARY,
  type Reading,
  readings,
  type Settings,
  type SizeOf,
  type StackedStatement,
  secretsIn,
} from "#protocols/mysql/protocol.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { RECORDED_SQL_BYTES_MAX } from "#protocols/wire/limits.ts";
import { recordedText } from "#protocols/wire/recorded.ts";
import { joinedRanges, redacted, type TextRange } from "#protocols/wire/redacted.ts";
import { literalsIn, namesWithout } from "./mysql-redaction.ts";
import { joinedJudgement, placed, settingsInTurn } from "./mysql-several.ts";

export interface MysqlScope {
  readonly document: PolicyDocument;
  readonly principal: Principal;
  readonly target: string;
  /** Null: the principal is under no mask on the target. */
  readonly view: MysqlMaskingView | null;
  /** A guardrail holds for the principal on the target. */
  readonly guarded: boolean;
  /** Set where a guardrail asks how large relations are. */
  readonly sizeOf: SizeOf | null;
  /** The judge of the newest catalogue; null where judgements do not depend on one. */
  readonly rejudge: ((sql: string, settings: Settings) => MysqlJudgement) | null;
  /** Keyed digest of a literal that must not stand in the record. */
  readonly digest: (literal: string) => string;
}

const CACHE_CHARACTERS = 16 * 1024 * 1024;
const CACHE_ENTRIES = 20_000;
/** A template is a little longer than its text, which has 4 kB at most; what comes of one is shared by all its texts. */
const TEMPLATES_MAX = 2_000;

/** The MySQL judgements of one process, over all scopes. */
export class MysqlJudgements {
  readonly #cache = new LRUCache<string, MysqlJudgement>({
    max: CACHE_ENTRIES,
    maxSize: CACHE_CHARACTERS,
    // The rewritten text is kept as sent and as recorded.
    sizeCalculation: ({ upstreamSql }, key) => key.length + 2 * (upstreamSql?.length ?? 0) + 512,
  });
  /** By template: of texts that were allowed as they are. */
  readonly #templates = new LRUCache<string, MysqlJudgement>({ max: TEMPLATES_MAX });
  #scopes = 0;

  /** A judge for one scope; texts judged under it are remembered until the scope's cache is outgrown. */
  judge(scope: MysqlScope): (sql: string, settings: Settings) => MysqlJudgement {
    const prefix = `${++this.#scopes}\0`;
    const literalsMatter = scope.view !== null || scope.guarded;
    const places = new WeakMap<Settings, string>();
    const placeOf = (settings: Settings): string => {
      // Without masks nothing is resolved.
      const place = scope.view === null ? "" : `${settings.database ?? ""}\0${settings.temporary?.key ?? ""}\0`;
      const under = `${prefix}${settings.charset}\0${modeKey(settings)}\0${place}`;
      places.set(settings, under);
      return under;
    };
    return (sql, settings) => {
      const under = places.get(settings) ?? placeOf(settings);
      const known = this.#cache.get(under + sql);
      if (known !== undefined) return known;
      const template = literalsMatter || isForeign(settings) ? undefined : mysqlTemplateOf(sql, settings);
      const alike = template === undefined ? undefined : this.#templates.get(under + template.text);
      if (alike !== undefined) return { ...alike, recordedSql: recordedText(sql, RECORDED_SQL_BYTES_MAX) };
      const judgement = judgeText(sql, settings, scope);
      this.#cache.set(under + sql, judgement);
      if (template !== undefined && judgement.verdict === "allow" && mysqlStandsForAll(template)) {
        this.#templates.set(under + template.text, judgement);
      }
      return judgement;
    };
  }
}

function modeKey({ sqlMode }: Settings): string {
  return Object.values(sqlMode)
    .map((on) => (on ? "1" : "0"))
    .join("");
}

/**
 * A judge that looks at the catalogue anew when a text names something that is not in it, once, before it refuses.
 *
 * @param current the judge of the newest catalogue
 * @param refresh resolves when the catalogue is as new as the call
 */
export function refreshingMysqlJudge(
  current: () => (sql: string, settings: Settings) => MysqlJudgement,
  refresh: () => Promise<void>,
): MysqlJudge {
  return (sql, settings) => {
    const first = current()(sql, settings);
    const open = first.denial?.reason === "masked-undefined-table" || first.denial?.reason === "masked-unresolved";
    return open ? refresh().then(() => current()(sql, settings)) : first;
  };
}

interface Judged {
  readonly analysis: MysqlAnalysis;
  readonly decision: Decision;
}

/** Of several statements each by itself; where one is not understood, it is not known where the others end. */
export function judgeText(sql: string, settings: Settings, scope: MysqlScope): MysqlJudgement {
  const { view, digest } = scope;
  const ways = view === null ? (readings(sql) ?? []) : [null];
  const cuts = cutsOf(sql, { sqlMode: settings.sqlMode, foreign: isForeign(settings), readings: ways });
  if (cuts.kind === "unclear") return judged(sql, settings, scope, [notUnderstood(cuts.message, cuts.position, view !== null)]).judgement;
  if (cuts.kind === "one") return judged(sql, settings, scope, analyses(sql, settings, scope)).judgement;
  const inTurn = settingsInTurn(settings, cuts.statements);
  // As it will be where each goes well; what is there is asked when the turn of the next has come.
  let { temporary = NO_TEMPORARY } = settings;
  const found = cuts.statements.map((cut, index) => {
    const own = { ...(inTurn[index] ?? settings), temporary };
    const text = sql.slice(cut.start, cut.end);
    const read = analyses(text, own, scope, index > 0);
    temporary = temporary.done(madeBy(read));
    return { cut, own, text, read };
  });
  for (const { cut, read } of found) {
    const facts = read.find((one) => one.facts.kind === "unparsed")?.facts;
    if (facts?.kind !== "unparsed") continue;
    const position = cut.start + (facts.position ?? 1);
    return judged(sql, settings, scope, [notUnderstood(facts.message, position, view !== null)]).judgement;
  }
  const ranges: TextRange[] = [];
  const several = found.map(({ cut, own, text, read }): StackedStatement => {
    const one = judged(text, own, scope, read);
    for (const { start, end } of one.ranges) ranges.push({ start: cut.start + start, end: cut.start + end });
    return { judgement: placed(one.judgement, cut.start), sql: text, settings: own, behind: cut.behind, before: cut.before };
  });
  return joinedJudgement(several, recordedText(redacted(sql, ranges, digest), RECORDED_SQL_BYTES_MAX));
}

/** What PREPARE prepares is done by EXECUTE. */
function madeBy([analysis]: readonly MysqlAnalysis[]): MysqlJudgement["temporary"] {
  const masked = analysis?.named?.kind === "prepare" ? null : (analysis?.masked ?? null);
  return masked?.kind === "rewritten" ? masked.temporary : null;
}

function notUnderstood(message: string, position: number, masked: boolean): MysqlAnalysis {
  const facts = { kind: "unparsed", message, position, masked } as const;
  return { facts, kill: null, localFile: null, named: null, changesCatalogue: true, masked: null };
}

/** @param read the text in each way in which servers may read it */
function judged(
  sql: string,
  settings: Settings,
  scope: MysqlScope,
  read: readonly MysqlAnalysis[],
): { readonly judgement: MysqlJudgement; readonly ranges: readonly TextRange[] } {
  const { document, principal, target, digest, view, rejudge } = scope;
  const judged = read.map((analysis): Judged => {
    const decision = decide(document, { kind: "statement", principal, target, facts: analysis.facts });
    return { analysis, decision };
  });
  // The first that is not allowed speaks for the text.
  const speaks = judged.find((one) => one.decision.verdict !== "allow") ?? judged[0] ?? nothingJudged();
  const { analysis, decision } = speaks;
  const { verdict, denial } = verdictOf(speaks, isForeign(settings), view !== null);
  const masked = verdict === "deny" || analysis.masked?.kind !== "rewritten" ? null : analysis.masked;
  const ranges = joinedRanges([...secretsIn(sql), ...(analysis.masked?.sensitive.ranges ?? [])]);
  const judgement: MysqlJudgement = {
    verdict,
    rule: decision.rule,
    reason: denial?.reason ?? (decision.verdict === "allow" ? decision.reason : null),
    denial,
    upstreamSql: masked?.text ?? null,
    outputMasked: masked === null ? [] : [masked.outputMasked],
    outputHashed: [],
    ...(masked === null || masked.renamed.length === 0 ? {} : { renamed: masked.renamed }),
    mapPosition: (position) => position,
    recordedSql: recordedText(redacted(sql, ranges, digest), RECORDED_SQL_BYTES_MAX),
    recordedUpstreamSql:
      masked === null || masked.text === sql
        ? null
        : recordedText(redacted(masked.text, masked.sensitiveUpstream, digest), RECORDED_SQL_BYTES_MAX),
    ...(ranges.length === 0 ? {} : { recordedName: namesWithout(literalsIn(sql, ranges, analysis), digest) }),
    tables: tablesOf(analysis.facts),
    sensitiveParameters: analysis.masked?.sensitive.parameters ?? [],
    sensitiveCopy: false,
    rebuildErrors: view !== null && (masked?.rebuildErrors ?? true),
    lasting: lastingIn(analysis.facts),
    uses: [],
    guessed: [],
    holds: () => rejudge === null || same(rejudge(sql, settings), judgement),
    temporary: masked?.temporary ?? null,
    holdsWith: (temporary) => rejudge === null || same(rejudge(sql, { ...settings, temporary }), judgement),
    changesCatalogue: judged.some((one) => one.analysis.changesCatalogue),
    several: [],
    instead: judged.length > 1 || analysis.kill === null ? null : { kind: "kill", ...analysis.kill },
    localFile: sameFile(judged.map((one) => one.analysis.localFile)),
    inserts: insertsOnly(analysis.facts),
    named: analysis.named,
    setsSeveral: sql.includes(",") && analysis.facts.kind === "parsed" && analysis.facts.statements.some(({ tag }) => tag === "SET"),
    mayPrepare: analysis.facts.kind === "unparsed" || analysis.facts.statements.some(({ tag }) => tag === "CALL" || tag === "EXECUTE"),
  };
  return { judgement, ranges };
}

function same(now: Judgement, before: Judgement): boolean {
  return now === before || (now.verdict === before.verdict && now.upstreamSql === before.upstreamSql);
}

/** Under a mask nothing goes upstream in the client's own bytes: what was not written anew is refused. */
function verdictOf(
  { analysis, decision }: Judged,
  foreign: boolean,
  underMask: boolean,
): { readonly verdict: Judgement["verdict"]; readonly denial: Denial | null } {
  const { masked, kill } = analysis;
  if (decision.verdict === "deny") return { verdict: "deny", denial: decision };
  if (decision.verdict === "hold") return { verdict: "deny", denial: refusal("approval-required", decision.rule, decision.message) };
  const ours = masked?.kind === "rewritten" && (!foreign || /^[ -~]*$/.test(masked.text));
  if (ours || !underMask || (kill !== null && decision.verdict === "allow")) return { verdict: decision.verdict, denial: null };
  const message = "the statement could not be written anew so that masked columns are masked";
  return { verdict: "deny", denial: refusal("masked-unsupported", decision.rule, message) };
}

function refusal(reason: Denial["reason"], rule: string | null, message: string): Denial {
  return { verdict: "deny", reason, rule, message, hint: "ask for a form of the statement that the rule permits", position: null };
}

function tablesOf(facts: TextFacts): readonly string[] {
  return facts.kind === "unparsed" ? [] : [...new Set(facts.statements.flatMap((statement) => statement.tables))];
}

/** Of these nothing stays, where they need no more than `read`. */
const PASSING_TAGS: ReadonlySet<string> = new Set(["SELECT", "SHOW", "EXPLAIN", "DESCRIBE", "START TRANSACTION", "BEGIN", "HELP"]);

function lastingIn(facts: TextFacts): readonly boolean[] {
  if (facts.kind === "unparsed") return [];
  return facts.statements.map(({ tag, needs }) => !PASSING_TAGS.has(tag) || needs.some((right) => right !== "read"));
}

function insertsOnly(facts: TextFacts): boolean {
  return facts.kind === "parsed" && facts.statements.every(({ tag }) => tag === "INSERT" || tag === "REPLACE");
}

function isForeign({ charset }: Settings): boolean {
  return !/^utf8/i.test(charset);
}

/**
 * One for each way in which servers may read the text; one that is not understood where there are too many.
 *
 * @param behindOthers it stands behind others in the text that it came in
 */
function analyses(sql: string, settings: Settings, { view, sizeOf: sizes }: MysqlScope, behindOthers = false): readonly MysqlAnalysis[] {
  const { sqlMode, database, temporary = NO_TEMPORARY } = settings;
  const foreign = isForeign(settings);
  const read = { sqlMode, foreign, sizeOf: sizes ?? ((): null => null), behindOthers };
  if (view !== null) return [analyseMysql(sql, { ...read, executes: null }, { view, database, temporary })];
  const one = (executes: Reading | null): MysqlAnalysis => analyseMysql(sql, { ...read, executes });
  const found = readings(sql)?.map(one);
  // A KILL that is not surely the same one would go upstream, where it reaches the sessions of others.
  if (found === undefined || (found.length > 1 && found.some(({ kill }) => kill !== null))) return [one(null)];
  return found;
}

/** The name is certain where each reading has the same. */
function sameFile(files: readonly MysqlAnalysis["localFile"][]): MysqlAnalysis["localFile"] {
  const [first, ...others] = files;
  if (first === undefined || files.every((file) => file === null)) return null;
  return first !== null && others.every((file) => file?.name === first.name) ? first : { name: null };
}

function nothingJudged(): never {
  throw new Error("broken invariant: a text has no reading");
}
