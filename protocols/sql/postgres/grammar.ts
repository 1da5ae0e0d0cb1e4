/**
 * PostgreSQL's own grammar, compiled to WebAssembly (libpg-query). A text that nests too deeply for the stack breaks
 * the instance that reads it, which would be one client's means against all others: such an instance is thrown away
 * and a spare takes over at once. Trees come out as unknown data; `tree.ts` reads them.
 */
// biome-ignore lint/style/noRestrictedImports: the package's own entry has one instance that cannot be replaced
import makeInstance, { type GrammarInstance } from "libpg-query/wasm/libpg-query.js";

import { readsAgain } from "./operator-runs.ts";

/** Spares that stand ready. Two texts in one pipeline may each break one before a new one is made, about 15 ms. */
const SPARES = 3;
/** WebAssembly memory never shrinks: an instance that has read a text of this size is replaced when a spare is there. */
const TEXT_BYTES_KEPT = 512 * 1024;

const ready: GrammarInstance[] = [];
let filling: Promise<void> | undefined;

/** `position` counts characters from 1, as an error field `P` does; null where the grammar names no place. */
export type Parsed =
  | { readonly kind: "tree"; readonly tree: unknown }
  | { readonly kind: "error"; readonly message: string; readonly position: number | null };

/** Call once before anything else here, and wait. Calling again waits until all spares are there again. */
export async function loadGrammar(): Promise<void> {
  if (ready.length <= SPARES) filling ??= fill();
  await filling;
}

/** What breaks meanwhile is made too: nothing can break between the last look and the end. */
async function fill(): Promise<void> {
  try {
    while (ready.length <= SPARES) ready.push(await makeInstance());
  } finally {
    filling = undefined;
  }
}

/** The tree of a text, or why it has none. Costs 30 µs for a small statement and grows with the text. */
export function parseText(sql: string): Parsed {
  if (sql.includes("\0")) return { kind: "error", message: "the statement holds a NUL character", position: null };
  return withInstance(sql, (instance, text) => {
    const result = instance._wasm_parse_query_raw(text);
    try {
      // struct PgQueryParseResult { char *parse_tree; char *stderr_buffer; PgQueryError *error; }
      const error = instance.getValue(result + 8, "i32");
      if (error !== 0) return syntaxError(instance, error);
      const tree: unknown = JSON.parse(instance.UTF8ToString(instance.getValue(result, "i32")));
      return { kind: "tree", tree };
    } finally {
      instance._wasm_free_parse_result(result);
    }
  });
}

/** The tokens of a text that has been parsed, in order; unknown data as the scanner reports it. */
export function scanText(sql: string): Parsed {
  return withInstance(sql, (instance, text) => {
    const result = instance._wasm_scan(text);
    try {
      const answer = instance.UTF8ToString(result);
      if (!answer.startsWith("{")) return { kind: "error", message: answer, position: null };
      const tree: unknown = JSON.parse(answer);
      return { kind: "tree", tree };
    } finally {
      instance._wasm_free_string(result);
    }
  });
}

/** struct PgQueryError { char *message; char *funcname; char *filename; int lineno; int cursorpos; char *context; } */
function syntaxError(instance: GrammarInstance, error: number): Parsed {
  const message = instance.UTF8ToString(instance.getValue(error, "i32"));
  const cursor = instance.getValue(error + 16, "i32");
  return { kind: "error", message, position: cursor > 0 ? cursor : null };
}

function withInstance(sql: string, use: (instance: GrammarInstance, text: number) => Parsed): Parsed {
  const instance = ready[0];
  if (instance === undefined) return { kind: "error", message: "the statement reader is not ready", position: null };
  if (readsAgain(sql)) return { kind: "error", message: "its runs of operators and comments are too long to be read", position: null };
  try {
    const bytes = instance.lengthBytesUTF8(sql) + 1;
    const text = instance._malloc(bytes);
    if (text === 0) throw new RangeError("no memory for the statement");
    instance.stringToUTF8(sql, text, bytes);
    const parsed = use(instance, text);
    instance._free(text);
    if (bytes > TEXT_BYTES_KEPT && ready.length > 1) replace(instance);
    return parsed;
  } catch {
    // Stack or memory gave out inside the instance: what it holds now is not to be trusted.
    replace(instance);
    return { kind: "error", message: "the statement is nested too deeply or is too large to be read", position: null };
  }
}

function replace(broken: GrammarInstance): void {
  const place = ready.indexOf(broken);
  if (place >= 0) ready.splice(place, 1);
  // A failure leaves one spare fewer; with none left every text counts as not understood, which is refused.
  loadGrammar().catch(() => undefined);
}
