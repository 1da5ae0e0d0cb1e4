/**
 * A worker: one process of the data path. It reads the same configuration as the keeper, listens, and serves
 * connections; what must be on record it sends to the keeper and waits.
 */

import { isDeepStrictEqual } from "node:util";
import { loadMysqlGrammar } from "#protocols/mysql/protocol.ts";
import { loadGrammar } from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { SeenCatalogue } from "#src/catalogue/seen.ts";
import type { Config, HostPort, LoadResult, Protocol } from "#src/config/config.ts";
import { createIdentity } from "#src/identity/identity.ts";
import type { Identity } from "#src/identity/proof.ts";
import { systemClock } from "#src/recording/clock.ts";
import { openDigests } from "#src/recording/digests.ts";
import { prepareJournals } from "#src/recording/journal.ts";
import { Slabs } from "#src/recording/slabs.ts";
import { Budget } from "./budget.ts";
import { type CancelKey, Cancels, workerOf } from "./cancels.ts";
import { Connection } from "./connection.ts";
import { connectionsWithin, descriptorLimit } from "./descriptors.ts";
import type { Front } from "./front.ts";
import { CleartextFront } from "./http/cleartext.ts";
import { HttpsFront } from "./http/front.ts";
import { HttpServers } from "./http/servers.ts";
import type { Instruction, KillRequest, Start, ToKeeper, ToWorker } from "./ipc.ts";
import { KeeperLink } from "./keeper-link.ts";
import { type Deadlines, UNAUTHENTICATED_PER_ADDRESS } from "./limits.ts";
import { Listener } from "./listener.ts";
import { MysqlFront } from "./mysql/front.ts";
import { Greetings } from "./mysql/greetings.ts";
import { POSTGRES_FRONT } from "./postgres/front.ts";
import { Runtime } from "./runtime.ts";
import { newSessionId } from "./session-id.ts";
import { stateFolders } from "./state-folders.ts";
import type { WorkerSelf } from "./worker-self.ts";

export interface WorkerDeps {
  readonly load: () => Promise<LoadResult>;
  readonly send: (message: ToKeeper) => void;
  /** Called with the handler for what the keeper sends. */
  readonly receive: (handler: (message: ToWorker) => void) => void;
  /** Ends the process: nothing is left to do. */
  readonly exit: (code: number) => void;
  readonly deadlines: Deadlines;
}

const PROGRESS_MS = 1000;
/** At the end, for what no session waits for. */
const LAST_WORK_MS = 2000;

export function runWorker(deps: WorkerDeps): void {
  const link = new KeeperLink(deps.send);
  let worker: Worker | null = null;
  // What comes while a worker starts counts as well: a schema that changed, a reload, the end. Nobody says it twice.
  const early: Instruction[] = [];
  const onMade = (made: Worker): void => {
    worker = made;
    for (const instruction of early.splice(0)) made.onMessage(instruction);
  };
  deps.receive((message) => {
    if (message.type === "answer") link.onAnswer(message.id, message.error);
    else if (message.type !== "start") {
      if (worker === null) early.push(message);
      else worker.onMessage(message);
    } else {
      Worker.start(message, deps, link, onMade).catch((error: unknown) => {
        deps.send({ type: "failed", message: error instanceof Error ? error.message : String(error) });
        deps.exit(1);
      });
    }
  });
}

class Worker {
  readonly #deps: WorkerDeps;
  readonly #link: KeeperLink;
  readonly #start: Start;
  readonly #catalogues: Map<string, SeenCatalogue>;
  readonly #cancels: Cancels;
  readonly #greetings: Greetings;
  readonly #self: WorkerSelf;
  /** Of the newest configuration that was announced. */
  #fitting: Set<string>;
  readonly #background = new Set<Promise<unknown>>();
  #runtime: Runtime;
  #draining = false;
  readonly #listeners: Listener[] = [];

