/**
 * What the gateway would do with a text, and why: the judge's own answer, with what it rests on. Nothing is run; the
 * catalogue is all that was asked of the target.
 */
import { decide, guardrailsFor } from "#policies/decide.ts";
import type { Denial } from "#policies/decision.ts";
import type { PolicyDocument } from "#policies/document.ts";
import type { Guard, Principal, Right, StatementFacts } from "#policies/question.ts";
import { isMeant } from "#policies/who.ts";
import {
  analyse,
  type Catalogue,
  type MaskingView,
  type TracedColumn,
  type TracedOrigin,
  traceColumns,
} from "#protocols/postgres/protocol.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { judgeText } from "./judge.ts";

/** By what a text is judged, on targets of any protocol. */
export interface ExplainedFor {
  readonly document: PolicyDocument;
  readonly principal: Principal;
  readonly target: string;
}

export interface Explained extends ExplainedFor {
  readonly catalogue: Catalogue;
  /** Whether the gateway reads the catalogue of this target too; else it judges without one. */
  readonly catalogueKnown: boolean;
  /** Null: the principal is under no mask on the target. */
  readonly view: MaskingView | null;
}

/** Of the text as a whole: where one statement may not run, none does. */
export interface Explanation {
  readonly verdict: Judgement["verdict"];
  readonly rule: string | null;
  readonly reason: string | null;
  readonly message: string | null;
  /** What would make it pass. */
  readonly hint: string | null;
  /** Characters of the text from 1. */
  readonly position: number | null;
  /** What goes to the target in its place; null when nothing else does. */
  readonly upstreamSql: string | null;
  /** What of `upstreamSql` the gateway put there: indexes into the string, end excluded, in order. */
  readonly inserted: readonly { readonly start: number; readonly end: number }[];
  readonly underMask: boolean;
  readonly statements: readonly ExplainedStatement[];
}

export interface ExplainedStatement {
  /** As command tags begin: `SELECT`, `CREATE TABLE`. */
  readonly tag: string;
  /** By itself, were it alone. */
  readonly verdict: Judgement["verdict"];
  readonly rule: string | null;
  readonly reason: string | null;
  readonly message: string | null;
  readonly hint: string | null;
  /** What it needs, and the access rule that grants it; null where none does. */
  readonly needs: readonly { readonly right: Right; readonly rule: string | null }[];
  readonly tables: readonly string[];
  /** Null where the columns can't be told. */
  readonly columns: readonly TracedColumn[] | null;
  /** What guardrails look at in it, with the rule that forbids it here; null where none does. */
  readonly guards: readonly (Guard & { readonly rule: string | null })[];
  /** Masked columns that it refers to anywhere. */
  readonly masked: readonly TracedOrigin[];
  readonly notes: readonly string[];
}

export function explainText(sql: string, explained: Explained): Explanation {
  const { document, principal, target, view, catalogue, catalogueKnown } = explained;
  const known = catalogueKnown ? catalogue : null;
  const guarded = guardrailsFor(document, principal, target) !== "no";
  // Nothing of this is recorded, so that no literal has to be digested.
  const judgement = judgeText(sql, { document, principal, target, view, guarded, catalogue: known, rejudge: null, digest: () => "" });
  const { facts, rewritten } = analyse(sql, view, known);
  const traced = traceColumns(sql, catalogue, view) ?? [];
  const statements =
    facts.kind === "unparsed"
      ? []
      : facts.statements.map((statement, index): ExplainedStatement => {
          const decision = decide(document, { kind: "statement", principal, target, facts: { kind: "parsed", statements: [statement] } });
          return {
            tag: statement.tag,
            ...spoken(decision.verdict, decision.rule, decision.verdict === "deny" ? decision : null),
            needs: needsOf(statement, explained),
            tables: statement.tables,
            columns: traced[index]?.outputs ?? null,
            guards: guardsOf(statement, explained),
            masked: traced[index]?.reads.filter(({ mask }) => mask !== null) ?? [],
            notes: indexNotes(traced[index]?.conditions ?? [], catalogue),
          };
        });
  const { verdict, rule, reason, denial, upstreamSql } = judgement;
  const said = spoken(verdict, rule, denial);
  return {
    ...said,
    reason: said.reason ?? reason,
    position: denial?.position ?? null,
    upstreamSql,
    inserted: upstreamSql === null ? [] : (rewritten?.inserted.map(({ start, end }) => ({ start, end })) ?? []),
    underMask: view !== null,
    statements,
  };
}

export function spoken(verdict: Judgement["verdict"] | "hold", rule: string | null, denial: Denial | null) {
  return {
    // What waits for a person has nobody to ask yet, and is refused.
    verdict: verdict === "hold" ? "deny" : verdict,
    rule: denial?.rule ?? rule,
    reason: denial?.reason ?? null,
    message: denial?.message ?? null,
    hint: denial?.hint ?? null,
  };
}

/** Each put to the policies by itself, with nothing beside it that one of them could mind. */
export function guardsOf(statement: StatementFacts, { document, principal, target }: ExplainedFor): ExplainedStatement["guards"] {
  return statement.guards.map((guard) => {
    const alone: StatementFacts = { ...statement, needs: [], masking: statement.masking && { kind: "clear" }, guards: [guard] };
    const decision = decide(document, { kind: "statement", principal, target, facts: { kind: "parsed", statements: [alone] } });
    return { ...guard, rule: decision.verdict === "deny" && decision.reason === "statement-guarded" ? decision.rule : null };
  });
}

export function needsOf({ needs }: StatementFacts, { document, principal, target }: ExplainedFor): ExplainedStatement["needs"] {
  const rules = document.access.rules.filter((rule) => rule.targets.includes(target) && isMeant(rule.who, principal));
  return needs.map((right) => ({ right, rule: rules.find(({ may }) => may.includes(right))?.name ?? null }));
}

/** A condition sees what the mask shows, and an index holds what is below. */
function indexNotes(conditions: readonly TracedOrigin[], catalogue: Catalogue): readonly string[] {
  return conditions.flatMap(({ schema, table, column, mask }): readonly string[] => {
    const relation = mask === null ? undefined : catalogue.relations.find((one) => one.schema === schema && one.name === table);
    const indexes = relation?.indexes.filter(({ keys }) =>
      keys.some((key) => key === column || key === `"${column.replaceAll('"', '""')}"`),
    );
    if (indexes === undefined || indexes.length === 0) return [];
    const names = indexes.map(({ name }) => name).join(", ");
    return [`a condition on masked ${schema}.${table}.${column} sees masked values and can't use index ${names}`];
  });
}
