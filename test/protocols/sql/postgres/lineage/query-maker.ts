/**
 * Makes whole queries for the comparison with a server: joins of every kind, common table expressions, set operations,
 * grouping, windows, functions in FROM, with names chosen so that they hide, shadow and resemble each other.
 */
import type { Choices } from "./choices.ts";
import { condition, type Env, expression, type Level, type Made } from "./expression-maker.ts";
import { fromList, starred } from "./from-maker.ts";
import { ANY, type Col, NAMES, type Tables, type Type } from "./schema.ts";

export interface Query {
  readonly sql: string;
  /** The whole row decides its place: answers agree in their order too. */
  readonly ordered: boolean;
}

/** @param steady so that the answer does not depend on how the server goes about it */
export function makeQuery(choices: Choices, tables: Tables, steady = false): Query {
  const env: Env = { ctes: [], levels: [], depth: 3, steady, tables, database: steady ? null : "postgres", choices, query };
  if (choices.oneIn(3)) return { sql: starred(env).sql, ordered: false };
  const types = Array.from({ length: 1 + choices.next(3) }, () => choices.pick(ANY));
  const { sql, ordered } = query(env, types);
  return { sql, ordered: ordered === true };
}

function query(env: Env, types: readonly Type[]): Made {
  const { choices } = env;
  if (env.depth <= 0 || choices.spent) return select({ ...env, depth: 0 }, types);
  const inner: Env = { ...env, depth: env.depth - 1 };
  switch (choices.next(9)) {
    case 5:
      return setOperation(inner, types);
    case 6:
    case 7:
      return withTables(inner, types);
    case 8:
      return values(inner, types);
    default:
      return select(env, types);
  }
}

function setOperation(env: Env, types: readonly Type[]): Made {
  const { choices } = env;
  // Arms agree in their types; json has no order that INTERSECT could use, but has equality.
  const arm = () => env.query(env, types);
  const first = arm();
  let sql = `(${first.sql})`;
  for (let more = 0; more <= choices.next(3); more += 1)
    sql += ` ${choices.pick(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"])} (${arm().sql})`;
  const once = first.cols.find(({ name }) => first.cols.filter((one) => one.name === name).length === 1);
  if (once !== undefined && choices.oneIn(3)) sql += ` ORDER BY ${once.name}${choices.pick([", 1", " DESC", ""])}`;
  return { sql, cols: first.cols };
}

function values(env: Env, types: readonly Type[]): Made {
  const { choices } = env;
  const rows = Array.from({ length: 1 + choices.next(2) }, () => `(${types.map((type) => expression(env, type)).join(", ")})`);
  const order = choices.oneIn(3)
    ? ` ORDER BY column1, ${condition({ ...env, levels: [{ items: [], names: [{ name: "column1", type: types[0] ?? "int" }] }, ...env.levels] })}`
    : "";
  return { sql: `VALUES ${rows.join(", ")}${order}`, cols: types.map((type, index) => ({ name: `column${index + 1}`, type })) };
}

function withTables(env: Env, types: readonly Type[]): Made {
  const { choices } = env;
  const recursive = choices.oneIn(3);
  const ctes: string[] = [];
  let inner = env;
  for (let count = 0; count <= choices.next(3); count += 1) {
    // Under RECURSIVE a table that is hidden is hidden from the query itself.
    const name = recursive ? choices.pick(["c", '"Größe"', "d", "e"]) : choices.pick(["c", "users", "orders", "u", '"Größe"', "d"]);
    if (inner.ctes.slice(env.ctes.length).some((one) => one.name === name)) continue;
    if (recursive && choices.oneIn(2)) {
      const { sql, cols } = recursion(inner, name);
      ctes.push(`${name}${sql}`);
      inner = { ...inner, ctes: [...inner.ctes, { name, cols }] };
      continue;
    }
    const its = Array.from({ length: 1 + choices.next(3) }, () => choices.pick(ANY));
    const { sql, cols } = inner.query({ ...inner, depth: inner.depth - 1 }, its);
    const renamed = choices.oneIn(2) ? cols.map((col, index) => ({ ...col, name: `c${index}` })) : cols;
    const list = renamed === cols ? "" : `(${renamed.map((col) => col.name).join(", ")})`;
    ctes.push(`${name}${list} AS ${choices.pick(["", "", "MATERIALIZED ", "NOT MATERIALIZED "])}(${sql})`);
    inner = { ...inner, ctes: [...inner.ctes, { name, cols: renamed }] };
  }
  const { sql, cols } = inner.query(inner, types);
  return {
    sql: `WITH ${recursive ? "RECURSIVE " : ""}${ctes.join(", ")} ${sql.startsWith("WITH") ? `SELECT * FROM (${sql}) AS w` : sql}`,
    cols,
  };
}

