/** What is wrong with the masking rules of a PostgreSQL target. */
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { problemsOf, type RuleProblem, type WholeRule } from "#protocols/sql/rule-problems.ts";
import { meantBy } from "./entries.ts";
import { maskExpression } from "./mask-expression.ts";

/**
 * @param catalogues of the target's databases, as far as they could be read
 * @param target its name, for the sentences
 */
export function ruleProblems(catalogues: readonly Catalogue[], rules: readonly WholeRule[], target: string): readonly RuleProblem[] {
  return problemsOf(rules, target, (entry) =>
    catalogues.flatMap((catalogue) =>
      meantBy(entry, catalogue).map(({ relation, column }) => ({
        column,
        name: `${relation.schema}.${relation.name}.${column.name}`,
        misfit: (mask) => {
          const made = maskExpression(mask, column);
          return made.kind === "problem" ? made.message : null;
        },
      })),
    ),
  );
}
