/**
 * A connection of the gateway's own to one database of a target: for the catalogue reader, and for the commands that look
 * at a target. Dialled and verified as every upstream leg is. Queries run one after the other, whoever asks.
 */
import type tls from "node:tls";
import { QueryRun, quoteIdentifier, SERVER, takeMessage, terminate } from "#protocols/postgres/protocol.ts";
import { postgresDialer } from "#src/gateway/postgres/dialer.ts";
import type { Upstream, UpstreamContext } from "#src/gateway/upstream.ts";

export type Rows = readonly Readonly<Record<string, string | null>>[];

/** Longest wait for one answer; the catalogue of 100,000 columns takes some seconds. */
const QUERY_MS = 30_000;

export interface ConnectionOptions {
  readonly upstream: Upstream;
  readonly database: string;
  /** What the target's own views call it. */
  readonly application: string;
  readonly context: UpstreamContext;
}

/** Of what the server says unasked: notices, parameters, notifications. */
const UNASKED_BYTES_MAX = 1024 * 1024;

interface Running {
  readonly run: QueryRun;
  readonly resolve: (rows: Rows) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

export class TargetConnection {
  readonly socket: tls.TLSSocket;
  #last: Promise<unknown> = Promise.resolve();
  #running: Running | null = null;
  /** Of a message that has not come to its end, between two answers. */
  #rest: Buffer = Buffer.alloc(0);
  #onNotification: () => void = () => undefined;

  private constructor(socket: tls.TLSSocket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("close", () => this.#end((running) => running.reject(new Error(LOST))));
  }

  /** @throws Fault as `Upstream.dial` does */
  static async open({ upstream, database, application, context }: ConnectionOptions): Promise<TargetConnection> {
    const parameters = new Map([
      ["user", upstream.target.credential.user],
      ["database", database],
      ["application_name", application],
      ["client_encoding", "UTF8"],
    ]);
    const { socket } = await upstream.dial(postgresDialer(parameters), context);
    return new TargetConnection(socket);
  }

  /**
   * Runs one text and gives its rows by column name.
   *
   * @throws Fault `catalogue-unavailable` when the target refuses it; Error when the connection is lost or silent for 30 s
   */
  query(sql: string): Promise<Rows> {
    const answer = this.#last.then(() => this.#run(sql));
    // Whoever asks next waits for the end of it, and is not told how it went.
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /**
   * Asks to be told when somebody notifies a channel. What the notification says is not looked at: anybody who may connect
   * to the database can send one.
   *
   * @throws as `query`; a standby refuses it
   */
  async listen(channel: string, onNotification: () => void): Promise<void> {
    this.#onNotification = onNotification;
    await this.query(`LISTEN ${quoteIdentifier(channel)}`);
  }

  /** Says good-bye and lets go. */
  close(): void {
    if (!this.socket.destroyed) this.socket.end(terminate());
    this.socket.destroySoon();
  }

  #run(sql: string): Promise<Rows> {
    const { socket } = this;
    if (socket.destroyed) return Promise.reject(new Error(LOST));
    return new Promise((resolve, reject) => {
      const run = new QueryRun(sql);
      this.#running = { run, resolve, reject, timer: setTimeout(() => socket.destroy(), QUERY_MS) };
      const before = this.#rest;
      this.#rest = Buffer.alloc(0);
      if (before.length > 0) this.#onData(before);
      socket.write(run.request);
    });
  }

  #onData(chunk: Buffer): void {
    const running = this.#running;
    if (running === null) {
      this.#onUnasked(chunk);
      return;
    }
    const { run, resolve, reject } = running;
    let rows: Rows | undefined;
    try {
      rows = run.push(chunk);
      if (rows === undefined) return;
    } catch (error) {
      this.#end(() => reject(error));
    }
    if (rows !== undefined) this.#end(() => resolve(rows));
    if (run.notifications > 0) this.#onNotification();
    if (run.rest.length > 0) this.#onUnasked(run.rest);
  }

  /** Between two answers. */
  #onUnasked(chunk: Buffer): void {
    try {
      let received = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      for (
        let message = takeMessage(received, UNASKED_BYTES_MAX);
        message !== undefined;
        message = takeMessage(received, UNASKED_BYTES_MAX)
      ) {
        received = message.rest;
        if (message.tag === SERVER.notificationResponse) this.#onNotification();
      }
      this.#rest = received;
    } catch (error) {
      this.socket.destroy(error instanceof Error ? error : undefined);
    }
  }

  #end(settle: (running: Running) => void): void {
    const running = this.#running;
    this.#running = null;
    if (running === null) return;
    clearTimeout(running.timer);
    settle(running);
  }
}

const LOST = "the gateway's own connection to the target is lost";
