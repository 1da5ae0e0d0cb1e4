/**
 * Follows columns through a query: what each reference means where it stands, from which base columns each output
 * column derives, and which the statement reads at all. Nothing here decides whether a statement may run; where it
 * can't tell, it says so. The work is bounded by the length of the text, or given up.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { expression, type Noted, noteReference } from "./expressions.ts";
import type { Grouped, Reader } from "./from-items.ts";
import { type Entry, Namespace, type Output, type Outputs } from "./namespace.ts";
import { type BaseColumn, baseOrigin, type ColumnSet, maskedAmong, Reads } from "./origins.ts";
import { query } from "./queries.ts";
import type { Meaning, Relations } from "./scope.ts";
import type { Body, TreeNode } from "./tree.ts";

export interface TracedOutput extends Output {
  /** It shows a masked value, was computed from one, or may have been. */
  readonly masked: boolean;
}

export interface Lineage {
  /** Of the statement as a whole; undefined where they can't be told. */
  readonly outputs: readonly TracedOutput[] | undefined;
  /** Every column of a relation that is referred to anywhere as such: by name, by a star, by USING or NATURAL. */
  readonly reads: ColumnSet;
  /** Columns of whole rows that are taken as one value. */
  readonly rows: ColumnSet;
  /** Something is referred to whose columns can't be told: `reads` may hold more than is read, or lack some. */
  readonly vague: boolean;
  /** By the body of each ColumnRef. */
  readonly meanings: ReadonlyMap<Body, Meaning>;
  /** By the body of each ColumnRef that names a schema: what the relation's name alone would mean there. */
  readonly shortened: ReadonlyMap<Body, Entry | undefined>;
  /** FROM lists in which two relations go by one name, with their schemas to tell them apart. */
  readonly clashes: readonly Entry[];
  readonly grouped: readonly Grouped[];
}

/** Columns that may be copied and looked up beyond what the text spells out: some tens of milliseconds. */
const STEPS_MAX = 2_000_000;

/** Undefined when the statement is too deep or too winding to be followed. */
export function lineageOf(statement: TreeNode, relations: Relations): Lineage | undefined {
  try {
    return follow(statement, relations);
  } catch (error) {
    // The stack gave out, or the count of steps.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function follow(statement: TreeNode, relations: Relations): Lineage {
  let steps = 0;
  const noted: Noted = { reads: new Reads(), rows: new Reads(), meanings: new Map(), shortened: new Map() };
  const clashes: Entry[] = [];
  const grouped: Grouped[] = [];
  const known = new Map<number, { readonly outputs: Outputs }>();
  const reader: Reader = {
    relations,
    spend(more) {
      steps += more;
      if (steps > STEPS_MAX) throw new RangeError("the statement has too many columns to follow");
    },
    namespace: () => new Namespace(reader.spend, (entry) => clashes.push(entry)),
    query: (node, names, up, onFirst) => query(reader, node, names, up, onFirst),
    expression: (node, names, scope) => expression(reader, noted, node, names, scope),
    reference: (body, scope) => noteReference(reader, noted, body, scope),
    meaning: (body) => noted.meanings.get(body),
    named: (body, origin) => noted.meanings.set(body, { kind: "output", origin }),
    refer: (origin) => noted.reads.refer(origin),
    referVague: (origin) => noted.reads.addVague(origin),
    columnsOf(relation) {
      const found = known.get(relation.oid);
      if (found !== undefined) return found.outputs;
      reader.spend(relation.columns.length);
      const defined = relations.defined?.(relation);
      if (defined !== undefined) noted.reads.add(defined.reads);
      const outputs = defined === undefined ? ownColumns(relation) : defined.outputs;
      known.set(relation.oid, { outputs });
      return outputs;
    },
    grouped: (list) => grouped.push(list),
  };
  const outputs = withMasks(query(reader, statement, null, null), relations);
  const { reads, rows, meanings, shortened } = noted;
  return { outputs, reads: reads.columns, rows: rows.columns, vague: reads.vague || rows.vague, meanings, shortened, clashes, grouped };
}

function ownColumns({ oid, columns }: CatalogueRelation): readonly Output[] {
  return columns.map(({ name, number, type }) => ({ name, origin: baseOrigin(oid, number), direct: true, type }));
}

function withMasks(outputs: Outputs, relations: Relations): readonly TracedOutput[] | undefined {
  if (outputs === undefined) return undefined;
  const isMasked = ({ relation, column }: BaseColumn) => relations.maskedColumns(relation)?.has(column) === true;
  const origins = outputs.map(({ origin }) => origin);
  const masked = maskedAmong(origins, isMasked);
  return outputs.map((output) => ({ ...output, masked: masked.has(output.origin) }));
}
