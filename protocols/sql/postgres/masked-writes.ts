/**
 * What a write runs besides itself: rules, triggers, defaults, checks, generated columns, indexes, of the relation, of its
 * partitions and children, of what a view stands for, and of what foreign keys change along with it. All of it sees
 * true values, so a principal under a mask writes only where nothing of the kind calls code that is not known.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { targetsOf } from "./changes.ts";
import { lookupIn } from "./lookup.ts";
import { functionRefusal, isCallable, isListed, type Located, type Refusal, typeRefusal } from "./masked-calls.ts";
import { judgeRelation } from "./masked-relations.ts";
import { targetRefusal } from "./masked-targets.ts";
import { display, type MaskingView } from "./protection.ts";
import { nameOfCall } from "./reading.ts";
import { type Body, locationOf, type TreeNode, walk, wordsOf } from "./tree.ts";
import { soleStatement } from "./written-relations.ts";

/** Why the relation that a statement writes to may not be written to, with its place. */
export function writeRefusal(view: MaskingView, statement: TreeNode): Located | undefined {
  for (const { body: target } of targetsOf(statement)) {
    const { relation } = judgeRelation(view, target);
    const refusal = relation === undefined ? undefined : refusalOf(view, relation);
    if (refusal !== undefined) return { refusal, location: locationOf(target) };
  }
  return targetRefusal(view, statement);
}

const judged = new WeakMap<MaskingView, Map<number, Refusal | null>>();

function refusalOf(view: MaskingView, relation: CatalogueRelation): Refusal | undefined {
  const known = judged.get(view) ?? new Map<number, Refusal | null>();
  judged.set(view, known);
  const found = known.get(relation.oid) ?? judge(view, relation) ?? null;
  known.set(relation.oid, found);
  return found ?? undefined;
}

function judge(view: MaskingView, relation: CatalogueRelation): Refusal | undefined {
  for (const one of writtenWith(view, relation)) {
    const why = codeOf(view, one);
    if (why !== undefined) {
      const message = `${display(relation)} may not be written to where columns are masked: ${why}`;
      const hint = "functions are listed in masking.functions.allow once their bodies have been reviewed; rules can't be";
      return { reason: "masked-write", rule: null, message, hint };
    }
  }
  return undefined;
}

function writtenWith(view: MaskingView, relation: CatalogueRelation): ReadonlySet<CatalogueRelation> {
  const { byOid, children, cascading } = lookupIn(view.catalogue);
  const seen = new Set([relation]);
  for (const one of seen) {
    for (const child of children.get(one.oid) ?? []) seen.add(child);
    for (const other of cascading.get(one.oid) ?? []) seen.add(other);
    for (const oid of one.definition === null ? [] : one.reads) {
      const read = byOid.get(oid);
      if (read !== undefined) seen.add(read);
    }
  }
  return seen;
}

function codeOf(view: MaskingView, relation: CatalogueRelation): string | undefined {
  const shown = display(relation);
  const [rule] = relation.rules;
  if (rule !== undefined) return `${shown} has a rule, ${rule}`;
  const trigger = relation.triggers.find((oid) => !isListed(view, oid));
  if (trigger !== undefined) return `${shown} has a trigger that calls ${nameOf(view, trigger)}`;
  const call = relation.calls.find((oid) => !relation.triggers.includes(oid) && !isCallable(view, oid));
  if (call !== undefined) return `a default, check, index or policy of ${shown} calls ${nameOf(view, call)}`;
  const refused = expressionsOf(relation)
    .map((expression) => expressionRefused(view, expression))
    .find((found) => found !== undefined);
  return refused === undefined ? undefined : `in a default, check, index or policy of ${shown}, ${refused}`;
}

function expressionsOf({ columns, checks, indexes, partitionKey, policies }: CatalogueRelation): readonly string[] {
  const texts = [
    ...columns.map((column) => column.default),
    ...checks.map(({ expression }) => expression),
    ...indexes.flatMap(({ keys, predicate }) => [...keys, predicate]),
    partitionKey,
    ...policies,
  ];
  return texts.flatMap((text) => (text === null || text === "" ? [] : [text]));
}

function nameOf(view: MaskingView, oid: number): string {
  const found = lookupIn(view.catalogue).functionByOid.get(oid);
  return found === undefined ? "a function that is not known" : `${found.schema}.${found.name}`;
}

/** Functions of the server's own are found in the text alone; nothing depends on them by its record. */
function expressionRefused(view: MaskingView, expression: string): string | undefined {
  const statement = soleStatement(`SELECT ${expression}`);
  if (statement === undefined) return "an expression can't be read";
  let refused: string | undefined;
  walk(statement, ({ type, body }) => {
    refused ??= partRefused(view, type, body)?.message;
    return refused === undefined;
  });
  return refused;
}

function partRefused(view: MaskingView, type: string, body: Body): Refusal | undefined {
  if (type === "TypeName") return typeRefusal(view, wordsOf(body, "names"));
  if (type !== "FuncCall") return undefined;
  const called = nameOfCall(body);
  // A serial column counts; functions of other schemas are judged by what the catalogue says the relation depends on.
  if (called.name === "nextval" || (called.schema !== null && called.schema !== "pg_catalog")) return undefined;
  return functionRefusal(view, { ...called, schema: "pg_catalog" });
}
