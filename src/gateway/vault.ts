/**
 * What the keeper alone writes: evidence, sealed recordings, the index of open sessions. Nothing is discarded before its
 * successor is durable, and what can't be written now is tried again; meanwhile no new session begins.
 */
import { type EvidenceLog, openEvidence } from "#src/audit/evidence.ts";
import { OpenSessions } from "#src/audit/index.ts";
import { knownSessions } from "#src/audit/known.ts";
import type { EvidenceRecord, SessionSummary } from "#src/audit/records.ts";
import { loadSigningKey } from "#src/audit/signing.ts";
import type { Config } from "#src/config/config.ts";
import type { Clock } from "#src/recording/clock.ts";
import { prepareJournals } from "#src/recording/journal.ts";
import { journalPaths } from "#src/recording/journal-format.ts";
import { parseRecipients, type Recipients } from "#src/recording/recipients.ts";
import { clearPartials, recover, setAside } from "#src/recording/recover.ts";
import { discard, seal } from "#src/recording/seal.ts";
import { type StateFolders, stateFolders } from "./state-folders.ts";

export interface VaultOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: (level: "info" | "warn" | "error", event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** Sessions sealed at the same time: sealing waits for the disk more than for the processor. */
const SEALS_MAX = 8;
const RETRY_MS = 5_000;

export class Vault {
  readonly #options: VaultOptions;
  readonly #folders: StateFolders;
  readonly #index: OpenSessions;
  #recipients: Recipients;
  readonly #evidence: EvidenceLog;
  readonly #waiting: SessionSummary[] = [];
  #sealing = 0;
  #failing: string | null = null;
  #idle: (() => void)[] = [];
  #recovering: Promise<void> = Promise.resolve();
  #closing = false;

  /** @throws EvidenceStartError, and what the file system throws: the gateway must not start then */
  static async open(options: VaultOptions): Promise<Vault> {
    const folders = stateFolders(options.config.state);
    prepareJournals(folders.journals);
    const evidence = await openLog(options, folders);
    const vault = new Vault(options, folders, evidence);
    await vault.#recover(undefined, "the gateway was killed");
    return vault;
  }

  constructor(options: VaultOptions, folders: StateFolders, evidence: EvidenceLog) {
    this.#options = options;
    this.#folders = folders;
    this.#evidence = evidence;
    this.#index = new OpenSessions(options.config.state.sqlite);
    this.#recipients = parseRecipients(options.config.recording.recipients);
  }

  /** Another configuration is in force: what is sealed from now on, whenever it began, is for its auditors. */
  reconfigured({ recording }: Pick<Config, "recording">): void {
    this.#recipients = parseRecipients(recording.recipients);
  }

  /** Why no new session may begin; null when one may. */
  get failing(): string | null {
    return this.#failing;
  }

  /** Resolves when the record is durable. @throws Fault `evidence-failed`; the log goes on once the disk has room again */
  async record(record: EvidenceRecord): Promise<void> {
    await this.#evidence.append(record);
  }

  /** @throws Fault `evidence-failed`, Error while earlier sessions can't be sealed */
  async sessionOpened(session: SessionSummary): Promise<void> {
    if (this.#failing !== null) throw new Error("recordings can't be sealed at the moment, so that no session may begin");
    // In the index from before the log says that it began until after it says that it was sealed: verify looks at both.
    this.#index.upsert(session);
    await this.record({ type: "session-opened", session });
  }

  progress(sessions: readonly SessionSummary[]): void {
    this.#indexed(() => this.#index.upsertAll(sessions));
  }

  /** The journal is closed and waits to be sealed. */
  sessionClosed(session: SessionSummary): void {
    this.#indexed(() => this.#index.upsert(session));
    this.#waiting.push(session);
    this.#sealNext();
  }

  /** A worker has died: what it left behind is sealed as far as it got, and tried again until it is. */
  recoverSessions(ids: ReadonlySet<string>): void {
    this.#recovering = this.#recovering.then(() => this.#recoverInTheEnd(ids));
  }

  /** Waits until everything is sealed, or can't be, then closes. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#recovering;
    if (this.#sealing > 0 || this.#waiting.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#evidence.close();
    this.#index.close();
  }

  #sealNext(): void {
    while (this.#sealing < SEALS_MAX) {
      const session = this.#waiting.shift();
      if (session === undefined) break;
      this.#sealing++;
      this.#seal(session)
        .catch((error: unknown) => this.#sealFailed(session, error))
        .finally(() => {
          this.#sealing--;
          this.#sealNext();
        });
    }
    if (this.#sealing === 0 && this.#waiting.length === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #seal(session: SessionSummary): Promise<void> {
    const paths = journalPaths(this.#folders.journals, session.id);
    const { recording } = await seal({
      journal: paths,
      recipients: this.#recipients,
      recordings: this.#options.config.recording.directory,
      clock: this.#options.clock,
      ending: { status: session.status, reason: null },
    });
    await this.record({ type: "session-sealed", session, recording });
    discard(paths);
    this.#indexed(() => this.#index.remove(session.id));
    this.#failing = null;
  }

  #sealFailed(session: SessionSummary, error: unknown): void {
    this.#failing = error instanceof Error ? error.message : String(error);
    this.#options.log("error", "sealing-failed", { session: session.id, message: this.#failing, retryMs: RETRY_MS });
    setTimeout(() => {
      this.#waiting.push(session);
      this.#sealNext();
    }, RETRY_MS).unref();
  }

  async #recoverInTheEnd(ids: ReadonlySet<string>): Promise<void> {
    for (;;) {
      try {
        await this.#recover(ids, "the worker process died");
        this.#failing = null;
        return;
      } catch (error) {
        this.#failing = error instanceof Error ? error.message : String(error);
        this.#options.log("error", "recovery-failed", { message: this.#failing, retryMs: RETRY_MS });
        // What is left then, the next start recovers.
        if (this.#closing) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** The index only saves readers of the log some work: what can't be written to it stops nothing. */
  #indexed(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#options.log("warn", "index-failed", { message: error instanceof Error ? error.message : String(error) });
    }
  }

  async #recover(only: ReadonlySet<string> | undefined, reason: string): Promise<void> {
    const { config, clock, log } = this.#options;
    if (only === undefined) clearPartials(config.recording.directory);
    const outcomes = recover({
      directory: this.#folders.journals,
      recipients: this.#recipients,
      recordings: config.recording.directory,
      clock,
      ending: { status: "recovered", reason },
      only,
      known: () => knownSessions(config.evidence.directory),
    });
    for await (const outcome of outcomes) {
      if (outcome.kind === "sealed") {
        await this.record({ type: "session-sealed", session: outcome.summary, recording: outcome.sealed.recording });
        discard(outcome.paths);
        log("warn", "session-recovered", { session: outcome.summary.id, reason });
      } else if (outcome.kind === "lost") {
        await this.record({ type: "session-lost", sessionId: outcome.paths.sessionId, reason: outcome.reason });
        setAside(outcome.paths);
        log("error", "session-lost", { session: outcome.paths.sessionId, reason: outcome.reason });
      }
      this.#indexed(() => this.#index.remove(outcome.paths.sessionId));
    }
    if (only === undefined) this.#index.clear();
  }
}

function openLog({ config, clock }: VaultOptions, folders: StateFolders): Promise<EvidenceLog> {
  const key = loadSigningKey(config.evidence.signingKey);
  return openEvidence({ directory: config.evidence.directory, stateFile: folders.checkpoint, key, clock });
}
