/** Reads the text form of the server's node trees (pg_node_tree), as `outfuncs.c` writes it. */

export type TreeValue = string | null | readonly TreeValue[] | ServerNode;

export interface ServerNode {
  readonly node: string;
  /** A field of several words has them in a list. */
  readonly fields: ReadonlyMap<string, TreeValue>;
}

export function isNode(value: TreeValue | undefined): value is ServerNode {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function listOf(value: TreeValue | undefined): readonly TreeValue[] {
  return Array.isArray(value) ? (value as readonly TreeValue[]) : [];
}

export function wordOf(node: ServerNode, field: string): string {
  const value = node.fields.get(field);
  return typeof value === "string" ? value : "";
}

export function numberOf(node: ServerNode, field: string): number {
  return Number(wordOf(node, field));
}

/** @throws Error where the text is not what is expected */
export function parseNodeTree(text: string): TreeValue {
  const tokens = text.match(/(?:\\[\s\S]|[^\s(){}[\]\\])+|[(){}[\]]/g) ?? [];
  let at = 0;
  const value = (): TreeValue => {
    const token = tokens[at];
    at += 1;
    if (token === undefined) throw new Error("the tree ends too early");
    if (token === "{") return node();
    if (token === "(") return until(")");
    if (token === "[") return until("]");
    if (token === "<>") return null;
    return unescaped(token);
  };
  const until = (end: string): TreeValue => {
    const list: TreeValue[] = [];
    while (tokens[at] !== end) list.push(value());
    at += 1;
    return list;
  };
  const node = (): ServerNode => {
    const name = tokens[at] ?? "";
    at += 1;
    const fields = new Map<string, TreeValue>();
    while (tokens[at] !== "}") {
      const field = tokens[at] ?? "";
      if (!field.startsWith(":")) throw new Error(`${field} stands where a field of ${name} should`);
      at += 1;
      const values: TreeValue[] = [];
      for (let next = tokens[at]; next !== undefined && next !== "}" && !next.startsWith(":"); next = tokens[at]) values.push(value());
      fields.set(field.slice(1), values.length === 1 ? (values[0] ?? null) : values);
    }
    at += 1;
    return { node: name, fields };
  };
  return value();
}

function unescaped(token: string): string {
  const plain = token.replace(/\\([\s\S])/g, "$1");
  return token.startsWith('"') && token.endsWith('"') && token.length > 1 ? plain.slice(1, -1) : plain;
}
