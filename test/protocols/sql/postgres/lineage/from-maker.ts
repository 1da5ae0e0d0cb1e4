/** Makes what stands in FROM: relations, common table expressions, subqueries, functions and joins of all of these. */
import { condition, type Env, expression, type Item, type Level, type Made } from "./expression-maker.ts";
import { ANY, type Col, NAMES, type Type } from "./schema.ts";

/** What an item of FROM adds: things with names, and bare names. */
export interface From extends Level {
  readonly sql: string;
  /** A join, which may be bracketed. */
  readonly joined?: true;
}

/** Stars in every form, and what they stand for as far as one can tell. */
export function starred(env: Env): Made {
  const { choices } = env;
  const from = fromItem(env, { items: [], names: [] }, env.depth - 1);
  const inner: Env = { ...env, depth: 1, levels: [from, ...env.levels] };
  const item = choices.pick(from.items.filter(({ alias, scalar }) => alias !== null && scalar !== true));
  const stars: readonly (readonly [string, readonly Col[]])[] = [
    ["*", from.names],
    ...(item === undefined
      ? []
      : ([
          [`${item.alias}.*`, item.cols],
          [`(${item.alias}).*`, item.cols],
        ] as const)),
    ...(item?.bare === true && item.table !== null ? ([[`${item.table.schema}.${item.table.name}.*`, item.cols]] as const) : []),
  ];
  const [star, cols] = choices.pick(stars) ?? ["*", from.names];
  const where = choices.oneIn(3) ? ` WHERE ${condition(inner)}` : "";
  const order = choices.oneIn(3) ? ` ORDER BY ${choices.pick([cols[0]?.name ?? "1", "1"])}` : "";
  const more = choices.oneIn(3) ? `, ${expression(inner, "text")} AS k0` : "";
  return {
    sql: `SELECT ${star}${more} FROM ${from.sql}${where}${order}`,
    cols: more === "" ? cols : [...cols, { name: "k0", type: "text" }],
  };
}

/** Nothing in FROM, or one thing, or two with a comma between. */
export function fromList(env: Env): From {
  const { choices } = env;
  const count = env.levels.length === 0 ? 1 + (choices.oneIn(5) ? 1 : 0) : choices.pick([1, 1, 1, 0, 2]);
  let made: From = { sql: "", items: [], names: [] };
  for (let index = 0; index < count; index += 1) {
    const next = fromItem(env, made, env.depth);
    made = {
      sql: made.sql === "" ? next.sql : `${made.sql}, ${next.sql}`,
      items: [...made.items, ...next.items],
      names: [...made.names, ...next.names],
    };
  }
  return made;
}

/** @param before what stands before it, which LATERAL and functions see, and whose aliases are taken */
function fromItem(env: Env, before: Level, depth: number): From {
  const { choices } = env;
  if (depth <= 0 || choices.spent) return relation(env, before);
  return choices.pick([
    () => relation(env, before),
    () => relation(env, before),
    () => join(env, before, depth),
    () => join(env, before, depth),
    () => derived(env, before),
    () => called(env, before),
  ])();
}

function free(env: Env, before: Level): string {
  const taken = new Set(before.items.map(({ alias }) => alias));
  const open = NAMES.filter((name) => !taken.has(name));
  return env.choices.pick(open) ?? `n${taken.size}`;
}

function single(item: Item): { readonly items: readonly Item[]; readonly names: readonly Col[] } {
  return { items: [item], names: item.cols };
}

