/** Statements of any length, each with many of one thing; and a view with a table as wide as tables can be. */
import { type MaskingView, resolveProtection } from "#protocols/sql/postgres/protection.ts";
import { smallView } from "./small-view.ts";

/** PostgreSQL's limit on columns of a table (MaxHeapAttributeNumber). */
const COLUMNS_MAX = 1_600;

/** `smallView` with a table `wide` of 1,600 columns, two of them masked. */
export function wideView(): MaskingView {
  const base = smallView();
  const [users] = base.catalogue.relations;
  if (users === undefined) throw new Error("the small view has no relation");
  const text = users.columns.find(({ type }) => type === "text");
  if (text === undefined) throw new Error("the small view has no column of text");
  const columns = Array.from({ length: COLUMNS_MAX }, (_, index) => ({ ...text, name: `c${index}`, number: index + 1 }));
  const catalogue = {
    ...base.catalogue,
    relations: [...base.catalogue.relations, { ...users, oid: 99, name: "wide", columns, primaryKey: [] }],
  };
  const { protection } = resolveProtection(catalogue, [
    { rule: "pii", columns: ["public.users.ssn", "public.wide.c7", "public.wide.c1500"], tags: [], mask: { kind: "redact" } },
  ]);
  return { catalogue, protection, functionsAllowed: [] };
}

export interface Form {
  /** Grows with the number. */
  readonly text: (count: number) => string;
  /** Eight times as many are still read by the grammar. */
  readonly size: number;
  readonly expected: "rewritable" | "clear";
}

const many = (count: number, one: (index: number) => string, between: string): string =>
  Array.from({ length: count }, (_, index) => one(index)).join(between);

const form = (size: number, text: (count: number) => string, expected: Form["expected"] = "rewritable"): Form => ({ text, size, expected });

export const FORMS: Readonly<Record<string, Form>> = {
  "items of IN": form(625, (n) => `SELECT id FROM users WHERE ssn IN (${many(n, (i) => `'${i}'`, ", ")})`),
  "rows of VALUES": form(250, (n) => `SELECT * FROM users JOIN (VALUES ${many(n, (i) => `(${i}, 'x')`, ", ")}) v(id, t) USING (id)`),
  "arms of UNION": form(60, (n) => many(n, () => "SELECT ssn, name FROM users", " UNION ALL ")),
  "tables joined": form(60, (n) => `SELECT u0.ssn FROM users u0 ${many(n, (i) => `JOIN users u${i + 1} ON u${i + 1}.id = u${i}.id`, " ")}`),
  "references to a common table expression, joined": form(
    125,
    (n) =>
      `WITH c AS (SELECT id, ssn FROM users) SELECT c0.ssn FROM c c0 ${many(n, (i) => `JOIN c c${i + 1} ON c${i + 1}.id = c${i}.id`, " ")}`,
  ),
  "joins with USING": form(
    75,
    (n) => `WITH c AS (SELECT id, ssn FROM users) SELECT id FROM c c0 ${many(n, (i) => `JOIN c c${i + 1} USING (id)`, " ")}`,
  ),
  "tables with commas": form(250, (n) => `SELECT u0.ssn FROM ${many(n, (i) => `users u${i}`, ", ")}`),
  "common table expressions in a chain": form(
    125,
    (n) =>
      `WITH ${many(n, (i) => (i === 0 ? "c0 AS (SELECT * FROM users)" : `c${i} AS (SELECT * FROM c${i - 1})`), ", ")} SELECT * FROM c${n - 1}`,
  ),
  "the same under RECURSIVE, in the wrong order": form(
    30,
    (n) => `WITH RECURSIVE ${many(n, (i) => `c${i} AS (SELECT * FROM c${i + 1})`, ", ")}, c${n} AS (SELECT * FROM users) SELECT * FROM c0`,
  ),
  brackets: form(300, (n) => `SELECT ${"(".repeat(n)}ssn${")".repeat(n)}, name FROM users`),
  "conditions with AND": form(250, (n) => `SELECT id FROM users WHERE ${many(n, (i) => `ssn <> '${i}'`, " AND ")}`),
  "arms of CASE": form(200, (n) => `SELECT CASE ${many(n, (i) => `WHEN ssn = '${i}' THEN ${i}`, " ")} END FROM users`),
  "targets, and ORDER BY their names": form(
    150,
    (n) => `SELECT ${many(n, (i) => `ssn AS a${i}`, ", ")} FROM users ORDER BY ${many(n, (i) => `a${i}`, ", ")}`,
  ),
  "qualified names": form(150, (n) => `SELECT ${many(n, () => "public.users.ssn", ", ")} FROM public.users`),
  "stars of a wide table": form(4, (n) => many(n, () => "SELECT * FROM wide", " UNION ALL ")),
  subqueries: form(
    75,
    (n) => `SELECT id FROM users WHERE ${many(n, (i) => `id IN (SELECT user_id FROM orders WHERE total > ${i})`, " OR ")}`,
  ),
  "named windows": form(
    75,
    (n) => `SELECT ${many(n, (i) => `sum(id) OVER w${i}`, ", ")} FROM users WINDOW ${many(n, (i) => `w${i} AS (PARTITION BY ssn)`, ", ")}`,
  ),
  "LATERAL in a chain": form(50, (n) => `SELECT 1 FROM users u0${many(n, (i) => `, LATERAL (SELECT u${i}.id) u${i + 1}`, "")}`),
  statements: form(75, (n) => many(n, () => "SELECT ssn FROM users", "; ")),
  "rows of INSERT": form(500, (n) => `INSERT INTO orders VALUES ${many(n, (i) => `(${i}, 1, 1, 'x')`, ", ")}`, "clear"),
  "a long string": form(100_000, (n) => `SELECT ssn, '${"x".repeat(n)}' FROM users`),
  comments: form(5_000, (n) => `SELECT ssn${" /* x */ ".repeat(n)} FROM users`),
};
