/** The contract between the join and a policy: rules go in with a question, a decision or silence comes out. */
import type { Decision } from "./decision.ts";
import type { Question } from "./question.ts";

/** `undefined` is silence: the policy has nothing to say. Silence of every policy is a denial. */
export type Policy<Rules> = {
  readonly name: string;
  readonly decide: (rules: Rules, question: Question) => Decision | undefined;
};
