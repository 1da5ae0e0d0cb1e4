/** From what columns look like to the masking rules that they should have: those that no rule covers yet. */
import type { Kind } from "./detector.ts";
import type { Likeness } from "./likeness.ts";
import type { SampleColumn, SeenColumn } from "./sample.ts";

/** As it stands behind `with` in the configuration. */
export type WrittenMask = "redact" | "email" | "year" | { readonly keepLast: number };

export interface Finding extends Likeness {
  /** On MySQL the database. */
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly mask: WrittenMask;
  /** The rule that masks the column already; null when none does. */
  readonly coveredBy: string | null;
}

export interface Proposal {
  readonly name: string;
  readonly kind: Kind;
  readonly mask: WrittenMask;
  readonly findings: readonly Finding[];
}

/** Card numbers may be told by what customers are asked for on the telephone, and no more (PCI DSS 3.4 allows the last four). */
const KEPT_OF_CARD = 4;
/** What a name alone suggests, with no value looked at, is said and not proposed. */
const PROPOSED_MIN = 0.5;

export function findingsOf(seen: readonly SeenColumn[]): readonly Finding[] {
  return seen.flatMap(({ table, column: { name, of, coveredBy }, likeness }) => {
    if (likeness === null) return [];
    return [{ ...likeness, schema: table.schema, table: table.name, column: name, mask: maskFor(likeness, of), coveredBy }];
  });
}

/** What a mask shows of the value must be all that is in it: beside an address or a number nothing else may stand. */
function maskFor({ kind, pure }: Likeness, of: SampleColumn["of"]): WrittenMask {
  if (kind === "birth-date" && of === "date") return "year";
  if (of !== "text" || !pure) return "redact";
  if (kind === "email") return "email";
  return kind === "card" ? { keepLast: KEPT_OF_CARD } : "redact";
}

/** Whether a rule can name it: a full stop parts names, and `*` would stand for others too. */
export function canBeNamed({ schema, table, column }: Finding): boolean {
  return ![schema, table, column].some((name) => /[.*]/.test(name));
}

/** What is to be proposed, and what is only to be told. */
export function isProposed(finding: Finding): boolean {
  return finding.coveredBy === null && finding.confidence >= PROPOSED_MIN && canBeNamed(finding);
}

/** One rule for each kind and mask, with a name that no other rule has. */
export function proposalsOf(findings: readonly Finding[], taken: ReadonlySet<string>): readonly Proposal[] {
  const groups = Map.groupBy(findings.filter(isProposed), ({ kind, mask }) => JSON.stringify([kind, mask]));
  const names = new Set(taken);
  return [...groups.values()].flatMap((group): readonly Proposal[] => {
    const [first] = group;
    if (first === undefined) return [];
    const name = freeName(`discovered-${first.kind}`, names);
    names.add(name);
    return [{ name, kind: first.kind, mask: first.mask, findings: group }];
  });
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  for (let number = 2, name = wanted; ; number += 1, name = `${wanted}-${number}`) if (!taken.has(name)) return name;
}
