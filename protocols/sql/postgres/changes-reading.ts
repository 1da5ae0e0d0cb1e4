/**
 * Whether a text may change how the next one is read. The session ends when the server reports that; but a client may have sent
 * the next text ahead, judged by what held before. So where a guardrail holds, such a text is not let through.
 */
import { statementsOf } from "./effects.ts";
import { readsOtherwise } from "./encodings.ts";
import { parseText } from "./grammar.ts";
import { literalText, nameOfCall, settingName } from "./reading.ts";
import { type Body, isBody, nodesOf, textOf, walk } from "./tree.ts";

/** Texts without one of these change no such setting: most are not read a second time. */
const SIGNS = /standard_conforming_strings|client_encoding|backslash_quote|set_config|pg_settings|\bnames\b|\bu&/i;

/** @returns true for what does not parse too. What functions and procedures of the database's own set is not seen */
export function changesReading(sql: string): boolean {
  if (!SIGNS.test(sql)) return false;
  const parsed = parseText(sql);
  const statements = parsed.kind === "error" ? undefined : statementsOf(parsed.tree, (byte) => byte, sql.length);
  if (statements === undefined) return true;
  let found = false;
  for (const statement of statements) {
    walk(statement, ({ type, body }) => {
      if (type === "VariableSetStmt") found ||= setsReading(settingName(body), nodesOf(type, body, "args")[0]);
      if (type === "FuncCall" && nameOfCall(body).name === "set_config") found ||= callSetsReading(body);
      if (type === "UpdateStmt") found ||= setsBeneath(body);
      return true;
    });
  }
  return found;
}

/** `UPDATE pg_settings` sets what its rows name, by a rule of that view: what stands in them is not looked at. */
export function setsBeneath({ relation }: Body): boolean {
  return isBody(relation) && textOf(relation, "relname") === "pg_settings";
}

type Value = Parameters<typeof literalText>[0] | undefined;

function setsReading(setting: string, value: Value): boolean {
  return readsOtherwise(setting, value === undefined ? undefined : (literalText(value) ?? null));
}

/** Where the setting is computed, it may be any. */
function callSetsReading(body: Body): boolean {
  const [first, second] = nodesOf("FuncCall", body, "args");
  const setting = first === undefined ? undefined : literalText(first)?.toLowerCase();
  return setting === undefined || setsReading(setting, second);
}
