/**
 * What a condition comes to for every row, as far as its text tells: `1 = 1`, `id = id`, `x OR NOT x`. It evaluates nothing
 * that the server's functions or a row would have to answer, so a determined writer can still write a truth that is not
 * seen as one.
 */
import { constantOf, type Known, literalBoolean } from "./constants.ts";
import { type Columns, holdsAnOpposite, sameText } from "./spelling.ts";
import { type Body, nodeOf, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

/** For every row: true, false or NULL. Undefined: it depends on the row, or can't be told. */
export type Truth = boolean | null | undefined;

/** Conditions that must all hold. */
export function conjunctsOf(condition: TreeNode | undefined): readonly TreeNode[] {
  if (condition === undefined) return [];
  const found: TreeNode[] = [];
  const stack = [condition];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.type === "BoolExpr" && textOf(node.body, "boolop") === "AND_EXPR") stack.push(...nodesOf(node.type, node.body, "args"));
    else found.push(node);
  }
  return found.reverse();
}

/** @throws RangeError when the condition nests too deeply for the stack */
export function truthOf(node: TreeNode, columns: Columns): Truth {
  const { type, body } = node;
  switch (type) {
    case "A_Const": {
      const constant = constantOf(node);
      return constant === undefined ? undefined : asBoolean(constant);
    }
    case "TypeCast":
    case "CollateClause":
      return below(node, columns);
    case "BoolExpr":
      return connective(body, columns);
    case "NullTest":
      return nullTest(body, columns);
    case "BooleanTest":
      return booleanTest(textOf(body, "booltesttype"), below(node, columns));
    case "A_Expr":
      return comparison(body, columns);
    case "SubLink":
      return textOf(body, "subLinkType") === "EXISTS_SUBLINK" ? alwaysExists(body) : undefined;
    case "CoalesceExpr": {
      const [first] = nodesOf(type, body, "args");
      const truth = first === undefined ? undefined : truthOf(first, columns);
      return truth === null ? undefined : truth;
    }
    case "CaseExpr":
      return caseOf(body, columns);
    default:
      return undefined;
  }
}

function below({ type, body }: TreeNode, columns: Columns): Truth {
  const arg = nodeOf(type, body, "arg");
  return arg === undefined ? undefined : truthOf(arg, columns);
}

function asBoolean({ value }: Known): Truth {
  if (typeof value === "string") return literalBoolean(value);
  return typeof value === "number" ? undefined : value;
}

function connective(body: Body, columns: Columns): Truth {
  const args = nodesOf("BoolExpr", body, "args");
  const truths = args.map((arg) => truthOf(arg, columns));
  switch (textOf(body, "boolop")) {
    case "AND_EXPR":
      if (truths.includes(false)) return false;
      if (truths.includes(undefined)) return undefined;
      return truths.includes(null) ? null : true;
    case "OR_EXPR":
      if (truths.includes(true)) return true;
      if (truths.includes(undefined)) return holdsAnOpposite(args, columns) ? true : undefined;
      return truths.includes(null) ? null : false;
    default:
      return negated(truths[0]);
  }
}

function negated(truth: Truth): Truth {
  return typeof truth === "boolean" ? !truth : truth;
}

function nullTest(body: Body, columns: Columns): Truth {
  const arg = nodeOf("NullTest", body, "arg");
  const isNull = arg === undefined ? undefined : nullness(arg, columns);
  return textOf(body, "nulltesttype") === "IS_NULL" ? isNull : negated(isNull);
}

/** Whether it is NULL in every row, or in none. */
function nullness(node: TreeNode, columns: Columns): boolean | undefined {
  const constant = constantOf(node);
  if (constant !== undefined) return constant.value === null;
  if (node.type === "ColumnRef") return columns.neverNull(node.body) ? false : undefined;
  if (node.type === "TypeCast") {
    const arg = nodeOf(node.type, node.body, "arg");
    return arg === undefined ? undefined : nullness(arg, columns);
  }
  if (["NullTest", "BooleanTest", "A_ArrayExpr"].includes(node.type)) return false;
  const filled = node.type === "CoalesceExpr" && nodesOf(node.type, node.body, "args").some((arg) => nullness(arg, columns) === false);
  return filled ? false : undefined;
}

function booleanTest(test: string, truth: Truth): Truth {
  if (truth === undefined) return undefined;
  const wanted = test.endsWith("TRUE") ? true : test.endsWith("FALSE") ? false : null;
  return test.startsWith("IS_NOT_") ? truth !== wanted : truth === wanted;
}

function alwaysExists(body: Body): Truth {
  const select = nodeOf("SubLink", body, "subselect");
  const parts = ["fromClause", "whereClause", "havingClause", "limitCount", "limitOffset", "larg"];
  return select?.type === "SelectStmt" && parts.every((part) => select.body[part] === undefined) ? true : undefined;
}

/** The same whichever branch is taken. */
function caseOf(body: Body, columns: Columns): Truth {
  const results = nodesOf("CaseExpr", body, "args").map((when) => nodeOf("CaseWhen", when.body, "result"));
  const truths = [...results, nodeOf("CaseExpr", body, "defresult")].map((result) =>
    result === undefined ? null : truthOf(result, columns),
  );
  return truths.every((truth) => truth === truths[0]) ? truths[0] : undefined;
}

/** Patterns that every text matches. */
const ANY_LIKE = /^%+$/;
const ANY_REGEX: ReadonlySet<string> = new Set(["", "^", "$", ".*", "^.*", ".*$", "^.*$", "(.*)"]);

