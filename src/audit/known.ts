/** What an evidence log says of sessions: which were opened, which are sealed as what, which were lost. */

import { join } from "node:path";
import type { KnownSessions } from "#src/recording/recover.ts";
import { LOG_FILE, parseLine } from "./evidence-lines.ts";
import { LogLines } from "./log-lines.ts";
import type { EvidenceRecord, SessionSummary } from "./records.ts";

/** A line of the log that cannot be read; `verify` says more. */
export class EvidenceReadError extends Error {
  readonly line: number;

  constructor(line: number) {
    super(`line ${line} of the evidence log is neither a record nor a checkpoint`);
    this.name = "EvidenceReadError";
    this.line = line;
  }
}

/**
 * Yields the log's records, oldest first, without judging hashes or signatures: `verify` does.
 * A folder without a log holds none.
 *
 * @throws EvidenceReadError at a line that is none
 */
export function* readRecords(directory: string): Generator<EvidenceRecord, void, undefined> {
  let lines: LogLines;
  try {
    lines = new LogLines(join(directory, LOG_FILE));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return;
    throw cause;
  }
  try {
    for (const { number, text } of lines.more()) {
      const line = text === undefined ? undefined : parseLine(text);
      if (line === undefined) throw new EvidenceReadError(number);
      if (line.kind === "record") yield line.record;
    }
  } finally {
    lines.close();
  }
}

/** For recovery: what to do with a left journal. Reads the whole log once. */
export async function knownSessions(directory: string): Promise<KnownSessions> {
  const sealed = new Set<string>();
  const opened = new Map<string, SessionSummary>();
  for (const record of readRecords(directory)) {
    if (record.type === "session-opened") opened.set(record.session.id, record.session);
    if (record.type === "session-sealed") {
      sealed.add(record.session.id);
      opened.delete(record.session.id);
    }
  }
  return { sealed, opened };
}
