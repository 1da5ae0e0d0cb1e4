/**
 * A session of a masked principal on MySQL or MariaDB as the gateway has it, without its listener: the product judges, its
 * two flows stand between a client and a real server, and what the client is shown is kept. Each try is one transaction of a
 * connection that is reset before it, and is rolled back.
 */

import { ClientFlow } from "#protocols/mysql/client-flow.ts";
import { CAPABILITY, COMMAND, STATUS } from "#protocols/mysql/constants.ts";
import type { MysqlJudge } from "#protocols/mysql/judge.ts";
import { ServerFlow } from "#protocols/mysql/server-flow.ts";
import { SessionState } from "#protocols/mysql/session.ts";
import type { MysqlMaskingView } from "#protocols/sql/mysql/protection.ts";
import { readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";
import { isProtectedMysqlColumn } from "#protocols/sql/mysql/tripwire.ts";
import { NO_CAPS } from "#protocols/wire/caps.ts";
import { noCounts } from "#protocols/wire/counts.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { PREAMBLE } from "#src/gateway/mysql/conversation.ts";
import { CAPABILITIES, MysqlAttacker, type MysqlLine, type MysqlValue, type MysqlWay, readable } from "#test/masking/mysql/client.ts";
import type { MysqlAnswer } from "#test/masking/mysql/reading.ts";
import type { TestMysql } from "#test/support/mysql.ts";
import type { Chance } from "./gate-chance.ts";
import type { Going, Outcome } from "./gate-fuzzer.ts";

export interface MysqlSent extends Going {
  readonly way: MysqlWay;
  readonly values: readonly MysqlValue[];
}

/** What a principal is under, and who judges. */
export interface MysqlTerms {
  readonly view: MysqlMaskingView;
  readonly judge: MysqlJudge;
  /** The tripwire stands behind what is rewritten. */
  readonly guarded: boolean;
}

/** A server with one set of secrets. */
export interface MysqlTwin {
  readonly server: TestMysql;
  /** Something was written for good: it is no twin any more. */
  spoilt: boolean;
}

const TRIES_MAX = 200;
const WRITES = /^\s*(\(|with|insert|update|delete|replace|create|load|call|do|set|execute|prepare)/i;
/** What transactions do not give back. */
const COUNTERS = ["app.users", "app.orders", "app.payments", "shop.counters"].map((table) => `ALTER TABLE ${table} AUTO_INCREMENT = 1`);

export class MysqlGateSession {
  readonly #twin: MysqlTwin;
  readonly #stored: string;
  #between: Between | undefined;
  #tries = 0;
  #wrote = false;

  /** @param stored statements for all that lies in columns that are not masked */
  constructor(twin: MysqlTwin, stored: string) {
    this.#twin = twin;
    this.#stored = stored;
  }

  async try(texts: readonly MysqlSent[], terms: MysqlTerms): Promise<Outcome> {
    const between = await this.#ready(terms);
    const answers: MysqlAnswer[] = [];
    let stored: Buffer = Buffer.alloc(0);
    let late = false;
    try {
      for (const { sql, way, values } of texts) {
        if (between.client.closed) break;
        answers.push(await between.client.ask(sql, way, values));
      }
      if (texts.some(({ sql }, at) => WRITES.test(sql) && answers[at]?.error === null)) {
        this.#wrote = true;
        if (!between.inTransaction) this.#twin.spoilt = true;
        if (!between.client.closed) stored = await between.straight(this.#stored);
      }
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("no answer"))) throw error;
      late = true;
    }
    if (late || between.client.closed) this.end();
    const errors = answers.flatMap(({ error }) => (error === null ? [] : [`${error.errno} ${error.message}`]));
    return {
      shown: Buffer.concat(answers.map(withoutIds)),
      rows: answers.flatMap(({ rows }) => rows.map((row) => row.map(readable))),
      ran: answers.length - errors.length,
      errors: late ? [...errors, "3024 no answer"] : errors,
      stored,
      // A statement that brings a server down is worth knowing, though it shows nothing.
      fault: between.fault ?? (between.client.closed && !late ? "the server closed the connection" : null),
      closed: between.client.closed || late,
    };
  }

  /** Ties that a server breaks by where in memory a row lies are no secrets. */
  async shake(chance: Chance): Promise<void> {
    this.end();
    this.#between = await Between.enter(this.#twin.server);
    const sizes = Array.from({ length: 6 }, () => 1 + chance.below(40_000));
    const columns = sizes.map((size, index) => `REPEAT('x', ${size}) AS c${index}`).join(", ");
    const rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)";
    await this.#between.straight(`${rows} SELECT i, RANK() OVER (ORDER BY i % ${1 + chance.below(9)}) FROM n`);
    await this.#between.straight(`SELECT COUNT(*) FROM (SELECT ${columns} UNION SELECT ${columns}) t`);
  }

  end(): void {
    this.#between?.client.end();
    this.#between = undefined;
  }

  /** Between two tries: nothing of the one before is left. */
  async #ready(terms: MysqlTerms): Promise<Between> {
    this.#tries += 1;
    if (this.#tries % TRIES_MAX === 0) this.end();
    this.#between ??= await Between.enter(this.#twin.server);
    const between = this.#between;
    between.terms = terms;
    await between.client.command("plain", COMMAND.resetConnection);
    if (this.#wrote) for (const statement of COUNTERS) await between.straight(statement);
    this.#wrote = false;
    await between.client.command("plain", COMMAND.initDb, "app");
    const { error } = await between.client.query("START TRANSACTION");
    if (error !== null || between.fault !== null) throw new Error(`the session does not begin: ${error?.message ?? between.fault}`);
    return between;
  }
}

/** A prepared statement's number says how many a server has seen. */
function withoutIds({ bytes }: MysqlAnswer, index: number): Buffer {
  const copy = Buffer.concat([Buffer.from(`<${index}>`), bytes]);
  const at = copy.length - bytes.length + 4;
  if (bytes.length >= 16 && bytes.readUIntLE(0, 3) === 12 && copy[at] === 0) copy.fill(0, at + 1, at + 5);
  return copy;
}

/** The gateway's part of one connection. */
class Between implements MysqlLine {
  readonly client: MysqlAttacker;
  fault: string | null = null;
  terms: MysqlTerms | undefined;
  readonly #line: MysqlLine;
  readonly #raw: MysqlAttacker;
  readonly #state: SessionState;
  readonly #clientFlow: ClientFlow;
  readonly #serverFlow: ServerFlow;
  #data: (chunk: Buffer) => void = () => undefined;
  #over: () => void = () => undefined;
  #nowMs = 0;

  private constructor(line: MysqlLine, raw: MysqlAttacker, upstreamCapabilities: number, sqlMode: string) {
    this.#line = line;
    this.#raw = raw;
    const terms = {
      ...{ underMask: true, mayPassUnparsed: false, localFiles: false, caps: NO_CAPS },
      isProtected: (database: string, table: string, column: string) =>
        this.#terms.guarded && isProtectedMysqlColumn(this.#terms.view, database, table, column),
      ...{ limits: { rowsPerStatement: 10, bytesPerStatement: 10_000 }, clientCapabilities: CAPABILITIES, upstreamCapabilities },
      ...{ product: "MySQL" as const, preamble: PREAMBLE },
    };
    let events = 0;
    const settings = { database: "app", sqlMode: readSqlMode(sqlMode), charset: "utf8mb4" };
    this.#state = new SessionState(terms, () => ++events, noCounts(), settings, STATUS.autocommit);
    this.#serverFlow = new ServerFlow(this.#state);
    const judge: MysqlJudge = (sql, now) => this.#terms.judge(sql, now);
    this.#clientFlow = new ClientFlow(this.#state, this.#serverFlow, judge, { kill: () => false, digestOf: () => "digest" });
    this.#take();
    this.client = new MysqlAttacker(this);
  }

  static async enter(server: TestMysql): Promise<Between> {
    const { line, client, capabilities } = await MysqlAttacker.lineTo(server, "app", CAPABILITY.sessionTrack);
    for (const sql of PREAMBLE) await client.query(sql);
    const { rows } = await client.query("SELECT @@sql_mode");
    return new Between(line, client, capabilities, String(rows[0]?.[0]));
  }

  get inTransaction(): boolean {
    return this.#state.inTransaction;
  }

  /** Statements past the gateway, in the same transaction. @returns all that comes */
  async straight(sql: string): Promise<Buffer> {
    this.#raw.attach();
    try {
      return Buffer.from((await this.#raw.query(sql)).bytes);
    } finally {
      this.#take();
    }
  }

  write(bytes: Buffer): void {
    this.#guarded((upstream, client) => this.#clientFlow.push(Buffer.from(bytes), ++this.#nowMs, { upstream, client }));
  }

  end(): void {
    this.#line.end();
  }

  listen(data: (chunk: Buffer) => void, over: () => void): void {
    this.#data = data;
    this.#over = over;
  }

  get #terms(): MysqlTerms {
    if (this.terms === undefined) throw new Error("nobody judges");
    return this.terms;
  }

  #take(): void {
    this.#line.listen(
      (chunk) =>
        this.#guarded((upstream, client) => {
          this.#serverFlow.push(Buffer.from(chunk), ++this.#nowMs, client, upstream);
          if (this.#state.answer === null && this.#clientFlow.holds)
            void this.#clientFlow.resume(null, ++this.#nowMs, { upstream, client });
        }),
      () => this.#over(),
    );
  }

  #guarded(run: (upstream: Buffer[], client: Buffer[]) => unknown): void {
    const [upstream, client]: [Buffer[], Buffer[]] = [[], []];
    try {
      if (run(upstream, client) instanceof Promise) throw new Error("a judgement was not there at once");
    } catch (error) {
      this.fault =
        error instanceof Fault ? `${error.code}: ${error.message}` : error instanceof Error ? (error.stack ?? "") : String(error);
    }
    if (upstream.length > 0) this.#line.write(Buffer.concat(upstream));
    if (client.length > 0) this.#data(Buffer.concat(client));
    if (this.fault === null) return;
    this.#line.end();
    this.#over();
  }
}
