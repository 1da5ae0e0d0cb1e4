/**
 * The grammar that MySQL texts are read by: sqlparser-rs, compiled to WebAssembly. It reads what `canonical.ts` makes of our
 * own tokens, never a client's text: comments, quotes and sql_mode are settled by then.
 */
import { init, parse } from "@guanmingchiu/sqlparser-ts";
import { canonicalText } from "./canonical.ts";
import { isTooDeep } from "./depth.ts";
import type { Token } from "./lexer.ts";
import { respelled } from "./recognised/respelled.ts";

export type Parsed =
  | {
      readonly kind: "tree";
      /** Unknown data, one entry for each statement. */
      readonly tree: unknown;
      /** What was read, and the tokens in it: where each begins. */
      readonly sql: string;
      readonly tokens: readonly Token[];
      readonly starts: readonly number[];
    }
  | { readonly kind: "error"; readonly message: string };

/** Call once before anything else here, and wait. Calling again is harmless. */
export async function loadGrammar(): Promise<void> {
  await init();
}

interface Read {
  readonly sql: string | null;
  readonly tree: unknown;
}

const NOTHING: Read = { sql: null, tree: null };
/** Under masks the same text is read twice, one time behind the other. */
let last = NOTHING;
/** Characters; the tree of a text takes a hundred times as many bytes. */
const REMEMBERED_MAX = 64 * 1024;

/** Reads tokens of one statement, in words that the grammar knows (`recognised/respelled.ts`). */
export function parseTokens(written: readonly Token[]): Parsed {
  const tokens = respelled(written);
  if (isTooDeep(tokens)) return { kind: "error", message: "the statement is nested too deep, or has too many operators side by side" };
  const { sql, starts } = canonicalText(tokens);
  try {
    const tree: unknown = last.sql === sql ? last.tree : parse(sql, "mysql");
    last = sql.length > REMEMBERED_MAX ? NOTHING : { sql, tree };
    return { kind: "tree", tree, sql, tokens, starts };
  } catch (error) {
    return { kind: "error", message: error instanceof Error ? error.message : "the statement could not be read" };
  }
}
