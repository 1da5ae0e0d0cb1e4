/** What the fuzzer has to know of PostgreSQL: where it starts, how a text is sent, what ends a transaction. */
import { parseText } from "#protocols/sql/postgres/grammar.ts";
import { isBody, textOf } from "#protocols/sql/postgres/tree.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { makeQuery } from "#test/protocols/sql/postgres/lineage/query-maker.ts";
import { MASKED_TABLES } from "#test/protocols/sql/postgres/lineage/schema.ts";
import type { Chance } from "./gate-chance.ts";
import { STATEMENTS, WRITES } from "./gate-corpus.ts";
import type { Dialect } from "./gate-fuzzer.ts";
import { POSTGRES_FORMS } from "./gate-postgres-forms.ts";
import type { Sent } from "./gate-session.ts";

/** @param starts to start from more often than others; none when empty */
export function postgresDialect(starts: readonly (readonly string[])[]): Dialect<Sent> {
  return {
    forms: POSTGRES_FORMS,
    base: (chance, kept) => base(chance, kept, starts),
    keeps: (texts, at) => texts.slice(at, at + 1),
    isFixed: () => false,
    sending,
    ofServer: /activity|pg_stat|pg_locks|pg_backend|inet_|setting|\bshow\b|pg_postmaster|pg_control|pg_current_|txid_|xact/i,
    misunderstood: /^(42|0A)/,
    slow: /^57014/,
  };
}

function base(chance: Chance, kept: (() => readonly string[]) | undefined, starts: readonly (readonly string[])[]): readonly string[] {
  if (starts.length > 0 && chance.oneIn(3)) return chance.pick(starts);
  const kind = chance.below(10);
  if (kind < 3) return [makeQuery(chance.choices(20 + chance.below(80)), MASKED_TABLES).sql];
  if (kind === 9) return chance.pick(WRITES);
  const one = kind < 7 ? kept?.() : undefined;
  return one ?? chance.pick(STATEMENTS);
}

function sending(sql: string, judgement: Judgement, chance: Chance): Sent | null {
  const statements = statementsIn(judgement.upstreamSql ?? sql);
  if (statements.some(endsTransaction)) return null;
  const numbers = [...(judgement.upstreamSql ?? sql).matchAll(/\$(\d{1,2})(?!\d)/g)].map(([, number]) => Number(number));
  const simple = statements.length !== 1 || (numbers.length === 0 && !chance.oneIn(3));
  const values = Array.from({ length: Math.max(0, ...numbers) }, () => chance.pick(["1", "x", "9%", "2024-01-01", "{}", null]));
  return { sql, judgement, parameters: simple ? null : values, binary: chance.oneIn(2) };
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
