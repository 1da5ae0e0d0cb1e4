/**
 * The keeper: the main process, without data path. It starts the workers, writes what must be on record, seals what they
 * leave, carries cancellations between them, and ends them in order.
 */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { HandshakeRecord } from "#src/audit/records.ts";
import type { SeenCatalogue } from "#src/catalogue/seen.ts";
import type { Config, HostPort, LoadResult, Problem, Remark } from "#src/config/config.ts";
import { systemClock } from "#src/recording/clock.ts";
import { Admin } from "./admin.ts";
import { workerOf } from "./cancels.ts";
import { Catalogues } from "./catalogues.ts";
import type { Instruction, Listens, Report, ToKeeper, ToWorker } from "./ipc.ts";
import { Greetings, type NamedGreeting } from "./mysql/greetings.ts";
import { readGreetings, writeGreetings } from "./mysql/greetings-file.ts";
import { RetiredCatalogues } from "./retired.ts";
import { newSessionId } from "./session-id.ts";
import { stateFolders } from "./state-folders.ts";
import { Vault } from "./vault.ts";

export interface KeeperDeps {
  readonly load: () => Promise<LoadResult>;
  /** Starts a process that calls `runWorker`, with an IPC channel. */
  readonly fork: () => ChildProcess;
  readonly log: (level: "info" | "warn" | "error", event: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface Addresses extends Listens {
  readonly admin: HostPort | null;
}

export type ReloadOutcome =
  | { readonly kind: "reloaded"; readonly version: string }
  | { readonly kind: "refused"; readonly problems: readonly Problem[] };

export interface RunningGateway {
  readonly addresses: Addresses;
  /** Takes the file up anew, all or nothing. @throws Error when a worker could not follow, and goes on with what was before */
  reload(): Promise<ReloadOutcome>;
  /** Drains and ends: sessions finish what they run, recordings are sealed. */
  stop(): Promise<void>;
}

/** How often a worker may die within a minute before the gateway gives up. */
const RESTARTS_PER_MINUTE = 10;

/** Before another try, when one did not even start: the configuration on disk may be broken at the moment. */
const RESTART_MS = 1000;

interface WorkerProcess {
  readonly number: number;
  readonly child: ChildProcess;
  readonly sessions: Set<string>;
  ready: boolean;
}

/** Masking rules for what is not there: the gateway does not start with any. */
export class RulesError extends Error {
  readonly remarks: readonly Remark[];

  constructor(remarks: readonly Remark[]) {
    super(`${remarks.length === 1 ? "a masking rule does" : "masking rules do"} not fit the target's schema`);
    this.remarks = remarks;
  }
}

/** @throws Error, EvidenceStartError, RulesError: the gateway could not start, and nothing of it is left running */
export async function runKeeper(config: Config, deps: KeeperDeps): Promise<RunningGateway> {
  const keeper = new Keeper(config, deps, await Vault.open({ config, clock: systemClock, log: deps.log }));
  try {
    return await keeper.start();
  } catch (error) {
    await keeper.stop();
    throw error;
  }
}

class Keeper {
  #config: Config;
  readonly #deps: KeeperDeps;
  readonly #vault: Vault;
  readonly #workers = new Map<number, WorkerProcess>();
  readonly #ticketKeys = randomBytes(48).toString("hex");
  readonly #gateway = newSessionId();
  /** Workers that there should be; a reload does not change it. */
  readonly #processes: number;
  #catalogues: Catalogues;
  readonly #retired: RetiredCatalogues;
  readonly #greetings: Greetings;
  #listen: Listens;
  #admin: Admin | null = null;
  #phase: "starting" | "serving" | "stopping" = "starting";
  #restarts: number[] = [];
  #reloads = new Map<number, (error: string | null) => void>();

  constructor(config: Config, deps: KeeperDeps, vault: Vault) {
    this.#config = config;
    this.#deps = deps;
    this.#vault = vault;
    this.#listen = config.listen;
    this.#processes = config.workers;
    this.#greetings = new Greetings(this.#greetingsKept(), (news) => this.#onGreeting(news));
    this.#catalogues = this.#cataloguesOf(config, undefined);
    this.#retired = new RetiredCatalogues((name) => {
      if (!this.#catalogues.has(name)) this.#broadcast({ type: "catalogue", name, catalogue: null });
    });
  }

  async start(): Promise<RunningGateway> {
    await this.#catalogues.start();
    const { errors } = this.#catalogues;
    if (errors.length > 0) throw new RulesError(errors);
    this.#catalogues.takeForce();
    const { workers, listen } = this.#config;
    // The first worker settles a port 0; the others bind the same.
    const bound = await this.#startWorker(1);
    this.#listen = bound;
    await Promise.all(Array.from({ length: workers - 1 }, (_, index) => this.#startWorker(index + 2)));
    let admin: HostPort | null = null;
    if (listen.admin !== null) {
      this.#admin = new Admin({ notReady: () => this.#notReady() });
      admin = await this.#admin.listen(listen.admin);
    }
    this.#phase = "serving";
    return { addresses: { ...bound, admin }, reload: () => this.#reload(), stop: () => this.stop() };
  }

  async stop(): Promise<void> {
    this.#phase = "stopping";
    this.#admin?.close();
    this.#catalogues.stop();
    this.#retired.stop();
    const ends = [...this.#workers.values()].map((worker) => {
      const ended = new Promise<void>((resolve) => worker.child.once("exit", () => resolve()));
      send(worker, { type: "drain" });
      return worker.child.exitCode === null && worker.child.signalCode === null ? ended : undefined;
    });
    await Promise.all(ends);
    await this.#vault.close();
  }

  #cataloguesOf(config: Config, before: Catalogues | undefined): Catalogues {
    const options = {
      config,
      context: { sessionId: null, record: (record: HandshakeRecord) => this.#ownHandshake(record), now: systemClock.now },
      onCatalogue: (name: string, catalogue: SeenCatalogue) => this.#broadcast({ type: "catalogue", name, catalogue }),
      greetings: this.#greetings,
      onFit: (target: string) => this.#broadcast({ type: "fits", target }),
      log: this.#deps.log,
    };
    return new Catalogues(options, before);
  }

  /** None where they can't be read: clients are then greeted as if no target had been reached yet. */
  #greetingsKept(): readonly NamedGreeting[] {
    try {
      return readGreetings(stateFolders(this.#config.state).greetings);
    } catch {
      this.#deps.log("warn", "greetings-unreadable", { file: stateFolders(this.#config.state).greetings });
      return [];
    }
  }

  #onGreeting(news: NamedGreeting): void {
    this.#broadcast({ type: "greeting", news });
    try {
      writeGreetings(stateFolders(this.#config.state).greetings, this.#greetings.known());
    } catch (error) {
      this.#logFailure("greetings-not-kept", error);
    }
  }

  async #refresh(name: string): Promise<void> {
    await Promise.all([this.#catalogues.refresh(name), this.#retired.refresh(name)]);
  }

  #broadcast(instruction: Instruction): void {
    for (const worker of this.#workers.values()) send(worker, instruction);
  }

  #notReady(): string | null {
    if (this.#phase === "stopping") return "shutting down";
    const serving = [...this.#workers.values()].filter(({ ready }) => ready).length;
    if (this.#phase === "starting" || serving < this.#processes) return "a worker is starting";
    return this.#vault.failing === null ? null : "recordings can't be sealed";
  }

  /** @returns the addresses that the worker listens on. @throws Error when it could not start */
  #startWorker(number: number): Promise<Listens> {
    const child = this.#deps.fork();
    const worker: WorkerProcess = { number, child, sessions: new Set(), ready: false };
    this.#workers.set(number, worker);
    return new Promise((resolve, reject) => {
      child.on("message", (message: ToKeeper) => {
        if (message.type === "listening") {
          worker.ready = true;
          resolve(message.addresses);
        } else if (message.type === "failed") reject(new Error(message.message));
        else this.#onMessage(worker, message);
      });
      child.on("exit", (code, signal) => {
        reject(new Error(`a worker process ended at its start (${signal ?? code})`));
        this.#onExit(worker, code, signal);
      });
      child.on("error", reject);
      send(worker, {
        type: "start",
        worker: number,
        version: this.#config.version,
        ticketKeys: this.#ticketKeys,
        listen: this.#listen,
        gateway: this.#gateway,
        catalogues: this.#catalogues.known(),
        fitting: this.#catalogues.fitting,
        greetings: this.#greetings.known(),
      });
    });
  }

  #onMessage(worker: WorkerProcess, message: Report): void {
    switch (message.type) {
      case "handshake":
        this.#answer(worker, message.id, this.#recordHandshake(message.record));
        return;
      case "session-opened":
        worker.sessions.add(message.session.id);
        this.#answer(worker, message.id, this.#vault.sessionOpened(message.session));
        return;
      case "session-progress":
        this.#vault.progress(message.sessions);
        return;
      case "session-closed":
        worker.sessions.delete(message.session.id);
        this.#retired.ended([message.session.id]);
        this.#vault.sessionClosed(message.session);
        return;
      case "refresh":
        this.#answer(worker, message.id, this.#refresh(message.name));
        return;
      case "greeting":
        if (this.#greetings.take(message.news)) this.#onGreeting(message.news);
        return;
      case "cancel": {
        const owner = this.#workers.get(workerOf(message.request.processId));
        if (owner !== undefined) send(owner, { type: "cancel", request: message.request });
        return;
      }
      case "kill": {
        const owner = this.#workers.get(workerOf(message.request.processId));
        if (owner !== undefined) send(owner, { type: "kill", request: message.request });
        return;
      }
      case "reloaded":
        this.#reloads.get(worker.number)?.(message.error);
        return;
      case "log":
        this.#deps.log(message.level, message.event, { worker: worker.number, ...message.fields });
        return;
    }
  }

  async #recordHandshake(record: HandshakeRecord): Promise<void> {
    await this.#vault.record({ type: "handshake", handshake: record });
    this.#deps.log(record.outcome === "ok" ? "info" : "warn", "handshake", { ...record });
  }

  /** Of the catalogue reader. A log that can't be written ends the sessions, which ask for more of it. */
  #ownHandshake(record: HandshakeRecord): void {
    this.#recordHandshake(record).catch((error: unknown) => this.#logFailure("evidence-failed", error));
  }

  #answer(worker: WorkerProcess, id: number, work: Promise<void>): void {
    work.then(
      () => send(worker, { type: "answer", id, error: null }),
      (error: unknown) => send(worker, { type: "answer", id, error: error instanceof Error ? error.message : "failed" }),
    );
  }

  #onExit(worker: WorkerProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#workers.get(worker.number) === worker) this.#workers.delete(worker.number);
    this.#reloads.get(worker.number)?.("the worker ended");
    this.#retired.ended(worker.sessions);
    if (worker.sessions.size > 0) this.#vault.recoverSessions(worker.sessions);
    if (this.#phase !== "serving") return;
    this.#deps.log("error", "worker-ended", { worker: worker.number, code, signal });
    const now = systemClock.monotonicMs();
    this.#restarts = [...this.#restarts.filter((at) => now - at < 60_000), now];
    const delay = this.#restarts.length > RESTARTS_PER_MINUTE ? 60_000 : worker.ready ? 0 : RESTART_MS;
    setTimeout(() => {
      if (this.#phase === "serving") this.#startWorker(worker.number).catch((error: unknown) => this.#logFailure("worker-failed", error));
    }, delay);
  }

  async #reload(): Promise<ReloadOutcome> {
    const result = await this.#deps.load();
    if (result.kind === "refused") return { kind: "refused", problems: result.problems };
    const before = this.#catalogues;
    const next = this.#cataloguesOf(result.config, before);
    await next.start();
    if (next.errors.length > 0 || this.#phase !== "serving") {
      next.stop();
      return { kind: "refused", problems: next.errors.map((remark) => result.locate("error", remark)) };
    }
    this.#config = result.config;
    this.#vault.reconfigured(result.config);
    this.#catalogues = next;
    // What the old ones find amiss is no longer told: it would speak of the configuration before.
    before.retire(next);
    next.takeForce();
    const errors = await this.#reloadWorkers(result.config.version, next.fitting);
    // A login under way that began before, and opens its session only now, finds no catalogue where the target was, and ends.
    this.#retired.add(
      before,
      [...this.#workers.values()].flatMap(({ sessions }) => [...sessions]),
    );
    // Workers that end since the gateway stops have not failed to follow.
    if (this.#phase !== "serving") return { kind: "refused", problems: [] };
    const [error] = errors;
    if (error !== undefined) throw new Error(error);
    return { kind: "reloaded", version: result.config.version };
  }

  /** @returns why workers could not follow */
  async #reloadWorkers(version: string, fitting: readonly string[]): Promise<readonly string[]> {
    const answers = [...this.#workers.values()].map(
      (worker) =>
        new Promise<string | null>((resolve) => {
          this.#reloads.set(worker.number, (error) => resolve(error === null ? null : `worker ${worker.number}: ${error}`));
          send(worker, { type: "reload", version, fitting });
        }),
    );
    const errors = await Promise.all(answers);
    this.#reloads.clear();
    return errors.filter((error) => error !== null);
  }

  #logFailure(event: string, error: unknown): void {
    this.#deps.log("error", event, { message: error instanceof Error ? error.message : String(error) });
  }
}

/** A worker that has ended can't be told anything; its end is dealt with where it is noticed. */
function send(worker: WorkerProcess, message: ToWorker): void {
  if (worker.child.connected) worker.child.send(message, ignore);
}

function ignore(): void {
  // See above.
}
