/** The modes of `sql_mode` that change how a text is cut into tokens, or how its operators bind. MySQL manual, "Server SQL Modes". */

export interface SqlMode {
  /** Double quotes stand around names. */
  readonly ansiQuotes: boolean;
  readonly noBackslashEscapes: boolean;
  /** `||` joins strings; else it is OR. */
  readonly pipesAsConcat: boolean;
  readonly highNotPrecedence: boolean;
  /** White space may stand between the name of a function of the server's own and its bracket. */
  readonly ignoreSpace: boolean;
}

export const DEFAULT_SQL_MODE: SqlMode = {
  ansiQuotes: false,
  noBackslashEscapes: false,
  pipesAsConcat: false,
  highNotPrecedence: false,
  ignoreSpace: false,
};

/** @param value of `sql_mode`: names with commas between; combination modes come with what they stand for */
export function readSqlMode(value: string): SqlMode {
  const modes = new Set(value.toUpperCase().split(","));
  return {
    ansiQuotes: modes.has("ANSI_QUOTES"),
    noBackslashEscapes: modes.has("NO_BACKSLASH_ESCAPES"),
    pipesAsConcat: modes.has("PIPES_AS_CONCAT"),
    highNotPrecedence: modes.has("HIGH_NOT_PRECEDENCE"),
    ignoreSpace: modes.has("IGNORE_SPACE"),
  };
}
