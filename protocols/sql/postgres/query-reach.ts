/**
 * Reads a query from the inside out for guardrails: which relation's rows come out of it unbounded, and in which FROM
 * something stands that nothing connects to the rest. Every query inside is read once, where it stands.
 */
import { type Condition, type Connected, connect, type Flow, type Pair } from "./connections.ts";
import { type JoinCondition, type Reading, readFromItem } from "./from-sources.ts";
import { once } from "./once.ts";
import { aggregationOf, columnsOf, limited, limitOf, yieldsSet } from "./query-shape.ts";
import {
  addReferences,
  type Bound,
  columnKey,
  follow,
  isNeverNull,
  type Level,
  largest,
  type MutableReferences,
  noReferences,
  type Reach,
  type Read,
  type References,
  type Source,
  spend,
  type Work,
} from "./sources.ts";
import type { Columns } from "./spelling.ts";
import { conjunctsOf, truthOf } from "./tautology.ts";
import { type Body, flagOf, isBody, nodeOf, nodesOf, partsOf, pushParts, type TreeNode, textOf, wordsOf } from "./tree.ts";

/** What the reading finds on its way, and what it asks. */
export interface Findings {
  /** A part of FROM that nothing connects to what stands before it. */
  apart(source: Source, first: Source | undefined): void;
  /**
   * A data-modifying statement.
   *
   * @param reached rows of its target that its WHERE, or the ON of a MERGE, leaves in reach
   * @param reachOf the same of any other condition there
   */
  change(node: TreeNode, reached: Reached, reachOf: (condition: TreeNode | undefined) => Reached): void;
  relation: Reading["relation"];
}

/** `named`: rows that a condition names in some way; `every` one, or none, as the text shows. */
export type Reached = "every" | "named" | "none";

/** The conditions of a FROM and a WHERE that are more than tautologies. */
interface LevelConditions {
  readonly conditions: readonly Condition[];
  readonly pairs: readonly Pair[];
  /** One of them holds for no row. */
  readonly never: boolean;
}

const unknown = (): undefined => undefined;
const EVERY: Flow = { from: () => true, bounds: () => true };
const NOWHERE: Pick<Reach, "read" | "carried"> = { read: undefined, carried: undefined };

export class QueryReader implements Reading {
  readonly #findings: Findings;
  readonly #work: Work;

  constructor(findings: Findings, work: Work) {
    this.#findings = findings;
    this.#work = work;
  }

  relation(rangeVar: Body) {
    return this.#findings.relation(rangeVar);
  }

  /** @throws RangeError when the query is nested too deeply, or too winding, to be followed */
  query(node: TreeNode, names: Bound | null, up: Level | null): Reach {
    spend(this.#work, 0);
    const { type, body } = node;
    const inner = this.#with(body, names, up);
    if (type !== "SelectStmt") return this.#change(node, inner, up);
    if (body["larg"] !== undefined) return this.#setOperation(body, inner, up);
    if (body["valuesLists"] !== undefined) return this.#values(body, inner, up);
    return this.#select(body, inner, up);
  }

  scan(nodes: readonly TreeNode[], names: Bound | null, level: Level): References {
    return this.#scan(nodes, names, level).references;
  }

  level(up: Level | null): Level {
    return { sources: new Set(), aliases: new Map(), joins: new Map(), up, work: this.#work };
  }

  #select(body: Body, names: Bound | null, up: Level | null): Reach {
    const level = this.level(up);
    const all = noReferences();
    const where = nodeOf("SelectStmt", body, "whereClause");
    const { connected, never } = this.#from(level, nodesOf("SelectStmt", body, "fromClause"), where, names, all);
    const targets = nodesOf("SelectStmt", body, "targetList");
    const shown = this.#scan(targets, names, level);
    addReferences(all, shown.references);
    const rest = ["groupClause", "distinctClause", "windowClause", "sortClause", "havingClause", "limitCount", "limitOffset"];
    addReferences(
      all,
      this.scan(
        rest.flatMap((field) => partsOf({ type: "SelectStmt", body }, field)),
        names,
        level,
      ),
    );
    const aggregated = aggregationOf(body, targets);
    const sources = [...level.sources];
    const loose = never ? [] : sources.filter((source) => !connected.bounded.has(source));
    const found = largest(...loose.map((source) => source.read ?? source.reach?.read));
    const carried = largest(shown.carried, ...sources.map(({ reach }) => reach?.carried));
    const limit = limitOf(body);
    const single = aggregated !== "none" || sources.every(({ reach }) => reach?.oneRow === true);
    return {
      columns: once(() => columnsOf(targets, level)),
      oneRow: limit === 1 || (single && !targets.some(yieldsSet)),
      narrow: aggregated !== "none" || limit !== undefined || loose.length === 0,
      read: aggregated === "none" ? limited(found, limit) : undefined,
      carried: largest(carried, aggregated === "collecting" ? found : undefined),
      outer: outside(all, level),
    };
  }

  /** FROM and WHERE, of a SELECT or of a change whose target stands in the level already. */
  #from(level: Level, items: readonly TreeNode[], where: TreeNode | undefined, names: Bound | null, all: MutableReferences) {
    const joins: JoinCondition[] = [];
    for (const item of items) readFromItem(this, item, names, level, joins);
    for (const { reach } of level.sources) if (reach !== undefined) addReferences(all, reach.outer);
    const found = this.#conditions(level, joins, where, names, all);
    const connected = connect(level, found.conditions, found.pairs);
    if (!found.never) this.#report(level, connected);
    return { ...found, connected };
  }

