/**
 * Makes expressions of a wanted type over whatever columns are in view, by every way of naming them that there is.
 * Mostly right to the server, not always: what it refuses is thrown away by whoever asked.
 */
import type { Choices } from "./choices.ts";
import { ANY, type Col, type Table, type Tables, type Type } from "./schema.ts";

/** One thing in FROM. */
export interface Item {
  /** Null for a join or a subquery without an alias. */
  readonly alias: string | null;
  readonly cols: readonly Col[];
  readonly table: Table | null;
  /** Set where schema and name can stand before a column. */
  readonly bare: boolean;
  /** Its row is no row but a plain value, or not to be used. */
  readonly scalar?: boolean;
  /** Its name is taken, but may not be used here. */
  readonly hidden?: boolean;
}

/** One level of a query: what can be named there behind an alias, and what by its bare name. */
export interface Level {
  readonly items: readonly Item[];
  readonly names: readonly Col[];
}

export interface Made {
  readonly sql: string;
  /** By all of its columns. */
  readonly ordered?: boolean;
  readonly cols: readonly Col[];
}

export interface Env {
  /** Common table expressions in force. */
  readonly ctes: readonly { readonly name: string; readonly cols: readonly Col[] }[];
  /** Innermost first. */
  readonly levels: readonly Level[];
  readonly depth: number;
  /** Rows that the server may choose or order as it likes are to make no difference. */
  readonly steady: boolean;
  readonly tables: Tables;
  /** What the database is called, where that is to be named. */
  readonly database: string | null;
  readonly choices: Choices;
  /** Makes a query with columns of these types. */
  readonly query: (env: Env, types: readonly Type[]) => Made;
}

/** Columns whose names call no function of the server's, so that `city(u)` can only be a column. */
const UNCALLED: ReadonlySet<string> = new Set([
  "city",
  "salary",
  "born",
  "ssn",
  "email",
  "user_id",
  "total",
  "placed_on",
  "card",
  "amount",
]);

const LITERALS: Readonly<Record<Type, readonly [string, ...string[]]>> = {
  int: ["1", "2", "length('abc'::text)"],
  text: ["'x'::text", "'***'::text", "'Oslo'::text", "'a' || 'b'::text"],
  date: ["DATE '2024-01-05'", "'1983-01-01'::date"],
  num: ["1.5", "20::numeric"],
  json: [`'{"a": [1]}'::jsonb`, "to_jsonb(1)"],
  time: ["TIMESTAMPTZ '2024-01-02 03:04:05+00'"],
  bool: ["true", "1 = 1"],
  list: ["ARRAY['b'::text]", "'{b,c}'::text[]"],
  other: ["INTERVAL '1 day'"],
};

/** Every column of a type in view, by each way of naming it. */
function columns(env: Env, type: Type): readonly string[] {
  const found: string[] = [];
  env.levels.forEach(({ items, names }, level) => {
    for (const { alias, cols, table, bare, scalar, hidden } of items) {
      if (alias === null || hidden === true) continue;
      for (const col of cols.filter((one) => one.type === type)) {
        found.push(`${alias}.${col.name}`);
        if (env.depth % 3 === 0 && scalar !== true) found.push(`(${alias}).${col.name}`);
        if (bare && table !== null) {
          found.push(`${table.schema}.${table.name}.${col.name}`);
          if (env.database !== null) found.push(`${env.database}.${table.schema}.${table.name}.${col.name}`);
        }
        // Under a mask a call may not be a function of a user's, and this could be one.
        if (!env.steady && table !== null && !table.view && UNCALLED.has(col.name)) found.push(`${col.name}(${alias})`);
      }
    }
    const inner = env.levels.slice(0, level).flatMap((one) => one.names.map(({ name }) => name));
    for (const { name, type: its } of names) {
      const once = names.filter((one) => one.name === name).length === 1;
      if (its === type && once && !inner.includes(name)) found.push(name);
    }
  });
  return found;
}

/** Whole rows in view. */
function rows(env: Env): readonly Item[] {
  return env.levels
    .flatMap(({ items }) => items)
    .filter((item) => item.alias !== null && item.hidden !== true && item.scalar !== true && item.cols.length > 0);
}

export function expression(env: Env, type: Type): string {
  const { choices } = env;
  const leaf = () => choices.pick(columns(env, type)) ?? choices.pick(LITERALS[type]);
  if (env.depth <= 0 || choices.spent) return leaf();
  const inner: Env = { ...env, depth: env.depth - 1 };
  const one = () => expression(inner, type);
  return choices.pick([
    leaf,
    leaf,
    leaf,
    leaf,
    () => `COALESCE(${one()}, ${one()})`,
    () => `CASE WHEN ${condition(inner)} THEN ${one()} ELSE ${one()} END`,
    () => scalar(inner, type),
    () => `NULLIF(${one()}, ${leaf()})`,
    () => `GREATEST(${leaf()}, ${one()})`,
    () => special(inner, type),
    () => special(inner, type),
  ])();
}

