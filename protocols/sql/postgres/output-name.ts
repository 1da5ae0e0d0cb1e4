/** What an output column is called that has no AS: as PostgreSQL's FigureColname (parse_target.c) decides. */
import { type Body, isBody, nodeOf, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

const UNNAMED = "?column?";

const FIXED: Readonly<Record<string, string>> = {
  A_ArrayExpr: "array",
  RowExpr: "row",
  CoalesceExpr: "coalesce",
  GroupingFunc: "grouping",
  MergeSupportFunc: "merge_action",
  XmlSerialize: "xmlserialize",
  JsonParseExpr: "json",
  JsonScalarExpr: "json_scalar",
  JsonSerializeExpr: "json_serialize",
  JsonObjectConstructor: "json_object",
  JsonArrayConstructor: "json_array",
  JsonArrayQueryConstructor: "json_array",
  JsonObjectAgg: "json_objectagg",
  JsonArrayAgg: "json_arrayagg",
};

const JSON_FUNCTIONS: Readonly<Record<string, string>> = {
  JSON_EXISTS_OP: "json_exists",
  JSON_QUERY_OP: "json_query",
  JSON_VALUE_OP: "json_value",
};

const XML_FUNCTIONS: Readonly<Record<string, string>> = {
  IS_XMLCONCAT: "xmlconcat",
  IS_XMLELEMENT: "xmlelement",
  IS_XMLFOREST: "xmlforest",
  IS_XMLPARSE: "xmlparse",
  IS_XMLPI: "xmlpi",
  IS_XMLROOT: "xmlroot",
};

export function outputName(target: Body): string {
  const named = textOf(target, "name");
  if (named !== "") return named;
  const value = nodeOf("ResTarget", target, "val");
  return (value === undefined ? undefined : figure(value)) ?? UNNAMED;
}

function figure(node: TreeNode): string | undefined {
  const { type, body } = node;
  switch (type) {
    case "ColumnRef":
      return lastWord(body, "fields");
    case "A_Indirection":
      return lastWord(body, "indirection") ?? below(type, body, "arg");
    case "FuncCall":
      return lastWord(body, "funcname");
    case "TypeCast":
      return below(type, body, "arg") ?? typeWord(body);
    case "CollateClause":
      return below(type, body, "arg");
    case "CaseExpr":
      return below(type, body, "defresult") ?? "case";
    case "MinMaxExpr":
      return textOf(body, "op") === "IS_LEAST" ? "least" : "greatest";
    case "A_Expr":
      return textOf(body, "kind") === "AEXPR_NULLIF" ? "nullif" : undefined;
    case "SQLValueFunction":
      return textOf(body, "op")
        .replace(/^SVFOP_/, "")
        .replace(/_N$/, "")
        .toLowerCase();
    case "SubLink":
      return subLinkName(body);
    case "JsonFuncExpr":
      return JSON_FUNCTIONS[textOf(body, "op")];
    case "XmlExpr":
      return XML_FUNCTIONS[textOf(body, "op")];
    default:
      return FIXED[type];
  }
}

function below(owner: string, body: Body, field: string): string | undefined {
  const node = nodeOf(owner, body, field);
  return node === undefined ? undefined : figure(node);
}

/** The last word of a list that may hold a star or subscripts too. */
function lastWord(body: Body, field: string): string | undefined {
  return nodesOf("", body, field)
    .filter(({ type }) => type === "String")
    .map((node) => textOf(node.body, "sval"))
    .at(-1);
}

function typeWord(cast: Body): string | undefined {
  const type = cast["typeName"];
  return isBody(type) ? wordsOf(type, "names").at(-1) : undefined;
}

function subLinkName(body: Body): string | undefined {
  const kind = textOf(body, "subLinkType");
  if (kind === "EXISTS_SUBLINK") return "exists";
  if (kind === "ARRAY_SUBLINK") return "array";
  if (kind !== "EXPR_SUBLINK") return undefined;
  const select = nodeOf("SubLink", body, "subselect");
  const [first] = select === undefined ? [] : nodesOf("SelectStmt", select.body, "targetList");
  return first === undefined ? undefined : outputName(first.body);
}
