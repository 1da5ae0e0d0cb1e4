/**
 * A text of several statements, each judged by itself, as one judgement: where one of them may not run, none does. What a
 * statement changes for those behind it is foreseen where the text says it; when its turn comes, each is held against what is.
 */
import type { CutStatement, MysqlJudgement, Settings, StackedStatement } from "#protocols/mysql/protocol.ts";
import type { RecordedText } from "#protocols/wire/transcript.ts";

/** For each statement the settings that those before it leave, as far as their words say. */
export function settingsInTurn(settings: Settings, statements: readonly Pick<CutStatement, "uses">[]): readonly Settings[] {
  let current = settings;
  return statements.map(({ uses }) => {
    const own = current;
    if (uses !== null) current = { ...current, database: uses };
    return own;
  });
}

/** @param start of the statement in its text: places are told in the whole */
export function placed(judgement: MysqlJudgement, start: number): MysqlJudgement {
  const { denial } = judgement;
  return denial === null || denial.position === null
    ? judgement
    : { ...judgement, denial: { ...denial, position: denial.position + start } };
}

/** @param several at least one. @param recordedSql the whole text */
export function joinedJudgement(several: readonly StackedStatement[], recordedSql: RecordedText): MysqlJudgement {
  const all = several.map(({ judgement }) => judgement);
  const speaks = all.find(({ verdict }) => verdict === "deny") ?? all.find(({ verdict }) => verdict === "mask") ?? all[0];
  if (speaks === undefined) throw new Error("broken invariant: a text of several statements has none");
  return {
    verdict: speaks.verdict,
    rule: speaks.rule,
    reason: speaks.reason,
    denial: speaks.denial,
    upstreamSql: null,
    outputMasked: [],
    outputHashed: [],
    mapPosition: (position) => position,
    recordedSql,
    recordedUpstreamSql: null,
    tables: [...new Set(all.flatMap(({ tables }) => tables))],
    sensitiveParameters: [],
    sensitiveCopy: false,
    rebuildErrors: all.some(({ rebuildErrors }) => rebuildErrors),
    lasting: all.flatMap(({ lasting }) => lasting),
    uses: all.flatMap(({ uses }) => uses),
    guessed: all.flatMap(({ guessed }) => guessed),
    holds: () => all.every(({ holds }) => holds()),
    changesCatalogue: all.some(({ changesCatalogue }) => changesCatalogue),
    several,
    instead: null,
    localFile: all.some(({ localFile }) => localFile !== null) ? { name: null } : null,
    inserts: false,
    named: null,
    mayPrepare: true,
    setsSeveral: false,
    temporary: null,
    holdsWith: (temporary) => all.every(({ holdsWith }) => holdsWith(temporary)),
  };
}
