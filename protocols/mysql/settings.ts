/**
 * What of a session decides how a text is read: current database, sql_mode, character set. Told by the server with each OK
 * packet (session tracking), so that it is exact when the next command is judged.
 *
 * Source: MySQL source documentation, "Session State Information"; MySQL manual, "Server SQL Modes".
 */
import { readSqlMode, type SqlMode } from "#protocols/sql/mysql/sql-mode.ts";
import type { TemporaryTables } from "#protocols/sql/mysql/temporary.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { PayloadCursor } from "./cursor.ts";

export interface Settings {
  readonly database: string | null;
  readonly sqlMode: SqlMode;
  /** character_set_client, as the server names it. */
  readonly charset: string;
  /** Of a session under a mask; none when left out. */
  readonly temporary?: TemporaryTables;
}

const TRACK = { systemVariables: 0, schema: 1 } as const;

/** @param changes of an OK packet. @throws Fault `malformed-message` */
export function applyChanges(settings: Settings, changes: Buffer): Settings {
  const cursor = new PayloadCursor(changes);
  let { database, sqlMode, charset } = settings;
  while (cursor.left > 0) {
    const type = cursor.uint8();
    const data = new PayloadCursor(cursor.lenencBytes());
    if (type === TRACK.schema) {
      const name = data.lenencBytes().toString("utf8");
      database = name === "" ? null : name;
    } else if (type === TRACK.systemVariables) {
      // MariaDB puts several into one entry.
      while (data.left > 0) {
        const name = data.lenencBytes().toString("utf8");
        const value = data.lenencBytes().toString("utf8");
        if (name === "sql_mode") sqlMode = readSqlMode(value);
        else if (name === "character_set_client") charset = value;
      }
    }
  }
  return { ...settings, database, sqlMode, charset };
}

/** Sets in which each byte below 0x80 is the ASCII character, wherever it stands. */
const JUDGEABLE: ReadonlySet<string> = new Set(
  (
    "utf8mb4 utf8mb3 utf8 ascii latin1 latin2 latin5 latin7 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 dec8 geostd8 greek hebrew " +
    "hp8 keybcs2 koi8r koi8u macce macroman tis620 armscii8 binary"
  ).split(" "),
);

/** @param charset as the server names it */
export function isJudgeable(charset: string): boolean {
  return JUDGEABLE.has(charset.toLowerCase());
}

/** @throws Fault `upstream-out-of-step`: in other sets a byte of a character could be read as a quote */
export function judgeable(settings: Settings): Settings {
  if (isJudgeable(settings.charset)) return settings;
  throw new Fault(
    "upstream-out-of-step",
    "the session's character_set_client is one in which statements can't be judged; the session ends",
  );
}
