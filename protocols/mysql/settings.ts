/**
 * What of a session decides how a text is read: current database, sql_mode, character set. Told by the server with each OK
 * packet (session tracking), so that it is exact when the next command is judged.
 *
 * Source: MySQL source documentation, "Session State Information"; MySQL manual, "Server SQL Modes".
 */
import { readSqlMode, type SqlMode } from "#protocols/sql/mysql/sql-mode.ts";
import { PayloadCursor } from "./cursor.ts";

export interface Settings {
  readonly database: string | null;
  readonly sqlMode: SqlMode;
  /** character_set_client, as the server names it. */
  readonly charset: string;
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
  return { database, sqlMode, charset };
}
