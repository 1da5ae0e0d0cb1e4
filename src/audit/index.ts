/**
 * The index of open sessions, in SQLite: what `sessions` shows beside the sealed ones of the evidence log. It holds
 * metadata only, and losing it loses no evidence. One process writes it, any number read.
 */
import { closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { SESSION_SUMMARY } from "./record-schema.ts";
import type { SessionSummary } from "./records.ts";

/** How long a reader or writer waits for another's lock before it fails. */
const BUSY_MS = 5000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS open_sessions (
    id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    summary TEXT NOT NULL
  ) STRICT, WITHOUT ROWID
`;

/** The keeper's side. */
export class OpenSessions {
  readonly #database: DatabaseSync;
  readonly #upsert: StatementSync;
  readonly #remove: StatementSync;

  /** @throws Error if the file is no database or cannot be made */
  constructor(path: string) {
    // SQLite would make it readable for everyone; its side files take over the mode.
    closeSync(openSync(path, "a", 0o600));
    this.#database = new DatabaseSync(path, { timeout: BUSY_MS });
    // Readers are not kept waiting; a power cut may lose the last changes, which the evidence log holds anyway.
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    this.#database.exec(SCHEMA);
    this.#upsert = this.#database.prepare(
      "INSERT INTO open_sessions (id, started_at, summary) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET summary = excluded.summary",
    );
    this.#remove = this.#database.prepare("DELETE FROM open_sessions WHERE id = ?");
  }

  /** A session began, or its counts changed. */
  upsert(session: SessionSummary): void {
    this.#upsert.run(session.id, session.startedAt, JSON.stringify(session));
  }

  /** Several changes in one transaction. */
  upsertAll(sessions: Iterable<SessionSummary>): void {
    this.#database.exec("BEGIN");
    try {
      for (const session of sessions) this.upsert(session);
      this.#database.exec("COMMIT");
    } catch (cause) {
      this.#database.exec("ROLLBACK");
      throw cause;
    }
  }

  /** The session is sealed; an id that is not there is no error. */
  remove(id: string): void {
    this.#remove.run(id);
  }

  /** Forgets all: at start, when every left journal was sealed. */
  clear(): void {
    this.#database.exec("DELETE FROM open_sessions");
  }

  list(): SessionSummary[] {
    return listFrom(this.#database);
  }

  close(): void {
    this.#database.close();
  }
}

/**
 * The open sessions, oldest first, for a command beside a running gateway. A state file that does not exist holds none.
 *
 * @throws Error if it exists and cannot be read
 */
export function readOpenSessions(path: string): SessionSummary[] {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
  } catch (cause) {
    if (cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_CANTOPEN) return [];
    throw cause;
  }
  try {
    return listFrom(database);
  } finally {
    database.close();
  }
}

/** SQLite result code 14: with a read-only handle, there is no such file. */
const SQLITE_CANTOPEN = 14;

function listFrom(database: DatabaseSync): SessionSummary[] {
  const rows = database.prepare("SELECT summary FROM open_sessions ORDER BY started_at, id").all();
  return rows.map((row) => SESSION_SUMMARY.parse(JSON.parse(String(row["summary"]))));
}
