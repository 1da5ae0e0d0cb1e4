/** Judges an evidence folder as a whole, and gathers what its records say of sessions. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { CHECKPOINT_FILE, type Checkpoint, isSigned, LOG_FILE, parseCheckpoint } from "./evidence-lines.ts";
import { LogCheck } from "./log-check.ts";
import { LogLines } from "./log-lines.ts";
import type { EvidenceRecord, SealedRecording } from "./records.ts";
import { publicKeyFingerprint } from "./signing.ts";

/**
 * A log that is being written may end in the middle of a batch, or not know yet a recording that is there. It is read on
 * until it fits or stops growing; a batch takes milliseconds, and one that takes longer than this is not under way.
 */
const SETTLE_TRIES = 20;
const SETTLE_MS = 150;
/** While a session whose recording is there still runs, ten seconds: a disk may be slow to take the record of it. */
const SEALING_TRIES = 67;

/** What the log says of sessions, in its order. */
export interface Facts {
  readonly sealed: Map<string, SealedRecording>;
  readonly opened: Set<string>;
  /** Why, by session. */
  readonly lost: Map<string, string>;
  /** Sessions sealed more than once. */
  readonly twice: Set<string>;
  /** Opened, not sealed, and not running either; empty when nobody can say what runs. */
  readonly abandoned: Set<string>;
  /** PEM of the key that the log says it was opened with. */
  publicKey: string | undefined;
}

export interface LogJudgement {
  readonly facts: Facts;
  readonly last: Checkpoint | undefined;
  readonly problems: readonly string[];
}

export interface LogOptions {
  readonly evidence: string;
  readonly publicKey: KeyObject;
  /** Checkpoints that the log must hold, beside the one in its folder. */
  readonly anchors: readonly Checkpoint[];
  /** Sessions whose recordings are there: the log gets a moment to say so too. */
  readonly expected: readonly string[];
  /** The sessions that run at the time of the call; undefined when nobody can say. */
  readonly openSessions: (() => Iterable<string>) | undefined;
}

/**
 * Judges the log. A whole log is judged by its chain and its last signature; for one that is not, every signature is
 * checked, to say where it stops being whole.
 */
export async function judgeLog(options: LogOptions): Promise<LogJudgement> {
  const judged = await readLog(options, "last", SETTLE_TRIES);
  return judged.problems.length === 0 ? judged : await readLog(options, "all", 0);
}

async function readLog(options: LogOptions, signatures: "all" | "last", tries: number): Promise<LogJudgement> {
  const facts: Facts = {
    sealed: new Map(),
    opened: new Set(),
    lost: new Map(),
    twice: new Set(),
    abandoned: new Set(),
    publicKey: undefined,
  };
  const problems = foreignFiles(options.evidence);
  const beside = readBeside(options.evidence);
  if (typeof beside === "string") problems.push(beside);
  const wanted = new Set(typeof beside === "string" ? options.anchors : [beside, ...options.anchors]);
  const lines = openLog(options.evidence);
  if (lines === undefined) return { facts, last: undefined, problems: [...problems, "missing: there is no evidence log"] };
  const check = new LogCheck(options.publicKey, signatures);
  // A session whose recording is there is among the running ones until the log says so, however slow the disk.
  const isOpen = (ids: readonly string[]): boolean => {
    const running = new Set(ids.length === 0 ? [] : options.openSessions?.());
    return ids.some((id) => running.has(id));
  };
  const readOn = async () => {
    let wasOpen = false;
    for (let tried = 0; ; tried++) {
      const before = lines.offset;
      for (const line of lines.more()) {
        const parsed = check.line(line);
        if (parsed?.kind === "record") note(facts, parsed.record);
        if (parsed?.kind === "checkpoint") for (const anchor of wanted) if (isSame(anchor, parsed.checkpoint)) wanted.delete(anchor);
      }
      const missing = options.expected.filter((id) => !facts.sealed.has(id));
      if (tries === 0 || (check.unsigned === 0 && lines.tornBytes === 0 && missing.length === 0)) return;
      const goesOn = tried < tries && (tried === 0 || lines.offset !== before);
      const open = isOpen(missing);
      // One that has just ceased to run has its record behind what was read.
      if (!goesOn && !(tried < SEALING_TRIES && (open || wasOpen))) return;
      wasOpen = open;
      await wait(SETTLE_MS);
    }
  };
  try {
    await readOn();
    if (options.openSessions !== undefined) {
      // A session is among the running ones before the log says "opened", and until after it says "sealed". So one that
      // was open in the log, does not run now, and is not sealed even when the log is read on, was abandoned.
      const pending = [...facts.opened].filter((id) => !isSettled(facts, id));
      const running = new Set(pending.length === 0 ? [] : options.openSessions());
      await readOn();
      for (const id of pending) if (!running.has(id) && !isSettled(facts, id)) facts.abandoned.add(id);
    }
    problems.push(...check.finish(lines.tornBytes));
  } finally {
    lines.close();
  }
  for (const anchor of wanted) problems.push(tellAnchor(anchor, check.last, options.publicKey));
  if (problems.length > 0) problems.unshift(...otherKey(facts.publicKey, options.publicKey));
  return { facts, last: check.last, problems };
}

