/**
 * The ways in which servers may read a text with executable comments. Which of them one executes depends on its make and
 * version; where a comment ends depends on that too, when quotes stand in it. A text is allowed where each reading is.
 */
import type { ExecutableComment, LexerOptions } from "./lexer.ts";

export type Reading = NonNullable<LexerOptions["executes"]>;

/** Every server that is spoken with is newer: MySQL 5.7, MariaDB 10.2. MariaDB leaves out 5.7 and what is above it. */
const OLDEST = 50700;
/** Kinds of comments in one text. */
const KINDS_MAX = 3;

/**
 * @returns functions that say which comments count, one for each reading; undefined when there are too many kinds, or a
 * version of six digits, of which older servers take five for the version and the last for text
 */
export function readings(sql: string): readonly Reading[] | undefined {
  const kinds = new Set<string>();
  for (const [, letter = "", digits] of sql.matchAll(/\/\*(M?)!(\d{5,6})?/g)) {
    if (letter === "" && digits?.length === 6) return undefined;
    const comment = { mariadb: letter === "M", version: digits === undefined ? null : Number(digits) };
    if (isUncertain(comment)) kinds.add(kindOf(comment));
  }
  const names = [...kinds];
  if (names.length > KINDS_MAX) return undefined;
  return Array.from({ length: 1 << names.length }, (_, left) => {
    const without = new Set(names.filter((_name, index) => (left & (1 << index)) !== 0));
    return (comment: ExecutableComment) => !without.has(kindOf(comment));
  });
}

function isUncertain({ mariadb, version }: ExecutableComment): boolean {
  return mariadb || (version !== null && version >= OLDEST);
}

function kindOf({ mariadb, version }: ExecutableComment): string {
  return `${mariadb ? "M" : ""}${version ?? ""}`;
}
