/**
 * Masking rules resolved against a catalogue: which columns of which relations show masked, by what rule and by what
 * expression. Where protection goes beyond the columns that a rule names is told by `spread.ts`.
 */
import type { ActiveMask, Mask, ProtectedColumn } from "#policies/question.ts";
import type { Catalogue, CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { entriesOf, meansNothing, type ProtectionProblem } from "#protocols/sql/entries.ts";
import { meantBy } from "./entries.ts";
import { defaultColumns } from "./hidden-defaults.ts";
import { lookupIn } from "./lookup.ts";
import { maskExpression } from "./mask-expression.ts";
import { assignMaterialized } from "./materialized.ts";
import { SERVER_COLUMNS } from "./server-relations.ts";
import { type Assigned, type Assignments, assign, spread } from "./spread.ts";
import { assignWalls } from "./walls.ts";

export interface ProtectedAttribute {
  readonly rule: string;
  /** As it is applied: `null` where the rule's own does not fit the column. */
  readonly mask: Mask;
  /** Writes may give the column a value. */
  readonly assignable: boolean;
  /** The SQL expression that yields the masked value, over the column of that name. */
  readonly expression: string;
  /** SQL condition of the rows that are shown where the column is; null for every row. */
  readonly rows: string | null;
}

export type ProtectedAttributes = ReadonlyMap<number, ProtectedAttribute>;

export interface Protection {
  /** Relation OID, then attribute number. */
  readonly columns: ReadonlyMap<number, ProtectedAttributes>;
  /** Names of all protected columns but the server's own: what a statement that can't be resolved is searched for. */
  readonly columnNames: ReadonlySet<string>;
}

/** Made once for each catalogue version and set of masks; shared between statements. */
export interface MaskingView {
  readonly catalogue: Catalogue;
  readonly protection: Protection;
  /** Functions outside `pg_catalog` that may be called, as `schema.name`. */
  readonly functionsAllowed: readonly string[];
}

export interface ResolvedProtection {
  readonly protection: Protection;
  readonly problems: readonly ProtectionProblem[];
}

const NULL: Mask = { kind: "null" };
/** Stands where a rule's name would, for columns of the server's own. */
export const SERVER_RULE = "catalogue";
const SERVERS: Assigned = { rule: SERVER_RULE, rank: Number.MAX_SAFE_INTEGER, mask: NULL, assignable: false };

/** The masks in the order of the rules: of two that name a column, the first counts. */
export function resolveProtection(catalogue: Catalogue, masks: readonly ActiveMask[]): ResolvedProtection {
  const problems: ProtectionProblem[] = [];
  const assignments: Assignments = new Map();
  for (const [rank, { rule, columns, tags, mask, assign: writes }] of masks.entries()) {
    const assigned: Assigned = { rule, rank, mask, assignable: writes === "values" };
    for (const entry of entriesOf({ columns, tags })) {
      const meant = meantBy(entry, catalogue);
      const message = `rule ${rule}: ${meansNothing(entry, "this target")}`;
      if (meant.length === 0) problems.push({ kind: "names-nothing", rule, columns: entry.written, message });
      for (const { relation, column } of meant) {
        if (assign(assignments, { relation, column, assigned })) problems.push(...misfit(relation, column, assigned));
      }
    }
  }
  spread(catalogue, assignments);
  const defaults = defaultColumns(catalogue, assignments);
  for (const { relation, column } of defaults) assign(assignments, { relation, column, assigned: SERVERS });
  if (masks.length > 0) assignServer(catalogue, assignments);
  assignWalls(catalogue, assignments);
  assignMaterialized(catalogue, assignments);
  const columnNames = new Set([...assignments].flatMap(([oid, columns]) => namesIn(lookupIn(catalogue).byOid.get(oid), columns)));
  const columns = attributesOf(catalogue, assignments);
  for (const { relation, column, expression, rows } of defaults) {
    const attribute = { rule: SERVER_RULE, mask: NULL, assignable: false, expression, rows };
    columns.set(relation.oid, new Map(columns.get(relation.oid)).set(column.number, attribute));
  }
  return { protection: { columns, columnNames }, problems };
}

function misfit(relation: CatalogueRelation, column: CatalogueColumn, { rule, mask }: Assigned): readonly ProtectionProblem[] {
  const made = maskExpression(mask, column);
  if (made.kind !== "problem") return [];
  const place = `${display(relation)}.${column.name}`;
  return [{ kind: "unfit", rule, columns: place, message: `rule ${rule}: ${place}: ${made.message}; it shows NULL` }];
}

function attributesOf(catalogue: Catalogue, assignments: Assignments): Map<number, ProtectedAttributes> {
  const { byOid } = lookupIn(catalogue);
  return new Map(
    [...assignments].map(([oid, columns]) => {
      const attributes = byOid.get(oid)?.columns.flatMap((column) => {
        const assigned = columns.get(column.number);
        return assigned === undefined ? [] : [[column.number, attributeOf(column, assigned)] as const];
      });
      return [oid, new Map(attributes)];
    }),
  );
}

/** A mask that does not fit the type hides the value altogether. */
function attributeOf(column: CatalogueColumn, { rule, mask, assignable }: Assigned): ProtectedAttribute {
  const made = maskExpression(mask, column);
  if (made.kind === "expression") return { rule, mask, assignable, expression: made.sql, rows: null };
  const hidden = maskExpression(NULL, column);
  return { rule, mask: NULL, assignable, expression: hidden.kind === "expression" ? hidden.sql : "NULL", rows: null };
}

function assignServer(catalogue: Catalogue, assignments: Assignments): void {
  for (const [table, name] of SERVER_COLUMNS) {
    const relation = lookupIn(catalogue).relation("pg_catalog", table);
    const column = relation?.columns.find((one) => one.name === name);
    if (relation !== undefined && column !== undefined) assign(assignments, { relation, column, assigned: SERVERS });
  }
}

function namesIn(relation: CatalogueRelation | undefined, columns: ReadonlyMap<number, Assigned>): readonly string[] {
  if (relation === undefined || relation.schema === "pg_catalog") return [];
  return relation.columns.filter(({ number }) => columns.has(number)).map(({ name }) => name);
}

export function display({ schema, name }: CatalogueRelation): string {
  return `${schema}.${name}`;
}

/** The protected columns of a relation, in order. */
export function protectedColumnsOf(relation: CatalogueRelation, attributes: ProtectedAttributes): readonly ProtectedColumn[] {
  return relation.columns.flatMap((column) => {
    const attribute = attributes.get(column.number);
    return attribute === undefined ? [] : [{ schema: relation.schema, table: relation.name, column: column.name, rule: attribute.rule }];
  });
}
