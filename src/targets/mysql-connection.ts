/**
 * A connection of the gateway's own to a MySQL or MariaDB target, for the catalogue reader and for the commands that look at
 * a target. Dialled and verified as every upstream leg is, and reading only. Queries run one after the other, whoever asks.
 */
import type tls from "node:tls";
import { COMMAND, type Greeting, MysqlQueryRun, type MysqlRow, packets, UTF8MB4_COLLATION } from "#protocols/mysql/protocol.ts";
import { type MysqlLogin, mysqlDialer } from "#src/gateway/mysql/dialer.ts";
import type { Upstream, UpstreamContext } from "#src/gateway/upstream.ts";

/** Longest wait for one answer. */
const QUERY_MS = 30_000;
const MAX_PACKET_BYTES = 16 * 1024 * 1024;

/** What a role or the server may have set otherwise: texts of the gateway's own mean the same everywhere. */
const PREAMBLE: readonly string[] = [
  "SET NAMES utf8mb4",
  // MySQL keeps estimates for a day; MariaDB does not know the variable, and leaves such a comment out.
  "SET SESSION sql_mode = '' /*!80000 , SESSION information_schema_stats_expiry = 0 */",
  "SET SESSION TRANSACTION READ ONLY",
];

interface Running {
  readonly run: MysqlQueryRun;
  readonly resolve: (rows: readonly MysqlRow[]) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

export class MysqlTargetConnection {
  readonly socket: tls.TLSSocket;
  readonly greeting: Greeting;
  readonly #capabilities: number;
  #last: Promise<unknown> = Promise.resolve();
  #running: Running | null = null;

  private constructor(socket: tls.TLSSocket, { greeting, capabilities }: MysqlLogin) {
    this.socket = socket;
    this.greeting = greeting;
    this.#capabilities = capabilities;
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("close", () => this.#end((running) => running.reject(new Error(LOST))));
  }

  /**
   * @param application what the target's own views call it
   * @throws Fault as `Upstream.dial` does
   */
  static async open(upstream: Upstream, application: string, context: UpstreamContext): Promise<MysqlTargetConnection> {
    const attributes = new Map([["program_name", application]]);
    const own = { capabilities: 0, collation: () => UTF8MB4_COLLATION, maxPacketBytes: MAX_PACKET_BYTES, database: "information_schema" };
    const { socket, login } = await upstream.dial(mysqlDialer(upstream, { ...own, attributes, preamble: PREAMBLE }), context);
    return new MysqlTargetConnection(socket, login);
  }

  /**
   * Runs one statement and gives its rows by column name.
   *
   * @throws Fault `catalogue-unavailable` when the target refuses it; Error when the connection is lost or silent for 30 s
   */
  query(sql: string): Promise<readonly MysqlRow[]> {
    const answer = this.#last.then(() => this.#run(sql));
    // Whoever asks next waits for the end of it, and is not told how it went.
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Says good-bye and lets go. */
  close(): void {
    if (!this.socket.destroyed) this.socket.end(packets(Buffer.from([COMMAND.quit]), 0));
    this.socket.destroySoon();
  }

  #run(sql: string): Promise<readonly MysqlRow[]> {
    const { socket } = this;
    if (socket.destroyed) return Promise.reject(new Error(LOST));
    return new Promise((resolve, reject) => {
      const run = new MysqlQueryRun(sql, this.#capabilities);
      this.#running = { run, resolve, reject, timer: setTimeout(() => socket.destroy(), QUERY_MS) };
      socket.write(run.request);
    });
  }

  #onData(chunk: Buffer): void {
    const running = this.#running;
    // A server that speaks unasked is about to end the connection.
    if (running === null) return;
    try {
      const rows = running.run.push(chunk);
      if (rows !== undefined) this.#end(({ resolve }) => resolve(rows));
    } catch (error) {
      this.#end(({ reject }) => reject(error));
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
