/**
 * What texts do with names of the session: PREPARE, EXECUTE and DEALLOCATE share one name space with the protocol's own
 * prepared statements, DECLARE, FETCH and CLOSE one with its portals. Each statement of a text is answered by itself, so that a
 * failure tells how far the text got.
 */
import type { Denial } from "#policies/decision.ts";
import type { Judgement, NameUse } from "#protocols/wire/judgement.ts";
import type { Run } from "#protocols/wire/run.ts";
import type { Change, Names, Prepared } from "./names.ts";
import { changedDenial, manyNamedDenial } from "./refusals.ts";

/** What the statement at place `at` of a text does to a name. */
export interface TextChange {
  readonly at: number;
  readonly change: Change;
}

export const NO_CHANGES: readonly TextChange[] = [];

export function changesIn(judgement: Judgement, names: Names): readonly TextChange[] {
  if (judgement.uses.length === 0) return NO_CHANGES;
  return judgement.uses.flatMap((use) => {
    const change = changeOf(use, judgement, names);
    return change === undefined ? [] : [{ at: use.at, change }];
  });
}

function changeOf(use: NameUse, judgement: Judgement, names: Names): Change | undefined {
  switch (use.kind) {
    case "prepare":
      return names.setStatement(use.name, preparedAt(use.at, use.name, judgement));
    case "deallocate":
      return use.name === null ? names.closeStatements() : names.closeStatement(use.name);
    case "declare":
      return names.declareCursor(use.name);
    case "close":
      return use.name === null ? names.closePortals() : names.closePortal(use.name);
    case "any":
      return names.doubtAll();
    case "execute":
    case "fetch":
    case "temporary":
      return undefined;
  }
}

/** Recorded and asked about by the whole text that it stands in. */
function preparedAt(at: number, name: string, judgement: Judgement): Prepared {
  const outputMasked = [judgement.outputMasked[at] ?? []];
  return { name, judgement: { ...judgement, outputMasked, uses: [] }, columns: undefined, parameterTypes: [], inText: true };
}

/** The statement at place `at` is answered: what it did is done. */
export function settle(changes: readonly TextChange[], at: number): void {
  for (const one of changes) if (one.at === at) one.change.settle();
}

/**
 * The text failed at place `at`. What stands behind was never reached; the failed statement itself may be done, since a
 * deferred trigger fails where its transaction ends, before the answer.
 */
export function failed(changes: readonly TextChange[], at: number): void {
  for (const one of changes.toReversed()) {
    if (one.at === at) one.change.doubt();
    else if (one.at > at) one.change.undo();
  }
}

/**
 * The server may plan what EXECUTE runs anew, on what is there now: so all that may stand under the name must be judged
 * as it was. A name under which this session prepared nothing has nothing behind it, since all that it prepares comes
 * through here; the server says so itself.
 */
export function executeDenial({ uses }: Judgement, names: Names): Denial | null {
  for (const use of uses) {
    if (use.kind !== "execute") continue;
    const candidates = names.candidates(use.name);
    if (candidates === undefined) return manyNamedDenial(use.name);
    if (candidates.some(({ judgement }) => !judgement.holds())) return changedDenial(use.name);
  }
  return null;
}

/** Its rows are of what a name stands for when it runs: a description made earlier need not be theirs. */
export function borrowsRows({ inText, judgement }: Prepared): boolean {
  return inText || judgement.uses.some(({ kind }) => kind === "execute" || kind === "fetch");
}

/** Cursors and temporary tables whose names are kept. */
const MADE_MAX = 1_000;

/**
 * What texts have made in the session, by name: of cursors, which columns show masked values, for the record; of temporary
 * tables that they are its own, so that nobody need be asked what they are. Nothing rests on either.
 */
export class Made {
  readonly #cursors = new Map<string, readonly boolean[]>();
  readonly #temporary = new Set<string>();

  /** The statement at place `at` is answered. */
  answered(judgement: Judgement | null, at: number): void {
    const use = judgement?.uses.find((one) => one.at === at);
    if (use?.kind === "declare") {
      if (this.#cursors.size >= MADE_MAX) this.#cursors.clear();
      this.#cursors.set(use.name, judgement?.outputMasked[at] ?? []);
    } else if (use?.kind === "temporary") {
      if (this.#temporary.size >= MADE_MAX) this.#temporary.clear();
      this.#temporary.add(use.name);
    }
  }

  /** Columns of a cursor's rows; undefined for one that is not known. */
  maskedOf(cursor: string): readonly boolean[] | undefined {
    return this.#cursors.get(cursor);
  }

  isTemporary(table: string): boolean {
    return this.#temporary.has(table);
  }
}

/** Of the rows that come next, as far as it is known what they come of. */
export function maskedColumns({ judgement, results }: Run, names: Names, made: Made): readonly boolean[] {
  const use = judgement?.uses.find(({ at }) => at === results);
  if (use?.kind === "execute") return names.answered(use.name)?.judgement.outputMasked[0] ?? [];
  if (use?.kind === "fetch") return made.maskedOf(use.name) ?? names.portal(use.name)?.prepared?.judgement.outputMasked[0] ?? [];
  return judgement?.outputMasked[results] ?? [];
}
