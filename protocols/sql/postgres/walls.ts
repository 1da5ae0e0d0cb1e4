/**
 * Views that `sallyport wall` made, when the gateway stands before them: each shows a table's columns with the table's
 * masks. The same masks lie on top once more, so that a view that is older than a rule shows no more than the rule lets.
 */
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { lookupIn } from "./lookup.ts";
import { type Assignments, assign } from "./spread.ts";

const STORED: ReadonlySet<string> = new Set(["table", "partitioned-table", "foreign-table"]);

/**
 * Gives the columns of a wall's view over one table what the table's columns of the same name have. A mask that is laid
 * on what it made itself yields the same again. What else derives from masked columns is told by their definitions.
 */
export function assignWalls(catalogue: Catalogue, assignments: Assignments): void {
  const { byOid } = lookupIn(catalogue);
  for (const relation of catalogue.relations) {
    const [oid, ...others] = catalogue.walls.includes(relation.schema) ? relation.reads : [];
    const base = oid === undefined || others.length > 0 ? undefined : byOid.get(oid);
    if (base === undefined || !STORED.has(base.kind)) continue;
    for (const column of relation.columns) {
      const original = base.columns.find(({ name }) => name === column.name);
      const assigned = original === undefined ? undefined : assignments.get(base.oid)?.get(original.number);
      if (assigned !== undefined) assign(assignments, { relation, column, assigned });
    }
  }
}
