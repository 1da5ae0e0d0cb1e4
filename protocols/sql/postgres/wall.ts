/**
 * The wall inside the database: which relations a role of agents may read as they are, which by a masked view, and which
 * not at all. It decides by the same analysis as the gateway, so that both show the same; `wall-sql.ts` says it in SQL.
 */
import type { ProtectedColumn } from "#policies/question.ts";
import type { CatalogueRelation, RelationKind } from "#protocols/sql/catalogue.ts";
import { analyse } from "./analyse.ts";
import { lookupIn } from "./lookup.ts";
import { display, type MaskingView, type ProtectedAttributes, protectedColumnsOf, SERVER_RULE } from "./protection.ts";
import { quoteIdentifier } from "./quoting.ts";

/** What the wall needs to know beyond the catalogue. */
export interface WallFacts {
  /** Roles that may log in and are no superusers. */
  readonly loginRoles: readonly string[];
  /** What everybody may do in the database. */
  readonly database: { readonly publicTemporary: boolean; readonly publicCreate: boolean };
  readonly schemas: readonly { readonly name: string; readonly publicCreates: boolean; readonly comment: string | null }[];
  readonly relations: readonly { readonly oid: number; readonly publicHas: boolean; readonly rowSecurity: boolean }[];
  /** SECURITY DEFINER functions; the signature is what GRANT takes. */
  readonly definers: readonly {
    readonly schema: string;
    readonly name: string;
    readonly signature: string;
    readonly publicExecutes: boolean;
  }[];
}

export interface MaskedView {
  readonly relation: CatalogueRelation;
  /** In the wall's schema: the relation's name where unqualified names mean it, `schema.name` else. */
  readonly name: string;
  readonly query: string;
  /** Masked columns of the relation itself, in order; a view over masked ones may have none. */
  readonly masked: readonly ProtectedColumn[];
  /** What the views' owner has to read for it. */
  readonly reads: readonly CatalogueRelation[];
  /** Row security of what it reads holds for the views' owner. */
  readonly rowSecurity: boolean;
}

export interface Withheld {
  readonly relation: CatalogueRelation;
  readonly why: string;
}

export interface WallPlan {
  readonly granted: readonly CatalogueRelation[];
  readonly views: readonly MaskedView[];
  readonly withheld: readonly Withheld[];
  /** Schemas that agents look names up in, behind the wall's own. */
  readonly searchPath: readonly string[];
  readonly takenFromPublic: TakenFromPublic;
}

/** What everybody holds and the role would hold with them. */
export interface TakenFromPublic {
  readonly temporary: boolean;
  readonly create: boolean;
  readonly createIn: readonly string[];
  readonly relations: readonly CatalogueRelation[];
  readonly functions: readonly string[];
}

/** How a wall's schema and roles are told from others: their comment begins with it. */
export const WALL_MARK = "sallyport wall";

const NAME_BYTES_MAX = 63;

/** @param schema of the wall; relations in it, and in other walls, are passed over */
export function planWall(view: MaskingView, facts: WallFacts, schema: string): WallPlan {
  const walls = new Set([schema, ...facts.schemas.filter(({ comment }) => comment?.startsWith(WALL_MARK)).map(({ name }) => name)]);
  const own = view.catalogue.relations.filter((relation) => isUsers(relation) && !walls.has(relation.schema));
  const granted: CatalogueRelation[] = [];
  const views: MaskedView[] = [];
  const withheld: Withheld[] = [];
  for (const relation of own) {
    const place = placed(view, facts, relation, walls);
    if (place === "granted") granted.push(relation);
    else if ("why" in place) withheld.push(place);
    else views.push(place);
  }
  const searchPath = view.catalogue.searchPath.filter((step) => step !== "pg_catalog" && !walls.has(step));
  const closed = new Set([...views.map(({ relation }) => relation.oid), ...withheld.map(({ relation }) => relation.oid)]);
  return { granted, views, withheld, searchPath, takenFromPublic: takenFromPublic(own, closed, view, facts) };
}

function isUsers({ schema, kind }: CatalogueRelation): boolean {
  return schema !== "pg_catalog" && schema !== "information_schema" && kind !== "sequence" && kind !== "other";
}

function placed(
  view: MaskingView,
  facts: WallFacts,
  relation: CatalogueRelation,
  walls: ReadonlySet<string>,
): "granted" | MaskedView | Withheld {
  const attributes = view.protection.columns.get(relation.oid);
  const verdict = verdictOn(view, relation);
  if (verdict.kind === "refused") return { relation, why: verdict.why };
  if (verdict.kind === "clear") return attributes === undefined ? "granted" : { relation, why: "its masks could not be written" };
  const name = isFirst(view, relation, walls) ? relation.name : display(relation);
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) return { relation, why: "its name is too long for a view of the wall" };
  const reads = readFor(view, relation);
  const secured = new Set(facts.relations.filter(({ rowSecurity }) => rowSecurity).map(({ oid }) => oid));
  const masked = protectedColumnsOf(relation, attributes ?? new Map());
  const query = attributes !== undefined && STORED.has(relation.kind) ? plainQuery(relation, attributes) : verdict.sql;
  return { relation, name, query, masked, reads, rowSecurity: reads.some(({ oid }) => secured.has(oid)) };
}

