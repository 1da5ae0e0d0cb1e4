/**
 * Finds what was done to recordings and evidence after the gateway wrote them: changed, cut, exchanged, renamed,
 * duplicated, missing and foreign recordings; changed, missing, reordered and inserted records. It needs the public key
 * only. With identities it also opens each recording and compares the chain inside with the evidence.
 */
import type { KeyObject } from "node:crypto";
import type { Decrypter } from "age-encryption";
import type { Checkpoint } from "./evidence-lines.ts";
import { judgeLog } from "./log-verdict.ts";
import { listRecordings } from "./recording-files.ts";
import { checkRecordings, type RecordingVerdict } from "./recordings-check.ts";

export interface VerifyOptions {
  readonly recordings: string;
  readonly evidence: string;
  readonly publicKey: KeyObject;
  /** From `parseIdentities`: opens recordings to check their insides too. */
  readonly identities?: Decrypter | undefined;
  /** Only this session's recording; the log is checked as a whole all the same. */
  readonly session?: string | undefined;
  /**
   * Ids of the sessions that run at the time of the call, e.g. from `readOpenSessions`; undefined when nobody can say, and
   * then no session counts as never sealed.
   */
  readonly openSessions?: (() => Iterable<string>) | undefined;
  /** Checkpoints kept elsewhere: the log must hold each of them. */
  readonly anchors?: readonly Checkpoint[] | undefined;
}

/** The log's outcome, last. */
export interface LogVerdict {
  /** Hash that the last checkpoint was signed over; null when there is none. */
  readonly checkpoint: string | null;
  /** Records that it covers. */
  readonly size: number;
  readonly ok: boolean;
  /** Everything wrong with the log, one sentence after the other; each begins with one word and a colon. */
  readonly problem: string | null;
  /** Sessions that were opened and are not sealed. */
  readonly open: number;
}

export type Verdict = RecordingVerdict | LogVerdict;

/**
 * Yields one verdict a recording, then the log's. What was tampered with is a verdict, never an exception.
 *
 * @throws the file system's errors, other than that a file is not there
 */
export async function* verify(options: VerifyOptions): AsyncGenerator<Verdict, void, undefined> {
  const { evidence, publicKey, identities, session, openSessions, anchors = [] } = options;
  // Files first: a recording is there a moment before the log says so.
  const files = await listRecordings(options.recordings);
  const { facts, last, problems } = await judgeLog({ evidence, publicKey, anchors, expected: [...files.bySession.keys()], openSessions });
  yield* checkRecordings({ identities, session }, files, facts);
  const open = [...facts.opened].filter((id) => !facts.sealed.has(id) && !facts.lost.has(id)).length;
  const problem = problems.length === 0 ? null : problems.join("; ");
  yield { checkpoint: last?.head ?? null, size: last?.size ?? 0, ok: problem === null, problem, open };
}
