/**
 * Tables whose masked cells can be filled in two ways, with every kind of object that a write is checked against, and
 * writes made at random from their columns. Whatever a masked principal may run must not tell the two fillings apart.
 */
import fc from "fast-check";

const COLUMNS = "id int PRIMARY KEY, name text, n int, secret text, secret_n int";
const SPREAD = "id int, name text, n int NOT NULL, secret text, secret_n int";

export const TABLES = ["plain", "checked", "indexed", "keyed", "split", "parent", "open"] as const;

export const SCHEMA = `
  CREATE TABLE plain (${COLUMNS});
  CREATE TABLE checked (${COLUMNS}, both_of int GENERATED ALWAYS AS (n * secret_n) STORED, CHECK (name <> secret), CHECK (n < 30000));
  CREATE TABLE indexed (${COLUMNS}, UNIQUE (secret), UNIQUE (name, secret), UNIQUE (n));
  CREATE INDEX ON indexed ((id * secret_n));
  CREATE UNIQUE INDEX ON indexed (name) WHERE secret_n > 5;
  CREATE TABLE keyed (${COLUMNS}, FOREIGN KEY (n) REFERENCES plain ON UPDATE CASCADE ON DELETE SET NULL,
    FOREIGN KEY (secret) REFERENCES indexed (secret), CHECK (n <> secret_n));
  CREATE TABLE split (${SPREAD}, sum_of int GENERATED ALWAYS AS (id + secret_n) STORED) PARTITION BY RANGE (n);
  CREATE TABLE split_low PARTITION OF split FOR VALUES FROM (MINVALUE) TO (5);
  CREATE TABLE split_high PARTITION OF split FOR VALUES FROM (5) TO (MAXVALUE);
  ALTER TABLE split_high ADD CHECK (secret_n < 100);
  CREATE TABLE parent (${SPREAD});
  CREATE TABLE child (CHECK (n <> secret_n)) INHERITS (parent);
  CREATE TABLE open (id int PRIMARY KEY, name text, n int);
`;

/** Where values are missing is no secret. */
const FILLINGS = [
  { secret: ["'zebra'", "'horse'", "'cow'", "NULL"], secretN: ["3", "40", "70", "NULL"] },
  { secret: ["'x'", "'yy'", "'a longer one'", "NULL"], secretN: ["7", "1", "90", "NULL"] },
] as const;

export const FILLS: readonly string[] = FILLINGS.map(({ secret, secretN }) => {
  const rows = (n: readonly string[]) =>
    n.map((value, at) => `(${at + 1}, 'name${at + 1}', ${value}, ${secret[at]}, ${secretN[at]})`).join(", ");
  const masked = (table: string, n: readonly string[]) => `INSERT INTO ${table} (id, name, n, secret, secret_n) VALUES ${rows(n)};`;
  return `
    ${masked("plain", ["10", "20", "30", "40"])} ${masked("checked", ["10", "20", "30", "40"])} ${masked("indexed", ["11", "12", "13", "14"])}
    ${masked("keyed", ["2", "2", "4", "NULL"])} ${masked("split", ["2", "4", "6", "8"])} ${masked("parent", ["2", "4", "6", "8"])}
    ${masked("child", ["12", "14", "16", "18"])} INSERT INTO open VALUES (1, 'a', 1), (2, 'zebra', 40), (3, 'x', 7);`;
});

/** Columns that are not masked, in order of the tables: what a masked principal may see of the outcome. */
export const STATE = [
  ...TABLES.filter((table) => table !== "split" && table !== "parent"),
  "split_low",
  "split_high",
  "ONLY parent",
  "child",
].map((table) => `SELECT id, name, n FROM ${table} ORDER BY 1, 2, 3`);

interface Piece {
  text: string;
  number: string;
  condition: string;
}

