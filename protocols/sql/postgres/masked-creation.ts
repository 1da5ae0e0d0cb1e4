/**
 * Tables that a principal under a mask may make: copies of what it may read, which hold masked values, and temporary
 * tables of plain columns. Nothing that brings another relation's rows, definitions or code in, and none of the other
 * objects. Only the session's own temporary tables may be dropped.
 */
import { lookupIn } from "./lookup.ts";
import type { Refusal } from "./masked-calls.ts";
import { display, type MaskingView } from "./protection.ts";
import { relationText } from "./reading.ts";
import { isTemporary, TEMPORARY_SCHEMA } from "./search-path.ts";
import { objectWords } from "./tags.ts";
import { type Body, isBody, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Fields that may stand in a node; its own place besides. */
const INTO_FIELDS = words("rel colNames onCommit skipData");
const TABLE_FIELDS = words("relation tableElts oncommit if_not_exists");
const COLUMN_FIELDS = words("colname typeName is_local constraints collClause location");
const CONSTRAINT_FIELDS = words(
  "contype conname location raw_expr keys including deferrable initdeferred initially_valid skip_validation is_enforced is_no_inherit nulls_not_distinct",
);
const CONSTRAINTS = words(
  "CONSTR_NULL CONSTR_NOTNULL CONSTR_DEFAULT CONSTR_CHECK CONSTR_PRIMARY CONSTR_UNIQUE CONSTR_ATTR_DEFERRABLE CONSTR_ATTR_NOT_DEFERRABLE CONSTR_ATTR_DEFERRED CONSTR_ATTR_IMMEDIATE",
);

const PARTS = words("IntoClause Constraint");

/** What stands in statements that make tables, and in no query. */
export function isCreationPart(type: string): boolean {
  return PARTS.has(type);
}

/** Of statements that make or drop tables, and of the nodes in them that no query has; undefined for others too. */
export function creationRefusal({ type, body }: TreeNode, view: MaskingView): Refusal | undefined {
  switch (type) {
    case "CreateTableAsStmt":
      return textOf(body, "objtype") === "OBJECT_TABLE"
        ? undefined
        : refused("CREATE MATERIALIZED VIEW", "CREATE TABLE … AS SELECT makes a copy");
    case "IntoClause":
      return unknownField(body, INTO_FIELDS) ?? nameRefusal(body["rel"], view);
    case "CreateStmt":
      return tableRefusal(body, view);
    case "Constraint":
      return constraintRefusal(body);
    case "DropStmt":
      return dropRefusal(body);
    default:
      return undefined;
  }
}

function tableRefusal(body: Body, view: MaskingView): Refusal | undefined {
  const relation = body["relation"];
  if (!isBody(relation) || !isTemporary(relation))
    return refused("CREATE TABLE", "CREATE TEMP TABLE may be used, and CREATE TABLE … AS SELECT");
  const columns = nodesOf("CreateStmt", body, "tableElts").filter(({ type }) => type === "ColumnDef");
  const odd = columns.map((column) => unknownField(column.body, COLUMN_FIELDS)).find((found) => found !== undefined);
  return unknownField(body, TABLE_FIELDS) ?? odd ?? nameRefusal(relation, view);
}

/** Looked up last, it would be hidden by what has the name already; along an empty path it would hide that. */
function nameRefusal(rangeVar: unknown, view: MaskingView): Refusal | undefined {
  if (!isBody(rangeVar) || !isTemporary(rangeVar)) return undefined;
  const hiding = lookupIn(view.catalogue).relation(null, textOf(rangeVar, "relname"));
  if (hiding === undefined) return undefined;
  return {
    reason: "masked-unsupported",
    rule: null,
    message: `temporary table ${relationText(rangeVar)} would be hidden by ${display(hiding)} where columns are masked`,
    hint: "choose another name",
  };
}

function constraintRefusal(body: Body): Refusal | undefined {
  const kind = textOf(body, "contype");
  if (CONSTRAINTS.has(kind)) return unknownField(body, CONSTRAINT_FIELDS);
  const what = kind.replace("CONSTR_", "").replaceAll("_", " ");
  return refused(`a ${what} constraint`, "NOT NULL, DEFAULT, CHECK, PRIMARY KEY and UNIQUE may be used");
}

function dropRefusal(body: Body): Refusal | undefined {
  const type = textOf(body, "removeType");
  const owns = nodesOf("DropStmt", body, "objects").every((object) => {
    const named = wordsOf(object.body, "items");
    return named.length === 2 && named[0] === TEMPORARY_SCHEMA;
  });
  if (type === "OBJECT_TABLE" && owns) return undefined;
  return refused(`DROP ${objectWords(type)}`, "temporary tables of the session's own may be dropped");
}

/** What is not known to be harmless by its name: storage parameters, table spaces, inheritance, partitions … */
function unknownField(body: Body, known: ReadonlySet<string>): Refusal | undefined {
  const field = Object.keys(body).find((one) => !known.has(one));
  return field === undefined ? undefined : refused(`a table with ${field}`, "plain columns and constraints may be used");
}

function refused(what: string, hint: string): Refusal {
  return { reason: "masked-statement-kind", rule: null, message: `${what} may not be used where columns are masked`, hint };
}
