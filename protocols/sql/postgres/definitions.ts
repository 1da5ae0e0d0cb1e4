/**
 * Reads the catalogue's definition of a view as a statement of its own. The catalogue writes it for an empty search
 * path: what is not qualified lies in `pg_catalog`. That is written out here, since wherever the text will stand, a
 * name of somebody else's could be found first.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { type LocatedStatement, statementsOf } from "./effects.ts";
import { parseText } from "./grammar.ts";
import { type Offsets, offsetsOf } from "./offsets.ts";
import { type Splice, spliced } from "./splice.ts";
import { tokensOf } from "./tokens.ts";
import { bindsName, nodesOf, numberOf, type Place, textOf, walk } from "./tree.ts";

export interface Definition {
  readonly statement: LocatedStatement;
  /** The text that the statement's locations count in. */
  readonly sql: string;
  readonly offsets: Offsets;
}

/** Undefined when the relation has none, or one that is not understood. */
export function definitionOf({ definition }: CatalogueRelation): Definition | undefined {
  const written = definition === null ? undefined : read(definition.replace(/;\s*$/, ""));
  if (written === undefined) return undefined;
  const { sql, offsets } = written;
  const splices = qualifying(written);
  const result = splices === undefined ? undefined : spliced(sql, splices, offsets);
  return result === undefined ? undefined : read(result.sql);
}

function read(sql: string): Definition | undefined {
  const offsets = offsetsOf(sql);
  const parsed = parseText(sql);
  const statements = parsed.kind === "tree" ? statementsOf(parsed.tree, offsets.toIndex, sql.length) : undefined;
  const [statement, ...others] = statements ?? [];
  if (statement?.type !== "SelectStmt" || others.length > 0) return undefined;
  return { statement, sql, offsets };
}

function qualifying({ statement, sql, offsets }: Definition): readonly Splice[] | undefined {
  const tokens = tokensOf(sql, offsets);
  const splices: Splice[] = [];
  let placed = true;
  walk(statement, (place) => {
    if (!isUnqualified(place)) return true;
    const start = tokens?.list[tokens.at(numberOf(place.body, "location"))]?.start;
    if (start === undefined) placed = false;
    else splices.push({ start, end: start, text: "pg_catalog.", marks: [] });
    return true;
  });
  return placed ? splices : undefined;
}

/** Functions that the grammar calls by a syntax of their own are qualified by it. */
function isUnqualified({ type, body, names }: Place): boolean {
  if (type === "RangeVar") return body["schemaname"] === undefined && !bindsName(names, textOf(body, "relname"));
  return type === "FuncCall" && nodesOf(type, body, "funcname").length === 1;
}
