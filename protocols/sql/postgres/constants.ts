/** Constants as a text writes them: what a literal is worth, casts around it followed as far as they are plain. */
import { isBody, nodeOf, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

export interface Known {
  readonly value: string | number | boolean | null;
}

const BOOLEAN_TYPES: ReadonlySet<string> = new Set(["bool", "boolean"]);
const NUMBER_TYPES: ReadonlySet<string> = new Set(["int2", "int4", "int8", "numeric", "float4", "float8"]);
const TEXT_TYPES: ReadonlySet<string> = new Set(["text", "varchar", "bpchar", "name"]);

/** Undefined for what is no constant, or one of a type whose values are not compared here. */
export function constantOf(node: TreeNode): Known | undefined {
  const { type, body } = node;
  if (type === "TypeCast") return castOf(node);
  if (type !== "A_Const") return undefined;
  if (body["isnull"] === true) return { value: null };
  const [name] = Object.keys(body).filter((field) => field !== "location");
  const inner = name === undefined ? undefined : body[name];
  if (!isBody(inner)) return undefined;
  switch (name) {
    case "ival":
      return { value: typeof inner["ival"] === "number" ? inner["ival"] : 0 };
    case "fval":
      return numeric(textOf(inner, "fval"));
    case "sval":
      return { value: textOf(inner, "sval") };
    case "boolval":
      return { value: inner["boolval"] === true };
    default:
      return undefined;
  }
}

function castOf({ type, body }: TreeNode): Known | undefined {
  const arg = nodeOf(type, body, "arg");
  const target = nodeOf(type, body, "typeName");
  const inner = arg === undefined ? undefined : constantOf(arg);
  if (inner === undefined || target === undefined || inner.value === null) return inner;
  const name = nodesOf("TypeName", target.body, "arrayBounds").length > 0 ? "" : (wordsOf(target.body, "names").at(-1) ?? "");
  if (TEXT_TYPES.has(name)) return { value: String(inner.value) };
  if (BOOLEAN_TYPES.has(name)) {
    const value = typeof inner.value === "number" ? inner.value !== 0 : literalBoolean(String(inner.value));
    return value === undefined ? undefined : { value };
  }
  return NUMBER_TYPES.has(name) ? numeric(String(inner.value)) : undefined;
}

function numeric(text: string): Known | undefined {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? undefined : { value };
}

/** As PostgreSQL's boolin reads a text: any beginning of the words that says which. */
export function literalBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (word === "") return undefined;
  if (word === "1" || word === "on" || "true".startsWith(word) || "yes".startsWith(word)) return true;
  if (word === "0" || word === "of" || word === "off" || "false".startsWith(word) || "no".startsWith(word)) return false;
  return undefined;
}