/** Expressions over the aliases in view. Masked columns come seldom, so that most statements get through. */
function expressions(aliases: readonly string[], masked: boolean): fc.LetrecValue<Piece> {
  const column = (name: string) => fc.constantFrom(...aliases.map((alias) => `${alias}.${name}`), ...(aliases.length === 1 ? [name] : []));
  const table = fc.constantFrom(...TABLES.filter((one) => one !== "open"));
  const hidden = (name: string) => (masked ? [{ weight: 1, arbitrary: column(name) }] : []);
  return fc.letrec<Piece>((tie) => ({
    text: fc.oneof(
      { depthSize: "small" },
      { weight: 6, arbitrary: fc.constantFrom("'zebra'", "'horse'", "'x'", "'yy'", "'a longer one'", "'name2'", "NULL") },
      { weight: 6, arbitrary: column("name") },
      ...hidden("secret"),
      { weight: 1, arbitrary: tie("text").map((x) => `upper(${x})`) },
      { weight: 1, arbitrary: fc.tuple(tie("text"), tie("text")).map(([a, b]) => `(${a} || ${b})`) },
      {
        weight: 1,
        arbitrary: fc.tuple(tie("condition"), tie("text"), tie("text")).map(([c, a, b]) => `CASE WHEN ${c} THEN ${a} ELSE ${b} END`),
      },
      {
        weight: 2,
        arbitrary: fc.tuple(table, fc.constantFrom("q.name", "q.secret", "q::text")).map(([t, x]) => `(SELECT max(${x}) FROM ${t} q)`),
      },
    ),
    number: fc.oneof(
      { depthSize: "small" },
      { weight: 6, arbitrary: fc.constantFrom("1", "2", "3", "7", "12", "40", "90", "25000000", "NULL") },
      { weight: 4, arbitrary: column("n") },
      { weight: 3, arbitrary: column("id") },
      ...hidden("secret_n"),
      { weight: 1, arbitrary: fc.tuple(tie("number"), tie("number")).map(([a, b]) => `(${a} + ${b})`) },
      { weight: 1, arbitrary: tie("text").map((x) => `length(${x})`) },
      { weight: 2, arbitrary: fc.tuple(table, fc.constantFrom("q.n", "q.secret_n")).map(([t, x]) => `(SELECT max(${x}) FROM ${t} q)`) },
    ),
    condition: fc.oneof(
      { depthSize: "small" },
      {
        weight: 4,
        arbitrary: fc.tuple(column("id"), fc.constantFrom("= 1", "= 2", "< 3", "IN (1, 4)", "> 0")).map(([a, b]) => `${a} ${b}`),
      },
      {
        weight: 2,
        arbitrary: fc.tuple(tie("text"), fc.constantFrom("=", "<", "LIKE"), tie("text")).map(([a, op, b]) => `${a} ${op} ${b}`),
      },
      { weight: 2, arbitrary: fc.tuple(tie("number"), fc.constantFrom("=", "<"), tie("number")).map(([a, op, b]) => `${a} ${op} ${b}`) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(table, fc.constantFrom("q.secret", "q.name"), tie("text"))
          .map(([t, x, y]) => `EXISTS (SELECT FROM ${t} q WHERE ${x} = ${y})`),
      },
    ),
  }));
}

const ASSIGNED = fc.constantFrom("name", "name", "name", "n", "n", "n", "id", "secret", "secret_n");

function assignments({ text, number }: fc.LetrecValue<Piece>): fc.Arbitrary<string> {
  const one = fc.tuple(ASSIGNED, text, number, fc.boolean()).map(([name, t, n, plain]) => {
    const value = name === "name" || name === "secret" ? t : n;
    return `${name} = ${name.startsWith("secret") && plain ? "DEFAULT" : value}`;
  });
  return fc
    .uniqueArray(one, { minLength: 1, maxLength: 2, selector: (set) => set.slice(0, set.indexOf(" ")) })
    .map((list) => list.join(", "));
}

function returning(alias: string): fc.Arbitrary<string> {
  const { text, number, condition } = expressions([alias], true);
  const items = fc.oneof(fc.constantFrom("*", `${alias}.*`, "id", "secret", `${alias}.secret_n`, `${alias}.id`), text, number, condition);
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant("") },
    { weight: 3, arbitrary: fc.array(items, { minLength: 1, maxLength: 3 }).map((list) => ` RETURNING ${list.join(", ")}`) },
  );
}

const target = fc.constantFrom(...TABLES);
const alone = expressions(["t"], true);
const joined = expressions(["t", "s"], false);
const sources = expressions(["s"], true);

