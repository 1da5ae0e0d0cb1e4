/**
 * A snapshot of a target's catalogue: what name resolution and masking need to know, as plain data.
 * Read by the gateway over its own connection; pure code only looks things up in it.
 */

export type RelationKind = "table" | "view" | "materialized-view" | "partitioned-table" | "foreign-table" | "sequence" | "other";

export interface CatalogueColumn {
  readonly name: string;
  /** Attribute number, from 1. Dropped columns are left out. */
  readonly number: number;
  /** The type as `format_type` writes it, e.g. `character varying(20)`. */
  readonly type: string;
  /** OID of the type; for a domain, its own OID. */
  readonly typeOid: number;
  /** `pg_type.typcategory` of the base type: S string, N numeric, D date/time, B boolean, U user, A array … */
  readonly category: string;
  readonly notNull: boolean;
  /** `type` with domains followed to what they are made of: what a value is on the wire. */
  readonly baseType: string;
  /** For a generated column, the attribute numbers that its expression reads. */
  readonly generatedFrom: readonly number[];
}

export interface CatalogueRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  readonly columns: readonly CatalogueColumn[];
  /** Attribute numbers of the primary key, when it is enforced at once; empty when there is none. */
  readonly primaryKey: readonly number[];
  /** OIDs of direct inheritance or partition parents. */
  readonly parents: readonly number[];
  /** OIDs of relations that the definition of a view or materialised view reads, or a rule on a table, direct only. */
  readonly reads: readonly number[];
  /**
   * The query of a view or materialised view outside `pg_catalog` and `information_schema`, names outside
   * `pg_catalog` qualified; null for anything else.
   */
  readonly definition: string | null;
  /** Names of rules besides that of a view's own query. */
  readonly rules: readonly string[];
  /** OIDs of the functions of user triggers, as far as they are not the server's own. */
  readonly triggers: readonly number[];
  /** OIDs of functions, not the server's own, that a write calls: defaults, checks, generated columns, indexes, policies. */
  readonly calls: readonly number[];
  /** The same places as texts of SQL expressions, names outside `pg_catalog` qualified. */
  readonly expressions: readonly string[];
  readonly references: readonly CatalogueReference[];
}

/** A foreign key: each value is one of the other relation's. */
export interface CatalogueReference {
  /** OID of the relation that is referred to. */
  readonly relation: number;
  /** Attribute numbers here and there, pairwise. */
  readonly columns: readonly { readonly number: number; readonly refersTo: number }[];
  /** Deletes and updates there change rows here. */
  readonly cascades: boolean;
}

export interface CatalogueFunction {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly volatility: "immutable" | "stable" | "volatile";
  readonly securityDefiner: boolean;
  /** `internal`, `c`, `sql`, `plpgsql` … */
  readonly language: string;
  /** The extension that brought it, or null. */
  readonly extension: string | null;
}

/** Outside `pg_catalog`. */
export interface CatalogueOperator {
  readonly schema: string;
  readonly name: string;
  /** OID of the function behind it. */
  readonly functionOid: number;
}

/**
 * Outside `pg_catalog` and `information_schema`: domains, enums, ranges, row types, base types of extensions, arrays of
 * these. In `pg_catalog` only those that a cast with a function of a user's leads from or to.
 */
export interface CatalogueType {
  readonly schema: string;
  readonly name: string;
  /** OIDs of functions, not the server's own, that its casts and checks call and those of all that it is made of. */
  readonly calls: readonly number[];
}

export interface Catalogue {
  /** Changes whenever anything below does: a digest. */
  readonly version: string;
  readonly serverVersion: string;
  readonly database: string;
  /** The login role's `current_schemas(true)`, in order: what unqualified names are looked up in. */
  readonly searchPath: readonly string[];
  readonly relations: readonly CatalogueRelation[];
  /** Functions outside `pg_catalog` and `information_schema`, and what was added to `pg_catalog` later. */
  readonly functions: readonly CatalogueFunction[];
  readonly operators: readonly CatalogueOperator[];
  readonly types: readonly CatalogueType[];
}
