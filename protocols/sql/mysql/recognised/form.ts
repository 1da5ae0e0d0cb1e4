/**
 * Forms of statements, written down as manuals write them, and matched against tokens. A key word matches a word without
 * quotes alone, so that no name or string is ever taken for one; a statement matches as a whole or not at all.
 *
 * Notation: `word`; `[…]` may be left out; `{…|…}` one of them; `<…>` one or more, with commas between; `(`, `)`, `*`, `,`,
 * `.`, `=` themselves; `@name` a name; `@table` a name, maybe with its database before it; `@string`; `@number`; `@value` a
 * string, number or word; `@user` an account; `@filter` LIKE or WHERE to the end; `@plain` words and literals to the end;
 * `@rest` whatever there is to the end, maybe nothing.
 */
import type { Token } from "#protocols/sql/mysql/lexer.ts";

type Node =
  | { readonly kind: "word" | "sign"; readonly text: string }
  | { readonly kind: "hole"; readonly name: Hole }
  | { readonly kind: "choice"; readonly ways: readonly (readonly Node[])[] }
  | { readonly kind: "list"; readonly item: readonly Node[] };

const HOLES = ["name", "table", "string", "number", "value", "user", "filter", "plain", "rest"] as const;
type Hole = (typeof HOLES)[number];

export interface Match {
  /** Names that stand where `@table` does, as written, with dots. */
  readonly tables: readonly string[];
}

export type Form = (tokens: readonly Token[]) => Match | undefined;

/** @throws Error for a notation that is not well formed: forms are constants of ours */
export function form(notation: string): Form {
  const parts = notation.match(/@\w+|[\w$]+|[[\]{}|<>(),.*=]/g) ?? [];
  const reader = { parts, at: 0 };
  const nodes = readNodes(reader);
  if (reader.at < parts.length) throw new Error(`broken invariant: the form "${notation}" is not well formed`);
  return (tokens) => {
    for (const end of walk(nodes, tokens, { at: 0, last: null })) if (end.at === tokens.length) return { tables: namesTo(end.last) };
    return undefined;
  };
}

interface Reader {
  readonly parts: readonly string[];
  at: number;
}

const CLOSING: ReadonlySet<string> = new Set(["]", "}", ">", "|"]);

function readNodes(reader: Reader): readonly Node[] {
  const nodes: Node[] = [];
  for (;;) {
    const part = reader.parts[reader.at];
    if (part === undefined || CLOSING.has(part)) return nodes;
    reader.at++;
    if (part === "[") nodes.push({ kind: "choice", ways: [...readWays(reader, "]"), []] });
    else if (part === "{") nodes.push({ kind: "choice", ways: readWays(reader, "}") });
    else if (part === "<") nodes.push({ kind: "list", item: readWays(reader, ">")[0] ?? [] });
    else if (part.startsWith("@")) nodes.push({ kind: "hole", name: holeOf(part.slice(1)) });
    else nodes.push({ kind: /^\w/.test(part) ? "word" : "sign", text: part });
  }
}

function readWays(reader: Reader, close: string): readonly (readonly Node[])[] {
  const ways = [readNodes(reader)];
  while (reader.parts[reader.at] === "|") {
    reader.at++;
    ways.push(readNodes(reader));
  }
  if (reader.parts[reader.at] !== close) throw new Error(`broken invariant: a form lacks its ${close}`);
  reader.at++;
  return ways;
}

function holeOf(name: string): Hole {
  const found = HOLES.find((hole) => hole === name);
  if (found === undefined) throw new Error(`broken invariant: a form names @${name}`);
  return found;
}

interface Place {
  readonly at: number;
  /** The table named last. */
  readonly last: Named | null;
}

/** Linked to the one before: lists are long, and each of their items begins at the names of all before it. */
interface Named {
  readonly name: string;
  readonly before: Named | null;
}

function namesTo(last: Named | null): readonly string[] {
  const names: string[] = [];
  for (let one = last; one !== null; one = one.before) names.push(one.name);
  return names.reverse();
}

