/**
 * Statements that texts prepare by name, as the server keeps them: PREPARE takes the name away from what had it, also where it
 * then fails. While a command is under way its name means nothing here.
 */
import type { TemporaryChange } from "#protocols/sql/mysql/temporary.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { NAMES_MAX } from "#protocols/wire/limits.ts";
import type { MysqlJudgement } from "./judge.ts";

/** What a command that runs does to names. */
export type NameChange =
  | { readonly kind: "prepare"; readonly name: string; readonly judgement: MysqlJudgement }
  | { readonly kind: "deallocate"; readonly name: string }
  /** What stands under any name is not known any more. */
  | { readonly kind: "forget" };

export class NamedStatements {
  readonly #judgements = new Map<string, MysqlJudgement>();

  /** Of what it runs; undefined: none of that name was prepared here. */
  get(name: string): MysqlJudgement | undefined {
    return this.#judgements.get(name);
  }

  /** To foresee what commands will do to the names. */
  copy(): NamedStatements {
    const made = new NamedStatements();
    for (const [name, judgement] of this.#judgements) made.#judgements.set(name, judgement);
    return made;
  }

  clear(): void {
    this.#judgements.clear();
  }

  /** The command goes upstream. */
  begin(change: NameChange | null): void {
    if (change?.kind === "forget") this.clear();
    else if (change !== null) this.#judgements.delete(change.name);
  }

  /** It was answered OK. @throws Fault `unexpected-message` */
  done(change: NameChange | null): void {
    if (change?.kind !== "prepare") return;
    if (this.#judgements.size >= NAMES_MAX) throw new Fault("unexpected-message", `more than ${NAMES_MAX} prepared statements`);
    this.#judgements.set(change.name, change.judgement);
  }
}

/** What a statement that runs does to what the session has made, and to its settings. */
export interface Changes {
  readonly names: NameChange | null;
  readonly temporary: TemporaryChange | null;
  /** As in the judgement. */
  readonly setsSeveral: boolean;
}

/** Of a text that runs as it is. */
export function changesOf(judgement: MysqlJudgement): Changes {
  const { named, temporary, setsSeveral } = judgement;
  const prepares = named?.kind === "prepare";
  return { names: nameChange(judgement), temporary: prepares ? null : temporary, setsSeveral: !prepares && setsSeveral };
}

function nameChange(judgement: MysqlJudgement): NameChange | null {
  const { named, mayPrepare } = judgement;
  if (named?.kind === "prepare") return { kind: "prepare", name: named.name, judgement: { ...judgement, named: null } };
  if (named?.kind === "deallocate") return { kind: "deallocate", name: named.name };
  return mayPrepare ? { kind: "forget" } : null;
}

/** What EXECUTE runs, under its own text. */
export function executed(judgement: MysqlJudgement, prepared: MysqlJudgement): MysqlJudgement {
  const { upstreamSql, recordedSql, recordedUpstreamSql } = judgement;
  return { ...prepared, upstreamSql, recordedSql, recordedUpstreamSql };
}
