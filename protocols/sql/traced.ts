/** What people are told of a statement's columns, in every dialect of SQL: where each comes from, and by what it is masked there. */
import type { Mask } from "#policies/question.ts";

export interface TracedOrigin {
  /** On MySQL the database. */
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  /** Null where the column is not masked. */
  readonly mask: { readonly rule: string; readonly kind: Mask["kind"] } | null;
}

export interface TracedColumn {
  readonly name: string;
  /** Ordered by name. */
  readonly origins: readonly TracedOrigin[];
  /** It is its one origin as it stands, not computed from it. */
  readonly direct: boolean;
  /** It shows a masked value, was computed from one, or may have been. */
  readonly masked: boolean;
  /** Other columns, which can't be told, may have gone in. */
  readonly vague: boolean;
}

export function byName(origins: readonly TracedOrigin[]): readonly TracedOrigin[] {
  const key = ({ schema, table, column }: TracedOrigin): string => JSON.stringify([schema, table, column]);
  return origins.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
