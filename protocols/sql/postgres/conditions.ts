/** Which columns the conditions of a statement look at: WHERE and JOIN … ON, where an index could have served. */
import type { Lineage } from "./lineage.ts";
import { type BaseColumn, flattened } from "./origins.ts";
import { nodeOf, type TreeNode, walk } from "./tree.ts";

/** Base columns, some perhaps more than once. Queries inside a condition count with their own conditions. */
export function conditionColumns(statement: TreeNode, { meanings }: Lineage): readonly BaseColumn[] {
  const found: BaseColumn[] = [];
  walk(statement, ({ type, body }) => {
    const condition = nodeOf(type, body, type === "JoinExpr" ? "quals" : "whereClause");
    if (condition === undefined) return true;
    walk(condition, (inner) => {
      if (inner.type !== "ColumnRef") return inner.type !== "SelectStmt";
      const meaning = meanings.get(inner.body);
      if (meaning?.kind === "column") found.push(...flattened(meaning.origin).columns);
      return true;
    });
    return true;
  });
  return found;
}
