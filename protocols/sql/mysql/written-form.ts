/** INSERT, REPLACE, UPDATE and DELETE as they go upstream: targets stay where they are, whatever else is read is replaced. */
import { mysqlLookup } from "./catalogue.ts";
import { checkReading, checkText } from "./checked-text.ts";
import type { Token } from "./lexer.ts";
import type { MaskedForm, MaskedSettings } from "./masked-form-types.ts";
import { aliasEdits, distinct, type MaskedQuery, maskQuery, namesOfMasked, namesOfReplaced } from "./masked-query.ts";
import type { TableContext } from "./masked-tables.ts";
import { type JudgedWrite, judgeWrite, targetsOf } from "./masked-writes.ts";
import { readQuery } from "./read-query.ts";
import { readWrite } from "./read-write.ts";
import { type Found, Reader, type TableMention } from "./reading.ts";
import { spelled } from "./spelling.ts";

interface Written {
  readonly found: Found;
  readonly sources: readonly TableMention[];
  readonly write: JudgedWrite;
  readonly masked: MaskedQuery;
}

/** @throws Refused */
export function writtenForm(sql: string, tokens: readonly Token[], context: TableContext, settings: MaskedSettings): MaskedForm {
  const { found, write, masked } = judged(tokens, context);
  checkReading(tokens, found);
  const aliases = aliasEdits(found.items, masked.edits, { tokens, source: sql, named: namesOfReplaced(masked.resolved, context) });
  const edits = [...write.edits, ...masked.edits, ...aliases];
  const text = spelled(tokens, edits, !settings.sqlMode.noBackslashEscapes);
  checkText(text, masked, context, settings, (again) => judged(again, context));
  const columns = distinct([...write.columns, ...masked.columns]);
  // Without a list of columns the values stand for all.
  const names = write.unlisted ? null : namesOfMasked(found, masked);
  return { ...text, columns, outputMasked: [], renamed: [], rebuildErrors: true, names };
}

/** Tables beside the targets of an UPDATE or DELETE are sources like any other. */
function judged(tokens: readonly Token[], context: TableContext): Written {
  const reader = new Reader(tokens, mysqlLookup(context.view.catalogue).fold, readQuery);
  const reading = readWrite(reader);
  const { found } = reader;
  const targets = new Set(targetsOf(reading, context));
  const sources = found.tables.filter((one) => !targets.has(one));
  const masked = maskQuery(found, context, { sources });
  return { found, sources, masked, write: judgeWrite(reading, found, masked.resolved, context) };
}
