/**
 * Judges statement texts: reads the facts off a text, asks policy, and turns the answer into what is sent and what is
 * written down. Once for each distinct text of a principal on a target: the exact text is the key, since literals matter. Where it
 * is known that they don't (no mask, no guardrail: `template.ts`), once for all texts that differ in nothing else.
 */
import { LRUCache } from "lru-cache";
import { decide } from "#policies/decide.ts";
import type { Decision, Denial } from "#policies/decision.ts";
import type { PolicyDocument } from "#policies/document.ts";
import type { Principal, TextFacts } from "#policies/question.ts";
import {
  type Analysis,
  analyse,
  type Catalogue,
  changesReading,
  type MaskingView,
  recordedText,
  templateOf,
} from "#protocols/postgres/protocol.ts";
import type { Judge, Judgement } from "#protocols/wire/judgement.ts";
import { RECORDED_SQL_BYTES_MAX } from "#protocols/wire/limits.ts";
import { redacted } from "#protocols/wire/redacted.ts";

/** What a judgement depends on besides the text. */
export interface Scope {
  readonly document: PolicyDocument;
  readonly principal: Principal;
  readonly target: string;
  /** Null: the principal is under no mask on the target. */
  readonly view: MaskingView | null;
  readonly catalogue: Catalogue | null;
  /** A guardrail holds for the principal on the target. */
  readonly guarded: boolean;
  /** The judge of the newest catalogue; null where judgements do not depend on one. */
  readonly rejudge: ((sql: string) => Judgement) | null;
  /** Keyed digest of a literal that must not stand in the record. */
  readonly digest: (literal: string) => string;
}

/** Characters of all texts whose judgements are kept in a process. */
const CACHE_CHARACTERS = 16 * 1024 * 1024;
const CACHE_ENTRIES = 20_000;
/** A template is at most 4 kB; what comes of one is shared by all its texts. */
const TEMPLATES_MAX = 2_000;

const identity = (position: number): number => position;

/** The judgements of one process, over all scopes. */
export class Judgements {
  readonly #cache = new LRUCache<string, Judgement>({
    max: CACHE_ENTRIES,
    maxSize: CACHE_CHARACTERS,
    // The rewritten text is kept as sent and as recorded; where views take part it is much longer than the key.
    sizeCalculation: ({ upstreamSql }, key) => key.length + 2 * (upstreamSql?.length ?? 0) + 512,
  });
  /** By template: of texts that were allowed as they are. */
  readonly #templates = new LRUCache<string, Judgement>({ max: TEMPLATES_MAX });
  #scopes = 0;

  /** A judge for one scope; texts judged under it are remembered until the scope's cache is outgrown. */
  judge(scope: Scope): (sql: string) => Judgement {
    const prefix = `${++this.#scopes}\0`;
    const literalsMatter = scope.view !== null || scope.guarded;
    return (sql) => {
      const key = prefix + sql;
      const known = this.#cache.get(key);
      if (known !== undefined) return known;
      const template = literalsMatter ? undefined : templateOf(sql);
      const alike = template === undefined ? undefined : this.#templates.get(prefix + template.text);
      if (alike !== undefined) return { ...alike, recordedSql: recordedText(sql, RECORDED_SQL_BYTES_MAX) };
      const { judgement, analysis } = judged(sql, scope);
      this.#cache.set(key, judgement);
      if (analysis.template !== null && judgement.verdict === "allow") this.#templates.set(prefix + analysis.template, judgement);
      return judgement;
    };
  }
}

/**
 * A judge that looks at the catalogue anew when a text names something that is not in it, once, before it refuses.
 *
 * @param current the judge of the newest catalogue
 * @param refresh resolves when the catalogue is as new as the call
 */
export function refreshingJudge(current: () => (sql: string) => Judgement, refresh: () => Promise<void>): Judge {
  return (sql, isOwn) => {
    const first = current()(sql);
    const open = first.denial?.reason === "masked-undefined-table" || first.denial?.reason === "masked-unresolved";
    if (!open && first.guessed.every(isOwn)) return first;
    return refresh().then(() => current()(sql));
  };
}

export function judgeText(sql: string, scope: Scope): Judgement {
  return judged(sql, scope).judgement;
}

