/** Compares the sealed recordings in a folder with what the evidence log says of them. */
import type { Decrypter } from "age-encryption";
import { readRecording } from "#src/recording/read.ts";
import { RecordingError } from "#src/recording/recording-error.ts";
import type { Facts } from "./log-verdict.ts";
import { digestFile, type RecordingFile, type RecordingFiles, sealedMeanwhile } from "./recording-files.ts";
import type { SealedRecording } from "./records.ts";

/** One recording's outcome. `problem` begins with one word and a colon: what was done. */
export interface RecordingVerdict {
  readonly id: string;
  readonly ok: boolean;
  readonly problem: string | null;
}

export interface RecordingsOptions {
  /** Opens recordings to check their insides too. */
  readonly identities: Decrypter | undefined;
  /** Only this session. */
  readonly session: string | undefined;
}

/** Yields a verdict on every recording: those on record first, in the log's order, then what is on no record. */
export async function* checkRecordings(options: RecordingsOptions, files: RecordingFiles, facts: Facts): AsyncGenerator<RecordingVerdict> {
  const check = new RecordingsCheck(options, files, facts);
  const wanted = (id: string) => options.session === undefined || options.session === id;
  for (const [id, sealed] of facts.sealed) if (wanted(id)) yield verdict(id, await check.sealed(sealed));
  for (const id of facts.opened) {
    if (facts.sealed.has(id) || !wanted(id)) continue;
    const lost = facts.lost.get(id);
    if (lost !== undefined) yield verdict(id, `lost: the gateway could not seal it: ${lost}`);
    else if (facts.abandoned.has(id) && !files.bySession.has(id)) yield verdict(id, "missing: it was opened and never sealed");
  }
  for (const [id, reason] of facts.lost) {
    if (!facts.opened.has(id) && wanted(id)) yield verdict(id, `lost: the gateway could not seal it: ${reason}`);
  }
  for (const [id, list] of files.bySession) {
    if (facts.sealed.has(id) || !wanted(id)) continue;
    for (const file of list) yield verdict(id, await check.foreign(file));
  }
  if (options.session === undefined) {
    for (const file of files.others) yield verdict(file.file, await check.foreign(file));
  } else if (!facts.sealed.has(options.session) && !facts.opened.has(options.session) && !files.bySession.has(options.session)) {
    yield verdict(options.session, "unknown: no such session is on record");
  }
}

function verdict(id: string, problem: string | null): RecordingVerdict {
  return { id, ok: problem === null, problem };
}

class RecordingsCheck {
  readonly #options: RecordingsOptions;
  readonly #files: RecordingFiles;
  readonly #facts: Facts;
  /** Whose recording the bytes are, by their hash. */
  readonly #owners: ReadonlyMap<string, string>;

  constructor(options: RecordingsOptions, files: RecordingFiles, facts: Facts) {
    this.#options = options;
    this.#files = files;
    this.#facts = facts;
    this.#owners = new Map([...facts.sealed].map(([id, { sha256 }]) => [sha256, id]));
  }

  /** What is wrong with a recording that is on record, or null. */
  async sealed(sealed: SealedRecording): Promise<string | null> {
    const id = sealed.sessionId;
    if (this.#facts.twice.has(id)) return "duplicated: the log says twice that it was sealed";
    const [file, ...more] = this.#files.bySession.get(id) ?? (await sealedMeanwhile(this.#files.root, sealed));
    if (file === undefined) return `missing: there is no file ${shown(sealed.file)}`;
    if (more.length > 0) return `duplicated: ${[file, ...more].map(({ file: name }) => shown(name)).join(" and ")} both claim to be it`;
    const name = sealed.file.slice(sealed.file.lastIndexOf("/") + 1);
    if (file.name !== name) return `renamed: ${shown(file.file)} was ${name}`;
    const digest = await digestFile(file.path);
    if (digest.sha256 !== sealed.sha256) return this.#changed(file, digest, sealed);
    return this.#options.identities === undefined ? null : await this.#inside(file, sealed, this.#options.identities);
  }

  /** What a file is that no record names. */
  async foreign(file: RecordingFile): Promise<string> {
    const { sha256 } = await digestFile(file.path);
    const owner = this.#owners.get(sha256);
    if (owner !== undefined) return `renamed: ${shown(file.file)} holds the recording of ${owner}`;
    return `unknown: ${shown(file.file)} is on no record`;
  }

  #changed(file: RecordingFile, digest: { sha256: string; bytes: number }, sealed: SealedRecording): string {
    const owner = this.#owners.get(digest.sha256);
    if (owner !== undefined) return `exchanged: ${shown(file.file)} holds the recording of ${owner}`;
    if (digest.bytes < sealed.bytes) return `cut: ${shown(file.file)} has ${digest.bytes} bytes of ${sealed.bytes}`;
    return `changed: ${shown(file.file)} is not the file that was sealed: its SHA-256 is ${digest.sha256}, on record is ${sealed.sha256}`;
  }

  async #inside(file: RecordingFile, sealed: SealedRecording, identities: Decrypter): Promise<string | null> {
    try {
      const events = readRecording(file.path, identities);
      let step = await events.next();
      while (step.done !== true) {
        if (step.value.kind === "session-start" && step.value.session !== sealed.sessionId) {
          return `exchanged: ${shown(file.file)} holds the session ${shown(step.value.session)}`;
        }
        step = await events.next();
      }
      const { head, events: count } = step.value;
      if (head === sealed.head && count === sealed.events) return null;
      return `changed: ${shown(file.file)} holds ${count} events up to ${head}, on record are ${sealed.events} up to ${sealed.head}`;
    } catch (cause) {
      if (!(cause instanceof RecordingError)) throw cause;
      return `${cause.problem}: ${shown(file.file)}: ${cause.message}`;
    }
  }
}

/** A name from the file system may hold anything: quoted where it is not plain. */
function shown(name: string): string {
  return /^[\w./-]+$/.test(name)
    ? name
    : JSON.stringify(name).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
