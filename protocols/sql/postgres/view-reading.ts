/**
 * What reading a view's definition comes to, for a principal under masks: the words that the gate, the rewriting and
 * the definitions' own reader share. `view-definitions.ts` makes it.
 */

import type { ProtectedColumn } from "#policies/question.ts";
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import type { TextRange } from "#protocols/wire/redacted.ts";
import type { TracedOutput } from "./lineage.ts";
import type { Refusal } from "./masked-calls.ts";
import type { Outputs } from "./namespace.ts";
import { baseOrigin, type Origin } from "./origins.ts";
import type { ProtectedAttributes } from "./protection.ts";

/** A view's query as it may run, with everything masked in it replaced. */
export interface Rewriting {
  readonly sql: string;
  /** Where in `sql` masked relations stand: nowhere else. */
  readonly marks: readonly TextRange[];
  /** OID of the masked relation of each mark. */
  readonly hidden: readonly number[];
  /** The view's columns, in order. */
  readonly outputs: readonly TracedOutput[];
  /** All that the definition reads, at any depth. */
  readonly reads: Origin;
  /** What is masked in it, at any depth. */
  readonly columns: readonly ProtectedColumn[];
}

export type ViewReading =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** It has no way to anything that is masked, and stands as it is. */
  | { readonly kind: "plain" }
  /** Its definition, rewritten, takes its place. */
  | { readonly kind: "inlined"; readonly rewriting: Rewriting };

/** By a relation that has a definition. A materialised one is never inlined: its rows stand by themselves. */
export type Views = (relation: CatalogueRelation) => ViewReading;

/** The columns of such a view for lineage; a mask on the view itself lies on top of what its definition yields. */
export function definedColumns(
  { oid, columns }: CatalogueRelation,
  attributes: ProtectedAttributes | undefined,
  { outputs, reads }: Rewriting,
): { readonly outputs: Outputs; readonly reads: Origin } {
  const shown = outputs.map((output, index) => {
    const { number = 0 } = columns[index] ?? {};
    return attributes?.has(number) === true ? { ...output, origin: baseOrigin(oid, number), direct: true } : output;
  });
  return { outputs: shown, reads };
}
