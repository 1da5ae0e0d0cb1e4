/** What a MySQL session asks of the outside: judgements of its texts, and the end of other sessions' work. */
import type { NamedStatement } from "#protocols/sql/mysql/named-statement.ts";
import type { LocalFile } from "#protocols/sql/mysql/recognised/local-file.ts";
import type { TemporaryChange, TemporaryTables } from "#protocols/sql/mysql/temporary.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import type { Settings } from "./settings.ts";

/** What the gateway itself does in the place of the server. */
export type Instead =
  /** KILL: `connection` ends the session, else only what it runs. */
  { readonly kind: "kill"; readonly id: number; readonly connection: boolean };

export interface MysqlJudgement extends Judgement {
  /** Set when the text is one statement that the gateway carries out itself. */
  readonly instead: Instead | null;
  /** Set where the text has LOAD DATA LOCAL: the file that the server may ask for, null where it can't be told for certain. */
  readonly localFile: LocalFile | null;
  /** The statements of a text of several, each judged by itself; empty where there is one, or none is told apart. */
  readonly several: readonly StackedStatement[];
  /** It is INSERT or REPLACE and nothing else: the id that comes back was made for one of its rows. */
  readonly inserts: boolean;
  /** Set when the text is one PREPARE, EXECUTE or DEALLOCATE; of PREPARE all the rest is what it prepares. */
  readonly named: NamedStatement | null;
  /** It may prepare statements by name without anybody seeing which: what a procedure does, or what was not understood. */
  readonly mayPrepare: boolean;
  /** It is SET of more than one setting: those at its beginning stay when it fails. */
  readonly setsSeveral: boolean;
  /** What it does to the session's temporary tables under a mask; of PREPARE, what EXECUTE does. */
  readonly temporary: TemporaryChange | null;
  /** As `holds`, where the session has these temporary tables now. */
  readonly holdsWith: (temporary: TemporaryTables) => boolean;
}

/** One statement of a text of several. */
export interface StackedStatement {
  /** Places are those of the whole text. */
  readonly judgement: MysqlJudgement;
  /** Its own text, by which it can be judged anew. */
  readonly sql: string;
  /** By which it was judged: those that the statements before it should leave. */
  readonly settings: Settings;
  /** Where it stands in the text; see `bytesOf`. */
  readonly behind: number | null;
  readonly before: number | null;
}

export type MysqlJudge = (sql: string, settings: Settings) => MysqlJudgement | Promise<MysqlJudgement>;

export interface SessionEffects {
  /** @returns false where it is known that the principal has no such session */
  readonly kill: (id: number, connection: boolean) => boolean;
  /** Keyed digest of a value that must not stand in the record. */
  readonly digestOf: (value: Buffer) => string;
}
