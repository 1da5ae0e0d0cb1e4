/**
 * What stands in a sampled cell: a value, or with JSON and arrays the leaves of what it holds, each with the key that it
 * stands under. A cell may have been cut off, so what does not parse is searched for its strings.
 */

export interface Leaf {
  readonly value: string;
  /** The key of a JSON object that it stands under; null for a plain value or an array's element. */
  readonly key: string | null;
}

/** Of one cell; a document of thousands says nothing more. */
const LEAVES_MAX = 200;

export function leavesOf(cell: string, isJson: boolean): readonly Leaf[] {
  if (!isJson) return [{ value: cell, key: null }];
  const leaves: Leaf[] = [];
  try {
    collect(JSON.parse(cell), null, leaves);
    return leaves;
  } catch {
    return stringsIn(cell);
  }
}

function collect(value: unknown, key: string | null, leaves: Leaf[]): void {
  if (leaves.length >= LEAVES_MAX) return;
  if (typeof value === "string" || typeof value === "number") leaves.push({ value: String(value), key });
  else if (Array.isArray(value)) for (const item of value) collect(item, key, leaves);
  else if (typeof value === "object" && value !== null) for (const [name, inner] of Object.entries(value)) collect(inner, name, leaves);
}

/** Strings with a colon behind them are keys of what follows. */
function stringsIn(text: string): readonly Leaf[] {
  const leaves: Leaf[] = [];
  let key: string | null = null;
  for (const [, written = "", colon] of text.matchAll(/"((?:[^"\\]|\\.)*)"(\s*:)?/g)) {
    if (leaves.length >= LEAVES_MAX) break;
    if (colon !== undefined) key = written;
    else leaves.push({ value: written.replace(/\\(.)/g, "$1"), key });
  }
  return leaves;
}

/** `917-44-2051` → `999-99-9999`: what may be shown of a value. */
export function shapeOf(value: string): string {
  const shape = value.trim().replace(/[^ ()+./-]/gu, (sign) => {
    if (/\p{N}/u.test(sign)) return "9";
    return /\p{L}/u.test(sign) ? (/\p{Lu}/u.test(sign) ? "A" : "a") : "?";
  });
  return shape.length > SHAPE_MAX ? `${shape.slice(0, SHAPE_MAX)}…` : shape;
}

const SHAPE_MAX = 24;
