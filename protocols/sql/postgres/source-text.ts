/** The text that statements stand in, with what is read off it when it is first asked for. */
import type { Offsets } from "./offsets.ts";
import type { Tokens } from "./tokens.ts";

export interface SourceText {
  readonly sql: string;
  readonly offsets: Offsets;
  readonly tokens: () => Tokens | undefined;
}
