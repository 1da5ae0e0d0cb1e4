/** When two expressions of one text are the same, or one is what the other is not, as far as their spelling shows. */
import { type Body, isBody, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

/** What columns are, where the condition stands. */
export interface Columns {
  /** The same for two references to one column; undefined where it can't be told. */
  key(columnRef: Body): string | undefined;
  neverNull(columnRef: Body): boolean;
}

const OPPOSITES: Readonly<Record<string, string>> = {
  "=": "<>",
  "<>": "=",
  "<": ">=",
  ">=": "<",
  ">": "<=",
  "<=": ">",
  "~~": "!~~",
  "!~~": "~~",
  "~": "!~",
  "!~": "~",
};

/** More arms than a person compares are not compared either. */
const OPPOSITES_MAX = 100;

/** One of them is what another is not; rows where it is NULL are left out of account. */
export function holdsAnOpposite(args: readonly TreeNode[], columns: Columns): boolean {
  if (args.length > OPPOSITES_MAX) return false;
  const texts = new Set(args.map((arg) => textFor(arg, columns)));
  return args.some((arg) => {
    const opposite = oppositeOf(arg);
    return opposite !== undefined && texts.has(textFor(opposite, columns));
  });
}

function oppositeOf({ type, body }: TreeNode): TreeNode | undefined {
  if (type === "BoolExpr") return textOf(body, "boolop") === "NOT_EXPR" ? nodesOf(type, body, "args")[0] : undefined;
  if (type === "NullTest") {
    return { type, body: { ...body, nulltesttype: textOf(body, "nulltesttype") === "IS_NULL" ? "IS_NOT_NULL" : "IS_NULL" } };
  }
  const opposite = type === "A_Expr" ? OPPOSITES[wordsOf(body, "name").at(-1) ?? ""] : undefined;
  return opposite === undefined ? undefined : { type, body: { ...body, name: [{ String: { sval: opposite } }] } };
}

/** Whether two expressions are written the same. */
export function sameText(left: TreeNode, right: TreeNode, columns: Columns): boolean {
  return left.type === right.type && textFor(left, columns) === textFor(right, columns);
}

/** Places, which differ wherever a thing is written twice. */
const PLACES: ReadonlySet<string> = new Set(["location", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end"]);

/** The tree as a text that two spellings of one thing share: without places, columns by what they are. */
function textFor({ type, body }: TreeNode, columns: Columns): string {
  return JSON.stringify({ [type]: body }, (field, value: unknown) => {
    if (PLACES.has(field)) return undefined;
    if (field === "ColumnRef" && isBody(value)) return columns.key(value) ?? value;
    return value;
  });
}
