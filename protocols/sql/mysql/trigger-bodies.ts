/**
 * Triggers of what is written to run with the rights of whoever made them, and no mask reaches inside. One passes when its body
 * can be seen and speaks of nothing that is protected, calls no function that may not be called, and starts no other trigger.
 */
import { type MysqlTable, type MysqlTrigger, mysqlLookup } from "./catalogue.ts";
import { functionNeeds } from "./functions.ts";
import { lex } from "./lexer.ts";
import { wordsIn } from "./mentioned.ts";
import { displayTable, type MysqlMaskingView } from "./protection.ts";
import { Refused } from "./reading.ts";
import { DEFAULT_SQL_MODE } from "./sql-mode.ts";

/** They run what can't be seen here, or change which temporary tables the session has. */
const RUNS: ReadonlySet<string> = new Set(["call", "execute", "prepare", "load", "handler", "temporary"]);
/** Before a bracket they are no functions. */
const BEFORE_BRACKETS: ReadonlySet<string> = new Set([
  "in",
  "values",
  "value",
  "and",
  "or",
  "not",
  "if",
  "when",
  "then",
  "else",
  "select",
  "exists",
  "set",
]);

/** @throws Refused */
export function checkTriggers(tables: readonly MysqlTable[], events: readonly string[], view: MysqlMaskingView, at: number): void {
  for (const table of tables) {
    for (const trigger of table.triggers) {
      if (!events.includes(trigger.event)) continue;
      const why = problemOf(table, trigger, view);
      if (why === undefined) continue;
      const message = `trigger ${trigger.name} of ${displayTable(table)} ${why}`;
      throw new Refused("masked-write", message, "write to it as a principal under no mask", at);
    }
  }
}

function problemOf(table: MysqlTable, { body }: MysqlTrigger, view: MysqlMaskingView): string | undefined {
  if (body === null) return "can't be seen by the gateway's login";
  const words = wordsIn(body);
  const { tables, routines } = view.catalogue;
  const { protection } = view;
  const own = [...(protection.columns.get(table)?.keys() ?? [])].find((name) => words.has(name.toLowerCase()));
  if (own !== undefined) return `speaks of ${own}, which is masked`;
  const named = tables.filter((one) => words.has(one.name.toLowerCase()) && one !== table);
  if (named.some((one) => one.kind === "view" || protection.columns.has(one))) return "may read masked columns";
  if (named.some((one) => one.triggers.length > 0)) return "may start other triggers";
  if ([...RUNS].some((word) => words.has(word))) return "runs what can't be seen";
  if (routines.some(({ name }) => words.has(name.toLowerCase()))) return "may call a stored function";
  return callsUnknown(body, view) ? "calls a function that may not be called" : undefined;
}

function callsUnknown(body: string, { catalogue }: MysqlMaskingView): boolean {
  const lexed = lex(body, { sqlMode: DEFAULT_SQL_MODE, executes: null });
  if (lexed.kind === "error") return true;
  const { tokens } = lexed;
  const { fold } = mysqlLookup(catalogue);
  const names = new Set(catalogue.tables.map(({ name }) => fold(name)));
  return tokens.some(({ kind, text }, index) => {
    const next = tokens[index + 1];
    if ((kind !== "word" && kind !== "quoted-name") || next?.kind !== "symbol" || next.text !== "(") return false;
    if (BEFORE_BRACKETS.has(text.toLowerCase()) || names.has(fold(text))) return false;
    return functionNeeds([text]) !== "read";
  });
}
