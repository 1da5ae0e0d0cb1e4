/**
 * The grammar that MySQL texts are read by: sqlparser-rs, compiled to WebAssembly. It reads what `canonical.ts` makes of our
 * own tokens, never a client's text: comments, quotes and sql_mode are settled by then.
 */
import { init, parse } from "@guanmingchiu/sqlparser-ts";

/** `tree` is unknown data, one entry for each statement. */
export type Parsed = { readonly kind: "tree"; readonly tree: unknown } | { readonly kind: "error"; readonly message: string };

/** Call once before anything else here, and wait. Calling again is harmless. */
export async function loadGrammar(): Promise<void> {
  await init();
}

export function parseCanonical(sql: string): Parsed {
  try {
    return { kind: "tree", tree: parse(sql, "mysql") };
  } catch (error) {
    return { kind: "error", message: error instanceof Error ? error.message : "the statement could not be read" };
  }
}