const update = fc.oneof(
  fc
    .tuple(target, assignments(alone), alone.condition, returning("t"))
    .map(([t, set, where, back]) => `UPDATE ${t} t SET ${set} WHERE ${where}${back}`),
  fc
    .tuple(
      target,
      assignments(joined),
      target,
      joined.condition,
      fc.constantFrom("", " RETURNING *", " RETURNING t.*, s.id", " RETURNING t.secret, s.name"),
    )
    .map(([t, set, s, where, back]) => `UPDATE ${t} t SET ${set} FROM ${s} s WHERE t.id = s.id AND ${where}${back}`),
  fc
    .tuple(target, sources.text, target)
    .map(([t, value, s]) => `UPDATE ${t} t SET name = s.x FROM (SELECT s.id, ${value} AS x FROM ${s} s) s WHERE s.id = t.id`),
);

const remove = fc.oneof(
  fc.tuple(target, alone.condition, returning("t")).map(([t, where, back]) => `DELETE FROM ${t} t WHERE ${where}${back}`),
  fc
    .tuple(target, target, joined.condition)
    .map(([t, s, where]) => `DELETE FROM ${t} t USING ${s} s WHERE t.n = s.n AND ${where} RETURNING t.id`),
);

const conflict = fc.oneof(
  fc.constantFrom(
    "",
    "",
    " ON CONFLICT DO NOTHING",
    " ON CONFLICT (id) DO NOTHING",
    " ON CONFLICT (n) DO NOTHING",
    " ON CONFLICT (secret) DO NOTHING",
  ),
  fc
    .tuple(assignments(expressions(["t", "excluded"], true)), fc.constantFrom("", " WHERE t.id < 3", " WHERE t.secret_n > 3"))
    .map(([set, where]) => ` ON CONFLICT (id) DO UPDATE SET ${set}${where}`),
);

const insert = fc.oneof(
  fc
    .tuple(
      target,
      fc.constantFrom("'zebra'", "'name1'", "'q'"),
      fc.constantFrom("2", "7", "40", "99"),
      fc.constantFrom("1", "9"),
      conflict,
      returning("t"),
    )
    .map(([t, name, n, id, on, back]) => `INSERT INTO ${t} AS t (id, name, n) VALUES (${id}, ${name}, ${n})${on}${back}`),
  fc
    .tuple(target, sources.text, sources.number, target, sources.condition, conflict)
    .map(
      ([t, text, number, s, where, on]) =>
        `INSERT INTO ${t} AS t (id, name, n) SELECT s.id + 10, ${text}, ${number} FROM ${s} s WHERE ${where}${on} RETURNING t.id`,
    ),
  fc.tuple(target, fc.constantFrom("secret", "secret_n")).map(([t, name]) => `INSERT INTO ${t} (id, n, ${name}) VALUES (9, 9, '7')`),
);

const merge = fc
  .tuple(target, target, joined.condition, assignments(joined), fc.constantFrom("UPDATE", "DELETE", "NOTHING"), sources.text)
  .map(([t, s, when, set, action, value]) => {
    const then = action === "UPDATE" ? `UPDATE SET ${set}` : action === "DELETE" ? "DELETE" : "DO NOTHING";
    return `MERGE INTO ${t} t USING ${s} s ON t.id = s.n WHEN MATCHED AND ${when} THEN ${then} WHEN NOT MATCHED THEN INSERT (id, name, n) VALUES (s.id + 20, ${value}, s.n)`;
  });

const single = fc.oneof(
  { weight: 4, arbitrary: update },
  { weight: 3, arbitrary: insert },
  { weight: 2, arbitrary: remove },
  { weight: 2, arbitrary: merge },
);

export const writes: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: single },
  {
    weight: 1,
    arbitrary: fc
      .tuple(target, assignments(alone), alone.condition, target)
      .map(
        ([t, set, where, other]) =>
          `WITH w AS (UPDATE ${t} t SET ${set} WHERE ${where} RETURNING *) INSERT INTO ${other} (id, name, n) SELECT id + 30, secret, n FROM w RETURNING *`,
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(target, alone.condition)
      .map(([t, where]) => `WITH gone AS (DELETE FROM ${t} t WHERE ${where} RETURNING t.*) SELECT count(*), max(gone::text) FROM gone`),
  },
);
