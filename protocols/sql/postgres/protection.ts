/**
 * Masking rules resolved against a catalogue: which columns of which relations show masked and by what expression,
 * and which relations hold the same rows by another name and can't be read at all.
 */
import type { ActiveMask, Mask, MaskingReason, ProtectedColumn } from "#policies/question.ts";
import type { Catalogue, CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { type Lookup, lookupIn } from "./lookup.ts";
import { maskExpression } from "./mask-expression.ts";

export interface ProtectedAttribute {
  readonly rule: string;
  /** As it is applied: `null` where the rule's own does not fit the column. */
  readonly mask: Mask["kind"];
  /** The SQL expression that yields the masked value, over the column of that name. */
  readonly expression: string;
}

export type ProtectedAttributes = ReadonlyMap<number, ProtectedAttribute>;

/** Why a relation can't be read under these masks. */
export interface Barrier {
  readonly reason: MaskingReason;
  readonly rule: string;
  readonly message: string;
  readonly hint: string;
}

export interface Protection {
  /** Relation OID, then attribute number. */
  readonly columns: ReadonlyMap<number, ProtectedAttributes>;
  /** By relation OID. */
  readonly barriers: ReadonlyMap<number, Barrier>;
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

/** What a rule gets wrong on this target; it never makes anything less protected. */
export interface ProtectionProblem {
  /** The rule names no column at all, or its mask has no meaning for one. */
  readonly kind: "names-nothing" | "unfit";
  readonly rule: string;
  /** As the rule writes it, or the column in question: `schema.table.column`. */
  readonly columns: string;
  /** The whole of it in words. */
  readonly message: string;
}

export interface ResolvedProtection {
  readonly protection: Protection;
  readonly problems: readonly ProtectionProblem[];
}

type Attributes = Map<number, ProtectedAttribute>;

/** Columns of the server's own that hold other people's values; under any mask they show NULL. */
const SERVER_COLUMNS = [
  ["pg_attribute", "attmissingval"],
  ["pg_stat_activity", "query"],
] as const;
/** Stands where a rule's name would, for columns of the server's own. */
export const SERVER_RULE = "catalogue";

/** The masks in the order of the rules: of two that name a column, the first counts. */
export function resolveProtection(catalogue: Catalogue, masks: readonly ActiveMask[]): ResolvedProtection {
  const problems: ProtectionProblem[] = [];
  const columns = new Map<number, Attributes>();
  for (const { rule, columns: patterns, mask } of masks) {
    for (const pattern of patterns) {
      const named = matching(catalogue, pattern);
      const message = `rule ${rule}: ${pattern} names no column of this target`;
      if (named.length === 0) problems.push({ kind: "names-nothing", rule, columns: pattern, message });
      for (const { relation, column } of named) problems.push(...protect(columns, relation, column, rule, mask));
    }
  }
  protectCopies(columns, catalogue);
  const columnNames = new Set([...columns].flatMap(([oid, attributes]) => namesIn(lookupIn(catalogue).byOid.get(oid), attributes)));
  const barriers = relativesOf(catalogue, columns);
  if (masks.length > 0) protectServer(columns, catalogue);
  return { protection: { columns, barriers, columnNames }, problems };
}

function matching(catalogue: Catalogue, pattern: string): readonly { relation: CatalogueRelation; column: CatalogueColumn }[] {
  const [schema = "", table = "", name = ""] = pattern.split(".");
  const inSchema = glob(schema);
  const inTable = glob(table);
  const isColumn = glob(name);
  return catalogue.relations
    .filter(
      (relation) => inSchema(relation.schema) && inTable(relation.name) && !isServers(relation, schema) && relation.kind !== "sequence",
    )
    .flatMap((relation) => relation.columns.filter((column) => isColumn(column.name)).map((column) => ({ relation, column })));
}

/** `*.*.name` is not meant to reach into the server's own tables. */
function isServers({ schema }: CatalogueRelation, pattern: string): boolean {
  return pattern.includes("*") && (schema === "pg_catalog" || schema === "information_schema");
}

function glob(pattern: string): (name: string) => boolean {
  if (!pattern.includes("*")) return (name) => name === pattern;
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`, "su");
  return (name) => expression.test(name);
}

/** A mask that does not fit the type is a problem, and hides the value altogether meanwhile. */
function protect(
  columns: Map<number, Attributes>,
  relation: CatalogueRelation,
  column: CatalogueColumn,
  rule: string,
  mask: Mask,
): readonly ProtectionProblem[] {
  const attributes = columns.get(relation.oid) ?? new Map<number, ProtectedAttribute>();
  if (attributes.has(column.number)) return [];
  const made = maskExpression(mask, column);
  const fits = made.kind === "expression";
  const attribute = { rule, mask: fits ? mask.kind : "null", expression: fits ? made.sql : hidden(column) } as const;
  columns.set(relation.oid, attributes.set(column.number, attribute));
  if (made.kind !== "problem") return [];
  const place = `${display(relation)}.${column.name}`;
  return [{ kind: "unfit", rule, columns: place, message: `rule ${rule}: ${place}: ${made.message}; it shows NULL` }];
}

function hidden(column: CatalogueColumn): string {
  const made = maskExpression({ kind: "null" }, column);
  return made.kind === "expression" ? made.sql : "NULL";
}

/** A generated column is a copy in other clothes, and so is one that a foreign key ties to a protected one. */
function protectCopies(columns: Map<number, Attributes>, catalogue: Catalogue): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const relation of catalogue.relations) {
      for (const column of relation.columns) {
        const rule = columns.get(relation.oid)?.has(column.number) === true ? undefined : copiedRule(columns, relation, column);
        if (rule === undefined) continue;
        protect(columns, relation, column, rule, { kind: "redact" });
        changed = true;
      }
    }
  }
}

/** The rule of the protected column that it is made of; undefined when there is none. */
function copiedRule(
  columns: ReadonlyMap<number, Attributes>,
  { oid, references }: CatalogueRelation,
  { number, generatedFrom }: CatalogueColumn,
): string | undefined {
  const made = generatedFrom.map((source) => columns.get(oid)?.get(source));
  const referred = references.flatMap((reference) =>
    reference.columns.map((pair) => (pair.number === number ? columns.get(reference.relation)?.get(pair.refersTo) : undefined)),
  );
  return [...made, ...referred].find((attribute) => attribute !== undefined)?.rule;
}

function protectServer(columns: Map<number, Attributes>, catalogue: Catalogue): void {
  for (const [table, name] of SERVER_COLUMNS) {
    const relation = lookupIn(catalogue).relation("pg_catalog", table);
    const column = relation?.columns.find((one) => one.name === name);
    if (relation !== undefined && column !== undefined) protect(columns, relation, column, SERVER_RULE, { kind: "null" });
  }
}

function namesIn(relation: CatalogueRelation | undefined, attributes: ProtectedAttributes): readonly string[] {
  return relation?.columns.filter((column) => attributes.has(column.number)).map((column) => column.name) ?? [];
}

/**
 * Rows of a child are rows of its parents too. Wherever a column is protected in one and stands bare in the other,
 * the other can't be read; a rule that names it there as well makes it readable.
 */
function relativesOf(catalogue: Catalogue, columns: ReadonlyMap<number, ProtectedAttributes>): ReadonlyMap<number, Barrier> {
  const lookup = lookupIn(catalogue);
  const barriers = new Map<number, Barrier>();
  for (const [oid, attributes] of columns) {
    const guarded = lookup.byOid.get(oid);
    if (guarded === undefined) continue;
    for (const relative of [...below(lookup, guarded), ...above(lookup, guarded)]) {
      const bare = bareColumn(guarded, attributes, relative, columns.get(relative.oid));
      if (bare === undefined || barriers.has(relative.oid)) continue;
      barriers.set(relative.oid, {
        reason: "masked-inheritance",
        rule: bare.rule,
        message: `${display(relative)} holds rows of ${display(guarded)}, whose column ${bare.name} is masked`,
        hint: `read ${display(guarded)}, or name ${display(relative)}.${bare.name} in the masking rule too`,
      });
    }
  }
  return barriers;
}

function bareColumn(
  guarded: CatalogueRelation,
  attributes: ProtectedAttributes,
  relative: CatalogueRelation,
  its: ProtectedAttributes | undefined,
): { readonly name: string; readonly rule: string } | undefined {
  for (const column of guarded.columns) {
    const attribute = attributes.get(column.number);
    const same = attribute === undefined ? undefined : relative.columns.find(({ name }) => name === column.name);
    if (attribute !== undefined && same !== undefined && its?.has(same.number) !== true) return { name: column.name, rule: attribute.rule };
  }
  return undefined;
}

function below(lookup: Lookup, relation: CatalogueRelation): readonly CatalogueRelation[] {
  return closure(relation, (one) => lookup.children.get(one.oid) ?? []);
}

function above(lookup: Lookup, relation: CatalogueRelation): readonly CatalogueRelation[] {
  return closure(relation, (one) => one.parents.map((oid) => lookup.byOid.get(oid)).filter((parent) => parent !== undefined));
}

function closure(start: CatalogueRelation, step: (one: CatalogueRelation) => readonly CatalogueRelation[]): readonly CatalogueRelation[] {
  const seen = new Set([start]);
  for (const one of seen) for (const next of step(one)) seen.add(next);
  seen.delete(start);
  return [...seen];
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

/**
 * What no RowDescription may name once statements have been rewritten, as `<table OID>/<attribute number>`: protected
 * columns, the same columns of relatives, and attribute 0, which stands for whole rows of any of these.
 */
export function protectedOrigins({ catalogue, protection }: MaskingView): ReadonlySet<string> {
  const { byOid } = lookupIn(catalogue);
  const origins = new Set<string>();
  for (const [oid, attributes] of protection.columns) {
    origins.add(`${oid}/0`);
    for (const number of attributes.keys()) origins.add(`${oid}/${number}`);
  }
  for (const oid of protection.barriers.keys()) {
    origins.add(`${oid}/0`);
    const bare = byOid.get(oid)?.columns.filter(({ name }) => protection.columnNames.has(name)) ?? [];
    for (const column of bare) origins.add(`${oid}/${column.number}`);
  }
  return origins;
}
