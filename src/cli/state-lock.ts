/**
 * One gateway per state folder: two would write one evidence log, and share a port without a word where workers do. The
 * lock is SQLite's on a file of its own, so the system lets go of it when the process ends, however it ends.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure } from "./failure.ts";

/** SQLite result code 5: somebody else holds the lock. */
const SQLITE_BUSY = 5;

/**
 * Takes the lock beside the state file. The returned function gives it back.
 *
 * @throws Failure `already-running` when another process has it; the system's error when the file can't be made
 */
export function lockState(stateFile: string): () => void {
  const folder = dirname(stateFile);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    if (cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY) {
      throw new Failure("already-running", `another gateway runs on the state in ${folder}`, {
        hint: "stop it first, or give this one a state, recordings and evidence of its own",
        cause,
      });
    }
    throw cause;
  }
  return () => database.close();
}
