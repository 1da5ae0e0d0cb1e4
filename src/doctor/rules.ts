/** Whether the masking rules say something on what was read. */
import type { ResolvedProtection } from "#protocols/postgres/protocol.ts";
import type { Observation } from "./finding.ts";

export interface RulesSeen {
  readonly problems: ResolvedProtection["problems"];
  /** How many rules speak of the target. */
  readonly rules: number;
  /** What they were held against: a database, or a target. */
  readonly place: string;
  /** How many relations have masked columns. */
  readonly guarded: number;
}

/** Nothing where no rule speaks of the target: then nothing is masked, and nothing is expected. */
export function ruleObservations({ problems, rules, place, guarded }: RulesSeen): readonly Observation[] {
  if (rules === 0) return [];
  const found = problems.map(
    ({ kind, columns, message }): Observation =>
      kind === "unfit"
        ? { code: "mask-unfit", object: columns, message, remedy: "choose a mask for its type; until then it shows NULL" }
        : {
            code: "rule-names-nothing",
            object: columns,
            message,
            remedy: "write the names as the catalogue spells them; was something renamed?",
          },
  );
  if (found.length > 0) return found;
  const message = `${rules} masking ${rules === 1 ? "rule" : "rules"}, each names something; ${guarded} ${guarded === 1 ? "relation has" : "relations have"} masked columns`;
  return [{ code: "rules-ok", object: place, message }];
}
