/**
 * Output columns that a statement gives the name of a masked column. Of rows that they have put aside (DISTINCT, groups, LATERAL)
 * servers name such an alias as the column's origin. Told here is which are surely that: aliases of a column that derives from
 * none of that name. In doubt there are none, and the second wall takes the server at its word.
 */
import type { Token } from "./lexer.ts";
import { type Followed, Lineage } from "./lineage.ts";
import type { Resolved } from "./masked-tables.ts";
import type { Found, Query } from "./reading.ts";

/** Names of the columns of tables that a column derives from, in lower case; null where they are not known. */
type Origins = ReadonlySet<string> | null;

interface Asked {
  readonly tokens: readonly Token[];
  readonly resolved: readonly Resolved[];
  readonly fold: (name: string) => string;
  /** Of protected columns, in lower case. */
  readonly masked: ReadonlySet<string>;
}

/** @returns for each output column such names, in lower case; empty where no column has any */
export function renamedOutputs(found: Found, query: Query, { tokens, resolved, fold, masked }: Asked): readonly (readonly string[])[] {
  const given = namesGiven(found).filter((name) => masked.has(name));
  // What a recursive common table derives from is not followed to its end.
  if (given.length === 0 || tokens.some(({ kind, text }) => kind === "word" && text.toLowerCase() === "recursive")) return [];
  const tables = new Map(resolved.map((one) => [one.mention, one]));
  const followed: Followed<Origins> = {
    columnsOf: (table) => {
      const known = tables.get(table);
      // A view that stays one may have been exchanged for another.
      if (known?.table?.kind === "view") return null;
      return known?.outputs?.map(({ name, hidden = false }) => ({ name, value: new Set([name.toLowerCase()]), hidden })) ?? null;
    },
    unknown: null,
    computed: all,
    either: all,
    nameOf: () => "",
  };
  const outputs = outputsOf(new Lineage(found, followed, fold), query);
  const renamed = outputs.map(({ value }) => (value === null ? [] : given.filter((name) => !value.has(name))));
  return renamed.some((names) => names.length > 0) ? renamed : [];
}

/** Aliases, and columns of common tables and of queries in FROM. */
function namesGiven({ items, commons, columns }: Found): readonly string[] {
  const scopes = new Set(columns.map(({ scope }) => scope));
  const lists = [...commons, ...[...scopes].flatMap(({ sources }) => sources)].flatMap((one) => one.columns ?? []);
  const aliases = items.flatMap(({ alias }) => alias ?? []);
  return [...new Set([...aliases, ...lists].map((name) => name.toLowerCase()))];
}

function all(origins: readonly Origins[]): Origins {
  const known = origins.flatMap((one) => one ?? []);
  return known.length < origins.length ? null : new Set(known.flatMap((one) => [...one]));
}

function outputsOf(lineage: Lineage<Origins>, query: Query): readonly { readonly value: Origins }[] {
  try {
    return lineage.outputs(query) ?? [];
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}