function comparison(body: Body, columns: Columns): Truth {
  const left = nodeOf("A_Expr", body, "lexpr");
  const right = nodeOf("A_Expr", body, "rexpr");
  if (left === undefined || right === undefined) return undefined;
  const operator = wordsOf(body, "name").at(-1) ?? "";
  switch (textOf(body, "kind")) {
    case "AEXPR_OP":
      return matchesAll(operator, right) ?? compared(operator, left, right, columns);
    case "AEXPR_LIKE":
    case "AEXPR_ILIKE": {
      const pattern = constantOf(right)?.value;
      return typeof pattern === "string" && ANY_LIKE.test(pattern) ? !operator.startsWith("!") : undefined;
    }
    case "AEXPR_DISTINCT":
      return negated(same(left, right, columns));
    case "AEXPR_NOT_DISTINCT":
      return same(left, right, columns);
    case "AEXPR_IN":
      return operator === "=" ? among(left, listOf(right), columns) : negated(among(left, listOf(right), columns));
    case "AEXPR_BETWEEN":
      return between(left, listOf(right), columns);
    case "AEXPR_NOT_BETWEEN":
      return negated(between(left, listOf(right), columns));
    case "AEXPR_BETWEEN_SYM":
      return eitherWay(left, listOf(right), columns);
    case "AEXPR_NOT_BETWEEN_SYM":
      return negated(eitherWay(left, listOf(right), columns));
    case "AEXPR_OP_ANY":
      return quantified(right) === 0 ? false : operator === "=" ? among(left, elementsOf(right), columns) || undefined : undefined;
    case "AEXPR_OP_ALL":
      return quantified(right) === 0 ? true : undefined;
    default:
      return undefined;
  }
}

function matchesAll(operator: string, right: TreeNode): Truth {
  const pattern = /^!?~\*?$/.test(operator) ? constantOf(right)?.value : undefined;
  return typeof pattern === "string" && ANY_REGEX.has(pattern) ? !operator.startsWith("!") : undefined;
}

/** Two sides that are written the same count as equal, though a NULL there makes no row come. */
function compared(operator: string, left: TreeNode, right: TreeNode, columns: Columns): Truth {
  const [a, b] = [constantOf(left)?.value, constantOf(right)?.value];
  if (a === null || b === null) return null;
  const order = sameText(left, right, columns) ? 0 : (orderOf(a, b) ?? orderOf(truthOf(left, columns), truthOf(right, columns)));
  if (order === undefined) return undefined;
  const known = order === 0 || order === -1 || order === 1;
  switch (operator) {
    case "=":
      return order === 0;
    case "<>":
      return order !== 0;
    case "<":
      return known ? order < 0 : undefined;
    case "<=":
      return known ? order <= 0 : undefined;
    case ">":
      return known ? order > 0 : undefined;
    case ">=":
      return known ? order >= 0 : undefined;
    default:
      return undefined;
  }
}

/** 0 for equal, -1 and 1 in order, NaN for unequal in an order that a collation decides. */
function orderOf(a: unknown, b: unknown): number | undefined {
  if (typeof a === "string" && typeof b === "string") return a === b ? 0 : Number.NaN;
  if (typeof a === "boolean" && typeof b === "boolean") return a === b ? 0 : Number.NaN;
  const [x, y] = [numberIn(a), numberIn(b)];
  return x === undefined || y === undefined ? undefined : Math.sign(x - y);
}

function numberIn(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** IS NOT DISTINCT FROM. */
function same(left: TreeNode, right: TreeNode, columns: Columns): Truth {
  if (sameText(left, right, columns)) return true;
  const [a, b] = [constantOf(left)?.value, constantOf(right)?.value];
  if (a === undefined || b === undefined) return undefined;
  if (a === null || b === null) return a === b;
  const order = orderOf(a, b);
  return order === undefined ? undefined : order === 0;
}

function listOf(node: TreeNode): readonly TreeNode[] {
  return node.type === "List" ? nodesOf(node.type, node.body, "items") : [];
}

function elementsOf(node: TreeNode): readonly TreeNode[] {
  if (node.type === "TypeCast") {
    const arg = nodeOf(node.type, node.body, "arg");
    return arg === undefined ? [] : elementsOf(arg);
  }
  return node.type === "A_ArrayExpr" ? nodesOf(node.type, node.body, "elements") : [];
}

/** How many elements an array has; undefined where it is not written out. */
function quantified(node: TreeNode): number | undefined {
  if (constantOf(node)?.value === "{}") return 0;
  const arg = node.type === "TypeCast" ? nodeOf(node.type, node.body, "arg") : undefined;
  if (arg !== undefined) return quantified(arg);
  return node.type === "A_ArrayExpr" ? nodesOf(node.type, node.body, "elements").length : undefined;
}

function among(left: TreeNode, items: readonly TreeNode[], columns: Columns): Truth {
  const truths = items.map((item) => compared("=", left, item, columns));
  if (truths.includes(true)) return true;
  return truths.length > 0 && truths.every((truth) => truth === false) ? false : undefined;
}

function eitherWay(left: TreeNode, bounds: readonly TreeNode[], columns: Columns): Truth {
  const truths = [between(left, bounds, columns), between(left, bounds.toReversed(), columns)];
  if (truths.includes(true)) return true;
  return truths.every((truth) => truth === false) ? false : undefined;
}

function between(left: TreeNode, [from, to]: readonly TreeNode[], columns: Columns): Truth {
  if (from === undefined || to === undefined) return undefined;
  const truths = [compared(">=", left, from, columns), compared("<=", left, to, columns)];
  if (truths.every((truth) => truth === true)) return true;
  return truths.includes(false) ? false : undefined;
}
