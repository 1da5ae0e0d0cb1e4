/**
 * From the text of a Query or Parse message to the facts that policies judge, and to what the gateway does with the
 * text: what goes upstream in its place, what of it may be recorded, what it does to the session. Pure and
 * synchronous; `loadGrammar` must have been awaited once.
 */
import type { MaskingFacts, Obstacle, StatementFacts } from "#policies/question.ts";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { STATEMENT_BYTES_MAX } from "#protocols/wire/limits.ts";
import type { Analysis, Rewritten, Sensitive } from "./analysis.ts";
import { type LocatedStatement, sessionEffects, statementsOf } from "./effects.ts";
import { parseText } from "./grammar.ts";
import { guardsOf } from "./guards.ts";
import { maskStatement, readsWritten, type StatementMasking } from "./masking.ts";
import { type Normalised, normalised } from "./normalised.ts";
import { offsetsOf } from "./offsets.ts";
import { once } from "./once.ts";
import type { MaskingView } from "./protection.ts";
import { relationText } from "./reading.ts";
import { type Expected, kindOf, reread } from "./rewrite.ts";
import { statementNeeds } from "./rights.ts";
import { sensitiveIn, sensitiveUnparsed } from "./sensitive.ts";
import type { SourceText } from "./source-text.ts";
import { type Spliced, spliced } from "./splice.ts";
import { statementTag } from "./tags.ts";
import { standsForAll, templateOf } from "./template.ts";
import { tokensOf } from "./tokens.ts";
import { bindsName, keepWalk, textOf, walk } from "./tree.ts";
import { viewsIn } from "./view-definitions.ts";

/**
 * @param view what is masked for the principal on the target; null when nothing is
 * @param catalogue what the target holds, where it is known: functions outside `pg_catalog` count as writes without it
 * @param guarded whether guards are looked for: not, where no guardrail could apply
 */
export function analyse(
  sql: string,
  view: MaskingView | null,
  catalogue: Catalogue | null = view?.catalogue ?? null,
  guarded = true,
): Analysis {
  return read(sql, view, catalogue, guarded, view !== null);
}

/** @param open whether the text may leave names open (`normalised.ts`) */
function read(sql: string, view: MaskingView | null, catalogue: Catalogue | null, guarded: boolean, open: boolean): Analysis {
  const offsets = offsetsOf(sql);
  // The grammar refuses to read no text at all; the server answers it with EmptyQueryResponse.
  const parsed = sql === "" ? ({ kind: "tree", tree: {} } as const) : parseText(sql);
  if (parsed.kind === "error") return unparsed(sql, parsed.message, parsed.position, view !== null);
  const statements = statementsOf(parsed.tree, offsets.toIndex, sql.length);
  if (statements === undefined) return unparsed(sql, "the statement could not be understood", null, view !== null);

  for (const statement of statements) keepWalk(statement);
  const text: SourceText = { sql, offsets, tokens: once(() => tokensOf(sql, offsets)) };
  const normal = view === null || !open ? undefined : normalised(statements, view, text);
  if (view !== null && normal !== undefined) return written(normal, statements, view, catalogue, guarded, text);
  const maskings =
    view === null
      ? []
      : statements.map((statement) => unprinted(maskStatement(statement, view, text, viewsIn(view)), statement, view, text));
  const rewriting = view === null ? undefined : rewrittenOf(statements, maskings, view, text);
  const facts = statements.map((statement, index) => {
    const found = maskings[index]?.facts ?? null;
    const masking = found?.kind === "rewritable" && typeof rewriting === "object" ? rewriting : found;
    return { ...statementFacts(statement, catalogue, masking), guards: guarded ? guardsOf(statement, index === 0, catalogue, text) : [] };
  });
  const refused = new Set(statements.filter((_, index) => facts[index]?.masking?.kind === "obstacle"));
  const sensitive = sensitiveIn(statements, refused, view, text);
  const changes = facts.some(({ needs }) => needs.includes("schema") || needs.includes("admin"));
  return {
    facts: { kind: "parsed", statements: facts },
    rewritten: typeof rewriting === "function" ? rewriting(sensitive) : null,
    sensitive,
    effects: sessionEffects(statements, changes),
    guessed: [],
    template: view === null && !guarded ? commonTemplate(statements, text) : null,
  };
}

/**
 * The analysis of a text by that of the text which says the same with nothing left open: places are those of the client's
 * own text, and what must not be recorded is found in both.
 */