/** Every place where the nodes can end. */
function* walk(nodes: readonly Node[], tokens: readonly Token[], place: Place): Generator<Place> {
  const [node, ...rest] = nodes;
  if (node === undefined) yield place;
  else for (const next of step(node, tokens, place)) yield* walk(rest, tokens, next);
}

function* step(node: Node, tokens: readonly Token[], place: Place): Generator<Place> {
  const token = tokens[place.at];
  switch (node.kind) {
    case "word":
      if (token?.kind === "word" && token.text.toLowerCase() === node.text) yield { ...place, at: place.at + 1 };
      return;
    case "sign":
      if (token?.kind === "symbol" && token.text === node.text) yield { ...place, at: place.at + 1 };
      return;
    case "choice":
      for (const way of node.ways) yield* walk(way, tokens, place);
      return;
    case "list":
      yield* list(node.item, tokens, place);
      return;
    case "hole":
      yield* fill(node.name, tokens, place);
      return;
  }
}

/** The longest first: lists are long, and each item ends where its comma stands. */
function* list(item: readonly Node[], tokens: readonly Token[], start: Place): Generator<Place> {
  const ends: Place[] = [];
  for (let place = start; ; ) {
    const [found] = walk(item, tokens, place);
    if (found === undefined) break;
    const comma = comes(tokens, found.at, ",");
    // An item that could also end later does, unless a comma or the end follows.
    const end =
      comma || found.at === tokens.length
        ? found
        : ([...walk(item, tokens, place)].find(({ at }) => comes(tokens, at, ",") || at === tokens.length) ?? found);
    ends.push(end);
    if (!comes(tokens, end.at, ",")) break;
    place = { ...end, at: end.at + 1 };
  }
  yield* ends.reverse();
}

function comes(tokens: readonly Token[], at: number, sign: string): boolean {
  const token = tokens[at];
  return token?.kind === "symbol" && token.text === sign;
}

function* fill(hole: Hole, tokens: readonly Token[], place: Place): Generator<Place> {
  const { at } = place;
  const token = tokens[at];
  if (token === undefined && hole !== "rest") return;
  const isName = token?.kind === "word" || token?.kind === "quoted-name";
  switch (hole) {
    case "name":
      if (isName) yield { ...place, at: at + 1 };
      return;
    case "table":
      if (isName) yield* named(tokens, place, token.text);
      return;
    case "string":
    case "number":
      if (token?.kind === hole) yield { ...place, at: at + 1 };
      return;
    case "value":
      if (token?.kind === "string" || token?.kind === "number" || token?.kind === "word") yield { ...place, at: at + 1 };
      return;
    case "user":
      if (!isName && token?.kind !== "string") return;
      if (tokens[at + 1]?.kind === "user-variable") yield { ...place, at: at + 2 };
      yield { ...place, at: at + 1 };
      return;
    case "filter":
      if (isFilter(tokens.slice(at))) yield { ...place, at: tokens.length };
      return;
    case "plain":
      if (tokens.slice(at).every(isPlain)) yield { ...place, at: tokens.length };
      return;
    case "rest":
      yield { ...place, at: tokens.length };
      return;
  }
}

function* named(tokens: readonly Token[], place: Place, first: string): Generator<Place> {
  const second = tokens[place.at + 2];
  const qualified = comes(tokens, place.at + 1, ".") && (second?.kind === "word" || second?.kind === "quoted-name");
  const name = qualified ? `${first}.${second.text}` : first;
  yield { at: place.at + (qualified ? 3 : 1), last: { name, before: place.last } };
}

/** Behind WHERE these could write, lock or count a sequence on, with no bracket that shows it. */
const NOT_IN_FILTER: ReadonlySet<string> = new Set(["into", "for", "lock", "next", "previous", "procedure"]);

function isFilter([first, ...rest]: readonly Token[]): boolean {
  if (first?.kind !== "word") return false;
  if (first.text.toLowerCase() === "like") return rest.length === 1 && rest[0]?.kind === "string";
  return (
    first.text.toLowerCase() === "where" &&
    rest.length > 0 &&
    !rest.some(({ kind, text }) => kind === "word" && NOT_IN_FILTER.has(text.toLowerCase()))
  );
}

function isPlain({ kind, text }: Token): boolean {
  return kind !== "symbol" || ",.=".includes(text);
}
