/**
 * What a condition comes to for every row, as far as its text tells: `1 = 1`, `id = id`, `x OR NOT x`. It evaluates nothing
 * that the server's functions or a row would have to answer, so a determined writer can still write a truth that is not
 * seen as one.
 *
 * Source: MySQL manual, "Logical Operators", "Type Conversion in Expression Evaluation".
 */
import { type Body, isBody, namesIn, nodeOf } from "./tree.ts";

/** For every row: true, false or NULL. Undefined: it depends on the row, or can't be told. */
export type Truth = boolean | null | undefined;

/** Conditions that must all hold. */
export function conjunctsOf(condition: unknown): readonly unknown[] {
  const found: unknown[] = [];
  const stack = [condition];
  while (stack.length > 0) {
    const expression = bare(stack.pop());
    const [type, body] = nodeOf(expression) ?? [];
    if (type === "BinaryOp" && body?.["op"] === "And") stack.push(body["right"], body["left"]);
    else if (expression !== null && expression !== undefined) found.push(expression);
  }
  return found;
}

/** @throws RangeError when the condition nests too deeply for the stack */
export function truthOf(written: unknown): Truth {
  const expression = bare(written);
  const [type, body] = nodeOf(expression) ?? [];
  if (type === undefined || body === undefined) return undefined;
  const constant = constantOf(expression);
  if (constant !== undefined) return asBoolean(constant);
  switch (type) {
    case "BinaryOp":
      return binary(String(body["op"]), body["left"], body["right"]);
    case "UnaryOp":
      return body["op"] === "Not" ? negated(truthOf(body["expr"])) : undefined;
    case "IsNull":
    case "IsNotNull":
      return constantTest(type === "IsNull", body);
    case "IsTrue":
    case "IsNotTrue":
    case "IsFalse":
    case "IsNotFalse":
    case "IsUnknown":
    case "IsNotUnknown":
      return booleanTest(type, truthOf(body));
    case "Like":
    case "RLike":
      return matches(type, body);
    case "InList":
      return negatedIf(body, among(body["expr"], arrayOf(body["list"])));
    case "Between":
      return negatedIf(body, conjunction([compared("GtEq", body["expr"], body["low"]), compared("LtEq", body["expr"], body["high"])]));
    case "Exists":
      return negatedIf(body, alwaysExists(body["subquery"]));
    case "Case":
      return sameOf([...arrayOf(body["conditions"]).map((one) => (isBody(one) ? one["result"] : undefined)), body["else_result"] ?? NULL]);
    case "Function":
      return ofFunction(body);
    default:
      return undefined;
  }
}

const NULL = { Value: { value: "Null" } };

/** Without brackets and what leaves a truth as it is. */
export function bare(expression: unknown): unknown {
  for (let at = expression; ; ) {
    const [type, body] = nodeOf(at) ?? [];
    if (type === "Nested") at = isBody(at) ? at["Nested"] : undefined;
    else if (type === "Collate" || type === "Cast") at = body?.["expr"];
    else if (type === "BinaryOp" && body?.["op"] === "MyIntegerDivide" && nodeOf(body["right"])?.[0] === "BinaryOp") {
      at = divided(body["left"], body["right"]);
    } else return at;
  }
}

/** The grammar binds DIV more loosely than anything, the server as closely as a product. */
function divided(left: unknown, right: unknown): unknown {
  const [type, body] = nodeOf(right) ?? [];
  if (type !== "BinaryOp" || body === undefined) return { BinaryOp: { left, op: "MyIntegerDivide", right } };
  return { BinaryOp: { ...body, left: divided(left, body["left"]) } };
}

export interface Known {
  readonly value: string | number | boolean | null;
}

/** The value that a literal stands for; undefined for anything else. */
export function constantOf(written: unknown): Known | undefined {
  const expression = bare(written);
  const [type, body] = nodeOf(expression) ?? [];
  if (type === "UnaryOp" && (body?.["op"] === "Minus" || body?.["op"] === "Plus")) {
    const inner = constantOf(body["expr"])?.value;
    return typeof inner === "number" ? { value: body["op"] === "Minus" ? -inner : inner } : undefined;
  }
  if (type !== "Value" || body === undefined) return undefined;
  const { value } = body;
  if (value === "Null") return { value: null };
  const [kind, written2] = isBody(value) ? (Object.entries(value)[0] ?? []) : [];
  if (kind === "Boolean" && typeof written2 === "boolean") return { value: written2 };
  if (kind === "Number" && Array.isArray(written2)) return { value: Number(written2[0]) };
  if ((kind === "SingleQuotedString" || kind === "DoubleQuotedString") && typeof written2 === "string") return { value: written2 };
  return undefined;
}

/** A text counts as the number that it begins with. */
function asBoolean({ value }: Known): Truth {
  return value === null ? null : typeof value === "boolean" ? value : numberOf(value) !== 0;
}

