/**
 * What a single node of a statement under a mask may be, relations aside: kinds of statement, parts of a query,
 * functions, operators and types.
 */
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { attributeRefusal, castRefusal, functionRefusal, hasOverload, operatorRefusal, type Refusal, typeRefusal } from "./masked-calls.ts";
import { creationRefusal, isCreationPart } from "./masked-creation.ts";
import { setConfigRefusal } from "./masked-settings.ts";
import { statementRefusal } from "./masked-statements.ts";
import { isQueryPart } from "./parts.ts";
import type { MaskingView } from "./protection.ts";
import { nameOfCall } from "./reading.ts";
import { isStatementType } from "./rights.ts";
import { type Body, nodesOf, type Place, textOf, wordsOf } from "./tree.ts";

/** The first version whose grammar has a word as syntax; before it, the same text calls a function of that name. */
const SYNTAX_SINCE: Readonly<Record<string, number>> = {
  JsonObjectConstructor: 16,
  JsonArrayConstructor: 16,
  JsonArrayQueryConstructor: 16,
  JsonObjectAgg: 16,
  JsonArrayAgg: 16,
  JsonIsPredicate: 16,
  JsonFuncExpr: 17,
  JsonTable: 17,
  JsonParseExpr: 17,
  JsonScalarExpr: 17,
  JsonSerializeExpr: 17,
  MergeSupportFunc: 17,
};

/** Statements in which a cast may run. */
const MAY_CAST: ReadonlySet<string> = new Set([
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "CopyStmt",
  "CreateStmt",
  "CreateTableAsStmt",
  "ExecuteStmt",
]);

/** @param settings names that the statement settles for calls of `set_config` which compute them */
export function nodeRefusal({ type, body, parent }: Place, view: MaskingView, settings: ReadonlyMap<Body, string>): Refusal | undefined {
  if (isStatementType(type)) {
    const refused = statementRefusal({ type, body }, parent !== "", view.catalogue.searchPath) ?? creationRefusal({ type, body }, view);
    return refused ?? (MAY_CAST.has(type) ? castRefusal(view) : undefined);
  }
  if (isCreationPart(type)) return creationRefusal({ type, body }, view);
  if (!isQueryPart(type)) return unsupported(`a part of the statement (${type}) that is not known to be harmless`);
  const since = SYNTAX_SINCE[type];
  if (since !== undefined && majorVersion(view.catalogue) < since) return unsupported(`syntax of PostgreSQL ${since} on an older server`);
  switch (type) {
    case "FuncCall":
      return callRefusal(body, view, settings.get(body));
    case "A_Expr":
      return operatorsOf(body)
        .map((words) => operatorRefusal(view, words))
        .find((refusal) => refusal !== undefined);
    case "SubLink":
      return body["operName"] === undefined ? undefined : operatorRefusal(view, wordsOf(body, "operName"));
    case "SortBy":
      return body["useOp"] === undefined ? undefined : operatorRefusal(view, wordsOf(body, "useOp"));
    case "TypeName":
      return typeRefusal(view, wordsOf(body, "names"));
    case "A_Indirection":
      return nodesOf(type, body, "indirection")
        .map((step) => (step.type === "String" ? attributeRefusal(view, textOf(step.body, "sval")) : undefined))
        .find((refusal) => refusal !== undefined);
    default:
      return undefined;
  }
}

function operatorsOf(body: Body): readonly (readonly string[])[] {
  const words = wordsOf(body, "name");
  return textOf(body, "kind").includes("BETWEEN") ? [[">="], ["<="], ["<"], [">"]] : [words];
}

function unsupported(what: string): Refusal {
  return {
    reason: "masked-unsupported",
    rule: null,
    message: `${what} may not be used where columns are masked`,
    hint: "say it in plainer SQL",
  };
}

function majorVersion({ serverVersion }: Catalogue): number {
  return Number.parseInt(serverVersion, 10) || 0;
}

function callRefusal(body: Body, view: MaskingView, setting: string | undefined): Refusal | undefined {
  const called = nameOfCall(body);
  // Without brackets it is syntax from 16 on; before, the name of a relation or a column.
  if (called.name === "system_user" && textOf(body, "funcformat") === "COERCE_SQL_SYNTAX" && majorVersion(view.catalogue) < 16)
    return unsupported("syntax of PostgreSQL 16 on an older server");
  const isServers = called.schema === "pg_catalog" || (called.schema === null && !hasOverload(view, called.name));
  return called.name === "set_config" && isServers
    ? setConfigRefusal(body, view.catalogue.searchPath, setting)
    : functionRefusal(view, called);
}