function written(
  { text: { sql, mapPosition, forward, inserted }, guessed }: Normalised,
  statements: readonly LocatedStatement[],
  view: MaskingView,
  catalogue: Catalogue | null,
  guarded: boolean,
  text: SourceText,
): Analysis {
  const analysis = read(sql, view, catalogue, false, false);
  const list = analysis.facts.kind === "parsed" ? analysis.facts.statements : [];
  const facts = statements.map((statement, index): StatementFacts => {
    const guards = guarded ? guardsOf(statement, index === 0, catalogue, text) : [];
    const found = { ...(list[index] ?? statementFacts(statement, catalogue, UNSOUND)), guards };
    const obstacle = found.masking?.kind === "obstacle" ? found.masking.obstacle : undefined;
    if (obstacle === undefined || obstacle.position === null) return found;
    return { ...found, masking: { kind: "obstacle", obstacle: { ...obstacle, position: mapPosition(obstacle.position) } } };
  });
  const refused = new Set(statements.filter((_, index) => facts[index]?.masking?.kind === "obstacle"));
  const below = analysis.rewritten;
  const rewritten: Rewritten = {
    sql: below?.sql ?? sql,
    outputMasked: below?.outputMasked ?? [],
    outputHashed: below?.outputHashed ?? [],
    mapPosition(position) {
      const inner = below === null ? position : below.mapPosition(position);
      return inner === null ? null : mapPosition(inner);
    },
    forward: (range) => below?.forward(forward(range)) ?? forward(range),
    inserted: below === null ? inserted : [...inserted.map(below.forward), ...below.inserted].sort((a, b) => a.start - b.start),
    sensitive: below?.sensitive ?? analysis.sensitive.ranges,
  };
  return {
    facts: { kind: "parsed", statements: facts },
    rewritten: refused.size > 0 ? null : rewritten,
    sensitive: sensitiveIn(statements, refused, view, text),
    effects: analysis.effects,
    guessed,
    template: null,
  };
}

function commonTemplate(statements: readonly LocatedStatement[], { sql, offsets }: SourceText): string | null {
  const template = templateOf(sql);
  return template !== undefined && standsForAll(template, statements, offsets) ? template.text : null;
}

/** Should the rewritten text not read as it must, that is a fault of ours; the statement is refused. */
const UNSOUND: MaskingFacts = {
  kind: "obstacle",
  obstacle: {
    reason: "masked-unresolved",
    rule: null,
    message: "the statement could not be rewritten safely",
    hint: "say it in plainer SQL: one statement, each relation with an alias",
    position: null,
  },
};

const TOO_LONG: MaskingFacts = {
  kind: "obstacle",
  obstacle: {
    reason: "masked-unsupported",
    rule: null,
    message: "the statement grows too long when the definitions of its views take their place",
    hint: "name fewer views, or each of them once in a WITH clause",
    position: null,
  },
};

/** A plan prints the values that it compares with: rows of the recording would hold what its statements hold as digests. */
function unprinted(masking: StatementMasking, statement: LocatedStatement, view: MaskingView, text: SourceText): StatementMasking {
  if (statement.type !== "ExplainStmt" || masking.facts.kind !== "rewritable") return masking;
  const { ranges, parameters } = sensitiveIn([statement], new Set(), view, text);
  if (ranges.length + parameters.length === 0) return masking;
  const obstacle: Obstacle = {
    reason: "masked-unsupported",
    rule: masking.facts.columns[0]?.rule ?? null,
    message: "EXPLAIN would print values that are compared with a masked column",
    hint: "explain it without that condition",
    position: text.offsets.toPosition(statement.start),
  };
  return { ...masking, facts: { kind: "obstacle", obstacle }, splices: [], hidden: [], targets: [], outputMasked: [], outputHashed: [] };
}

/** Facts when it can't be; undefined when nothing is to be rewritten, or something in the text is refused anyway. */
function rewrittenOf(
  statements: readonly LocatedStatement[],
  maskings: readonly StatementMasking[],
  view: MaskingView,
  text: SourceText,
): ((sensitive: Sensitive) => Rewritten) | MaskingFacts | undefined {
  const splices = maskings.flatMap((masking) => masking.splices);
  if (splices.length === 0 || maskings.some(({ facts }) => facts.kind === "obstacle")) return undefined;
  if (splices.reduce((length, splice) => length + splice.text.length, text.sql.length) > STATEMENT_BYTES_MAX) return TOO_LONG;
  const result = spliced(text.sql, splices, text.offsets);
  const kinds = statements.map(kindOf);
  const hidden = maskings.flatMap((masking) => masking.hidden);
  const targets = maskings.flatMap((masking) => masking.targets);
  if (result === undefined || !isSound(result, view, { kinds, hidden, targets })) return UNSOUND;
  const { sql, mapPosition, forward, inserted } = result;
  const outputMasked = maskings.map((masking) => masking.outputMasked);
  const outputHashed = maskings.map((masking) => masking.outputHashed);
  return ({ ranges }) => ({ sql, outputMasked, outputHashed, mapPosition, forward, inserted, sensitive: ranges.map(forward) });
}

/** Read once more, it holds masked relations only where they were put, and reads of rows that it writes only masks. */
function isSound(result: Spliced, view: MaskingView, expected: Expected): boolean {
  const { toIndex } = offsetsOf(result.sql);
  const isOurs = (location: number): boolean => result.isMarked(toIndex(location));
  return reread(result, view, expected, viewsIn(view))?.every((statement) => !readsWritten(statement, view, isOurs)) === true;
}

function unparsed(sql: string, message: string, position: number | null, masked: boolean): Analysis {
  return {
    facts: { kind: "unparsed", message, position, masked },
    rewritten: null,
    sensitive: sensitiveUnparsed(sql, masked),
    effects: { ...sessionEffects([], false), names: [{ kind: "any", at: 0 }], fullyEmpty: false },
    guessed: [],
    template: null,
  };
}

function statementFacts(
  statement: LocatedStatement,
  catalogue: Catalogue | null,
  masking: MaskingFacts | null,
): Omit<StatementFacts, "guards"> {
  return { tag: statementTag(statement), needs: statementNeeds(statement, catalogue), tables: tablesOf(statement), masking };
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
