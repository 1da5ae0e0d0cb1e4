/**
 * Reads the grammar's tree. A node is `{ Type: { fields } }`, or bare fields where its place fixes the type
 * (`shape.ts`). The walk keeps its own stack, so depth costs no stack of ours, and it carries the names that WITH
 * clauses bind, so that whoever meets a relation's name knows whether it means a common table expression.
 */
import { TYPED_FIELDS } from "./shape.ts";

/** The fields of one node; values are checked where they are read. */
export type Body = Readonly<Record<string, unknown>>;

export interface TreeNode {
  readonly type: string;
  readonly body: Body;
}

/** Names bound by WITH clauses around a place, innermost first. */
export interface WithNames {
  /** With the place of each in its clause. */
  readonly bound: ReadonlyMap<string, number>;
  /** Of these, only the ones before that place are seen. */
  readonly before: number;
  readonly up: WithNames | null;
}

export interface Place extends TreeNode {
  /** Type of the node around it, and the field of that it stands in. */
  readonly parent: string;
  readonly field: string;
  readonly names: WithNames | null;
}

/** What a node is called whose type neither itself nor its place tells. */
export const UNKNOWN = "?";

export function isBody(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textOf(body: Body, field: string): string {
  const value = body[field];
  return typeof value === "string" ? value : "";
}

/** Numbers that are 0 are left out of the tree. */
export function numberOf(body: Body, field: string): number {
  const value = body[field];
  return typeof value === "number" ? value : 0;
}

export function flagOf(body: Body, field: string): boolean {
  return body[field] === true;
}

/** Byte offset in the text; undefined when the node has none. */
export function locationOf(body: Body): number | undefined {
  const location = body["location"];
  return typeof location === "number" && location >= 0 ? location : undefined;
}

/** The one node in a field. */
export function nodeOf(owner: string, body: Body, field: string): TreeNode | undefined {
  const value = body[field];
  return isBody(value) ? typed(owner, field, value) : undefined;
}

/** The nodes of a list field; empty when it is absent. */
export function nodesOf(owner: string, body: Body, field: string): readonly TreeNode[] {
  const value = body[field];
  if (!Array.isArray(value)) return [];
  return value.filter(isBody).map((item) => typed(owner, field, item));
}

/** What stands in a field, be it one node or a list. */
export function partsOf({ type, body }: TreeNode, field: string): readonly TreeNode[] {
  const single = nodeOf(type, body, field);
  return single === undefined ? nodesOf(type, body, field) : [single];
}

/** Puts the nodes of all fields on a stack. */
export function pushParts(stack: TreeNode[], { type, body }: TreeNode): void {
  for (const field in body) {
    const value = body[field];
    if (isBody(value)) stack.push(typed(type, field, value));
    else if (Array.isArray(value)) for (const item of value) if (isBody(item)) stack.push(typed(type, field, item));
  }
}

/** The words of a list of String nodes, such as a qualified name. Other members come out as empty words. */
export function wordsOf(body: Body, field: string): readonly string[] {
  return nodesOf("", body, field).map((node) => (node.type === "String" ? textOf(node.body, "sval") : ""));
}

function typed(owner: string, field: string, value: Body): TreeNode {
  const fixed = TYPED_FIELDS[owner]?.[field];
  if (fixed !== undefined) return { type: fixed, body: value };
  for (const name in value) {
    const inner = value[name];
    if (name < "A" || name >= "[" || !isBody(inner)) break;
    return { type: name, body: inner };
  }
  return { type: UNKNOWN, body: value };
}

/** Whether an unqualified relation name at a place means a common table expression. */
export function bindsName(names: WithNames | null, name: string): boolean {
  for (let at = names; at !== null; at = at.up) if ((at.bound.get(name) ?? at.before) < at.before) return true;
  return false;
}

/** Every place below a node in the order of a walk, and for each the number of the one behind all below it. */
interface Walked {
  readonly places: readonly Place[];
  readonly ends: readonly number[];
}

const kept = new WeakMap<Body, Walked>();

/** Remembers the order of a walk from a node that will be walked again and again: a statement. */
export function keepWalk(root: TreeNode): void {
  if (!kept.has(root.body)) kept.set(root.body, walked(root));
}

/** Visits a node and all below it, parents first. `visit` returns false to leave out what is below. */
export function walk(root: TreeNode, visit: (place: Place) => boolean): void {
  const known = kept.get(root.body);
  if (known !== undefined) {
    const { places, ends } = known;
    for (let at = 0, place = places[0]; place !== undefined; place = places[at]) at = visit(place) ? at + 1 : (ends[at] ?? places.length);
    return;
  }
  const stack = [placeOf(root)];
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    if (visit(place)) pushChildren(stack, place);
  }
}

function placeOf({ type, body }: TreeNode): Place {
  return { type, body, parent: "", field: "", names: null };
}

function walked(root: TreeNode): Walked {
  const places: Place[] = [];
  const ends: number[] = [];
  const stack = [placeOf(root)];
  /** Places whose children are not all visited yet, and how much was on the stack before those were pushed. */
  const open: { readonly at: number; readonly height: number }[] = [];
  const close = (height: number): void => {
    for (let last = open.at(-1); last !== undefined && last.height >= height; last = open.at(-1)) {
      ends[last.at] = places.length;
      open.pop();
    }
  };
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    close(stack.length + 1);
    open.push({ at: places.length, height: stack.length });
    places.push(place);
    pushChildren(stack, place);
  }
  close(0);
  return { places, ends };
}

function pushChildren(stack: Place[], place: Place): void {
  const { type, body } = place;
  const withClause = body["withClause"];
  const names = isBody(withClause) ? pushWith(stack, place, withClause) : place.names;
  for (const field in body) {
    if (field === "withClause") continue;
    pushValue(stack, type, field, body[field], names);
  }
}

function pushValue(stack: Place[], parent: string, field: string, value: unknown, names: WithNames | null): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) if (isBody(item)) push(stack, parent, field, item, names);
  } else if (isBody(value)) {
    push(stack, parent, field, value, names);
  }
}

function push(stack: Place[], parent: string, field: string, value: Body, names: WithNames | null): void {
  const { type, body } = typed(parent, field, value);
  // The empty node is a NULL of the parser's, e.g. the column list that a function in FROM does not have.
  if (type === UNKNOWN && Object.keys(body).length === 0) return;
  stack.push({ type, body, parent, field, names });
}

/**
 * PostgreSQL, "WITH Queries": a later sibling sees earlier ones; under RECURSIVE all siblings and itself are seen.
 * Returns the names as the statement that owns the clause sees them.
 */
function pushWith(stack: Place[], place: Place, withClause: Body): WithNames | null {
  const expressions = nodesOf("WithClause", withClause, "ctes");
  const bound = new Map<string, number>();
  // Of two of one name, which the server refuses, the first counts.
  expressions.forEach(({ body }, index) => {
    const name = textOf(body, "ctename");
    if (!bound.has(name)) bound.set(name, index);
  });
  const all: WithNames = { bound, before: expressions.length, up: place.names };
  const recursive = flagOf(withClause, "recursive");
  expressions.forEach((expression, index) => {
    const names = recursive ? all : { ...all, before: index };
    stack.push({ ...expression, parent: "WithClause", field: "ctes", names });
  });
  return all;
}
