/**
 * The masking rules of one target held against its schema: what they get wrong, and where in the configuration that
 * stands. For the gateway's start, for what it sees later, and for `check --targets`.
 */
import type { PolicyDocument } from "#policies/document.ts";
import { mysqlRuleProblems } from "#protocols/mysql/protocol.ts";
import { type RuleProblem, ruleProblems, type WholeRule } from "#protocols/postgres/protocol.ts";
import { isMysqlCatalogue, type SeenCatalogue } from "#src/catalogue/seen.ts";
import type { Problem, Remark } from "#src/config/config.ts";

export interface RuleRemark extends Remark {
  readonly level: Problem["level"];
  readonly kind: RuleProblem["kind"];
  /** Names the entry of the rule, with what is asked of its columns: `entryKeys` has it too. */
  readonly key: string;
}

interface PlacedRule {
  readonly rule: WholeRule;
  /** In `masking.rules`. */
  readonly place: number;
}

/** @param catalogues of the target's databases, as far as they could be read */
export function remarksOn(document: PolicyDocument, target: string, catalogues: readonly SeenCatalogue[]): readonly RuleRemark[] {
  const placed = rulesOf(document, target);
  const rules = placed.map(({ rule }) => rule);
  const [mysql] = catalogues.filter(isMysqlCatalogue);
  const others = catalogues.flatMap((one) => (isMysqlCatalogue(one) ? [] : [one]));
  const problems =
    mysql === undefined ? ruleProblems(others, rules, `target ${target}`) : mysqlRuleProblems(mysql, rules, `target ${target}`);
  return problems.flatMap(({ rule, entry, kind, level, message }) => {
    const at = placed[rule];
    if (at === undefined) return [];
    return [
      {
        kind,
        level,
        message,
        path: ["masking", "rules", at.place, entry.part, entry.index],
        key: keyOf(at.rule, entry.part, entry.written),
      },
    ];
  });
}

/** Of every entry of every rule for the target. */
export function entryKeys(document: PolicyDocument, target: string): readonly string[] {
  return rulesOf(document, target).flatMap(({ rule }) => [
    ...rule.columns.map((pattern) => keyOf(rule, "columns", pattern)),
    ...rule.tags.map((tag) => keyOf(rule, "tags", tag)),
  ]);
}

function rulesOf({ masking }: PolicyDocument, target: string): readonly PlacedRule[] {
  return masking.rules.flatMap(({ target: itsTarget, name, columns, tags, mask, unless }, place) =>
    itsTarget === target ? [{ place, rule: { rule: name, columns, tags, mask, spares: unless !== undefined } }] : [],
  );
}

function keyOf({ mask }: WholeRule, part: string, written: string): string {
  return JSON.stringify([part, written, mask]);
}
