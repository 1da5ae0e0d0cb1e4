/** What the values of one column look like, as far as a sample and the column's name tell. No value is kept. */

import { isEmail } from "./contacts.ts";
import { type Detector, type Kind, type ValueClass, wordsOf } from "./detector.ts";
import { DETECTORS } from "./detectors.ts";
import { OF_PERSONS, PERSON_NAME } from "./persons.ts";
import { type Leaf, leavesOf, shapeOf } from "./values.ts";

export interface SampledColumn {
  readonly table: string;
  readonly column: string;
  readonly of: ValueClass | "json";
  /** Values that are not NULL, as text. */
  readonly cells: readonly string[];
}

export interface Likeness {
  readonly kind: Kind;
  /** What it is in words, in the plural. */
  readonly what: string;
  /** 0 to 1. */
  readonly confidence: number;
  /** Cells that hold such a value, of those that were looked at. */
  readonly matched: number;
  readonly sampled: number;
  /** Whether the name of the column, or the keys within it, say so too. */
  readonly named: boolean;
  /** The shape that most of them have, with digits as 9; null where none may be shown or none is shared. */
  readonly shape: string | null;
  /** Whether every cell is such a value and nothing else: then a mask may show a part. */
  readonly pure: boolean;
}

/** Below this a hit without a name may be anything; a table with fewer rows must have nothing else. */
const MATCHES_MIN = 3;
/** Within JSON a leaf among many is enough: its share of the documents says little. */
const JSON_SHARE = 0.2;
/** For a name alone, when there was no value to look at. */
const UNSEEN = 0.3;
const SHAPE_SHARERS_MIN = 3;
const PURE_SHARE = 0.98;

/** @returns the likeness that is most certain; undefined when the column looks like nothing that is to be protected */
export function likenessOf(column: SampledColumn): Likeness | undefined {
  const cells = column.cells.filter((cell) => cell.trim() !== "").map((cell) => leavesOf(cell, column.of === "json"));
  let best: Likeness | undefined;
  for (const detector of DETECTORS) {
    if (!detector.of.includes(column.of === "json" ? "text" : column.of)) continue;
    const found = likeness(detector, column, cells);
    if (found !== undefined && (best === undefined || found.confidence > best.confidence)) best = found;
  }
  return best;
}

function likeness(detector: Detector, column: SampledColumn, cells: readonly (readonly Leaf[])[]): Likeness | undefined {
  const { kind, what } = detector;
  const columnNamed = isNamed(detector, column.column, column.table);
  if (cells.length === 0) {
    if (!columnNamed || column.of === "json") return undefined;
    return { kind, what, confidence: UNSEEN, matched: 0, sampled: 0, named: true, shape: null, pure: false };
  }
  const keyNamed = keysNamed(detector);
  // A detector that goes by names asks them of a leaf's own key, where there is one.
  const mayFit = ({ key }: Leaf): boolean => detector.alone !== null || columnNamed || keyNamed(key);
  const hits = cells.map((leaves) => leaves.find((leaf) => mayFit(leaf) && detector.fits(leaf.value)));
  const matching = hits.filter((hit) => hit !== undefined);
  const named = columnNamed || matching.some(({ key }) => keyNamed(key));
  const [matched, sampled] = [matching.length, cells.length];
  const share = matched / sampled;
  if (!suffices(detector, named, column.of === "json", share, matched, sampled)) return undefined;
  const certain = (0.55 + 0.4 * share) * (sampled / (sampled + 1));
  return {
    ...{ kind, what, matched, sampled, named },
    confidence: Math.round((named ? certain + (1 - certain) / 2 : certain) * 100) / 100,
    shape: detector.shaped ? sharedShape(matching.map(({ value }) => value)) : null,
    pure: column.of !== "json" && share >= PURE_SHARE && cells.flat().every(({ value }) => isPart(kind, value)),
  };
}

/** What does not match may stand beside what does, if it is of the same stuff: half an address, a number with a wrong digit. */
function isPart(kind: Kind, value: string): boolean {
  if (kind === "email") return isEmail(value) || !value.includes("@");
  return kind !== "card" || /^[\d -]*$/.test(value);
}

/** Thousands of documents have the same few keys. */
function keysNamed(detector: Detector): (key: string | null) => boolean {
  const known = new Map<string, boolean>();
  return (key) => {
    if (key === null) return false;
    const before = known.get(key);
    if (before !== undefined) return before;
    const named = isNamed(detector, key, "");
    known.set(key, named);
    return named;
  };
}

function suffices(detector: Detector, named: boolean, json: boolean, share: number, matched: number, sampled: number): boolean {
  const needed = named ? detector.withName : detector.alone;
  if (needed === null || matched === 0) return false;
  return share >= (json ? needed * JSON_SHARE : needed) && (named || matched >= Math.min(MATCHES_MIN, sampled));
}

/** `name` says nothing in `products`, and whose it is in `customers`. */
function isNamed(detector: Detector, name: string, table: string): boolean {
  const written = wordsOf(name);
  if (detector.named.test(written)) return true;
  return detector === PERSON_NAME && written === "name" && OF_PERSONS.test(wordsOf(table));
}

function sharedShape(values: readonly string[]): string | null {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(shapeOf(value), (counts.get(shapeOf(value)) ?? 0) + 1);
  const [shape, count] = [...counts].reduce((most, next) => (next[1] > most[1] ? next : most), ["", 0]);
  return count >= SHAPE_SHARERS_MIN ? shape : null;
}
