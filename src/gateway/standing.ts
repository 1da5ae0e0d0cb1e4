/** What the policy in force means for one principal on one target, as its sessions meet it. */
import type { MysqlJudge } from "#protocols/mysql/protocol.ts";
import type { Judge } from "#protocols/wire/judgement.ts";

/** What a principal may see on a target, and who judges its statements. */
export interface Standing {
  readonly underMask: boolean;
  readonly mayPassUnparsed: boolean;
  /** Under a mask, the schemas that names are resolved in; null otherwise. */
  readonly searchPath: readonly string[] | null;
  readonly judge: Judge;
  /** The same for MySQL, whose texts are read by the session's settings. */
  readonly mysqlJudge: MysqlJudge;
  /** Of the newest catalogue. */
  readonly isProtected: (tableOid: number, attribute: number) => boolean;
}
