/**
 * A connection of the gateway's own to one database of a target: for the catalogue reader, and for the commands that look
 * at a target. Dialled and verified as every upstream leg is. Queries run one after the other, whoever asks.
 */
import type tls from "node:tls";
import { QueryRun, terminate } from "#protocols/postgres/protocol.ts";
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

export class TargetConnection {
  readonly socket: tls.TLSSocket;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(socket: tls.TLSSocket) {
    this.socket = socket;
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

  /** Says good-bye and lets go. */
  close(): void {
    if (!this.socket.destroyed) this.socket.end(terminate());
    this.socket.destroySoon();
  }

  #run(sql: string): Promise<Rows> {
    const { socket } = this;
    if (socket.destroyed) return Promise.reject(new Error(LOST));
    const run = new QueryRun(sql);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        socket.off("data", onData);
        socket.off("close", onClose);
        settle();
      };
      const onClose = (): void => end(() => reject(new Error(LOST)));
      const onData = (chunk: Buffer): void => {
        try {
          const rows = run.push(chunk);
          if (rows !== undefined) end(() => resolve(rows));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const timer = setTimeout(() => socket.destroy(), QUERY_MS);
      socket.on("data", onData);
      socket.on("close", onClose);
      socket.write(run.request);
    });
  }
}

const LOST = "the gateway's own connection to the target is lost";
