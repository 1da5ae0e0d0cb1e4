/**
 * A second opinion on what is sent: the grammar library reads the same text, and has to find the same tables and functions in the
 * same places as our own readers. So a table can stand unmasked only if two readers that know nothing of each other miss it.
 */
import { parseTokens } from "./grammar.ts";
import type { Token } from "./lexer.ts";
import type { Found } from "./reading.ts";
import { isBody, walk } from "./tree.ts";

/** @returns a sentence when the two differ, or the library can't read it */
export function differenceIn(tokens: readonly Token[], found: Found): string | undefined {
  const parsed = parseTokens(tokens);
  if (parsed.kind === "error" || !Array.isArray(parsed.tree) || parsed.tree.length !== 1) return "the statement could not be understood";
  const indexOf = placesIn(parsed.sql);
  const tokenAt = new Map(parsed.starts.map((start, index) => [start, parsed.tokens[index]?.start]));
  const at = (identifier: unknown): number | undefined => tokenAt.get(indexOf(identifier) ?? -1);
  const tables = new Set<number | undefined>();
  const calls = new Set<number | undefined>();
  walk(parsed.tree, (key, value) => {
    if (key === "Table" && isBody(value) && Array.isArray(value["name"])) tables.add(at(firstOf(value["name"])));
    if (key === "TableName" || key === "TableObject") tables.add(at(firstOf(value)));
    if (key === "Function" && isBody(value)) calls.add(at(firstOf(value["name"])));
    return true;
  });
  // Reserved, and no table.
  for (const token of tokens) if (token.kind === "word" && token.text.toLowerCase() === "dual") tables.delete(token.start);
  const start = (index: number): number => tokens[index]?.start ?? -1;
  for (const index of found.deleted) tables.delete(start(index));
  const ours = new Set(found.tables.map(({ span }) => start(span.start)));
  if (ours.size !== tables.size || [...tables].some((place) => place === undefined || !ours.has(place))) {
    return "the places of tables in the statement can't be told for certain";
  }
  const called = new Set(found.calls.map((call) => start(call.at)));
  const unknown = [...calls].some((place) => place === undefined || !called.has(place));
  return unknown ? "the functions that the statement calls can't be told for certain" : undefined;
}

function firstOf(name: unknown): unknown {
  const first: unknown = Array.isArray(name) ? name[0] : undefined;
  return isBody(first) ? first["Identifier"] : undefined;
}

/** Lines and columns, counted from 1 in characters, as indexes. */
function placesIn(sql: string): (identifier: unknown) => number | undefined {
  const lines = [0];
  for (let at = sql.indexOf("\n"); at >= 0; at = sql.indexOf("\n", at + 1)) lines.push(at + 1);
  const wide = /[\ud800-\udbff]/.test(sql) ? widePlaces(sql) : undefined;
  return (identifier) => {
    const span = isBody(identifier) ? identifier["span"] : undefined;
    const start = isBody(span) ? span["start"] : undefined;
    if (!isBody(start)) return undefined;
    const { line, column } = start;
    if (typeof line !== "number" || typeof column !== "number" || line < 1 || column < 1) return undefined;
    const begin = lines[line - 1];
    if (begin === undefined) return undefined;
    return wide === undefined ? begin + column - 1 : wide(begin, column - 1);
  };
}

/** Where characters take two units, these are counted once, up to each index. */
function widePlaces(sql: string): (begin: number, characters: number) => number | undefined {
  const indexes: number[] = [];
  const before = new Int32Array(sql.length + 1);
  for (let index = 0; index < sql.length; index++) {
    before[index] = indexes.length;
    const low = sql.charCodeAt(index);
    const inside = low >= 0xdc00 && low <= 0xdfff && index > 0 && /[\ud800-\udbff]/.test(sql[index - 1] ?? "");
    if (!inside) indexes.push(index);
  }
  return (begin, characters) => indexes[(before[begin] ?? 0) + characters];
}
