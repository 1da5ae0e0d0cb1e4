/** What is masked for one principal class on one target: masking rules resolved against a catalogue. */
import type { Mask } from "#policies/question.ts";
import type { Catalogue } from "#protocols/sql/catalogue.ts";

export interface ProtectedAttribute {
  readonly rule: string;
  readonly mask: Mask;
  /** The SQL expression that yields the masked value from the column of that name. */
  readonly expression: string;
}

export interface Protection {
  /** Relation OID, then attribute number. */
  readonly columns: ReadonlyMap<number, ReadonlyMap<number, ProtectedAttribute>>;
}

/** Made once for each catalogue version and set of masks; shared between statements. */
export interface MaskingView {
  readonly catalogue: Catalogue;
  readonly protection: Protection;
  /** Functions outside `pg_catalog` that may be called, as `schema.name`. */
  readonly functionsAllowed: readonly string[];
}
