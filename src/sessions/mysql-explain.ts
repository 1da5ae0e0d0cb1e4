/**
 * What the gateway would do with a MySQL text, and why: the judge's own answer, with what it rests on. Nothing is run; the
 * catalogue is all that was asked of the target.
 */
import { decide } from "#policies/decide.ts";
import type { ProtectedColumn } from "#policies/question.ts";
import {
  analyseMysql,
  cutsOf,
  executedBy,
  type MysqlAnalysis,
  type MysqlCatalogue,
  type MysqlMaskingView,
  mysqlMaskOf,
  type Settings,
  type SizeOf,
  type TracedMysql,
  traceMysqlColumns,
} from "#protocols/mysql/protocol.ts";
import type { TracedColumn, TracedOrigin } from "#protocols/postgres/protocol.ts";
import { type ExplainedFor, type ExplainedStatement, type Explanation, guardsOf, needsOf, spoken } from "./explain.ts";
import { judgeText } from "./mysql-judge.ts";
import { settingsInTurn } from "./mysql-several.ts";

export interface MysqlExplained extends ExplainedFor {
  readonly catalogue: MysqlCatalogue;
  /** Null: the principal is under no mask on the target. */
  readonly view: MysqlMaskingView | null;
  readonly sizeOf: SizeOf;
  /** As a new session has them. */
  readonly settings: Settings;
}

export function explainMysqlText(sql: string, explained: MysqlExplained): Explanation {
  const { document, principal, target, view, sizeOf, settings } = explained;
  // Nothing of this is recorded, so that no literal has to be digested.
  const judgement = judgeText(sql, settings, { document, principal, target, view, sizeOf, guarded: true, rejudge: null, digest: () => "" });
  const executes = view === null ? (): boolean => true : null;
  const cuts = cutsOf(sql, { sqlMode: settings.sqlMode, foreign: false, readings: [executes] });
  const parts = cuts.kind === "several" ? cuts.statements : [{ start: 0, end: sql.length, uses: null }];
  const inTurn = settingsInTurn(settings, parts);
  const read = parts.map(({ start, end }, at) => explainedIn(sql.slice(start, end), inTurn[at] ?? settings, at > 0, explained));
  const understood = judgement.reason !== "unparsed" && cuts.kind !== "unclear";
  const { verdict, rule, reason, denial } = judgement;
  const said = spoken(verdict, rule, denial);
  const position = denial?.position ?? null;
  const { text, inserted } = joined(verdict === "deny" ? [] : read.map(({ masked }) => masked));
  // What goes upstream under a mask is always in the gateway's own spelling, which may be the client's.
  const sent = text === sql ? null : text;
  return {
    ...{ ...said, reason: said.reason ?? reason, position, upstreamSql: sent, inserted: sent === null ? [] : inserted },
    ...{ underMask: view !== null, statements: understood ? read.flatMap(({ statements }) => statements) : [] },
  };
}

/** Each goes by itself, in this order. */
function joined(masked: readonly MysqlAnalysis["masked"][]): { readonly text: string | null; readonly inserted: Explanation["inserted"] } {
  const inserted: { readonly start: number; readonly end: number }[] = [];
  let text: string | null = null;
  for (const one of masked) {
    if (one?.kind !== "rewritten") continue;
    const from: number = text === null ? 0 : text.length + BETWEEN.length;
    inserted.push(...one.inserted.map(({ start, end }) => ({ start: from + start, end: from + end })));
    text = text === null ? one.text : text + BETWEEN + one.text;
  }
  return { text, inserted };
}

const BETWEEN = ";\n";

interface ExplainedPart {
  readonly statements: readonly ExplainedStatement[];
  readonly masked: MysqlAnalysis["masked"];
}

/** @param sql one statement, as a rule. @param behindOthers of its text */
function explainedIn(sql: string, settings: Settings, behindOthers: boolean, explained: MysqlExplained): ExplainedPart {
  const { document, principal, target, catalogue, view, sizeOf } = explained;
  const { sqlMode, database } = settings;
  const executes = view === null ? (): boolean => true : executedBy(catalogue.server);
  const analysis = analyseMysql(sql, { sqlMode, executes, sizeOf, behindOthers }, view === null ? null : { view, database });
  const { facts } = analysis;
  if (facts.kind === "unparsed") return { statements: [], masked: analysis.masked };
  const traced = traceMysqlColumns(sql, { catalogue, view, sqlMode, database, executes });
  const statements = facts.statements.map((statement, index): ExplainedStatement => {
    const decision = decide(document, { kind: "statement", principal, target, facts: { kind: "parsed", statements: [statement] } });
    return {
      tag: statement.tag,
      ...spoken(decision.verdict, decision.rule, decision.verdict === "deny" ? decision : null),
      needs: needsOf(statement, explained),
      tables: statement.tables,
      columns: columnsOf(statement.tag, analysis, traced[index]),
      guards: guardsOf(statement, explained),
      masked: view === null ? [] : readsOf(analysis, traced[index], view),
      notes: [],
    };
  });
  return { statements, masked: analysis.masked };
}

/** Where it can't be told what it refers to, all that is masked in its tables. */
function readsOf({ masked }: MysqlAnalysis, traced: TracedMysql | undefined, view: MysqlMaskingView): readonly TracedOrigin[] {
  if (traced !== undefined && traced.reads !== null) return traced.reads.filter(({ mask }) => mask !== null);
  const columns = masked?.kind === "rewritten" ? masked.columns : [];
  return columns.map((column) => originOf(column, view));
}

function originOf({ schema, table, column, rule }: ProtectedColumn, view: MysqlMaskingView): TracedOrigin {
  return { schema, table, column, mask: { rule, kind: mysqlMaskOf(view, schema, table, column)?.kind ?? "redact" } };
}

/** Tags of statements that yield no rows; writes may, by RETURNING. */
const ROWLESS =
  /^(?:SET|USE|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|DO|KILL|PREPARE|FLUSH|GRANT|REVOKE|TRUNCATE|(?:SET|START) TRANSACTION|RELEASE SAVEPOINT|(?:LOCK|UNLOCK|RENAME) TABLES?|LOAD DATA(?: LOCAL)?|DROP.*|(?:CREATE|ALTER) .+)$/;

/** What counts as masked is as the record will have it. */
function columnsOf(tag: string, { masked }: MysqlAnalysis, traced: TracedMysql | undefined): readonly TracedColumn[] | null {
  if (traced === undefined) return ROWLESS.test(tag) ? [] : null;
  const flags = masked?.kind === "rewritten" ? masked.outputMasked : [];
  return traced.outputs?.map((column, index) => ({ ...column, masked: flags[index] ?? column.masked })) ?? null;
}
