/**
 * Which sources of one FROM belong together: two that no condition connects make every pair of their rows. And which of
 * them are bounded, by a condition of their own or through a source that they are joined to.
 */
import { constantOf } from "./constants.ts";
import { type Level, type References, type Source, spend } from "./sources.ts";
import { type Body, nodeOf, nodesOf, numberOf, type TreeNode, textOf, walk, wordsOf } from "./tree.ts";

/** A condition that is more than a tautology, with what it refers to. */
export interface Condition extends Flow {
  readonly node: TreeNode;
  readonly references: References;
}

/** Which way a bound on one source bounds the others that it is joined to. */
export interface Flow {
  readonly from: (source: Source) => boolean;
  readonly bounds: (source: Source) => boolean;
}

/** Two sources that USING or NATURAL connects. */
export interface Pair extends Flow {
  readonly sources: readonly [Source, Source];
}

export interface Connected {
  /** For each part that nothing connects to the parts before it, its first source; empty when all belong together. */
  readonly apart: readonly Source[];
  readonly bounded: ReadonlySet<Source>;
}

type Knot = Source | string;

/** Stands for everything in the queries around, whose row is one at a time. */
const OUTER = "outer";

export function connect(level: Level, conditions: readonly Condition[], pairs: readonly Pair[]): Connected {
  const knots = new Knots();
  const bounds = new Bounds();
  const pinned = new Map<Source, Set<string>>();
  for (const source of level.sources) {
    for (const needed of source.needs) {
      knots.tie(needed, source);
      bounds.flow([needed, source], { from: (one) => one === needed, bounds: (one) => one === source });
    }
    if (source.needs.size === 0 && isBounded(source)) bounds.add(source);
  }
  for (const pair of pairs) {
    knots.tie(...pair.sources);
    bounds.flow(pair.sources, pair);
  }
  for (const condition of conditions) {
    const members = membersOf(level, condition.references);
    spend(level.work, members.length);
    const [first, ...others] = members;
    if (first === undefined) continue;
    for (const other of others) knots.tie(first, other);
    const outside = reachesOut(level, condition.references);
    if (outside) knots.tie(OUTER, first);
    const value = others.length === 0 ? comparedValue(condition.node) : undefined;
    if (value !== undefined) knots.tie(value.key, first);
    if (value?.column !== undefined) pinned.set(first, (pinned.get(first) ?? new Set()).add(value.column));
    bounds.flow(members, condition);
    if (others.length === 0 || outside || namesValues(condition.node)) {
      for (const member of members) if (condition.bounds(member)) bounds.add(member);
    }
  }
  return { apart: knots.apart([...level.sources].filter((source) => !isFew(source, pinned.get(source)))), bounded: bounds.spread() };
}

/** Of a condition over several sources: whether it is more than a comparison of their columns. */
function namesValues({ type, body }: TreeNode): boolean {
  if (type === "BoolExpr") return nodesOf(type, body, "args").some(namesValues);
  const sides = type === "A_Expr" ? ["lexpr", "rexpr"].map((field) => nodeOf(type, body, field)) : [];
  const compares = sides.length === 2 && sides.every((side) => side !== undefined && contains(side, COLUMNS));
  return !compares && contains({ type, body }, VALUES);
}

const COLUMNS: ReadonlySet<string> = new Set(["ColumnRef"]);
const VALUES: ReadonlySet<string> = new Set(["A_Const", "ParamRef", "SubLink"]);

function contains(root: TreeNode, types: ReadonlySet<string>): boolean {
  let found = false;
  walk(root, ({ type }) => {
    found ||= types.has(type);
    return !found;
  });
  return found;
}

/** By itself, before any condition on it. */
function isBounded({ reach, few }: Source): boolean {
  return few || reach?.narrow === true;
}

