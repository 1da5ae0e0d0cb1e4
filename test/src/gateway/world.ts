/**
 * What the gateway's tests stand on: a real PostgreSQL, a real gateway process in front of it, and the means to see what
 * each case left behind: backends on the server, descriptors in the gateway's processes, records in the evidence log.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { readRecords } from "#src/audit/known.ts";
import type { HandshakeRecord } from "#src/audit/records.ts";
import type { KeyPair } from "#src/config/config.ts";
import { type DialOptions, dialTls, type Message, type Peer, password, startup } from "#test/src/gateway/wire.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { GatewayOptions } from "#test/support/gateway-files.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { until } from "#test/support/waiting.ts";

export interface World {
  readonly postgres: TestPostgres;
  readonly gateway: TestGateway;
  /** A token that is good for the whole file. */
  readonly token: string;
  /** Straight to the server, as its superuser. */
  sql(text: string): Promise<readonly Record<string, unknown>[]>;
  /** TLS, then a login as `agent` at target `orders`, up to the first ReadyForQuery. */
  session(options?: SessionOptions): Promise<Session>;
  /** TLS and nothing more. */
  secure(options?: DialOptions): Promise<Peer>;
  /** So many sessions or more: some on each worker. The kernel hands connections out by chance. */
  sessionsOnEach(count: number): Promise<readonly Session[]>;
  /** The client-leg records of one peer; waits until there is one. */
  handshakes(peer: Pick<Peer, "remote" | "openedAt">): Promise<readonly HandshakeRecord[]>;
  /** The upstream-leg records of the session that a client-leg record belongs to; waits until there is one. */
  upstreamHandshakes(client: HandshakeRecord): Promise<readonly HandshakeRecord[]>;
  /** All records so far. */
  allHandshakes(): readonly HandshakeRecord[];
  /**
   * Waits until nothing of the cases before is left: no backend on the server, descriptors as at the start, and the gateway
   * serves. What a case that failed left open is closed, so that it fails alone.
   *
   * @param context of the case, as `afterEach` hands it out
   * @throws Error naming what is left after half a minute
   */
  settled(context?: object): Promise<void>;
  /** @throws when the gateway logged a defect */
  stop(): Promise<void>;
}

export interface SessionOptions {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly version?: number;
  readonly token?: string;
  /** Where to dial in place of the gateway: a relay in front of it. */
  readonly port?: number;
}

export interface Session {
  readonly peer: Peer;
  /** What came between the password and ReadyForQuery, both left out. */
  readonly greeting: readonly Message[];
  readonly key: { readonly processId: number; readonly secret: Buffer };
}

export interface WorldOptions extends Omit<GatewayOptions, "postgres"> {
  /** A server of the caller's, which outlives the world; else the world has its own. */
  readonly postgres?: TestPostgres;
  /** The test kills workers: that one ended is no defect. */
  readonly killsWorkers?: boolean;
  /** What clients show unless they say otherwise. */
  readonly credential?: KeyPair;
}

/** A client that closes its side without a word may have its statement run on for five seconds. */
const SETTLE_MS = 30_000;
const SESSIONS_MAX = 200;

export async function openWorld({ postgres: given, credential, killsWorkers = false, ...options }: WorldOptions = {}): Promise<World> {
  const postgres = given ?? (await startPostgres());
  const stopServer = async () => {
    if (given === undefined) await postgres.stop();
  };
  const gateway = await startGateway({ ...options, postgres }).catch(async (error: unknown) => {
    await stopServer();
    throw error;
  });
  const admin = await connectPostgres(postgres);
  // Servers are stopped by force at the end, and in some tests before.
  admin.on("error", () => undefined);
  const token = (await gateway.login()).password;
  const opened = new Set<Peer>();
  const dial = async (port: number, options?: Parameters<World["secure"]>[0]) => {
    const own = credential === undefined ? {} : { cert: credential.cert, key: credential.key.expose() };
    const peer = await dialTls({ port }, gateway.ca, { ...own, ...options });
    opened.add(peer);
    return peer;
  };
  const secure: World["secure"] = (options) => dial(gateway.port, options);
  const session: World["session"] = async (given = {}) => login(await dial(given.port ?? gateway.port), given.token ?? token, given);
  const sessionsOnEach: World["sessionsOnEach"] = (count) => spread(session, options.workers ?? 1, count);
  // What a worker opens with its first session stays.
  for (const { peer } of await sessionsOnEach(1)) peer.vanish();
  const descriptorsAtStart = await quiet(() => descriptors(gateway.pid));
  return {
    postgres,
    gateway,
    token,
    secure,
    session,
    sessionsOnEach,
    sql: async (text) => (await admin.query<Record<string, unknown>>(text)).rows,
    handshakes: ({ remote, openedAt }) =>
      waitFor(gateway, (record) => record.leg === "client" && record.remote === remote && Date.parse(record.at) >= openedAt),
    upstreamHandshakes: ({ sessionId }) => waitFor(gateway, (record) => record.leg === "upstream" && record.sessionId === sessionId),
    allHandshakes: () => recordsIn(gateway),
    settled(context) {
      if (context !== undefined && "passed" in context && context.passed === false) for (const peer of opened) peer.reset();
      opened.clear();
      return settled({ admin, gateway, session, descriptorsAtStart });
    },
    async stop() {
      await admin.end().catch(() => undefined);
      await gateway.stop();
      await stopServer();
      assert.deepEqual(defects(gateway, killsWorkers), [], "the gateway met a defect of its own");
    },
  };
}