function isSettled(facts: Facts, id: string): boolean {
  return facts.sealed.has(id) || facts.lost.has(id);
}

function openLog(evidence: string): LogLines | undefined {
  try {
    return new LogLines(join(evidence, LOG_FILE));
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
}

function note(facts: Facts, record: EvidenceRecord): void {
  switch (record.type) {
    case "log-opened":
      facts.publicKey ??= record.publicKey;
      return;
    case "session-opened":
      facts.opened.add(record.session.id);
      return;
    case "session-sealed":
      if (facts.sealed.has(record.session.id)) facts.twice.add(record.session.id);
      else facts.sealed.set(record.session.id, record.recording);
      return;
    case "session-lost":
      facts.lost.set(record.sessionId, record.reason);
      return;
    case "handshake":
    case "log-repaired":
      return;
  }
}

/** The checkpoint file, or what is wrong with it. Read before the log, which may only be ahead of it. */
function readBeside(evidence: string): Checkpoint | string {
  let text: string;
  try {
    text = readFileSync(join(evidence, CHECKPOINT_FILE), "utf8");
  } catch (cause) {
    if (isMissing(cause)) return `missing: there is no file ${CHECKPOINT_FILE} beside the log`;
    throw cause;
  }
  return parseCheckpoint(text) ?? `changed: the file ${CHECKPOINT_FILE} holds no checkpoint`;
}

/** Files that the gateway does not put there. */
function foreignFiles(evidence: string): string[] {
  const own = new Set([LOG_FILE, CHECKPOINT_FILE, `${CHECKPOINT_FILE}.new`]);
  try {
    return readdirSync(evidence)
      .filter((name) => !own.has(name))
      .map((name) => `unknown: ${JSON.stringify(name)} does not belong into the evidence folder`);
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw cause;
  }
}

function isSame(a: Checkpoint, b: Checkpoint): boolean {
  return a.size === b.size && a.head === b.head && a.log === b.log && a.at === b.at && a.signature === b.signature;
}

function tellAnchor(anchor: Checkpoint, last: Checkpoint | undefined, key: KeyObject): string {
  if (!isSigned(anchor, key)) return `changed: the kept checkpoint of ${anchor.size} records is not signed by the given key`;
  const size = last?.size ?? 0;
  if (anchor.size > size) return `cut: the log ends after ${size} records, a checkpoint of ${anchor.size} was signed`;
  return `exchanged: the log does not hold the kept checkpoint of ${anchor.size} records`;
}

/** Said first where something is wrong: the wrong key makes everything look wrong. */
function otherKey(opened: string | undefined, given: KeyObject): string[] {
  if (opened === undefined) return [];
  let names: string;
  try {
    names = publicKeyFingerprint(createPublicKey(opened));
  } catch {
    return ["changed: the log's first record holds no public key"];
  }
  const fingerprint = publicKeyFingerprint(given);
  return names === fingerprint ? [] : [`key: the log says it is signed by ${names}, the given key is ${fingerprint}`];
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