/** Columns change places from step to step, so that each comes to depend on all. */
function recursion(env: Env, name: string): Made {
  const { choices } = env;
  const cols = ["a", "b", "id"].slice(0, 1 + choices.next(3)).map((one) => ({ name: one, type: "text" as const }));
  const first = select(
    { ...env, depth: env.depth - 1 },
    cols.map(({ type }) => type),
  );
  const turned = cols.map((_, index) => `r.${cols[(index + 1) % cols.length]?.name ?? "a"}`);
  const extra = choices.oneIn(2) ? ` JOIN (${select({ ...env, depth: 0 }, ["text"]).sql}) AS j(z) ON true` : "";
  const targets = extra === "" ? turned : [...turned.slice(1), "j.z::text"];
  const names = cols.map((col) => col.name).join(", ");
  const texts = cols.map((col) => `f.${col.name}::text`).join(", ");
  // UNION leaves out rows that were there before, so that it comes to an end.
  const search = env.steady
    ? ""
    : choices.oneIn(4)
      ? " SEARCH DEPTH FIRST BY a SET seq"
      : choices.oneIn(4)
        ? " CYCLE a SET looped USING way"
        : "";
  return {
    sql: `(${names}) AS (SELECT ${texts} FROM (${first.sql}) AS f(${names}) UNION SELECT ${targets.join(", ")} FROM ${name} AS r${extra})${search}`,
    cols,
  };
}

function select(env: Env, types: readonly Type[]): Made {
  const { choices } = env;
  const from = fromList(env);
  const inner: Env = { ...env, levels: [from, ...env.levels] };
  const clause = from.sql === "" ? "" : ` FROM ${from.sql}`;
  const where = env.depth > 0 && choices.oneIn(3) ? ` WHERE ${condition({ ...inner, depth: env.depth - 1 })}` : "";
  const kind = env.depth <= 0 || from.sql === "" ? 0 : choices.next(7);
  if (kind === 4) return grouped(inner, types, `${clause}${where}`);
  if (kind === 5) return aggregated(inner, types, `${clause}${where}`);
  if (kind === 6) return windowed(inner, types, `${clause}${where}`);
  const targets = types.map((type) => expression({ ...inner, depth: env.depth - 1 }, type));
  return finished(inner, types, targets, `${clause}${where}`);
}

/** Names the targets, and adds what may stand at the end. */
function finished(env: Env, types: readonly Type[], targets: readonly string[], tail: string): Made {
  const { choices } = env;
  const cols = types.map((type, index): Col => ({ name: choices.oneIn(3) ? choices.pick(NAMES) : `k${index}`, type }));
  const list = targets.map((sql, index) => `${sql} AS ${cols[index]?.name}`);
  const distinct = choices.oneIn(6);
  const on = distinct && choices.oneIn(2) && !env.steady ? ` ON (${choices.pick([cols[0]?.name ?? "1", "1", targets[0] ?? "1"])})` : "";
  const places = types.map((_, index) => index + 1).join(", ");
  const order = ordering(env, cols, targets, distinct ? places : "");
  const limit = order !== "" && choices.oneIn(4) && (!env.steady || order === ` ORDER BY ${places}`) ? " LIMIT 3" : "";
  const sql = `SELECT ${distinct ? `DISTINCT${on} ` : ""}${list.join(", ")}${tail}${order}${limit}`;
  return { sql, cols, ordered: order === ` ORDER BY ${places}` };
}