/** Start-up and password on a connection whose TLS is up. @throws Error with what the gateway said */
export async function login(peer: Peer, token: string, options: SessionOptions = {}): Promise<Session> {
  peer.send(startup({ user: "agent", database: "orders", ...options.parameters }, options.version));
  await peer.upTo("R");
  peer.send(password(token));
  const greeting = await peer.upTo("Z").catch((error: unknown) => {
    peer.vanish();
    throw error;
  });
  const key = greeting.find(({ tag }) => tag === "K")?.body;
  assert.ok(key !== undefined, "no BackendKeyData came");
  return { peer, greeting, key: { processId: key.readUInt32BE(0), secret: Buffer.from(key.subarray(4)) } };
}

/** The worker that serves a session, from 1 on. */
export function workerOf({ key }: Session): number {
  return key.processId >>> 24;
}

async function spread(session: World["session"], workers: number, count: number): Promise<readonly Session[]> {
  const made: Session[] = [];
  while (made.length < count || new Set(made.map(workerOf)).size < workers) {
    assert.ok(made.length < SESSIONS_MAX, "a worker is given no connections");
    made.push(await session());
  }
  return made;
}

async function serves(session: World["session"]): Promise<void> {
  const { peer } = await session();
  peer.vanish();
}

async function waitFor(gateway: TestGateway, fits: (record: HandshakeRecord) => boolean): Promise<readonly HandshakeRecord[]> {
  return until(() => {
    const found = recordsIn(gateway).filter(fits);
    return found.length > 0 && found;
  }, "the handshake is on record");
}

function recordsIn(gateway: TestGateway): readonly HandshakeRecord[] {
  return [...readRecords(join(gateway.folder, "evidence"))].flatMap((record) => (record.type === "handshake" ? [record.handshake] : []));
}

/** What nobody had thought of: whatever a peer did, it must not come to this. */
function defects(gateway: TestGateway, killsWorkers: boolean): readonly object[] {
  return gateway
    .log()
    .filter(({ event, reason }) => event === "defect" || reason === "internal-error" || (event === "worker-ended" && !killsWorkers));
}

/** The keeper and its workers. */
export function processes(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid)];
}

export function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

export function descriptors(pid: number): number {
  return processes(pid).reduce((sum, process) => sum + readdirSync(`/proc/${process}/fd`).length, 0);
}

/** Resident memory of one process, in bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** The most that a process held since it was started, or since `5` was written to its clear_refs; in bytes. */
export function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** A number once it has stopped changing for a moment. */
async function quiet(read: () => number): Promise<number> {
  for (let before = read(), tries = 0; ; tries += 1) {
    await pause(150);
    const now = read();
    if (now === before || tries === 20) return now;
    before = now;
  }
}

function unlessLate(error: unknown, end: number): false {
  if (performance.now() > end) throw error;
  return false;
}

interface Leftovers {
  readonly admin: pg.Client;
  readonly gateway: TestGateway;
  readonly session: World["session"];
  readonly descriptorsAtStart: number;
}

async function settled({ admin, gateway, session, descriptorsAtStart }: Leftovers): Promise<void> {
  const end = performance.now() + SETTLE_MS;
  while (
    !(await serves(session).then(
      () => true,
      (error: unknown) => unlessLate(error, end),
    ))
  )
    await pause(100);
  for (;;) {
    const { rows } = await admin.query("select pid, state, query from pg_stat_activity where application_name like '%sp:%'");
    const open = descriptors(gateway.pid);
    if (rows.length === 0 && open <= descriptorsAtStart) return;
    if (performance.now() > end) {
      throw new Error(`left behind: ${open - descriptorsAtStart} descriptors, backends ${JSON.stringify(rows)}`);
    }
    await pause(50);
  }
}