const STORED: ReadonlySet<RelationKind> = new Set(["table", "partitioned-table", "foreign-table"]);

/** What the gateway's subquery says, a column a line. */
function plainQuery(relation: CatalogueRelation, attributes: ProtectedAttributes): string {
  const columns = relation.columns.map(({ name, number }) => {
    const attribute = attributes.get(number);
    return attribute === undefined ? quoteIdentifier(name) : `${attribute.expression} AS ${quoteIdentifier(name)}`;
  });
  return `SELECT\n  ${columns.join(",\n  ")}\nFROM ${quotedRelation(relation)}`;
}

/** Whether its bare name means it, along the path that agents will have behind the wall's schema. */
function isFirst({ catalogue }: MaskingView, { oid, name }: CatalogueRelation, walls: ReadonlySet<string>): boolean {
  const { relation } = lookupIn(catalogue);
  const found = catalogue.searchPath.flatMap((step) => (walls.has(step) ? [] : (relation(step, name) ?? [])));
  return found[0]?.oid === oid;
}

type Verdict =
  | { readonly kind: "clear" }
  | { readonly kind: "masked"; readonly sql: string }
  | { readonly kind: "refused"; readonly why: string };

/** What the gateway would make of reading it. */
function verdictOn(view: MaskingView, relation: CatalogueRelation): Verdict {
  const { facts, rewritten } = analyse(`SELECT * FROM ${quotedRelation(relation)}`, view);
  if (facts.kind === "unparsed") return { kind: "refused", why: facts.message };
  const masking = facts.statements[0]?.masking;
  if (masking?.kind === "clear" && facts.statements.length === 1) return { kind: "clear" };
  if (masking?.kind === "rewritable" && rewritten !== null) {
    const unwritten = masking.columns.find((column) => !isWritten(view, column));
    if (unwritten === undefined) return { kind: "masked", sql: rewritten.sql };
    return { kind: "refused", why: `the mask of ${unwritten.table}.${unwritten.column} can't be written in SQL` };
  }
  return { kind: "refused", why: masking?.kind === "obstacle" ? masking.obstacle.message : "it could not be read" };
}

/** Masks that are wholly SQL. Another kind, which the gateway lays on behind the database, has nothing to show here. */
const WRITTEN: ReadonlySet<string> = new Set(["redact", "null", "keepLast", "email", "year", "constant"]);

function isWritten({ catalogue, protection }: MaskingView, { schema, table, column, rule }: ProtectedColumn): boolean {
  const relation = lookupIn(catalogue).relation(schema, table);
  const number = relation?.columns.find(({ name }) => name === column)?.number;
  const attribute = protection.columns.get(relation?.oid ?? 0)?.get(number ?? 0);
  // What the server's own relations hide, no view of another owner could show to the role alone.
  return rule !== SERVER_RULE && attribute !== undefined && WRITTEN.has(attribute.mask.kind);
}

/** What a view over it reads: itself, or for a view all below it; the server's own aside, which everybody may read. */
function readFor({ catalogue }: MaskingView, relation: CatalogueRelation): readonly CatalogueRelation[] {
  const { byOid } = lookupIn(catalogue);
  const found = new Set([relation]);
  for (const { kind, reads } of found) {
    for (const oid of kind === "view" ? reads : []) {
      const next = byOid.get(oid);
      if (next !== undefined && isUsers(next)) found.add(next);
    }
  }
  return [...found];
}

function takenFromPublic(
  own: readonly CatalogueRelation[],
  closed: ReadonlySet<number>,
  view: MaskingView,
  { database, schemas, relations, definers }: WallFacts,
): TakenFromPublic {
  const held = new Set(relations.filter(({ publicHas }) => publicHas).map(({ oid }) => oid));
  return {
    temporary: database.publicTemporary,
    create: database.publicCreate,
    createIn: schemas.filter(({ publicCreates }) => publicCreates).map(({ name }) => name),
    relations: own.filter(({ oid }) => closed.has(oid) && held.has(oid)),
    functions: definers
      .filter(({ schema, name, publicExecutes }) => publicExecutes && !view.functionsAllowed.includes(`${schema}.${name}`))
      .map(({ signature }) => signature),
  };
}

export function quotedRelation({ schema, name }: Pick<CatalogueRelation, "schema" | "name">): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