function relation(env: Env, before: Level): From {
  const { choices } = env;
  const cte = choices.oneIn(2) ? choices.pick(env.ctes) : undefined;
  const table = choices.pick(env.tables);
  const shadowed = env.ctes.some(({ name }) => name === table.name);
  const qualified = cte === undefined && (shadowed || table.schema !== "public" || choices.oneIn(4));
  const name = cte?.name ?? (qualified ? `${table.schema}.${table.name}` : table.name);
  const own = cte?.cols ?? table.cols;
  const taken = before.items.some(({ alias }) => alias === (cte?.name ?? table.name));
  const its = cte === undefined ? table : null;
  if (!taken && choices.oneIn(3)) {
    const item = { alias: cte?.name ?? table.name, cols: own, table: its, bare: cte === undefined };
    const only = cte === undefined && !table.view ? choices.pick(["", "", "ONLY "]) : "";
    return { sql: `${only}${name}`, ...single(item) };
  }
  const alias = free(env, before);
  const renamed = choices.oneIn(5) ? own.slice(0, 2).map((col, index) => ({ ...col, name: ["id", "n"][index] ?? col.name })) : [];
  const cols = [...renamed, ...own.slice(renamed.length)];
  const list = renamed.length === 0 ? "" : `(${renamed.map((col) => col.name).join(", ")})`;
  const sample = its !== null && !its.view && !env.steady && choices.oneIn(12) ? " TABLESAMPLE system (50)" : "";
  // Renamed, a column is not to be found under its own name any more; and a whole row of a table goes on having its own names.
  const scalar = renamed.length > 0 && env.steady;
  return {
    sql: `${name} ${choices.pick(["", "AS "])}${alias}${list}${sample}`,
    ...single({ alias, cols, table: renamed.length > 0 ? null : its, bare: false, scalar }),
  };
}

function derived(env: Env, before: Level): From {
  const { choices } = env;
  const lateral = choices.oneIn(2);
  const inner: Env = { ...env, depth: env.depth - 1, levels: lateral ? [before, ...env.levels] : env.levels };
  const types = Array.from({ length: 1 + choices.next(3) }, () => choices.pick(ANY));
  const { sql, cols } = choices.oneIn(4) ? starred(inner) : env.query(inner, types);
  const alias = free(env, before);
  const renamed = choices.oneIn(3)
    ? cols.map((col, index) => ({ ...col, name: NAMES[(index + choices.next(9)) % NAMES.length] ?? col.name }))
    : cols;
  const list = renamed === cols ? "" : `(${renamed.map(({ name }) => name).join(", ")})`;
  const visible = renamed.filter(({ name }) => renamed.filter((one) => one.name === name).length === 1);
  return { sql: `${lateral ? "LATERAL " : ""}(${sql}) AS ${alias}${list}`, ...single({ alias, cols: visible, table: null, bare: false }) };
}

/** Functions in FROM see what stands before them. */
function called(env: Env, before: Level): From {
  const { choices } = env;
  const inner: Env = { ...env, depth: 1, levels: [before, ...env.levels] };
  const of = (type: Type) => expression(inner, type);
  const alias = free(env, before);
  const item = (cols: readonly Col[], own = alias) => single({ alias: own, cols, table: null, bare: false, scalar: cols.length === 1 });
  const col = (name: string, type: Type): Col => ({ name, type });
  const unused = !before.items.some((one) => one.alias === "generate_series");
  return choices.pick([
    () => ({ sql: `generate_series(1, least(${of("int")}, 2)) AS ${alias}`, ...item([col(alias, "int")]) }),
    () => ({ sql: `generate_series(1, 2) AS ${alias}(n)`, ...item([col("n", "int")]) }),
    () => (unused ? { sql: "generate_series(1, 2)", ...item([col("generate_series", "int")], "generate_series") } : relation(env, before)),
    () => ({ sql: `jsonb_each(jsonb_build_object('k', ${of("text")})) AS ${alias}`, ...item([col("key", "text"), col("value", "json")]) }),
    () => ({
      sql: `jsonb_array_elements_text(jsonb_build_array(${of("text")})) WITH ORDINALITY AS ${alias}`,
      ...item([col("value", "text"), col("ordinality", "num")]),
    }),
    () => ({
      sql: `ROWS FROM (generate_series(1, 2), string_to_table(${of("text")}, ',')) AS ${alias}`,
      ...item([col("generate_series", "int"), col("string_to_table", "text")]),
    }),
    () => ({
      sql: `jsonb_to_record(jsonb_build_object('a', ${of("int")})) AS ${alias}(a int, b text)`,
      ...item([col("a", "int"), col("b", "text")]),
    }),
    () => ({ sql: `unnest(ARRAY[${of("text")}]) AS ${alias}(v)`, ...item([col("v", "text")]) }),
    () => ({ sql: `unnest(${of("list")}) AS ${alias}(v)`, ...item([col("v", "text")]) }),
    () => ({ sql: `current_date AS ${alias}`, ...item([col(alias, "date")]) }),
    () => ({ sql: `string_to_table(${of("text")}, ',') ${alias}`, ...item([col(alias, "text")]) }),
  ])();
}