function judged(sql: string, scope: Scope): { readonly judgement: Judgement; readonly analysis: Analysis } {
  const analysis = analyse(sql, scope.view, scope.catalogue, scope.guarded);
  const { document, principal, target } = scope;
  const decision = decide(document, { kind: "statement", principal, target, facts: analysis.facts });
  const blinds = scope.guarded && decision.verdict === "allow" && changesReading(sql);
  const { verdict, denial } = blinds ? { verdict: "deny" as const, denial: blinding() } : verdictOf(decision, analysis);
  const rewritten = verdict === "deny" ? null : analysis.rewritten;
  const shown = redacted(sql, analysis.sensitive.ranges, scope.digest);
  const judgement: Judgement = {
    verdict,
    rule: decision.rule,
    reason: denial?.reason ?? (decision.verdict === "allow" ? decision.reason : null),
    denial,
    upstreamSql: rewritten?.sql ?? null,
    outputMasked: rewritten?.outputMasked ?? [],
    outputHashed: rewritten?.outputHashed ?? [],
    mapPosition: rewritten?.mapPosition ?? identity,
    recordedSql: recordedText(shown, RECORDED_SQL_BYTES_MAX),
    recordedUpstreamSql:
      rewritten === null ? null : recordedText(redacted(rewritten.sql, rewritten.sensitive, scope.digest), RECORDED_SQL_BYTES_MAX),
    tables: tablesOf(analysis.facts),
    sensitiveParameters: analysis.sensitive.parameters,
    sensitiveCopy: analysis.sensitive.copy,
    rebuildErrors: scope.view !== null && (verdict === "mask" || !onlyReads(analysis.facts)),
    lasting: lastingIn(analysis.facts),
    uses: analysis.effects.names,
    guessed: analysis.guessed,
    holds: () => scope.rejudge === null || same(scope.rejudge(sql), judgement),
    changesCatalogue: analysis.effects.changesCatalogue,
  };
  return { judgement, analysis };
}

/** Texts sent ahead of its answer would be judged as they were read before. */
function blinding(): Denial {
  const message = "it may change how the next text is read, which a guardrail could then not judge";
  const hint = "leave standard_conforming_strings, backslash_quote and client_encoding as they are";
  return { verdict: "deny", reason: "statement-unparsed", rule: null, message, hint, position: null };
}

function same(now: Judgement, before: Judgement): boolean {
  return now === before || (now.verdict === before.verdict && now.upstreamSql === before.upstreamSql);
}

/** A statement that should be masked and was not rewritten, or that waits for someone who cannot be asked, is refused. */
function verdictOf(decision: Decision, analysis: Analysis): { readonly verdict: Judgement["verdict"]; readonly denial: Denial | null } {
  switch (decision.verdict) {
    case "allow":
      return { verdict: "allow", denial: null };
    case "deny":
      return { verdict: "deny", denial: decision };
    case "mask":
      if (analysis.rewritten !== null) return { verdict: "mask", denial: null };
      return {
        verdict: "deny",
        denial: refusal("masked-unsupported", decision.rule, "the statement reads masked columns and could not be rewritten"),
      };
    case "hold":
      return { verdict: "deny", denial: refusal("approval-required", decision.rule, decision.message) };
  }
}

function refusal(reason: Denial["reason"], rule: string, message: string): Denial {
  return { verdict: "deny", reason, rule, message, hint: "ask for a form of the statement that the rule permits", position: null };
}

function tablesOf(facts: TextFacts): readonly string[] {
  if (facts.kind === "unparsed") return [];
  return [...new Set(facts.statements.flatMap((statement) => statement.tables))];
}

/** Commands that run nothing of the database's own code but what a clear SELECT may call; COMMIT runs deferred triggers. */
const READING_TAGS: ReadonlySet<string> = new Set(["SELECT", "SHOW", "SET", "RESET", "EXPLAIN", "BEGIN", "START TRANSACTION", "SAVEPOINT"]);

/** Of these nothing stays, where they need no more than `read`. */
const PASSING_TAGS: ReadonlySet<string> = new Set(["SELECT", "SHOW", "EXPLAIN", "FETCH", "COPY", "BEGIN", "START TRANSACTION"]);

function lastingIn(facts: TextFacts): readonly boolean[] {
  if (facts.kind === "unparsed") return [];
  return facts.statements.map(({ tag, needs }) => !PASSING_TAGS.has(tag) || needs.some((right) => right !== "read"));
}

function onlyReads(facts: TextFacts): boolean {
  return (
    facts.kind === "parsed" && facts.statements.every(({ tag, needs }) => READING_TAGS.has(tag) && needs.every((right) => right === "read"))
  );
}
