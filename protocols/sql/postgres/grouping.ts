/**
 * `SELECT u.name … GROUP BY u.id` is right where id is the primary key of u, but PostgreSQL knows that of relations
 * only, not of subqueries. Where a masking subquery took a relation's place, the columns that its key determines are
 * named in GROUP BY as well; the groups stay the same.
 */
import type { Grouped } from "./from-items.ts";
import type { Occurrence } from "./gate.ts";
import type { Entry } from "./namespace.ts";
import { quoteIdentifier } from "./quoting.ts";
import type { Needed } from "./rewrite.ts";
import { meaningOf, referenceOf, type Scope } from "./scope.ts";
import type { SourceText } from "./source-text.ts";
import type { Splice } from "./splice.ts";
import { isWord, type Tokens } from "./tokens.ts";
import { isBody, locationOf, nodeOf, numberOf, type TreeNode, textOf } from "./tree.ts";

/** Types without equality: they can't stand in GROUP BY. */
const UNGROUPED: ReadonlySet<string> = new Set(["json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle"]);

export function groupingSplices(
  grouped: readonly Grouped[],
  occurrences: readonly Occurrence[],
  neededOf: (occurrence: Occurrence) => Needed,
  text: SourceText,
): readonly Splice[] {
  const byPlace = new Map(occurrences.map((occurrence) => [occurrence.rangeVar, occurrence]));
  return grouped.flatMap((group) => {
    const entries = group.scope.spaces.flatMap((space) => space.entries());
    const columns = entries.flatMap((entry) => {
      const occurrence = entry.rangeVar === undefined ? undefined : byPlace.get(entry.rangeVar);
      return occurrence === undefined ? [] : determined(group, entry, occurrence, neededOf(occurrence));
    });
    const start = columns.length === 0 ? undefined : startOf(group, text.tokens());
    return start === undefined ? [] : [{ start, end: start, text: columns.map((column) => `${column}, `).join("") }];
  });
}

/** Columns that follow from those named, when those cover the primary key. */
function determined({ items, targets, scope }: Grouped, entry: Entry, { relation }: Occurrence, needed: Needed): readonly string[] {
  const named = new Set(items.map((item) => columnOf(item, targets, scope, entry)));
  const columns = relation.columns.map((column, index) => ({ ...column, shown: entry.outputs?.[index]?.name ?? column.name }));
  const key = columns.filter(({ number }) => relation.primaryKey.includes(number));
  if (key.length === 0 || key.some(({ shown }) => !named.has(shown))) return [];
  return columns
    .filter(({ name, shown, baseType }) => needed(name) && !named.has(shown) && !UNGROUPED.has(baseType))
    .map(({ shown }) => `${quoteIdentifier(entry.alias)}.${quoteIdentifier(shown)}`);
}

/** The column of an entry that an item of GROUP BY names: directly, by its place in the list, or by its AS. */
function columnOf(item: TreeNode, targets: readonly TreeNode[], scope: Scope, entry: Entry): string | undefined {
  if (item.type === "A_Const") {
    const place = item.body["ival"];
    const target = isBody(place) ? targets[numberOf(place, "ival") - 1] : undefined;
    const value = target === undefined ? undefined : nodeOf("ResTarget", target.body, "val");
    return value?.type === "ColumnRef" ? columnOf(value, [], scope, entry) : undefined;
  }
  if (item.type !== "ColumnRef") return undefined;
  const reference = referenceOf(item.body);
  const meaning = meaningOf(reference, { spaces: scope.spaces, up: null }, () => undefined);
  if (meaning.kind === "column") return meaning.entry === entry ? reference.words.at(-1) : undefined;
  const target = reference.words.length === 1 ? targets.find(({ body }) => textOf(body, "name") === reference.words[0]) : undefined;
  const value = target === undefined ? undefined : nodeOf("ResTarget", target.body, "val");
  return value?.type === "ColumnRef" ? columnOf(value, [], scope, entry) : undefined;
}

/** Where the list begins; undefined for a form that is not plainly `GROUP BY column, …`. */
function startOf({ items }: Grouped, tokens: Tokens | undefined): number | undefined {
  if (tokens === undefined) return undefined;
  const { list, at } = tokens;
  const plain = items.every(({ type }) => type === "ColumnRef" || type === "A_Const");
  const [first] = items;
  const token = plain && first !== undefined ? at(locationOf(first.body) ?? 0) : -1;
  return isWord(list[token - 1], "by") ? list[token]?.start : undefined;
}
