/**
 * Which relation's rows come out of a query unbounded, and in which FROM something stands that nothing connects to the rest:
 * for guardrails. Every query inside is read once, where it stands.
 */

import { type Body, isBody, namesIn, nodeOf, walk } from "./tree.ts";
import { columnOf, conjunctsOf, constantOf, truthOf } from "./truth.ts";

/** Rows of a relation by the server's estimate; null where there is none. */
export type SizeOf = (database: string | null, name: string) => number | null;

/** A relation whose rows come unbounded. */
export interface LargeRead {
  readonly relation: string;
  readonly rows: number;
}

export interface ReadFindings {
  readonly read: LargeRead | null;
  /** Sources that nothing connects to those before them. */
  readonly apart: readonly { readonly relation: string; readonly first: string }[];
}

/** @param query content of a `Query` node. @throws RangeError when it nests too deeply for the stack */
export function readsOf(query: Body, sizeOf: SizeOf): ReadFindings {
  const reader = new Reader(sizeOf);
  return { read: reader.query(query, new Map()), apart: reader.apart };
}

type Common = ReadonlyMap<string, LargeRead | null>;

interface Source {
  /** In lower case, what columns are qualified with; null for one without a name. */
  readonly name: string | null;
  readonly shown: string;
  readonly read: LargeRead | null;
  /** It yields one row, or rows that the text itself writes out. */
  readonly harmless: boolean;
}

/** MySQL and MariaDB refuse a FROM with more (error 1116, ER_TOO_MANY_TABLES). */
const JOINED_MAX = 61;

class Reader {
  readonly apart: { readonly relation: string; readonly first: string }[] = [];
  readonly #sizeOf: SizeOf;

  constructor(sizeOf: SizeOf) {
    this.#sizeOf = sizeOf;
  }

  query(query: Body, outer: Common): LargeRead | null {
    const common = new Map(outer);
    const tables = isBody(query["with"]) ? listOf(query["with"]["cte_tables"]) : [];
    for (const one of tables) {
      const alias = isBody(one) ? nameOf(one["alias"]) : null;
      if (isBody(one) && isBody(one["query"]) && alias !== null) {
        common.set(alias, null);
        common.set(alias, this.query(one["query"], common));
      }
    }
    const found = this.#body(query["body"], common);
    return limited(found, query["limit_clause"]);
  }

  #body(body: unknown, common: Common): LargeRead | null {
    const [type, content] = nodeOf(body) ?? [];
    if (content === undefined) return null;
    if (type === "Query") return this.query(content, common);
    if (type === "SetOperation") return larger(this.#body(content["left"], common), this.#body(content["right"], common));
    return type === "Select" ? this.#select(content, common) : null;
  }

  #select(select: Body, common: Common): LargeRead | null {
    const conditions: unknown[] = [select["selection"]];
    const joined = new Joined();
    const sources: Source[] = [];
    for (const item of listOf(select["from"]))
      if (isBody(item)) for (const one of this.#item(item, common, conditions, joined)) sources.push(one);
    if (sources.length > JOINED_MAX) return this.#tooMany(sources, select, common);
    const conjuncts = conditions.flatMap(conjunctsOf).filter((one) => truthOf(one) === undefined);
    const reaches = conjuncts.map((one) => sourcesIn(one, sources));
    for (const reached of reaches) joined.join(reached);
    this.#noteApart(sources, joined);
    this.#inside(select, common);
    if (reduces(select)) return null;
    const never = conditions.flatMap(conjunctsOf).some((one) => truthOf(one) === false || truthOf(one) === null);
    // A comparison of columns of two sources connects them and bounds nothing.
    const bounded = never || reaches.some((reached) => reached.length === 1);
    return bounded ? null : sources.reduce<LargeRead | null>((most, { read }) => larger(most, read), null);
  }

  /** The server will refuse it: what connects them need not be found out. */
  #tooMany(sources: readonly Source[], select: Body, common: Common): LargeRead | null {
    const [first, second] = sources;
    if (first !== undefined && second !== undefined) this.apart.push({ relation: second.shown, first: first.shown });
    this.#inside(select, common);
    return sources.reduce<LargeRead | null>((most, { read }) => larger(most, read), null);
  }

  /** One of FROM with all that is joined to it. */
  #item(item: Body, common: Common, conditions: unknown[], joined: Joined): readonly Source[] {
    const sources = [...this.#factor(item["relation"], common, conditions, joined)];
    for (const join of listOf(item["joins"])) {
      if (!isBody(join)) continue;
      const [first] = sources;
      const added = this.#factor(join["relation"], common, conditions, joined);
      sources.push(...added);
      const [, how] = nodeOf(join["join_operator"]) ?? [];
      const constraint = how === undefined ? undefined : (how["value"] ?? how);
      const [kind, content] = nodeOf(constraint) ?? [];
      if (kind === "On") conditions.push(isBody(constraint) ? constraint["On"] : content);
      else if (kind === "Using" || kind === "Natural") joined.join([first, ...added].filter((one) => one !== undefined));
    }
    return sources;
  }

  #factor(relation: unknown, common: Common, conditions: unknown[], joined: Joined): readonly Source[] {
    const [type, content] = nodeOf(relation) ?? [];
    if (content === undefined) return [];
    const alias = nameOf(content["alias"]);
    if (type === "NestedJoin" && isBody(content["table_with_joins"])) {
      return this.#item(content["table_with_joins"], common, conditions, joined);
    }
    if (type === "Derived" && isBody(content["subquery"])) {
      const read = this.query(content["subquery"], common);
      const harmless = isOneRow(content["subquery"]) || content["lateral"] === true;
      return [{ name: alias, shown: alias ?? "a subquery", read, harmless }];
    }
    if (type !== "Table") return [{ name: alias, shown: alias ?? "a table function", read: null, harmless: true }];
    const names = namesIn(content["name"]);
    const own = (names.at(-1) ?? "").toLowerCase();
    const shown = names.join(".");
    const known = names.length === 1 ? common.get(own) : undefined;
    if (known !== undefined) return [{ name: alias ?? own, shown, read: known, harmless: false }];
    const rows = this.#sizeOf(names.at(-2) ?? null, names.at(-1) ?? "");
    return [{ name: alias ?? own, shown, read: rows === null ? null : { relation: shown, rows }, harmless: own === "dual" }];
  }

  #noteApart(sources: readonly Source[], joined: Joined): void {
    const [first, ...others] = sources.filter(({ harmless }) => !harmless);
    if (first === undefined) return;
    const before = [first];
    for (const source of others) {
      if (!before.some((one) => joined.same(one, source))) this.apart.push({ relation: source.shown, first: first.shown });
      before.push(source);
    }
  }

  /** Queries in conditions and outputs: what they read stays in the server, but their own FROM counts. */
  #inside(select: Body, common: Common): void {
    for (const key in select) {
      if (key === "from") continue;
      walk([select[key]], (name, value) => {
        const query = name === "Subquery" || name === "subquery" ? value : undefined;
        if (!isBody(query)) return true;
        this.query(query, common);
        return false;
      });
    }
  }
}

