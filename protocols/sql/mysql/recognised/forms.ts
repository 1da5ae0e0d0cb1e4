/**
 * Statements whose rights are settled by their form: transactions, locks, descriptions, and some administration. Sources: MySQL
 * manual, "Transactional and Locking Statements", "Utility Statements"; MariaDB documentation of the same.
 */
import type { Right } from "#policies/question.ts";
import { type Form, form } from "./form.ts";
import { SHOW } from "./show.ts";

export interface Known {
  readonly tag: string;
  readonly needs: readonly Right[];
  readonly matches: Form;
}

const CHARACTERISTIC = "{with consistent snapshot|read only|read write}";
const LEVEL = "isolation level {read uncommitted|read committed|repeatable read|serializable}";
const COMPLETION = "[work] [and [no] chain] [[no] release]";
const TABLE_READ = "@table [[as] @name] read [local]";
const TABLE_LOCK = `@table [[as] @name] {read [local]|[low_priority|concurrent] write [concurrent]}`;

/** The first that matches counts. */
const FORMS: readonly (readonly [notation: string, tag: string, ...needs: Right[]])[] = [
  [`start transaction [<${CHARACTERISTIC}>]`, "START TRANSACTION", "read"],
  ["begin [work]", "BEGIN", "read"],
  [`commit ${COMPLETION}`, "COMMIT", "read"],
  [`rollback ${COMPLETION}`, "ROLLBACK", "read"],
  ["rollback [work] to [savepoint] @name", "ROLLBACK", "read"],
  ["savepoint @name", "SAVEPOINT", "read"],
  ["release savepoint @name", "RELEASE SAVEPOINT", "read"],
  // As the server has it: a reader may keep others from writing, which SELECT in a serializable transaction does too.
  [`lock {table|tables} <${TABLE_READ}> [nowait|wait @number]`, "LOCK TABLES", "read"],
  [`lock {table|tables} <${TABLE_LOCK}> [nowait|wait @number]`, "LOCK TABLES", "write"],
  ["unlock {table|tables|instance}", "UNLOCK TABLES", "read"],
  ["lock instance for backup", "LOCK INSTANCE", "admin"],
  ["backup {unlock|lock @table|stage @name}", "BACKUP", "admin"],
  ["flush @plain", "FLUSH", "admin"],
  ["use @name", "USE", "read"],
  ["{describe|desc|explain} @table [@name|@string]", "DESCRIBE", "read"],
  ["{describe|desc|explain} [format = @value] for connection @number", "EXPLAIN", "admin"],
  // MariaDB runs the statement behind a bare ANALYZE; behind this one stands a table.
  ["{check|checksum|repair|optimize|analyze} [local|no_write_to_binlog] {table|tables} <@table> [@plain]", "CHECK TABLE", "schema"],
  [`set [session|local] transaction <{${LEVEL}|read only|read write}>`, "SET TRANSACTION", "read"],
  ["help @value", "HELP", "read"],
  ["do @rest", "DO", "write"],
  ["xa @plain", "XA", "write"],
  ["load {data|xml} [low_priority|concurrent] local infile @string [replace|ignore] into table @table @rest", "LOAD DATA LOCAL", "write"],
  ["load {data|xml} @rest", "LOAD DATA", "write", "admin"],
];

/** Behind DESCRIBE they begin a statement that is explained. */
export const EXPLAINED: ReadonlySet<string> = new Set(["select", "with", "table", "values", "insert", "replace", "update", "delete"]);

const BY_FIRST_WORD = new Map<string, readonly Known[]>([["show", SHOW]]);
for (const [notation, tag, ...needs] of FORMS) {
  const [, several, one = ""] = /^(?:\{([^}]+)\}|(\w+))/.exec(notation) ?? [];
  const known: Known = { tag, needs, matches: form(notation) };
  for (const word of several?.split("|") ?? [one]) BY_FIRST_WORD.set(word, [...(BY_FIRST_WORD.get(word) ?? []), known]);
}

/** @param word that a statement begins with, in small letters */
export function knownBy(word: string): readonly Known[] {
  return BY_FIRST_WORD.get(word) ?? [];
}
