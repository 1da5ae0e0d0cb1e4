/**
 * What is wrong with the masking rules of a target, whoever they hold for: entries that mean no column in any of its
 * databases, and masks that a column's type has no room for. Nothing is less protected for it, but somebody believes that more is.
 * Which columns an entry means, and what fits them, is for each dialect to say.
 */
import type { ActiveMask, Mask } from "#policies/question.ts";
import { type Entry, entriesOf, isExact, meansNothing } from "./entries.ts";

/** A rule as it stands in the policy. */
export interface WholeRule extends ActiveMask {
  /** Whether it spares anybody: what it means is then also a matter of the rules behind it. */
  readonly spares: boolean;
}

export interface RuleProblem {
  readonly kind: "names-nothing" | "unfit";
  /** Place of the rule in the list that was given. */
  readonly rule: number;
  readonly entry: Entry;
  /**
   * A glob may match nothing yet, and what a glob or a tag reaches is for the owners of the columns to say: neither may
   * keep a gateway from starting. Such a column shows NULL.
   */
  readonly level: "error" | "warning";
  readonly message: string;
}

/** A column that an entry means. */
export interface Meant {
  /** The same object for the same column. */
  readonly column: object;
  /** As rules write it. */
  readonly name: string;
  /** Why the mask has no meaning for its type; null where it has. */
  readonly misfit: (mask: Mask) => string | null;
}

/**
 * @param target its name, for the sentences
 * @param meant the columns that an entry means, in all databases that could be read
 */
export function problemsOf(rules: readonly WholeRule[], target: string, meant: (entry: Entry) => readonly Meant[]): readonly RuleProblem[] {
  /** What an earlier rule masks for everybody is no later rule's matter. */
  const settled = new Set<object>();
  return rules.flatMap((one, rule) =>
    entriesOf(one).flatMap((entry): readonly RuleProblem[] => {
      const columns = meant(entry);
      if (columns.length === 0) {
        const level = entry.part === "columns" && !isExact(entry) ? "warning" : "error";
        return [{ kind: "names-nothing", rule, entry, level, message: meansNothing(entry, target) }];
      }
      const level = isExact(entry) ? "error" : "warning";
      const messages = columns.filter(({ column }) => !settled.has(column)).flatMap((column) => misfits(one.mask, column));
      if (!one.spares) for (const { column } of columns) settled.add(column);
      return [...new Set(messages)].map((message) => ({ kind: "unfit", rule, entry, level, message }));
    }),
  );
}

function misfits(mask: Mask, { name, misfit }: Meant): readonly string[] {
  const message = misfit(mask);
  return message === null ? [] : [`${name}: ${message}; it shows NULL`];
}