/** Which sources belong together: each leads to another of its group, and at last to the one that stands for all of it. */
class Joined {
  readonly #towards = new Map<Source, Source>();

  join([first, ...others]: readonly Source[]): void {
    if (first === undefined) return;
    for (const other of others) {
      const [one, two] = [this.#end(first), this.#end(other)];
      if (one !== two) this.#towards.set(two, one);
    }
  }

  same(one: Source, other: Source): boolean {
    return this.#end(one) === this.#end(other);
  }

  #end(source: Source): Source {
    let at = source;
    for (let next = this.#towards.get(at); next !== undefined; next = this.#towards.get(at)) {
      const beyond = this.#towards.get(next);
      if (beyond !== undefined) this.#towards.set(at, beyond);
      at = next;
    }
    return at;
  }
}

/** Sources whose columns stand in a condition; a name without a qualifier may be any's, and connects all. */
function sourcesIn(condition: unknown, sources: readonly Source[]): readonly Source[] {
  const found = new Set<Source>();
  let bare = false;
  const stack: unknown[] = [condition];
  while (stack.length > 0) {
    const value = stack.pop();
    const column = columnOf(value);
    if (column !== undefined) {
      const qualifier = column.at(-2);
      if (qualifier === undefined) bare = true;
      else for (const source of sources) if (source.name === qualifier) found.add(source);
    } else if (Array.isArray(value)) stack.push(...value);
    else if (isBody(value)) for (const key in value) if (!OTHER_NAMES.has(key)) stack.push(value[key]);
  }
  if (!bare) return [...found];
  const only = sources.length === 1 || !comparesColumns(condition);
  return only && found.size === 0 ? sources.slice(0, 1) : [...sources];
}

const OTHER_NAMES: ReadonlySet<string> = new Set(["name", "alias", "collation", "data_type", "subquery", "Subquery"]);

/** `a = b` of two columns. */
function comparesColumns(condition: unknown): boolean {
  const [type, body] = nodeOf(condition) ?? [];
  return type === "BinaryOp" && columnOf(body?.["left"]) !== undefined && columnOf(body?.["right"]) !== undefined;
}

function limited(read: LargeRead | null, clause: unknown): LargeRead | null {
  const [, content] = nodeOf(clause) ?? [];
  const limit = content?.["limit"];
  if (read === null || limit === undefined || limit === null) return read;
  const number = constantOf(limit)?.value;
  return typeof number === "number" && number >= read.rows ? read : null;
}

/** Aggregates over all rows make one of them; those that put all rows into one value bound nothing. */
const REDUCING: ReadonlySet<string> = new Set(
  "count sum avg min max std stddev stddev_pop stddev_samp variance var_pop var_samp bit_and bit_or bit_xor any_value median".split(" "),
);

function reduces(select: Body): boolean {
  const groups = isBody(select["group_by"]) ? listOf(select["group_by"]["Expressions"]).flatMap(listOf) : [];
  if (groups.length > 0) return false;
  let found: boolean | null = null;
  walk([select["projection"], select["having"]], (key, value) => {
    if (key === "subquery" || key === "Subquery") return false;
    if (key !== "Function" || !isBody(value)) return true;
    const name = namesIn(value["name"]).join(".").toLowerCase();
    if (/^(group_concat|json_(array|object)agg)$/.test(name)) found = false;
    else if (REDUCING.has(name) && (value["over"] === null || value["over"] === undefined)) found ??= true;
    return true;
  });
  return found === true;
}

function isOneRow(query: Body): boolean {
  const [, limit] = nodeOf(query["limit_clause"]) ?? [];
  if (limit !== undefined && constantOf(limit["limit"])?.value === 1) return true;
  const [type, select] = nodeOf(query["body"]) ?? [];
  if (type === "Values") return true;
  return type === "Select" && select !== undefined && (reduces(select) || listOf(select["from"]).length === 0);
}

function larger(one: LargeRead | null, other: LargeRead | null): LargeRead | null {
  if (one === null || other === null) return one ?? other;
  return other.rows > one.rows ? other : one;
}

/** Of `{ name: { value } }`, in lower case. */
function nameOf(alias: unknown): string | null {
  const name = isBody(alias) ? alias["name"] : undefined;
  return isBody(name) && typeof name["value"] === "string" ? name["value"].toLowerCase() : null;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