  #report(level: Level, { apart }: Connected): void {
    const [first] = level.sources;
    for (const source of apart) this.#findings.apart(source, first);
  }

  #conditions(
    level: Level,
    joins: readonly JoinCondition[],
    where: TreeNode | undefined,
    names: Bound | null,
    all: MutableReferences,
  ): LevelConditions {
    const whole = this.#told(level, where, EVERY, names, all);
    const conditions = [...whole.conditions];
    const pairs: Pair[] = [];
    let { never } = whole;
    for (const { kind, left, right, quals, pairs: named } of joins) {
      const flow = flowOf(kind, new Set(left), new Set(right));
      const told = this.#told(level, quals, flow, names, all);
      conditions.push(...told.conditions);
      if (kind === "JOIN_INNER") never ||= told.never;
      for (const sources of named) pairs.push({ sources, ...flow });
    }
    return { conditions, pairs, never };
  }

  /** What a condition says beyond what its text shows to hold for every row, or for none. */
  #told(level: Level, condition: TreeNode | undefined, flow: Flow, names: Bound | null, all: MutableReferences) {
    const columns: Columns = { key: (ref) => columnKey(ref, level), neverNull: (ref) => isNeverNull(ref, level) };
    const conditions: Condition[] = [];
    let never = false;
    for (const node of conjunctsOf(condition)) {
      const references = this.scan([node], names, level);
      addReferences(all, references);
      const truth = truthOf(node, columns);
      if (truth === undefined) conditions.push({ node, references, ...flow });
      else if (truth !== true) never = true;
    }
    return { conditions, never };
  }

  #change(node: TreeNode, names: Bound | null, up: Level | null): Reach {
    const { type, body } = node;
    const level = this.level(up);
    const all = noReferences();
    const target = nodeOf(type, body, "relation");
    if (target !== undefined) readFromItem(this, target, null, level, []);
    const items = ["fromClause", "usingClause", "sourceRelation"].flatMap((field) => partsOf(node, field));
    const condition = nodeOf(type, body, type === "MergeStmt" ? "joinCondition" : "whereClause");
    const found = this.#from(level, items, condition, names, all);
    const [into] = level.sources;
    this.#findings.change(node, reachedBy(found, level, into), (other) =>
      reachedBy(this.#told(level, other, EVERY, names, all), level, into),
    );
    const read = ["relation", "withClause", "whereClause", "joinCondition", "fromClause", "usingClause", "sourceRelation", "selectStmt"];
    for (const field in body) if (!read.includes(field)) addReferences(all, this.scan(partsOf(node, field), names, level));
    const source = nodeOf(type, body, "selectStmt");
    if (source !== undefined) addReferences(all, this.query(source, names, up).outer);
    return { columns: unknown, oneRow: false, narrow: true, ...NOWHERE, outer: outside(all, level) };
  }

  #setOperation(body: Body, names: Bound | null, up: Level | null): Reach {
    const arms = ["larg", "rarg"].flatMap((field) => partsOf({ type: "SelectStmt", body }, field)).map((arm) => this.query(arm, names, up));
    const all = noReferences();
    for (const arm of arms) addReferences(all, arm.outer);
    const empty = this.level(up);
    const rest = ["limitCount", "limitOffset"].flatMap((field) => partsOf({ type: "SelectStmt", body }, field));
    addReferences(all, this.scan(rest, names, empty));
    const limit = limitOf(body);
    // What EXCEPT takes away makes nothing larger.
    const counted = textOf(body, "op") === "SETOP_EXCEPT" ? arms.slice(0, 1) : arms;
    return {
      columns: arms[0]?.columns ?? unknown,
      oneRow: limit === 1,
      narrow: limit !== undefined || counted.every(({ narrow }) => narrow),
      read: limited(largest(...counted.map(({ read }) => read)), limit),
      carried: largest(...counted.map(({ carried }) => carried)),
      outer: outside(all, empty),
    };
  }

  #values(body: Body, names: Bound | null, up: Level | null): Reach {
    const level = this.level(up);
    const rows = nodesOf("SelectStmt", body, "valuesLists");
    const { references, carried } = this.#scan(rows, names, level);
    const width = rows[0] === undefined ? 0 : nodesOf("List", rows[0].body, "items").length;
    const columns = new Set(Array.from({ length: width }, (_, index) => `column${index + 1}`));
    return { columns: () => columns, oneRow: rows.length === 1, narrow: true, read: undefined, carried, outer: outside(references, level) };
  }

  /** Binds what a WITH clause names. A recursive query sees itself as something unbounded of which nothing is known. */
  #with(owner: Body, names: Bound | null, up: Level | null): Bound | null {
    const clause = owner["withClause"];
    if (!isBody(clause)) return names;
    let inner = names;
    for (const { body } of nodesOf("WithClause", clause, "ctes")) {
      const query = nodeOf("CommonTableExpr", body, "ctequery");
      if (query === undefined) continue;
      const name = textOf(body, "ctename");
      const renaming = wordsOf(body, "aliascolnames");
      const renamed = renaming.length > 0 ? new Set(renaming) : undefined;
      const columns = () => renamed;
      const itself: Reach = { columns, oneRow: false, narrow: false, ...NOWHERE, outer: noReferences() };
      const seen: Bound | null = flagOf(clause, "recursive") ? { name, reach: itself, up: inner } : inner;
      const reach = this.query(query, seen, up);
      const extended = body["search_clause"] !== undefined || body["cycle_clause"] !== undefined;
      inner = { name, reach: { ...reach, columns: extended ? unknown : renamed === undefined ? reach.columns : columns }, up: inner };
    }
    return inner;
  }

  /** Everything that expressions refer to, queries in them included; `carried` as for targets. */
  #scan(
    nodes: readonly TreeNode[],
    names: Bound | null,
    level: Level,
  ): { readonly references: References; readonly carried: Read | undefined } {
    const references = noReferences();
    let carried: Read | undefined;
    const stack = [...nodes];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.type === "ColumnRef") follow(node.body, level, references);
      else if (node.type === "SubLink" || node.type === "SelectStmt") {
        const select = node.type === "SelectStmt" ? node : nodeOf(node.type, node.body, "subselect");
        const test = node.type === "SubLink" ? nodeOf(node.type, node.body, "testexpr") : undefined;
        if (test !== undefined) stack.push(test);
        if (select === undefined) continue;
        const reach = this.query(select, names, level);
        addReferences(references, reach.outer);
        carried = largest(carried, reach.carried, textOf(node.body, "subLinkType") === "ARRAY_SUBLINK" ? reach.read : undefined);
      } else pushParts(stack, node);
    }
    return { references, carried };
  }
}

function outside(all: References, level: Level): References {
  const { vague, strange } = all;
  const sources = new Set([...all.sources].filter((source) => !level.sources.has(source)));
  return { sources, vague: new Map([...vague].filter(([at]) => at !== level)), strange };
}

function flowOf(kind: string, left: ReadonlySet<Source>, right: ReadonlySet<Source>): Flow {
  const isLeft = (source: Source) => left.has(source);
  const isRight = (source: Source) => right.has(source);
  switch (kind) {
    case "JOIN_INNER":
      return EVERY;
    case "JOIN_LEFT":
      return { from: isLeft, bounds: isRight };
    case "JOIN_RIGHT":
      return { from: isRight, bounds: isLeft };
    default:
      return { from: () => false, bounds: () => false };
  }
}

/** Rows of the target: a condition that names none of its columns leaves every one of them, or none, and can't be told. */
function reachedBy({ conditions, never }: Omit<LevelConditions, "pairs">, level: Level, target: Source | undefined): Reached {
  if (never) return "none";
  const named = conditions.some(
    ({ node, references: { sources, vague, strange } }) =>
      node.type === "CurrentOfExpr" || strange || vague.has(level) || (target !== undefined && sources.has(target)),
  );
  return named ? "named" : "every";
}