/** One row, or a few that the text shows: the whole primary key is named, too. */
function isFew({ few, relation }: Source, pinned: ReadonlySet<string> | undefined): boolean {
  if (few) return true;
  const key = relation?.columns.filter(({ number }) => relation.primaryKey.includes(number)) ?? [];
  return pinned !== undefined && key.length > 0 && key.every(({ name }) => pinned.has(name));
}

/** A name that could be any source's counts as meaning all that it could mean. */
function membersOf(level: Level, { sources, vague }: References): readonly Source[] {
  const members = new Set([...sources].filter((source) => level.sources.has(source)));
  if ((vague.get(level)?.size ?? 0) > 0) for (const source of level.sources) if (source.columns === undefined) members.add(source);
  return [...members];
}

function reachesOut(level: Level, { sources, vague }: References): boolean {
  return [...sources].some((source) => !level.sources.has(source)) || [...vague.keys()].some((other) => other !== level);
}

/** `column = value`: two columns that are compared with one and the same value belong together. */
function comparedValue({ type, body }: TreeNode): { readonly key: string; readonly column: string | undefined } | undefined {
  if (type !== "A_Expr" || textOf(body, "kind") !== "AEXPR_OP" || wordsOf(body, "name").at(-1) !== "=") return undefined;
  const [left, right] = [nodeOf(type, body, "lexpr"), nodeOf(type, body, "rexpr")];
  for (const [value, other] of [
    [left, right],
    [right, left],
  ]) {
    const key = value === undefined ? undefined : valueKey(value);
    if (key !== undefined) return { key, column: other?.type === "ColumnRef" ? lastWord(other.body) : undefined };
  }
  return undefined;
}

function lastWord(columnRef: Body): string | undefined {
  return wordsOf(columnRef, "fields").at(-1);
}

function valueKey(node: TreeNode): string | undefined {
  if (node.type === "ParamRef") return `$${numberOf(node.body, "number")}`;
  const arg = node.type === "TypeCast" ? nodeOf(node.type, node.body, "arg") : undefined;
  if (arg !== undefined) return valueKey(arg);
  const constant = constantOf(node);
  return constant === undefined ? undefined : JSON.stringify(constant.value);
}

/** Where bounds begin, and which way they go. */
class Bounds {
  readonly #bounded = new Set<Source>();
  readonly #through = new Map<Source, Flowing[]>();

  add(source: Source): void {
    this.#bounded.add(source);
  }

  flow(members: readonly Source[], { from, bounds }: Flow): void {
    if (members.length < 2) return;
    const flowing = { to: members.filter(bounds), done: false };
    for (const member of members) {
      const all = this.#through.get(member) ?? [];
      if (from(member)) all.push(flowing);
      this.#through.set(member, all);
    }
  }

  spread(): ReadonlySet<Source> {
    for (const source of this.#bounded) {
      for (const flowing of this.#through.get(source) ?? []) {
        if (flowing.done) continue;
        flowing.done = true;
        for (const to of flowing.to) this.#bounded.add(to);
      }
    }
    return this.#bounded;
  }
}

interface Flowing {
  readonly to: readonly Source[];
  done: boolean;
}

/** What is tied together, directly or through others. */
class Knots {
  readonly #up = new Map<Knot, Knot>();

  tie(a: Knot, b: Knot): void {
    const [top, below] = [this.#top(a), this.#top(b)];
    if (top !== below) this.#up.set(below, top);
  }

  /** The first source of each part but the first. */
  apart(sources: readonly Source[]): readonly Source[] {
    const firsts = new Map<Knot, Source>();
    for (const source of sources) {
      const top = this.#top(source);
      if (!firsts.has(top)) firsts.set(top, source);
    }
    return [...firsts.values()].slice(1);
  }

  #top(knot: Knot): Knot {
    let top = knot;
    for (let up = this.#up.get(top); up !== undefined; up = this.#up.get(top)) top = up;
    // What was walked is walked no more: a long chain would cost its length each time.
    for (let at = knot; at !== top; ) {
      const up = this.#up.get(at) ?? top;
      this.#up.set(at, top);
      at = up;
    }
    return top;
  }
}
