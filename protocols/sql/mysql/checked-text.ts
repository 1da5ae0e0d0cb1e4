/**
 * Two checks that know nothing of how a statement was rewritten. What the client sent has to be read in the same way by the
 * grammar library; and what is sent is read once more: protected tables may be named nowhere but in what the gateway put there.
 * Should the text not read as it must, that is a fault of ours; the statement is refused.
 */
import { lex, type Token } from "./lexer.ts";
import type { MaskedSettings } from "./masked-form-types.ts";
import type { MaskedQuery } from "./masked-query.ts";
import { hasStar, resolveTable, type TableContext } from "./masked-tables.ts";
import { type Found, Refused, type TableMention } from "./reading.ts";
import { differenceIn } from "./second-reading.ts";
import type { Spelled } from "./spelling.ts";

export interface Reread {
  readonly found: Found;
  /** Tables that are read; those that are written to stand apart. */
  readonly sources: readonly TableMention[];
}

/** @param reread reads the statement again, and refuses what it refused before. @throws Refused */
export function checkText(
  { text, inserted }: Spelled,
  { resolved }: MaskedQuery,
  context: TableContext,
  { sqlMode }: MaskedSettings,
  reread: (tokens: readonly Token[]) => Reread,
): void {
  const lexed = lex(text, { sqlMode, executes: null });
  if (lexed.kind === "error") throw unsound("the statement could not be rewritten safely");
  const { found, sources } = reread(lexed.tokens);
  const ours = inserted.filter(({ start }) => text[start] === "(");
  const replaced = resolved.filter((one) => one.replaced).length;
  if (ours.length !== replaced) throw unsound("the statement could not be rewritten safely");
  const star = hasStar(found);
  let next = 0;
  for (const mention of sources) {
    const at = lexed.tokens[mention.span.start]?.start ?? 0;
    while ((ours[next]?.end ?? Number.MAX_SAFE_INTEGER) <= at) next++;
    if ((ours[next]?.start ?? Number.MAX_SAFE_INTEGER) <= at) continue;
    if (resolveTable(mention, context, star).replaced) throw unsound("the statement could not be rewritten safely");
  }
}

/** @param found in the client's own tokens. @throws Refused where the grammar library finds other tables or functions in them */
export function checkReading(tokens: readonly Token[], found: Found): void {
  const difference = differenceIn(tokens, found);
  if (difference !== undefined) throw unsound(difference);
}

function unsound(why: string): Refused {
  const hint = "say it in plainer SQL: one statement, each table with an alias, names in back-ticks";
  return new Refused("masked-unsupported", why, hint);
}