/** A query as a value. */
function scalar(env: Env, type: Type): string {
  if (type === "json" || type === "bool" || type === "list" || type === "other") return expression(env, type);
  const { sql, cols } = env.query(env, [type]);
  const [first] = cols;
  // Of several rows one is taken, and which must not matter.
  if (env.steady || env.choices.oneIn(2)) return `(SELECT max(q.${first?.name ?? "a"}) FROM (${sql}) AS q)`;
  return sql.endsWith("LIMIT 3") || sql.startsWith("VALUES") ? `(SELECT * FROM (${sql}) AS l LIMIT 1)` : `(${sql} LIMIT 1)`;
}

type Make = () => string;

function special(env: Env, type: Type): string {
  const of = (other: Type) => expression(env, other);
  const one = () => of(type);
  const makers: Readonly<Record<Type, readonly [Make, ...Make[]]>> = {
    text: texts(env),
    int: [
      () => `${one()} + ${one()}`,
      () => `length(${of("text")})`,
      () => `date_part('year', ${of("date")})::int`,
      () => `(${one()} < ANY (ARRAY[1, ${one()}]))::int`,
      () => `(ARRAY[${one()}, 2])[1]`,
      () => `(SELECT count(*)::int FROM (${env.query(env, ["text"]).sql}) AS q)`,
      () => `array_length(ARRAY(SELECT q.a FROM (${named(env, "int", "a")}) AS q), 1)`,
    ],
    date: [() => `${one()} + 1`, () => `(${of("time")} AT TIME ZONE 'UTC')::date`],
    num: [() => `${one()} * 2`, () => `${of("int")}::numeric`, () => `round(${one()}, 1)`],
    json: [
      () => `to_jsonb(${of("text")})`,
      () => `jsonb_build_object('k', ${of("int")})`,
      () => row(env, (alias) => `to_jsonb(${alias})`) ?? one(),
    ],
    time: [() => `${one()} + INTERVAL '1 day'`, one],
    bool: [() => condition(env)],
    list: [() => `${one()} || ${of("text")}`, () => `string_to_array(${of("text")}, ',')`],
    other: [one],
  };
  return env.choices.pick(makers[type])();
}

/** A query whose one column goes by a name. */
function named(env: Env, type: Type, name: string): string {
  const { sql } = env.query(env, [type]);
  return `SELECT * FROM (${sql}) AS n(${name})`;
}

function row(env: Env, use: (alias: string) => string): string | undefined {
  const found = env.choices.pick(rows(env));
  return found?.alias === undefined || found.alias === null ? undefined : use(found.alias);
}

function texts(env: Env): readonly [Make, ...Make[]] {
  const one = () => expression(env, "text");
  const whole = (use: (alias: string) => string) => () => row(env, use) ?? one();
  const unsteady = [whole((alias) => `${alias}.tableoid::text`), whole((alias) => `${alias}.ctid::text`)];
  return [
    () => `${one()} || ${one()}`,
    () => `${expression(env, env.choices.pick(ANY))}::text`,
    () => `${env.choices.pick([...columns(env, "list"), ...columns(env, "other")]) ?? one()}::text`,
    () => `array_to_string(${expression(env, "list")}, ',')`,
    () => `initcap(${one()})`,
    () => `left(${one()}, 2)`,
    () => `(${one()} COLLATE "C")`,
    () => `(${expression(env, "json")} ->> 'k')`,
    () => `substring(${one()} FROM 1 FOR 2)`,
    whole((alias) => `${alias}::text`),
    whole((alias) => `ROW(${alias}.*, 1)::text`),
    whole((alias) => `row_to_json(${alias})::text`),
    whole((alias) => `(${alias}.*)::text`),
    () => `array_to_string(ARRAY(SELECT q.a FROM (${named(env, "text", "a")}) AS q ORDER BY 1), ',')`,
    ...(env.steady ? [] : unsteady),
  ];
}

export function condition(env: Env): string {
  const { choices } = env;
  const type = choices.pick(ANY);
  if (env.depth <= 0 || choices.spent) return `${expression(env, type)} IS NOT NULL`;
  const inner: Env = { ...env, depth: env.depth - 1 };
  const one = () => expression(inner, type);
  const of = (other: Type) => expression(inner, other);
  return choices.pick([
    () => `${one()} = ${one()}`,
    () => `${one()} ${choices.pick(["<", "<>", ">="])} ${one()}`,
    () => `${one()} IS NULL`,
    () => `${of("text")} LIKE ${of("text")}`,
    () => `${one()} IN (${one()}, ${one()})`,
    () => `${one()} ${choices.pick(["IN", "NOT IN", "= ANY", "<> ALL"])} (${inner.query(inner, [type]).sql})`,
    () => `${choices.pick(["EXISTS", "NOT EXISTS"])} (${inner.query(inner, [type, "int"]).sql})`,
    () => `(${condition(inner)} ${choices.pick(["AND", "OR"])} NOT ${condition(inner)})`,
    () => `${one()} BETWEEN ${one()} AND ${one()}`,
    () => `(${one()}, ${of("text")}) ${choices.pick(["=", "<"])} (${one()}, 'x')`,
    () => `(${one()}, ${of("int")}) IN (${inner.query(inner, [type, "int"]).sql})`,
    () => row(inner, (alias) => choices.pick([`${alias} IS NOT NULL`, `${alias}.* IS NULL`, `${alias} = ${alias}`])) ?? `${one()} IS NULL`,
    () => `${one()} IS DISTINCT FROM ${one()}`,
    () => `${of("text")} = ANY (${of("list")})`,
  ])();
}
