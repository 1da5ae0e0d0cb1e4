/**
 * `SET @a = (SELECT …), @b = …` as it goes upstream: what its queries read is replaced as in a query by itself, so that variables
 * hold masked values. Settings are never set from a query: their errors could show what it read.
 */
import { mysqlLookup } from "./catalogue.ts";
import { checkReading, checkText } from "./checked-text.ts";
import type { Token } from "./lexer.ts";
import type { MaskedForm, MaskedSettings } from "./masked-form-types.ts";
import { maskQuery, namesOfMasked } from "./masked-query.ts";
import type { TableContext } from "./masked-tables.ts";
import { readExpression } from "./read-expression.ts";
import { readQuery } from "./read-query.ts";
import { type Found, Reader } from "./reading.ts";
import { spelled } from "./spelling.ts";

/** @returns undefined for what is no SET of user variables alone. @throws Refused */
export function variableForm(tokens: readonly Token[], context: TableContext, settings: MaskedSettings): MaskedForm | undefined {
  const { fold } = mysqlLookup(context.view.catalogue);
  const found = assignments(new Reader(tokens, fold, readQuery));
  if (found === undefined) return undefined;
  checkReading(tokens, found);
  const masked = maskQuery(found, context);
  const text = spelled(tokens, masked.edits, !settings.sqlMode.noBackslashEscapes);
  checkText(text, masked, context, settings, (from) => {
    const again = assignments(new Reader(from, fold, readQuery));
    if (again === undefined) throw new Error("broken invariant: what was written anew is no SET of user variables any more");
    return { found: again, sources: again.tables };
  });
  const { columns } = masked;
  return { ...text, columns, outputMasked: [], renamed: [], rebuildErrors: columns.length > 0, names: namesOfMasked(found, masked) };
}

/** What stands behind the signs; undefined where something else than user variables is set. */
function assignments(reader: Reader): Found | undefined {
  if (!reader.acceptWord("set")) return undefined;
  do {
    if (reader.token?.kind !== "user-variable") return undefined;
    reader.at++;
    if (!reader.acceptSymbol(":=")) reader.expectSymbol("=");
    readExpression(reader);
  } while (reader.acceptSymbol(","));
  if (reader.token !== undefined) throw reader.unexpected("the end of the statement");
  return reader.found;
}