function join(env: Env, before: Level, depth: number): From {
  const { choices } = env;
  const left = fromItem(env, before, depth - 1);
  const seen: Level = { items: [...before.items, ...left.items], names: [...before.names, ...left.names] };
  const chosen = choices.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "NATURAL JOIN", "NATURAL FULL JOIN"]);
  const right = fromItem(
    env,
    chosen.includes("RIGHT") || chosen.includes("FULL")
      ? { items: seen.items.map((item) => ({ ...item, hidden: true })), names: [] }
      : seen,
    choices.oneIn(3) ? depth - 1 : 0,
  );
  const items = [...left.items, ...right.items];
  const shared = left.names.filter(
    ({ name, type }) =>
      left.names.filter((one) => one.name === name).length === 1 &&
      right.names.filter((one) => one.name === name && one.type === type).length === 1,
  );
  const common = left.names.filter(({ name }) => right.names.some((one) => one.name === name));
  // NATURAL takes all columns of one name, which must not be two on either side, nor of types that don't meet.
  const kind = chosen.startsWith("NATURAL") && common.length !== shared.length ? "CROSS JOIN" : chosen;
  const using = kind === "CROSS JOIN" || kind.startsWith("NATURAL") ? undefined : choices.oneIn(2) ? choices.pick(shared) : undefined;
  const merged = kind.startsWith("NATURAL") ? shared : using === undefined ? [] : [using];
  const names = [...merged, ...[...left.names, ...right.names].filter(({ name }) => !merged.some((one) => one.name === name))];
  const alias = choices.oneIn(6) ? free(env, { items: [...seen.items, ...right.items], names: [] }) : undefined;
  const on =
    kind === "CROSS JOIN" || kind.startsWith("NATURAL")
      ? ""
      : using !== undefined
        ? ` USING (${using.name})`
        : kind === "FULL JOIN"
          ? ` ON ${equality(env, left, right)}`
          : ` ON ${condition({ ...env, depth: choices.next(2), levels: [{ items, names }, ...env.levels] })}`;
  const called = choices.oneIn(8) && using !== undefined && alias === undefined ? free(env, { items, names: [] }) : undefined;
  const sql = `${left.sql} ${kind} ${right.joined === true ? `(${right.sql})` : right.sql}${on}${called === undefined ? "" : ` AS ${called}`}`;
  if (alias !== undefined) {
    const visible = names.filter(({ name }) => names.filter((one) => one.name === name).length === 1);
    return { sql: `(${sql}) AS ${alias}`, ...single({ alias, cols: visible, table: null, bare: false }) };
  }
  const extra = called === undefined ? [] : [{ alias: called, cols: merged, table: null, bare: false }];
  return { sql: choices.oneIn(4) ? `(${sql})` : sql, items: [...items, ...extra], names, joined: true };
}

/** A full join wants a condition that it can hash or merge by. */
function equality(env: Env, left: Level, right: Level): string {
  const one = expression({ ...env, depth: 0, levels: [left] }, "int");
  const two = expression({ ...env, depth: 0, levels: [right] }, "int");
  return `${one} = ${two}`;
}