function numberOf(value: string | number | boolean): number {
  if (typeof value !== "string") return Number(value);
  return Number(/^\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?/.exec(value)?.[0] ?? 0);
}

function binary(op: string, left: unknown, right: unknown): Truth {
  switch (op) {
    case "And":
      return conjunction([truthOf(left), truthOf(right)]);
    case "Or":
      return disjunction(left, right);
    case "Xor": {
      const [a, b] = [truthOf(left), truthOf(right)];
      if (a === undefined || b === undefined) return sameText(left, right) ? false : undefined;
      return a === null || b === null ? null : a !== b;
    }
    case "Spaceship":
      return sameText(left, right) ? true : spaceship(constantOf(left), constantOf(right));
    default:
      return compared(op, left, right);
  }
}

function conjunction(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  if (truths.includes(undefined)) return undefined;
  return truths.includes(null) ? null : true;
}

function disjunction(left: unknown, right: unknown): Truth {
  const truths = [truthOf(left), truthOf(right)];
  if (truths.includes(true)) return true;
  if (truths.includes(undefined)) return opposites(disjunctsOf(left), disjunctsOf(right)) ? true : undefined;
  return truths.includes(null) ? null : false;
}

function disjunctsOf(written: unknown): readonly unknown[] {
  const expression = bare(written);
  const [type, body] = nodeOf(expression) ?? [];
  return type === "BinaryOp" && body?.["op"] === "Or" ? [...disjunctsOf(body["left"]), ...disjunctsOf(body["right"])] : [expression];
}

const OPPOSITES: Readonly<Record<string, string>> = {
  Eq: "NotEq",
  NotEq: "Eq",
  Lt: "GtEq",
  GtEq: "Lt",
  Gt: "LtEq",
  LtEq: "Gt",
  IsNull: "IsNotNull",
  IsNotNull: "IsNull",
  IsTrue: "IsNotTrue",
  IsNotTrue: "IsTrue",
  IsFalse: "IsNotFalse",
  IsNotFalse: "IsFalse",
};

/** `a OR NOT a`, `a = 1 OR a <> 1`, `a IS NULL OR a IS NOT NULL`: true of every row, NULLs apart. */
function opposites(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.some((one) => others.some((other) => isOpposite(one, other) || isOpposite(other, one)));
}

function isOpposite(one: unknown, other: unknown): boolean {
  const [type, body] = nodeOf(other) ?? [];
  if (type === "UnaryOp" && body?.["op"] === "Not") return sameText(one, body["expr"]);
  const [oneType, oneBody] = nodeOf(one) ?? [];
  if (type === undefined || oneType === undefined || body === undefined || oneBody === undefined) return false;
  if (type === "BinaryOp" && oneType === "BinaryOp") {
    const straight = sameText(body["left"], oneBody["left"]) && sameText(body["right"], oneBody["right"]);
    return straight && OPPOSITES[String(body["op"])] === oneBody["op"];
  }
  if (type === oneType && type in NEGATABLE) {
    return body["negated"] !== oneBody["negated"] && sameText({ ...body, negated: false }, { ...oneBody, negated: false });
  }
  return OPPOSITES[type] === oneType && sameText(body, oneBody);
}

const NEGATABLE = { Like: true, RLike: true, InList: true, InSubquery: true, Between: true, Exists: true } as const;

function negated(truth: Truth): Truth {
  return typeof truth === "boolean" ? !truth : truth;
}

function negatedIf(body: Body, truth: Truth): Truth {
  return body["negated"] === true ? negated(truth) : truth;
}

function constantTest(wantsNull: boolean, operand: unknown): Truth {
  const constant = constantOf(operand);
  if (constant !== undefined) return (constant.value === null) === wantsNull;
  const [type, body] = nodeOf(bare(operand)) ?? [];
  // IFNULL(a, 0) and COALESCE(a, 0) are never NULL.
  const filled =
    type === "Function" &&
    body !== undefined &&
    FILLING.has(nameOf(body)) &&
    argumentsOf(body).some((one) => constantOf(one)?.value != null);
  return filled ? !wantsNull : undefined;
}

const FILLING: ReadonlySet<string> = new Set(["coalesce", "ifnull", "nvl"]);

function booleanTest(test: string, truth: Truth): Truth {
  if (truth === undefined) return undefined;
  const wanted = test.endsWith("True") ? true : test.endsWith("False") ? false : null;
  return test.startsWith("IsNot") ? truth !== wanted : truth === wanted;
}

const ANY_LIKE = /^%+$/;
const ANY_REGEX: ReadonlySet<string> = new Set(["", "^", "$", ".*", "^.*", ".*$", "^.*$", "(.*)"]);