  /** @param onMade is handed the worker before it listens */
  static async start(start: Start, deps: WorkerDeps, link: KeeperLink, onMade: (made: Worker) => void): Promise<void> {
    const config = await loadSame(deps, start.version);
    await loadGrammars(config);
    const worker = new Worker(start, deps, link, config);
    onMade(worker);
    if (!worker.#draining) await worker.#listen(config);
  }

  constructor(start: Start, deps: WorkerDeps, link: KeeperLink, config: Config) {
    this.#deps = deps;
    this.#link = link;
    this.#start = start;
    this.#catalogues = new Map(start.catalogues);
    this.#fitting = new Set(start.fitting);
    this.#cancels = new Cancels(start.worker);
    this.#greetings = new Greetings(start.greetings, (news) => link.tell({ type: "greeting", news }));
    const folders = stateFolders(config.state);
    prepareJournals(folders.journals);
    const digests = openDigests(folders.digestKey);
    this.#self = {
      gateway: start.gateway,
      link,
      clock: systemClock,
      cancels: this.#cancels,
      budget: new Budget(),
      journals: { directory: folders.journals, slabs: new Slabs() },
      deadlines: deps.deadlines,
      newId: newSessionId,
      digestOf: (value) => digests.digest(value),
      cancel: (key, remote) => this.#cancel(key, remote),
      kill: (request) => this.#kill(request),
      refresh: (name) => (this.#catalogues.has(name) ? link.refresh(name) : Promise.resolve()),
      log: (level, event, fields) => link.tell({ type: "log", level, event, fields }),
      background: (work) => this.#inBackground(work),
    };
    this.#runtime = this.#runtimeOf(config, digests.digest.bind(digests), identityOf(config));
    setInterval(() => this.#everySecond(), PROGRESS_MS).unref();
  }

  onMessage(message: Instruction): void {
    switch (message.type) {
      case "catalogue":
        if (message.catalogue === null) this.#catalogues.delete(message.name);
        else this.#catalogues.set(message.name, message.catalogue);
        return;
      case "greeting":
        this.#greetings.take(message.news);
        return;
      case "cancel": {
        const { processId, secret, remote } = message.request;
        const key = { processId, secret: Buffer.from(secret, "hex") };
        const known = this.#cancels.request(key, remote, this.#self.clock.monotonicMs());
        if (!known) this.#self.log("warn", "cancel-refused", { remote });
        return;
      }
      case "kill": {
        const { processId, owner, connection, remote } = message.request;
        this.#cancels.kill(processId, owner, connection, remote);
        return;
      }
      case "reload":
        this.#fitting = new Set(message.fitting);
        this.#self.background(this.#reload(message.version));
        return;
      case "fits":
        this.#fitting.add(message.target);
        return;
      case "drain":
        this.#self.background(this.#drain());
        return;
    }
  }

  #runtimeOf(config: Config, digest: (literal: string) => string, identity: Identity): Runtime {
    return new Runtime({
      config,
      link: this.#link,
      clock: systemClock,
      identity,
      ticketKeys: Buffer.from(this.#start.ticketKeys, "hex"),
      deadlines: this.#deps.deadlines,
      catalogues: this.#catalogues,
      fitting: this.#fitting,
      greetings: this.#greetings,
      digest,
      refresh: (name) => this.#link.refresh(name),
    });
  }

  async #listen(config: Config): Promise<void> {
    const { listen } = this.#start;
    const postgres = await this.#listenAt(listen.postgres, config, () => POSTGRES_FRONT);
    const greeted = () => new MysqlFront(this.#runtime.mysqlFace, this.#cancels.take(), this.#greetings);
    const mysql = await this.#listenAt(listen.mysql, config, greeted);
    const servers = new HttpServers();
    const https = await this.#listenAt(listen.https, config, () => new HttpsFront(servers));
    const signpost = { isKnown: (host: string) => this.#runtime.answersTo(host), port: https?.port ?? 0 };
    const http = await this.#listenAt(listen.http, config, () => new CleartextFront(signpost));
    this.#deps.send({ type: "listening", addresses: { postgres, mysql, https, http } });
  }

  /** @param front made anew for each connection */
  async #listenAt(address: HostPort | null, config: Config, front: () => Front): Promise<HostPort | null> {
    if (address === null) return null;
    const listener = new Listener({
      address,
      reusePort: config.workers > 1,
      unauthenticatedPerAddress: Math.ceil(UNAUTHENTICATED_PER_ADDRESS / config.workers),
      connectionsMax: connectionsWithin(descriptorLimit()),
      now: systemClock.monotonicMs,
      open: (raw) => new Connection(raw, front(), this.#self, () => this.#runtime),
      onDefect: (error) => this.#logFailure(error),
    });
    this.#listeners.push(listener);
    return listener.listen();
  }

  get #connections(): readonly Connection[] {
    return this.#listeners.flatMap(({ connections }) => [...connections]);
  }

  #cancel(key: CancelKey, remote: string): void {
    const request = { processId: key.processId, secret: key.secret.toString("hex"), remote };
    if (workerOf(key.processId) === this.#start.worker) this.onMessage({ type: "cancel", request });
    else this.#link.tell({ type: "cancel", request });
  }

  #kill(request: KillRequest): boolean {
    const { processId, owner, connection, remote } = request;
    if (workerOf(processId) === this.#start.worker) return this.#cancels.kill(processId, owner, connection, remote);
    this.#link.tell({ type: "kill", request });
    return true;
  }

  async #reload(version: string): Promise<void> {
    try {
      const config = await loadSame(this.#deps, version);
      await loadGrammars(config);
      const digests = openDigests(stateFolders(config.state).digestKey);
      const before = this.#runtime;
      // What is known of issuers outlasts the reload, so that one that is away at the moment locks nobody out.
      const identity = isDeepStrictEqual(before.config.identity, config.identity) ? before.identity : identityOf(config);
      this.#runtime = this.#runtimeOf(config, digests.digest.bind(digests), identity);
      for (const connection of this.#connections) connection.superseded();
      before.apis.retire();
      this.#deps.send({ type: "reloaded", error: null });
    } catch (error) {
      this.#deps.send({ type: "reloaded", error: error instanceof Error ? error.message : String(error) });
    }
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#connections) connection.drain();
    const until = this.#self.clock.monotonicMs() + this.#deps.deadlines.drainMs;
    while (this.#connections.length > 0 && this.#self.clock.monotonicMs() < until) await pause(20);
    const fault = new Fault("shutting-down", "the gateway is shutting down", { hint: "connect again" });
    for (const connection of this.#connections) connection.end(fault);
    while (this.#connections.length > 0 && this.#self.clock.monotonicMs() < until + 1000) await pause(20);
    // A statement that was cut off is cancelled over a connection of its own.
    await Promise.race([Promise.all(this.#background), pause(LAST_WORK_MS)]);
    this.#deps.exit(0);
  }

  #inBackground(work: Promise<unknown>): void {
    const done = work.catch((error: unknown) => this.#logFailure(error)).finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  /** What came back since a session's last statement goes to its journal, and the counts to the index. */
  #everySecond(): void {
    for (const error of this.#self.journals.slabs.flushAll()) this.#logFailure(error);
    const sessions = this.#connections.flatMap(({ summaries }) => summaries);
    if (sessions.length > 0) this.#link.tell({ type: "session-progress", sessions });
  }

  #logFailure(error: unknown): void {
    const fields =
      error instanceof Fault
        ? { reason: error.code, message: error.message, cause: causeOf(error) }
        : {
            reason: "internal-error",
            message: error instanceof Error ? error.message : String(error),
            stack: error instanceof Error ? error.stack : undefined,
          };
    this.#link.tell({ type: "log", level: "error", event: "failure", fields });
  }
}

function causeOf(fault: Fault): string | undefined {
  return fault.cause instanceof Error ? fault.cause.message : undefined;
}

/** Of the protocols that targets speak, since each takes some ten or fifty megabytes. */
async function loadGrammars({ targets }: Config): Promise<void> {
  const speaks = (protocol: Protocol): boolean => [...targets.values()].some((target) => target.protocol === protocol);
  await Promise.all([speaks("postgres") && loadGrammar(), speaks("mysql") && loadMysqlGrammar()]);
}

/** @throws Error when the file has changed since the keeper read it */
async function loadSame(deps: WorkerDeps, version: string): Promise<Config> {
  const result = await deps.load();
  if (result.kind === "refused") throw new Error("the configuration can no longer be read");
  if (result.config.version !== version) throw new Error("the configuration changed while it was being read");
  return result.config;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function identityOf({ identity }: Config): Identity {
  return createIdentity(identity, { nowMs: systemClock.now, monotonicMs: systemClock.monotonicMs });
}
