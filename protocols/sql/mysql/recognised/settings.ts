/**
 * SET NAMES and SET CHARACTER SET, alone or beside other settings: the grammar reads neither the one nor the other. Drivers and
 * frameworks send such lists when they connect. Source: MySQL manual, "SET NAMES", "SET Syntax for Variable Assignment".
 */
import type { Token } from "#protocols/sql/mysql/lexer.ts";
import { form } from "./form.ts";

const CHARSETS = [form("names {default|@value [collate @value]}"), form("{character set|char set|charset} {default|@value}")];

/**
 * @param tokens of one statement
 * @returns each other setting of the list as a statement of its own, `SET` first; undefined where no character set is set, or
 *   the list is not one of settings
 */
export function settingsBesideCharset(tokens: readonly Token[]): readonly (readonly Token[])[] | undefined {
  const [set, ...rest] = tokens;
  if (set?.kind !== "word" || set.text.toLowerCase() !== "set") return undefined;
  const items = partedByCommas(rest);
  const others = items.filter((item) => !CHARSETS.some((matches) => matches(item) !== undefined));
  return others.length === items.length || others.some((item) => item.length === 0) ? undefined : others.map((item) => [set, ...item]);
}

function partedByCommas(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    const sign = token.kind === "symbol" ? token.text : "";
    if (sign === "(") depth++;
    if (sign === ")") depth--;
    if (sign === "," && depth === 0) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}
