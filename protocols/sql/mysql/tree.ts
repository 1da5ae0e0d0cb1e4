/** Reads sqlparser's trees, which are unknown data: plain objects, arrays and scalars, a node being an object of one key. */

export type Body = Readonly<Record<string, unknown>>;

export function isBody(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Name and content of a node: `{ Query: … }` is `["Query", …]`, a bare string `"UnlockTables"` a node without content. */
export function nodeOf(value: unknown): readonly [name: string, body: Body] | undefined {
  if (typeof value === "string") return [value, {}];
  if (!isBody(value)) return undefined;
  const [entry, ...others] = Object.entries(value);
  if (entry === undefined || others.length > 0) return undefined;
  const [name, body] = entry;
  return [name, isBody(body) ? body : { value: body }];
}

/** Calls `visit` for every object and key below; `visit` returns false to stay out of it. Deep trees take no stack. */
export function walk(root: unknown, visit: (key: string, value: unknown) => boolean): void {
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (Array.isArray(value)) stack.push(...value);
    else if (isBody(value)) {
      for (const key in value) {
        const inner = value[key];
        if (visit(key, inner) && typeof inner === "object") stack.push(inner);
      }
    }
  }
}

/** The parts of an object name: `[{ Identifier: { value } }, …]`. */
export function namesIn(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((part) => {
    const identifier = isBody(part) ? part["Identifier"] : undefined;
    const name = isBody(identifier) ? identifier["value"] : isBody(part) ? part["value"] : undefined;
    return typeof name === "string" ? [name] : [];
  });
}
