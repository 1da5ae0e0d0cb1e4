/**
 * Judges MySQL texts: reads the facts off a text as the session's settings cut it, asks policy, and turns the answer into what
 * is sent and what is written down. Once for each distinct text, settings and principal on a target.
 */
import { LRUCache } from "lru-cache";
import { decide } from "#policies/decide.ts";
import type { PolicyDocument } from "#policies/document.ts";
import type { Principal } from "#policies/question.ts";
import { analyseMysql, type MysqlJudgement, type Settings } from "#protocols/mysql/protocol.ts";
import { RECORDED_SQL_BYTES_MAX } from "#protocols/wire/limits.ts";
import { recordedText } from "#protocols/wire/recorded.ts";

export interface MysqlScope {
  readonly document: PolicyDocument;
  readonly principal: Principal;
  readonly target: string;
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

function judgeText(sql: string, settings: Settings, { document, principal, target }: MysqlScope): MysqlJudgement {
  const analysis = analyseMysql(sql, { sqlMode: settings.sqlMode, executes: () => true });
  const decision = decide(document, { kind: "statement", principal, target, facts: analysis.facts });
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
    recordedSql: recordedText(sql, RECORDED_SQL_BYTES_MAX),
    recordedUpstreamSql: null,
    tables: [...new Set(tables)],
    sensitiveParameters: [],
    sensitiveCopy: false,
    rebuildErrors: false,
    uses: [],
    guessed: [],
    holds: () => true,
    changesCatalogue: analysis.changesCatalogue,
    statements: analysis.statements,
    instead: analysis.kill === null ? null : { kind: "kill", ...analysis.kill },
    readsLocalFile: analysis.readsLocalFile,
  };
}
