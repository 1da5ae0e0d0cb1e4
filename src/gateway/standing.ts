/** What the policy in force means for one principal on one target, as its sessions meet it. */
import type { PolicyDocument } from "#policies/document.ts";
import type { ActiveMask, Principal } from "#policies/question.ts";
import type { MysqlJudge } from "#protocols/mysql/protocol.ts";
import type { HashValue } from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Judge } from "#protocols/wire/judgement.ts";
import type { Secret } from "#protocols/wire/secret.ts";
import type { SeenCatalogue } from "#src/catalogue/seen.ts";

/** What a principal may see on a target, and who judges its statements. */
export type Standing = PostgresStanding | MysqlStanding;

interface Shared {
  readonly underMask: boolean;
  readonly mayPassUnparsed: boolean;
}

export interface PostgresStanding extends Shared {
  readonly protocol: "postgres";
  /** Under a mask, the schemas that names are resolved in; null otherwise. */
  readonly searchPath: readonly string[] | null;
  readonly judge: Judge;
  /** Of the newest catalogue. */
  readonly isProtected: (tableOid: number, attribute: number) => boolean;
  /** As `SessionTerms.hashOf`, of the newest catalogue. */
  readonly hashOf: (tableOid: number, attribute: number) => HashValue | null;
}

export interface MysqlStanding extends Shared {
  readonly protocol: "mysql";
  readonly judge: MysqlJudge;
  /** Of the newest catalogue. */
  readonly isProtected: (database: string, table: string, column: string) => boolean;
}

/** What standings are made of. */
export interface StandingParts {
  readonly document: PolicyDocument;
  /** Newest catalogues, by `catalogueName`. */
  readonly catalogues: ReadonlyMap<string, SeenCatalogue>;
  readonly digest: (literal: string) => string;
  /** Keys of masks that hash, by the name of the rule. */
  readonly maskKeys: ReadonlyMap<string, Secret<string>>;
  /** @param catalogue by `catalogueName` */
  readonly refresh: (catalogue: string) => Promise<void>;
}

/** Whose standing it is. */
export interface StandingOf {
  readonly principal: Principal;
  readonly target: string;
  /** By `catalogueName`. */
  readonly catalogue: string;
  readonly masks: readonly ActiveMask[];
  readonly guarded: "no" | "by-text" | "by-catalogue";
  readonly mayPassUnparsed: boolean;
}

export function unavailable(): Fault {
  return new Fault("catalogue-unavailable", "the target's catalogue has not been read yet, so that statements can't be judged", {
    hint: "try again when the target can be reached",
  });
}

/** Views of one catalogue that are kept ready, by what they depend on besides it. */
export const VIEWS_MAX = 1000;
