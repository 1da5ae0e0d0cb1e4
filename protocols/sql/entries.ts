/**
 * The entries of a masking rule, in any dialect: a name of columns, `*` standing for any characters within one part, or a tag
 * that columns bear. What they mean on a catalogue is for each dialect to say.
 */
import type { ActiveMask } from "#policies/question.ts";

export interface Entry {
  readonly part: "columns" | "tags";
  /** Its place in that part of the rule. */
  readonly index: number;
  readonly written: string;
}

/** What a rule gets wrong on a target; it never makes anything less protected. */
export interface ProtectionProblem {
  /** The rule names no column at all, or its mask has no meaning for one. */
  readonly kind: "names-nothing" | "unfit";
  readonly rule: string;
  /** As the rule writes it, name or tag, or the column in question: `schema.table.column`. */
  readonly columns: string;
  /** The whole of it in words. */
  readonly message: string;
}

/** In the order in which they count. */
export function entriesOf({ columns, tags }: Pick<ActiveMask, "columns" | "tags">): readonly Entry[] {
  return [
    ...columns.map((written, index): Entry => ({ part: "columns", index, written })),
    ...tags.map((written, index): Entry => ({ part: "tags", index, written })),
  ];
}

/** A sentence for an entry that means no column. */
export function meansNothing({ part, written }: Entry, where: string): string {
  return part === "tags" ? `no column of ${where} bears the tag ${written}` : `${written} names no column of ${where}`;
}

/** Whether it names one column, and not whatever there is that fits. */
export function isExact({ part, written }: Entry): boolean {
  return part === "columns" && !written.includes("*");
}

/** What a part of a rule's name fits. */
export function glob(pattern: string): (name: string) => boolean {
  if (!pattern.includes("*")) return (name) => name === pattern;
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`, "su");
  return (name) => expression.test(name);
}
