/**
 * From the text of a Query or Parse message to the facts that policies judge, and to what the gateway does with the
 * text: what goes upstream in its place, what of it may be recorded, what it does to the session. Pure and
 * synchronous; `loadGrammar` must have been awaited once.
 */
import type { StatementFacts } from "#policies/question.ts";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import type { Analysis } from "./analysis.ts";
import { type LocatedStatement, sessionEffects, statementsOf } from "./effects.ts";
import { parseText } from "./grammar.ts";
import { offsetsOf } from "./offsets.ts";
import type { MaskingView } from "./protection.ts";
import { relationText } from "./reading.ts";
import { statementNeeds } from "./rights.ts";
import { statementTag } from "./tags.ts";
import { bindsName, textOf, walk } from "./tree.ts";

/**
 * @param view what is masked for the principal on the target; null when nothing is
 * @param catalogue what the target holds, where it is known: functions outside `pg_catalog` count as writes without it
 */
export function analyse(sql: string, view: MaskingView | null, catalogue: Catalogue | null = view?.catalogue ?? null): Analysis {
  const offsets = offsetsOf(sql);
  // The grammar refuses to read no text at all; the server answers it with EmptyQueryResponse.
  const parsed = sql === "" ? ({ kind: "tree", tree: {} } as const) : parseText(sql);
  if (parsed.kind === "error") return unparsed(parsed.message, parsed.position, view !== null);
  const statements = statementsOf(parsed.tree, offsets.toIndex, sql.length);
  if (statements === undefined) return unparsed("the statement could not be understood", null, view !== null);
  const facts = statements.map((statement) => statementFacts(statement, catalogue));
  const changes = facts.some(({ needs }) => needs.includes("schema") || needs.includes("admin"));
  return {
    facts: { kind: "parsed", statements: facts },
    rewritten: null,
    sensitive: { ranges: [], parameters: [] },
    effects: sessionEffects(sql, statements, changes),
  };
}

function unparsed(message: string, position: number | null, masked: boolean): Analysis {
  return {
    facts: { kind: "unparsed", message, position, masked },
    rewritten: null,
    sensitive: { ranges: [], parameters: [] },
    effects: { ...sessionEffects("", [], false), fullyEmpty: false },
  };
}

function statementFacts(statement: LocatedStatement, catalogue: Catalogue | null): StatementFacts {
  return { tag: statementTag(statement), needs: statementNeeds(statement, catalogue), tables: tablesOf(statement), masking: null };
}

/** Relations named, common table expressions left out, each once. */
function tablesOf(statement: LocatedStatement): readonly string[] {
  const tables = new Set<string>();
  walk(statement, ({ type, body, field, names }) => {
    if (type !== "RangeVar" || field === "lockedRels") return true;
    if (body["schemaname"] === undefined && bindsName(names, textOf(body, "relname"))) return true;
    tables.add(relationText(body));
    return true;
  });
  return [...tables];
}
