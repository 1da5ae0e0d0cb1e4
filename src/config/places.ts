/** Where in the YAML text a path stands, so that every problem has a line and a column. */
import { type Document, isMap, isPair, isSeq, type LineCounter, type Node, type Pair } from "yaml";

export type Path = readonly (string | number)[];

export interface Place {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

const BEGINNING: Place = { line: 1, column: 1 };

/**
 * Where to look for a problem at `path`: at the value; at the key of the value's map or at what encloses it, when the
 * value is missing. `key` asks for the key itself, as for one that is unknown.
 */
export function placeOf(document: Document.Parsed, lines: LineCounter, path: Path, key: boolean): Place {
  let current: unknown = document.contents;
  let best = offsetOf(current);
  for (const [index, step] of path.entries()) {
    const pair = pairOf(current, step);
    const next: unknown = pair === undefined ? itemOf(current, step) : pair.value;
    const last = index === path.length - 1;
    // A value that is left empty, and a map that is written over several lines, are best found by their key.
    best = offsetOf(pair !== undefined && ((last && key) || !last || isEmpty(next)) ? pair.key : next) ?? best;
    if (pair === undefined && next === undefined) {
      break;
    }
    current = next;
  }
  return best === undefined ? BEGINNING : placeAt(lines, best);
}

export function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function pairOf(node: unknown, step: string | number): Pair | undefined {
  return isMap(node) ? node.items.find((item) => isPair(item) && keyText(item.key) === String(step)) : undefined;
}

function itemOf(node: unknown, step: string | number): unknown {
  return isSeq(node) && typeof step === "number" ? node.items[step] : undefined;
}

function keyText(key: unknown): string {
  return typeof key === "object" && key !== null && "value" in key ? String(key.value) : String(key);
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (typeof node === "object" && "range" in node && isEmptyRange(node.range));
}

function isEmptyRange(range: unknown): boolean {
  return Array.isArray(range) && range[0] === range[1];
}

function offsetOf(node: unknown): number | undefined {
  const range: Node["range"] =
    typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range) ? (node.range as Node["range"]) : undefined;
  return range?.[0];
}
