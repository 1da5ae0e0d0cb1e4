/** What is wrong with the masking rules of a MySQL or MariaDB target. */
import { problemsOf, type RuleProblem, type WholeRule } from "#protocols/sql/rule-problems.ts";
import type { MysqlCatalogue } from "./catalogue.ts";
import { maskExpression } from "./mask-expression.ts";
import { displayTable, meantByMysql } from "./protection.ts";

/**
 * @param catalogue of the target; undefined where it could not be read
 * @param target its name, for the sentences
 */
export function mysqlRuleProblems(
  catalogue: MysqlCatalogue | undefined,
  rules: readonly WholeRule[],
  target: string,
): readonly RuleProblem[] {
  return problemsOf(rules, target, (entry) =>
    (catalogue === undefined ? [] : meantByMysql(entry, catalogue)).map(({ table, column }) => ({
      column,
      name: `${displayTable(table)}.${column.name}`,
      misfit: (mask) => {
        const made = maskExpression(mask, column);
        return made.kind === "problem" ? made.message : null;
      },
    })),
  );
}
