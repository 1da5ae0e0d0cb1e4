/**
 * Finds the journals that nobody will continue - of a gateway that was killed, or of a worker that died - and seals
 * them. What a torn write left behind the last whole block is cut; everything that was flushed is kept.
 */
import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { SessionSummary } from "#src/audit/records.ts";
import type { Clock } from "./clock.ts";
import { isSessionId, type JournalPaths, journalPaths } from "./journal-format.ts";
import { JournalError } from "./journal-reader.ts";
import type { Recipients } from "./recipients.ts";
import { discard, type Sealed, seal } from "./seal.ts";
import { SessionCounter } from "./summary.ts";
import type { Ending } from "./tail.ts";

export interface RecoverOptions {
  /** Where open journals lie. */
  readonly directory: string;
  readonly recipients: Recipients;
  readonly recordings: string;
  readonly clock: Clock;
  /** What the added `session-end` says, e.g. `{ status: "recovered", reason: "the gateway was killed" }`. */
  readonly ending: Ending;
  /** Only these sessions; undefined for all, which is right when no worker runs. */
  readonly only: ReadonlySet<string> | undefined;
  /** Asked once, and only when there is a journal: what the evidence log already says of sessions. */
  readonly known: () => Promise<KnownSessions>;
}

export interface KnownSessions {
  /** Recordings on record: their journals only wait to be deleted. */
  readonly sealed: ReadonlySet<string>;
  /** Sessions opened and not sealed, for a journal that holds no event. */
  readonly opened: ReadonlyMap<string, SessionSummary>;
}

/**
 * One journal's outcome. After `sealed`, append `session-sealed` to the evidence log, then `discard(paths)`; after `lost`,
 * append `session-lost`, then `setAside(paths)`. Nothing is left to do after the other two.
 */
export type Recovered =
  | { readonly kind: "sealed"; readonly paths: JournalPaths; readonly sealed: Sealed; readonly summary: SessionSummary }
  | { readonly kind: "lost"; readonly paths: JournalPaths; readonly reason: string }
  /** Its recording was on record already. */
  | { readonly kind: "finished"; readonly paths: JournalPaths }
  /** A key without a journal: the session never wrote anything. */
  | { readonly kind: "unbegun"; readonly paths: JournalPaths };

const JOURNAL = ".journal";
const KEY = ".key";
const LOST = ".lost";

/**
 * Seals left journals one after the other.
 *
 * @throws what `seal` throws but `JournalError`, which is an outcome: a full disk stops recovery, a broken journal does not
 */
export async function* recover(options: RecoverOptions): AsyncGenerator<Recovered, void, undefined> {
  const left = leftJournals(options.directory, options.only);
  if (left.length === 0) return;
  const known = await options.known();
  for (const { paths, hasJournal } of left) {
    if (!hasJournal || known.sealed.has(paths.sessionId)) {
      discard(paths);
      yield { kind: hasJournal ? "finished" : "unbegun", paths };
    } else {
      yield await recoverOne(options, paths, known);
    }
  }
}

/** Keeps an unreadable journal for a person to look at, under another name, so that it is reported once. */
export function setAside(paths: JournalPaths): void {
  for (const path of [paths.journal, paths.key]) {
    try {
      renameSync(path, `${path}${LOST}`);
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    }
  }
}

/** Deletes what an interrupted `seal` left among the recordings. Only while no session is being sealed. */
export function clearPartials(recordings: string): void {
  for (const entry of readdirSync(recordings, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.startsWith(".") && entry.name.endsWith(".partial")) rmSync(join(entry.parentPath, entry.name));
  }
}

async function recoverOne(options: RecoverOptions, paths: JournalPaths, known: KnownSessions): Promise<Recovered> {
  const counter = new SessionCounter();
  const { recipients, recordings, clock, ending } = options;
  try {
    const sealed = await seal({ journal: paths, recipients, recordings, clock, ending, onLine: (line) => counter.line(line) });
    const summary = counter.summary(sealed) ?? summaryWithoutEvents(sealed, known.opened.get(paths.sessionId));
    return { kind: "sealed", paths, sealed, summary };
  } catch (cause) {
    if (!(cause instanceof JournalError)) throw cause;
    return { kind: "lost", paths, reason: `${cause.problem}: ${cause.message}` };
  }
}

function summaryWithoutEvents(sealed: Sealed, opened: SessionSummary | undefined): SessionSummary {
  const { startedAt, endedAt, status } = sealed;
  if (opened !== undefined) return { ...opened, endedAt, status };
  const id = sealed.recording.sessionId;
  const principal = { issuer: "", name: "", groups: [], actor: null };
  const counts = { statements: 0, rows: 0, maskedCells: 0, denied: 0, bytes: 0 };
  return { id, startedAt, endedAt, principal, target: "", protocol: "postgres", remote: "", label: "", ...counts, status };
}

interface LeftJournal {
  readonly paths: JournalPaths;
  readonly hasJournal: boolean;
}

function leftJournals(directory: string, only: ReadonlySet<string> | undefined): LeftJournal[] {
  const names = new Set(readdirSync(directory));
  const ids = new Set<string>();
  for (const name of names) {
    const suffix = [JOURNAL, KEY].find((ending) => name.endsWith(ending));
    if (suffix !== undefined) ids.add(name.slice(0, -suffix.length));
  }
  return [...ids]
    .filter((id) => isSessionId(id) && (only === undefined || only.has(id)))
    .sort()
    .map((id) => ({ paths: journalPaths(directory, id), hasJournal: names.has(`${id}${JOURNAL}`) }));
}
