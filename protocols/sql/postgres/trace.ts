/**
 * For people who ask what a statement would show them: of each output column its name, the base columns it derives
 * from, and the masks on these. It decides nothing; whether a statement may run is for `analyse.ts` and the policies.
 */
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { byName, type TracedColumn, type TracedOrigin } from "#protocols/sql/traced.ts";
import { conditionColumns } from "./conditions.ts";
import { statementsOf } from "./effects.ts";
import { parseText } from "./grammar.ts";
import { type Lineage, lineageOf, type TracedOutput } from "./lineage.ts";
import { lookupIn } from "./lookup.ts";
import { offsetsOf } from "./offsets.ts";
import { type BaseColumn, flattened } from "./origins.ts";
import type { MaskingView } from "./protection.ts";
import type { Relations } from "./scope.ts";
import { statementTag } from "./tags.ts";
import { nodeOf, type TreeNode, textOf } from "./tree.ts";
import { viewsIn } from "./view-definitions.ts";
import { definedColumns } from "./view-reading.ts";

export interface TracedStatement {
  /** As in command tags: `SELECT`, `INSERT`. */
  readonly tag: string;
  /** Empty for a statement that yields no rows; null where its columns can't be told. */
  readonly outputs: readonly TracedColumn[] | null;
  /** Every column that it refers to anywhere, ordered by name. */
  readonly reads: readonly TracedOrigin[];
  /** Those that stand in WHERE or JOIN … ON, ordered by name. */
  readonly conditions: readonly TracedOrigin[];
}

/**
 * Undefined when the text does not parse; `loadGrammar` must have been awaited once.
 *
 * @param view what is masked for the principal; null when nothing is
 */
export function traceColumns(sql: string, catalogue: Catalogue, view: MaskingView | null): readonly TracedStatement[] | undefined {
  const parsed = sql === "" ? ({ kind: "tree", tree: {} } as const) : parseText(sql);
  const statements = parsed.kind === "tree" ? statementsOf(parsed.tree, offsetsOf(sql).toIndex, sql.length) : undefined;
  return statements?.map((statement) => {
    const tag = statementTag(statement);
    const query = queryOf(statement);
    if (query === undefined) return { tag, outputs: [], reads: [], conditions: [] };
    const lineage = lineageOf(query, relationsIn(catalogue, view));
    return {
      tag,
      outputs: lineage?.outputs === undefined ? null : outputsOf(lineage.outputs),
      reads: readsOf(lineage),
      conditions: lineage === undefined ? [] : named(once(conditionColumns(query, lineage))),
    };
  });

  function outputsOf(outputs: readonly TracedOutput[]): readonly TracedColumn[] {
    return outputs.map(({ name, origin, direct, masked }) => {
      const { columns, vague } = flattened(origin);
      return { name, origins: named(columns), direct, masked, vague };
    });
  }

  function readsOf(lineage: Lineage | undefined): readonly TracedOrigin[] {
    const sets = lineage === undefined ? [] : [...lineage.reads, ...lineage.rows];
    const read = new Map(sets.map(([relation]) => [relation, new Set<number>()]));
    for (const [relation, numbers] of sets) for (const number of numbers) read.get(relation)?.add(number);
    return named([...read].flatMap(([relation, numbers]) => [...numbers].map((column) => ({ relation, column }))));
  }

  function named(columns: readonly BaseColumn[]): readonly TracedOrigin[] {
    return byName(columns.flatMap((base) => tracedOrigin(catalogue, view, base)));
  }
}

function once(columns: readonly BaseColumn[]): readonly BaseColumn[] {
  return [...new Map(columns.map((base) => [`${base.relation}/${base.column}`, base])).values()];
}

/** Statements that yield rows themselves, or hold the query that will. */
const HOLDERS: ReadonlySet<string> = new Set(["ExplainStmt", "DeclareCursorStmt", "PrepareStmt", "CopyStmt", "CreateTableAsStmt"]);

function queryOf(statement: TreeNode): TreeNode | undefined {
  if (/^(Select|Insert|Update|Delete|Merge)Stmt$/.test(statement.type)) return statement;
  return HOLDERS.has(statement.type) ? nodeOf(statement.type, statement.body, "query") : undefined;
}

/** Views over masked columns are followed through, as they will run; others count as what they are called. */
function relationsIn(catalogue: Catalogue, view: MaskingView | null): Relations {
  const lookup = lookupIn(catalogue);
  const columns = view?.protection.columns;
  const masked = new Map([...(columns ?? [])].map(([oid, attributes]) => [oid, new Set(attributes.keys())]));
  return {
    find(rangeVar) {
      const schema = textOf(rangeVar, "schemaname");
      return lookup.relation(schema === "" ? null : schema, textOf(rangeVar, "relname"));
    },
    maskedColumns: (oid) => masked.get(oid),
    overloads: (name) => lookup.functions.has(name),
    defined(relation) {
      const reading = view === null || relation.definition === null ? undefined : viewsIn(view)(relation);
      return reading?.kind === "inlined" ? definedColumns(relation, columns?.get(relation.oid), reading.rewriting) : undefined;
    },
  };
}

function tracedOrigin(catalogue: Catalogue, view: MaskingView | null, { relation, column }: BaseColumn): readonly TracedOrigin[] {
  const found = lookupIn(catalogue).byOid.get(relation);
  const name = found?.columns.find(({ number }) => number === column)?.name;
  if (found === undefined || name === undefined) return [];
  const attribute = view?.protection.columns.get(relation)?.get(column);
  const mask = attribute === undefined ? null : { rule: attribute.rule, kind: attribute.mask.kind };
  return [{ schema: found.schema, table: found.name, column: name, mask }];
}
