/**
 * A session of a masked principal as the gateway has it, without its sockets: the product judges, its two flows stand
 * between the client and a real server, and what a client would be shown is kept. Each try is one transaction that is
 * rolled back.
 */
import { randomUUID } from "node:crypto";
import { ClientFlow } from "#protocols/postgres/client-flow.ts";
import { ServerFlow } from "#protocols/postgres/server-flow.ts";
import { SessionState } from "#protocols/postgres/session.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { isProtectedOrigin } from "#protocols/sql/postgres/tripwire.ts";
import { NO_CAPS } from "#protocols/wire/caps.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { type Answer, Attacker, extended } from "#test/masking/client.ts";
import { message, query, SYNC, text } from "#test/src/gateway/wire.ts";
import { runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import type { Going, Outcome } from "./gate-fuzzer.ts";

const USER = "plain";
/** Long enough for what is meant to end, short enough for what is not. */
const STATEMENT_MS = 250;
/** Stands for every digest: true ones differ where the secrets do, as they should, and would drown what should not. */
const HASH = Buffer.from("h".repeat(32));
/** A client keeps all that it has received; a new one starts empty. */
const TRIES_MAX = 400;

/** A server with one set of secrets. */
export interface World {
  readonly server: TestPostgres;
  enter(): Promise<Attacker>;
}

export async function startWorld(seed: string): Promise<World> {
  const hba = [`hostssl all ${USER} 127.0.0.1/32 password`];
  // Nothing of the server's own comes in between, so that two of them do the same.
  const settings = {
    jit: "off",
    timezone: "UTC",
    max_parallel_workers_per_gather: "0",
    statement_timeout: String(STATEMENT_MS),
    work_mem: "4MB",
    temp_file_limit: "64MB",
  };
  const server = await startPostgres({ hba, settings });
  const password = `test-${randomUUID()}`;
  await runSql(server, `SET statement_timeout = 0; CREATE ROLE ${USER} SUPERUSER LOGIN PASSWORD '${password}'`);
  await runSql(server, `SET statement_timeout = 0; ${seed}`);
  const login = { host: "localhost", port: server.port, user: USER, password, database: server.database };
  return { server, enter: () => Attacker.enter(login, server.ca) };
}

/** One text on its way: how the client sends it, and what the gateway makes of it. */
export interface Sent extends Going {
  /** Null: a Query message. Else by Parse, Bind and Execute, with results in this format. */
  readonly parameters: readonly (string | null)[] | null;
  readonly binary: boolean;
}

export class GateSession {
  readonly #world: World;
  readonly #stored: string;
  #client: Attacker | undefined;
  #tries = 0;

  /** @param stored a query for all that lies in columns that are not masked */
  constructor(world: World, stored: string) {
    this.#world = world;
    this.#stored = stored;
  }

  /** @param view what is masked for the principal */
  async try(texts: readonly Sent[], view: MaskingView): Promise<Outcome> {
    const client = await this.#ready();
    const between = new Between(view, texts);
    const outcome = {
      rows: [] as (readonly (string | null)[])[],
      ran: 0,
      errors: [] as string[],
      stored: Buffer.alloc(0) as Buffer,
      fault: null as string | null,
    };
    let writes = false;
    try {
      for (const sent of texts) {
        const answer = await ask(client, between, sent);
        outcome.rows = outcome.rows.concat(answer.rows);
        if (answer.error === null) outcome.ran += 1;
        else outcome.errors.push(`${answer.error.get("C")} ${answer.error.get("M")}`);
        writes ||=
          answer.error === null &&
          answer.completed.some((tag) => /^(INSERT|UPDATE|DELETE|MERGE|COPY|SELECT|CREATE)/.test(tag)) &&
          sent.judgement.lasting.includes(true);
        if (client.closed) break;
      }
      if (writes && !client.closed) {
        const { bytes, error } = await client.ask(this.#stored);
        outcome.stored = bytes;
        if (error !== null) outcome.errors.push(`${error.get("C")} ${error.get("M")}`);
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      outcome.fault = `${error.code}: ${error.message}`;
      this.#client?.end();
      this.#client = undefined;
    }
    return { ...outcome, shown: between.shown, closed: client.closed };
  }

  end(): void {
    this.#client?.end();
  }

  /** Between two tries: nothing of the one before is left. */
  async #ready(): Promise<Attacker> {
    this.#tries += 1;
    if (this.#tries % TRIES_MAX === 0) {
      this.#client?.end();
      this.#client = undefined;
    }
    if (this.#client === undefined || this.#client.closed) this.#client = await this.#world.enter();
    const client = this.#client;
    client.send(query("ROLLBACK"), query("DEALLOCATE ALL"), query("CLOSE ALL"), query("BEGIN"));
    await client.answer(4);
    return client;
  }
}

/** The gateway's part of one session, from a transaction's beginning. */
class Between {
  readonly #client: ClientFlow;
  readonly #server: ServerFlow;
  readonly #shown: Buffer[] = [];
  #nowMs = 0;

  constructor(view: MaskingView, texts: readonly Sent[]) {
    const judged = new Map(texts.map(({ sql, judgement }) => [sql, judgement] as const));
    const terms = {
      underMask: true,
      mayPassUnparsed: false,
      isProtected: (oid: number, attribute: number) => isProtectedOrigin(view, oid, attribute),
      hashOf: (oid: number, attribute: number) =>
        view.protection.columns.get(oid)?.get(attribute)?.mask.kind === "hash" ? () => HASH : null,
      limits: { rowsPerStatement: 10, bytesPerStatement: 10_000 },
      caps: NO_CAPS,
    };
    let events = 0;
    const state = new SessionState(terms, () => ++events);
    state.transaction = "T";
    this.#client = new ClientFlow(
      state,
      (sql) => {
        const judgement = judged.get(sql);
        if (judgement === undefined) throw new Error("a text was asked about that was not sent");
        return judgement;
      },
      () => "digest",
    );
    this.#server = new ServerFlow(state);
  }

  get shown(): Buffer {
    return Buffer.concat(this.#shown);
  }

  /** @returns what goes upstream */
  up(bytes: Buffer): Buffer {
    const out: Buffer[] = [];
    if (this.#client.push(bytes, ++this.#nowMs, out) !== undefined) throw new Error("a judgement was not there at once");
    return Buffer.concat(out);
  }

  down(bytes: Buffer): void {
    const out: Buffer[] = [];
    this.#server.push(bytes, ++this.#nowMs, out);
    this.#shown.push(...out.map((part) => Buffer.from(part)));
  }
}

async function ask(client: Attacker, between: Between, { sql, parameters, binary }: Sent): Promise<Answer> {
  client.send(between.up(parameters === null ? query(sql) : extended(sql, binary, parameters)));
  let answer = await client.answer();
  between.down(answer.bytes);
  // A COPY waits for data: a row that fits nothing, then no more.
  while (answer.tags.endsWith("G") && !client.closed) {
    const more = [message("d", text("1\tx\n").subarray(0, -1)), message("c"), ...(parameters === null ? [] : [SYNC])];
    client.send(between.up(Buffer.concat(more)));
    const last = await client.answer();
    between.down(last.bytes);
    answer = {
      ...last,
      rows: [...answer.rows, ...last.rows],
      completed: [...answer.completed, ...last.completed],
      error: answer.error ?? last.error,
    };
  }
  return answer;
}
