/**
 * Views under masks: a definition is a statement like any other, passes the same gate and is rewritten in the same way,
 * views below it first. What comes of it is kept with the masks, so that each view is read once, not once a statement.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { type Definition, definitionOf } from "./definitions.ts";
import { gate, isReached, reachable } from "./gate.ts";
import type { Lineage, TracedOutput } from "./lineage.ts";
import type { Refusal } from "./masked-calls.ts";
import { maskGated, type StatementMasking } from "./masking.ts";
import { ANYTHING, baseOrigin, mixed, type Origin } from "./origins.ts";
import { display, type MaskingView } from "./protection.ts";
import type { SourceText } from "./source-text.ts";
import { spliced } from "./splice.ts";
import { tokensOf } from "./tokens.ts";
import type { Rewriting, ViewReading, Views } from "./view-reading.ts";

/** Views that name views more than once multiply: what is longer than this as rewritten is refused. */
const REWRITTEN_CHARACTERS_MAX = 256 * 1024;

const kept = new WeakMap<MaskingView, Views>();

export function viewsIn(view: MaskingView): Views {
  const found = kept.get(view);
  if (found !== undefined) return found;
  const readings = new Map<number, ViewReading>();
  let unread = 0;
  const views: Views = (relation) => {
    const known = readings.get(relation.oid);
    if (known !== undefined) return known;
    // Should a definition lead back to itself, it is refused.
    readings.set(relation.oid, refused(relation, "its definition leads back to itself"));
    const before = unread;
    const definition = definitionOf(relation);
    if (definition === undefined) unread += 1;
    const reading =
      definition === undefined ? refused(relation, "its definition can't be read") : readingOf(view, relation, definition, views);
    // The grammar may have been out of order for a moment: what hangs on that is not kept.
    if (unread === before) readings.set(relation.oid, reading);
    else readings.delete(relation.oid);
    return reading;
  };
  kept.set(view, views);
  return views;
}

function readingOf(view: MaskingView, relation: CatalogueRelation, definition: Definition, views: Views): ViewReading {
  try {
    return read(view, relation, definition, views);
  } catch (error) {
    // The stack gave out.
    if (error instanceof RangeError) return refused(relation, "its definition is nested too deeply");
    throw error;
  }
}

function read(view: MaskingView, relation: CatalogueRelation, { statement, sql, offsets }: Definition, views: Views): ViewReading {
  const text = { sql, offsets, tokens: () => tokensOf(sql, offsets) };
  const gated = gate(statement, view, views);
  const reached = gated.occurrences.some((occurrence) => isReached(gated, occurrence));
  const masking = maskGated(gated, reached ? reachable(gated) : [], statement, view, text, false);
  switch (masking.facts.kind) {
    case "clear":
      return { kind: "plain" };
    case "obstacle":
      return refused(relation, masking.facts.obstacle.message, masking.facts.obstacle);
    case "rewritable": {
      if (relation.kind === "materialized-view") return { kind: "plain" };
      const rewriting = rewritingOf(relation, masking, text);
      return rewriting === undefined ? refused(relation, "its definition can't be rewritten") : { kind: "inlined", rewriting };
    }
  }
}

function rewritingOf(
  relation: CatalogueRelation,
  { facts, splices, hidden, lineage }: StatementMasking,
  { sql, offsets }: SourceText,
): Rewriting | undefined {
  const length = sql.length + splices.reduce((sum, { text }) => sum + text.length, 0);
  const result = length > REWRITTEN_CHARACTERS_MAX ? undefined : spliced(sql, splices, offsets);
  if (result === undefined || facts.kind !== "rewritable") return undefined;
  return {
    sql: result.sql,
    marks: result.marks,
    hidden,
    outputs: outputsOf(relation, lineage),
    reads: readsOf(lineage),
    columns: facts.columns,
  };
}

/** Where lineage can't tell, every column of the view counts as masked. */
function outputsOf({ columns }: CatalogueRelation, lineage: Lineage | undefined): readonly TracedOutput[] {
  const known = lineage?.outputs?.length === columns.length ? lineage.outputs : undefined;
  return columns.map(({ name, type }, index) => ({ ...(known?.[index] ?? { origin: ANYTHING, direct: false, masked: true }), name, type }));
}

function readsOf(lineage: Lineage | undefined): Origin {
  if (lineage === undefined || lineage.vague) return ANYTHING;
  return mixed([...lineage.reads, ...lineage.rows].flatMap(([oid, numbers]) => [...numbers].map((number) => baseOrigin(oid, number))));
}

function refused(relation: CatalogueRelation, why: string, inner: Pick<Refusal, "rule" | "hint" | "reason"> | null = null): ViewReading {
  const message = `${relation.kind.replace("-", " ")} ${display(relation)} may not be read where columns are masked: ${why}`;
  const hint = inner?.reason === "masked-function" || inner?.reason === "masked-view" ? inner.hint : "read the tables below it";
  return { kind: "refused", refusal: { reason: "masked-view", rule: inner?.rule ?? null, message, hint } };
}
