/**
 * What the gateway would do with a MySQL text, and why: the judge's own answer, with what it rests on. Nothing is run; the
 * catalogue is all that was asked of the target.
 */
import { decide } from "#policies/decide.ts";
import type { ProtectedColumn } from "#policies/question.ts";
import {
  analyseMysql,
  type MysqlAnalysis,
  type MysqlMaskingView,
  mysqlMaskOf,
  type Settings,
  type SizeOf,
} from "#protocols/mysql/protocol.ts";
import type { TracedColumn, TracedOrigin } from "#protocols/postgres/protocol.ts";
import { type ExplainedFor, type ExplainedStatement, type Explanation, guardsOf, needsOf, spoken } from "./explain.ts";
import { judgeText } from "./mysql-judge.ts";

export interface MysqlExplained extends ExplainedFor {
  /** Null: the principal is under no mask on the target. */
  readonly view: MysqlMaskingView | null;
  readonly sizeOf: SizeOf;
  /** As a new session has them. */
  readonly settings: Settings;
}

export function explainMysqlText(sql: string, explained: MysqlExplained): Explanation {
  const { document, principal, target, view, sizeOf, settings } = explained;
  // Nothing of this is recorded, so that no literal has to be digested.
  const judgement = judgeText(sql, settings, { document, principal, target, view, sizeOf, rejudge: null, digest: () => "" });
  const { sqlMode, database } = settings;
  const executes = view === null ? (): boolean => true : null;
  const analysis = analyseMysql(sql, { sqlMode, executes, sizeOf }, view === null ? null : { view, database });
  const { facts } = analysis;
  const statements =
    facts.kind === "unparsed"
      ? []
      : facts.statements.map((statement): ExplainedStatement => {
          const decision = decide(document, { kind: "statement", principal, target, facts: { kind: "parsed", statements: [statement] } });
          const reads = view === null ? [] : readsOf(analysis, view);
          return {
            tag: statement.tag,
            ...spoken(decision.verdict, decision.rule, decision.verdict === "deny" ? decision : null),
            needs: needsOf(statement, explained),
            tables: statement.tables,
            columns: columnsOf(analysis, reads),
            guards: guardsOf(statement, explained),
            masked: reads,
            notes: [],
          };
        });
  const { verdict, rule, reason, denial, upstreamSql } = judgement;
  const said = spoken(verdict, rule, denial);
  const position = denial?.position ?? null;
  // The whole text is spelled anew, so that no part of it is more the gateway's than another.
  return { ...said, reason: said.reason ?? reason, position, upstreamSql, inserted: [], underMask: view !== null, statements };
}

function readsOf({ masked }: MysqlAnalysis, view: MysqlMaskingView): readonly TracedOrigin[] {
  const columns = masked?.kind === "rewritten" ? masked.columns : [];
  return columns.map((column) => originOf(column, view));
}

function originOf({ schema, table, column, rule }: ProtectedColumn, view: MysqlMaskingView): TracedOrigin {
  return { schema, table, column, mask: { rule, kind: mysqlMaskOf(view, schema, table, column)?.kind ?? "redact" } };
}

/** By their place: which of the masked columns each is made of is not followed. */
function columnsOf({ masked }: MysqlAnalysis, reads: readonly TracedOrigin[]): readonly TracedColumn[] | null {
  if (masked?.kind !== "rewritten" || masked.outputMasked.length === 0) return null;
  return masked.outputMasked.map((shown, index) => ({
    name: `#${index + 1}`,
    origins: shown ? reads : [],
    direct: false,
    masked: shown,
    vague: !shown,
  }));
}
