/**
 * Settings under which one text can be read in two ways: what is judged would not be what runs. Nobody reaches them but
 * those whom nothing is kept from, and the session ends when the server reports one of them in force.
 */

/**
 * Encodings in which a byte of a multi-byte character can be an ASCII byte: PostgreSQL's client-only ones
 * (documentation, "Supported Character Sets"). Text in them can't be judged byte by byte.
 */
const AMBIGUOUS_ENCODINGS = new Set([
  "sjis",
  "shiftjis",
  "mskanji",
  "win932",
  "windows932",
  "shiftjis2004",
  "sjis2004",
  "big5",
  "win950",
  "windows950",
  "gbk",
  "win936",
  "windows936",
  "uhc",
  "win949",
  "windows949",
  "gb18030",
  "johab",
]);

/** @returns true when statement text in this encoding can be judged. Spelling is folded as the server does. */
export function isJudgeableEncoding(name: string): boolean {
  return !AMBIGUOUS_ENCODINGS.has(name.toLowerCase().replace(/[^a-z0-9]/g, ""));
}

const READING_SETTINGS = new Set(["client_encoding", "standard_conforming_strings", "backslash_quote"]);

/**
 * `SET NAMES` is parsed to `client_encoding`.
 *
 * @param value null when it is computed and could be any; undefined for the default
 */
export function readsOtherwise(setting: string, value: string | null | undefined): boolean {
  if (value === undefined || !READING_SETTINGS.has(setting)) return false;
  if (value === null) return true;
  if (setting === "client_encoding") return !isJudgeableEncoding(value);
  if (setting === "backslash_quote") return value.toLowerCase() !== "safe_encoding";
  return !/^(on|true|yes|1|t|y)$/i.test(value);
}
