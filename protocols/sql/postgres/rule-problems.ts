/**
 * What is wrong with the masking rules of a target, whoever they hold for: entries that mean no column in any of its
 * databases, and masks that a column's type has no room for. Nothing is less protected for it, but somebody believes that more is.
 */
import type { ActiveMask, Mask } from "#policies/question.ts";
import type { Catalogue, CatalogueColumn } from "#protocols/sql/catalogue.ts";
import { type Entry, entriesOf, isExact, meansNothing } from "#protocols/sql/entries.ts";
import { type MeantColumn, meantBy } from "./entries.ts";
import { maskExpression } from "./mask-expression.ts";

/** A rule as it stands in the policy. */
export interface WholeRule extends ActiveMask {
  /** Whether it spares anybody: what it means is then also a matter of the rules behind it. */
  readonly spares: boolean;
}

export interface RuleProblem {
  readonly kind: "names-nothing" | "unfit";
  /** Place of the rule in the list that was given. */
  readonly rule: number;
  readonly entry: Entry;
  /**
   * A glob may match nothing yet, and what a glob or a tag reaches is for the owners of the columns to say: neither may
   * keep a gateway from starting. Such a column shows NULL.
   */
  readonly level: "error" | "warning";
  readonly message: string;
}

/**
 * @param catalogues of the target's databases, as far as they could be read
 * @param target its name, for the sentences
 */
export function ruleProblems(catalogues: readonly Catalogue[], rules: readonly WholeRule[], target: string): readonly RuleProblem[] {
  /** What an earlier rule masks for everybody is no later rule's matter. */
  const settled = new Set<CatalogueColumn>();
  return rules.flatMap((one, rule) =>
    entriesOf(one).flatMap((entry): readonly RuleProblem[] => {
      const meant = catalogues.flatMap((catalogue) => meantBy(entry, catalogue));
      if (meant.length === 0) {
        const level = entry.part === "columns" && !isExact(entry) ? "warning" : "error";
        return [{ kind: "names-nothing", rule, entry, level, message: meansNothing(entry, target) }];
      }
      const level = isExact(entry) ? "error" : "warning";
      const messages = meant.filter(({ column }) => !settled.has(column)).flatMap((column) => misfits(one.mask, column));
      if (!one.spares) for (const { column } of meant) settled.add(column);
      return [...new Set(messages)].map((message) => ({ kind: "unfit", rule, entry, level, message }));
    }),
  );
}

function misfits(mask: Mask, { relation, column }: MeantColumn): readonly string[] {
  const made = maskExpression(mask, column);
  return made.kind === "problem" ? [`${relation.schema}.${relation.name}.${column.name}: ${made.message}; it shows NULL`] : [];
}