/** ORDER BY takes names of the output before those of FROM. @param only what DISTINCT lets through; empty for anything */
function ordering(env: Env, cols: readonly Col[], targets: readonly string[], only: string): string {
  const { choices } = env;
  if (!choices.oneIn(3)) return "";
  if (only !== "") return ` ORDER BY ${only}`;
  const places = cols.map((_, index) => index + 1).join(", ");
  const once = cols.find(({ name }) => cols.filter((one) => one.name === name).length === 1);
  const by = choices.pick([
    () => places,
    () => once?.name ?? places,
    () => `${once?.name ?? "1"} DESC NULLS LAST`,
    () => targets[0] ?? places,
    () => condition({ ...env, depth: 1 }),
  ]);
  return ` ORDER BY ${by()}`;
}

function grouped(env: Env, types: readonly Type[], tail: string): Made {
  const { choices } = env;
  const flat: Env = { ...env, depth: 1 };
  const keyed = env.levels[0]?.items.find(({ table, alias }) => table?.key != null && alias !== null);
  if (keyed !== undefined && choices.oneIn(3)) {
    // What follows from a primary key need not be grouped by.
    const level: Level = { items: [{ ...keyed }], names: [] };
    const targets = types.map((type) => expression({ ...flat, depth: 0, levels: [level] }, type));
    return finished({ ...flat, depth: 0, levels: [level] }, types, targets, `${tail} GROUP BY ${keyed.alias}.${keyed.table?.key}`);
  }
  const keys = types.map((type) => expression(flat, type));
  const aggregate = choices.oneIn(2) ? aggregateOf(flat, types[0] ?? "int") : undefined;
  const targets = aggregate === undefined ? keys : [aggregate, ...keys.slice(1)];
  const list = keys.join(", ");
  const by = choices.pick([
    list,
    list,
    `ROLLUP (${list})`,
    `CUBE (${list})`,
    `GROUPING SETS ((${list}), ())`,
    targets === keys ? types.map((_, index) => index + 1).join(", ") : list,
  ]);
  const having = choices.oneIn(3) ? ` HAVING ${aggregateOf(flat, "int")} > 0` : "";
  return finished({ ...flat, levels: [] }, types, targets, `${tail} GROUP BY ${by}${having}`);
}

function aggregated(env: Env, types: readonly Type[], tail: string): Made {
  const flat: Env = { ...env, depth: Math.min(env.depth, 1) };
  return finished(
    { ...flat, levels: [] },
    types,
    types.map((type) => aggregateOf(flat, type)),
    tail,
  );
}

function aggregateOf(env: Env, type: Type): string {
  const { choices } = env;
  const one = () => expression(env, type);
  const filter = choices.oneIn(3) ? ` FILTER (WHERE ${condition({ ...env, depth: 0 })})` : "";
  switch (type) {
    case "int":
      return `count(${choices.pick(["*", `DISTINCT ${expression(env, "text")}`, expression(env, choices.pick(ANY))])})${filter}::int`;
    case "text": {
      const by = one();
      return choices.pick([
        `max(${by})${filter}`,
        `string_agg(${by}, ',' ORDER BY ${by})${filter}`,
        `mode() WITHIN GROUP (ORDER BY ${by})${filter}`,
      ]);
    }
    case "json":
      return `jsonb_agg(${choices.pick(["1", "true"])} ORDER BY ${one()})${filter}`;
    case "bool":
      return `bool_or(${one()})${filter}`;
    default:
      return `${choices.pick(["max", "min"])}(${one()})${filter}`;
  }
}

function windowed(env: Env, types: readonly Type[], tail: string): Made {
  const { choices } = env;
  const flat: Env = { ...env, depth: 1 };
  const over = `PARTITION BY ${expression(flat, "text")} ORDER BY ${expression(flat, choices.pick(ANY))}`;
  const inline = choices.oneIn(2);
  const targets = types.map((type, index) => {
    if (index > 0 && choices.oneIn(2)) return expression(flat, type);
    const call =
      type === "int" ? choices.pick(["rank()", `count(${expression(flat, "text")})`, "dense_rank()"]) : `max(${expression(flat, type)})`;
    const cast = type === "int" ? "::int" : "";
    if (type === "json") return expression(flat, type);
    return `${call} OVER ${inline ? `(${over})` : choices.pick(["w", "w", "(w)"])}${cast}`;
  });
  const made = finished({ ...flat, levels: [] }, types, targets, `${tail}${inline ? "" : ` WINDOW w AS (${over})`}`);
  return made;
}
