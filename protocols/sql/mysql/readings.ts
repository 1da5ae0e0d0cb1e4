/**
 * The ways in which servers may read a text with executable comments. Which of them one executes depends on its make and
 * version; where a comment ends depends on that too, when quotes stand in it. A text is allowed where each reading is.
 *
 * Source: MySQL manual, "Comments"; MySQL 8.1 release notes (six digits); MariaDB documentation, "Comment Syntax".
 */
import type { MysqlCatalogue } from "./catalogue.ts";
import { type ExecutableComment, type ExecutedAs, executableComment, type LexerOptions } from "./lexer.ts";

export type Reading = NonNullable<LexerOptions["executes"]>;

/** Every server that is spoken with is newer: MySQL 5.7, MariaDB 10.2. MariaDB leaves out 5.7 and what is above it. */
const OLDEST = 50700;
/** No server will have such a version: tools of MariaDB's write it around what no server shall execute. */
const NEVER = 990000;
/** Kinds of comments in one text. */
const KINDS_MAX = 3;

/** @returns functions that say how comments count, one for each reading; undefined when there are too many kinds */
export function readings(sql: string): readonly Reading[] | undefined {
  const kinds = new Map<string, readonly ExecutedAs[]>();
  for (const [, letter = "", digits] of sql.matchAll(/\/\*(M?)!(\d{5,6})?/g)) {
    const comment = executableComment(letter, digits);
    kinds.set(kindOf(comment), waysOf(comment));
  }
  const uncertain = [...kinds].filter(([, ways]) => ways.length > 1);
  if (uncertain.length > KINDS_MAX) return undefined;
  let combined: readonly ReadonlyMap<string, ExecutedAs>[] = [new Map([...kinds].map(([kind, [way = true]]) => [kind, way]))];
  for (const [kind, ways] of uncertain) combined = combined.flatMap((one) => ways.map((way) => new Map([...one, [kind, way]])));
  return combined.map((ways) => (comment: ExecutableComment) => ways.get(kindOf(comment)) ?? true);
}

/**
 * Under a mask: of the comments that this server surely executes the content is text like any other, and no other is read. What
 * goes upstream is spelled anew, without comments, so that the server has nothing left to choose.
 */
export function executedBy({ flavour, version: own }: MysqlCatalogue["server"]): Reading {
  return (comment) => {
    const [way, ...others] = waysOf(comment);
    if (way === true && others.length === 0) return true;
    const { mariadb, version, sixDigits } = comment;
    return flavour === "mysql" && !mariadb && !sixDigits && version !== null && version <= own ? true : "unknown";
  };
}

function waysOf({ mariadb, version, sixDigits }: ExecutableComment): readonly ExecutedAs[] {
  if (version !== null && version >= NEVER) return [false];
  // MySQL before 8.1 takes five digits for the version, and the sixth for text.
  if (!mariadb && sixDigits) return [true, false, "five-digits"];
  return mariadb || (version !== null && version >= OLDEST) ? [true, false] : [true];
}

function kindOf({ mariadb, version, sixDigits }: ExecutableComment): string {
  return `${mariadb ? "M" : ""}${version ?? ""}${sixDigits ? "/6" : ""}`;
}
