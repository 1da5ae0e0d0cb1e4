/**
 * Judges MySQL texts: reads the facts off a text as the session's settings cut it, asks policy, and turns the answer into what
 * is sent and what is written down. Once for each distinct text, settings and principal on a target.
 */
import { LRUCache } from "lru-cache";
import { decide } from "#policies/decide.ts";
import type { PolicyDocument } from "#policies/document.ts";
import type { Principal } from "#policies/question.ts";
import {
  analyseMysql,
  type MysqlAnalysis,
  type MysqlJudgement,
  type Reading,
  readings,
  type Settings,
  secretsIn,
} from "#protocols/mysql/protocol.ts";
import { RECORDED_SQL_BYTES_MAX } from "#protocols/wire/limits.ts";
import { recordedText } from "#protocols/wire/recorded.ts";

export interface MysqlScope {
  readonly document: PolicyDocument;
  readonly principal: Principal;
  readonly target: string;
  /** Keyed digest of a literal that must not stand in the record. */
  readonly digest: (literal: string) => string;
}

const CACHE_CHARACTERS = 16 * 1024 * 1024;
const CACHE_ENTRIES = 20_000;

/** The MySQL judgements of one process, over all scopes. */
export class MysqlJudgements {
  readonly #cache = new LRUCache<string, MysqlJudgement>({
    max: CACHE_ENTRIES,
    maxSize: CACHE_CHARACTERS,
    sizeCalculation: (_judgement, key) => key.length + 512,
  });
  #scopes = 0;

  judge(scope: MysqlScope): (sql: string, settings: Settings) => MysqlJudgement {
    const prefix = `${++this.#scopes}\0`;
    return (sql, settings) => {
      const key = `${prefix}${settings.charset}\0${modeKey(settings)}\0${sql}`;
      const known = this.#cache.get(key);
      if (known !== undefined) return known;
      const judgement = judgeText(sql, settings, scope);
      this.#cache.set(key, judgement);
      return judgement;
    };
  }
}

function modeKey({ sqlMode }: Settings): string {
  return Object.values(sqlMode)
    .map((on) => (on ? "1" : "0"))
    .join("");
}

function judgeText(sql: string, settings: Settings, { document, principal, target, digest }: MysqlScope): MysqlJudgement {
  const judged = analyses(sql, settings).map((analysis) => {
    const decision = decide(document, { kind: "statement", principal, target, facts: analysis.facts });
    return { analysis, decision };
  });
  // The first that is not allowed speaks for the text.
  const { analysis, decision } = judged.find((one) => one.decision.verdict !== "allow") ?? judged[0] ?? nothingJudged();
  const secrets = secretsIn(sql);
  const denial = decision.verdict === "deny" ? decision : null;
  const tables = analysis.facts.kind === "parsed" ? analysis.facts.statements.flatMap((statement) => statement.tables) : [];
  return {
    verdict: decision.verdict === "deny" ? "deny" : "allow",
    rule: decision.rule,
    reason: denial?.reason ?? (decision.verdict === "allow" ? decision.reason : null),
    denial,
    upstreamSql: null,
    outputMasked: [],
    mapPosition: (position) => position,
    recordedSql: recordedText(redact(sql, secrets, digest), RECORDED_SQL_BYTES_MAX),
    recordedUpstreamSql: null,
    tables: [...new Set(tables)],
    sensitiveParameters: [],
    sensitiveCopy: false,
    rebuildErrors: false,
    lasting: [],
    uses: [],
    guessed: [],
    holds: () => true,
    changesCatalogue: judged.some((one) => one.analysis.changesCatalogue),
    statements: analysis.statements,
    instead: judged.length > 1 || analysis.kill === null ? null : { kind: "kill", ...analysis.kill },
    localFile: sameFile(judged.map((one) => one.analysis.localFile)),
  };
}

/** One for each way in which servers may read the text; one that is not understood where there are too many. */
function analyses(sql: string, { sqlMode, charset }: Settings): readonly MysqlAnalysis[] {
  const foreign = !/^utf8/i.test(charset);
  const one = (executes: Reading | null): MysqlAnalysis => analyseMysql(sql, { sqlMode, foreign, executes });
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

function redact(sql: string, ranges: ReturnType<typeof secretsIn>, digest: (literal: string) => string): string {
  let at = 0;
  let redacted = "";
  for (const { start, end } of ranges) {
    redacted += sql.slice(at, start) + digest(sql.slice(start, end));
    at = end;
  }
  return redacted + sql.slice(at);
}