function matches(type: "Like" | "RLike", body: Body): Truth {
  const pattern = constantOf(body["pattern"])?.value;
  if (typeof pattern !== "string") return undefined;
  const any = type === "Like" ? ANY_LIKE.test(pattern) : ANY_REGEX.has(pattern);
  return any ? negatedIf(body, true) : undefined;
}

/** Two sides that are written the same count as equal, though a NULL there makes no row come. */
function compared(op: string, left: unknown, right: unknown): Truth {
  const [a, b] = [constantOf(left), constantOf(right)];
  if (a?.value === null || b?.value === null) return null;
  const order = sameText(left, right) ? 0 : a === undefined || b === undefined ? undefined : orderOf(a.value, b.value);
  if (order === undefined) return undefined;
  switch (op) {
    case "Eq":
      return order === 0;
    case "NotEq":
      return order !== 0;
    case "Lt":
      return order < 0;
    case "LtEq":
      return order <= 0;
    case "Gt":
      return order > 0;
    case "GtEq":
      return order >= 0;
    default:
      return undefined;
  }
}

/** Texts by their letters, anything else by numbers; which of two texts is the lesser a collation decides. */
function orderOf(a: Known["value"], b: Known["value"]): number | undefined {
  if (a === null || b === null) return undefined;
  if (typeof a === "string" && typeof b === "string") return a === b ? 0 : a.toLowerCase() === b.toLowerCase() ? undefined : Number.NaN;
  return Math.sign(numberOf(a) - numberOf(b));
}

function spaceship(a: Known | undefined, b: Known | undefined): Truth {
  if (a === undefined || b === undefined) return undefined;
  if (a.value === null || b.value === null) return a.value === b.value;
  const order = orderOf(a.value, b.value);
  return order === undefined ? undefined : order === 0;
}

function among(left: unknown, items: readonly unknown[]): Truth {
  const truths = items.map((item) => compared("Eq", left, item));
  if (truths.includes(true)) return true;
  return truths.length > 0 && truths.every((truth) => truth === false) ? false : undefined;
}

function alwaysExists(query: unknown): Truth {
  const body = isBody(query) ? query["body"] : undefined;
  const select = isBody(body) ? body["Select"] : undefined;
  if (!isBody(select) || (isBody(query) && query["limit_clause"] !== null)) return undefined;
  const { from: sources, selection, having } = select;
  return arrayOf(sources).length === 0 && selection === null && having === null ? true : undefined;
}

/** The same whichever is taken. */
function sameOf(results: readonly unknown[]): Truth {
  const truths = results.map(truthOf);
  return truths.every((truth) => truth === truths[0]) ? truths[0] : undefined;
}

function ofFunction(body: Body): Truth {
  const all = argumentsOf(body);
  const name = nameOf(body);
  if (name === "if" && all.length === 3) {
    const condition = truthOf(all[0]);
    return condition === undefined ? sameOf(all.slice(1)) : truthOf(condition === true ? all[1] : all[2]);
  }
  if (!FILLING.has(name)) return undefined;
  const first = truthOf(all[0]);
  return first === null ? truthOf(all[1]) : first;
}

function nameOf(body: Body): string {
  return namesIn(body["name"]).join(".").toLowerCase();
}

function argumentsOf(body: Body): readonly unknown[] {
  const list = isBody(body["args"]) ? body["args"]["List"] : undefined;
  return arrayOf(isBody(list) ? list["args"] : undefined).map((one) => {
    const unnamed = isBody(one) ? one["Unnamed"] : undefined;
    return isBody(unnamed) ? unnamed["Expr"] : undefined;
  });
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Where they stand makes no difference, nor how names are quoted or spelled; `t.id` and `id` are one column. */
function sameText(one: unknown, other: unknown): boolean {
  const [a, b] = [columnOf(bare(one)), columnOf(bare(other))];
  if (a === undefined || b === undefined) return textOf(bare(one)) === textOf(bare(other));
  const shared = Math.min(a.length, b.length);
  return a.slice(-shared).join(".") === b.slice(-shared).join(".");
}

/** The parts of a column's name, in lower case; undefined for anything else, user variables among it. */
export function columnOf(expression: unknown): readonly string[] | undefined {
  const [type, body] = nodeOf(expression) ?? [];
  if (type !== "Identifier" && type !== "CompoundIdentifier") return undefined;
  const parts = type === "Identifier" ? [body] : arrayOf(isBody(expression) ? expression[type] : undefined);
  const names = parts.flatMap((part) => (isBody(part) && typeof part["value"] === "string" ? [part["value"].toLowerCase()] : []));
  return names.length === 0 || names[0]?.startsWith("@") === true ? undefined : names;
}

function textOf(expression: unknown): string {
  return JSON.stringify(expression, (key, value: unknown) => {
    return key === "span" || key === "quote_style" || key.endsWith("_token") ? undefined : value;
  });
}
