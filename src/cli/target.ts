/**
 * A target as the commands look at it that ask the database itself: dialled with the gateway's own credential and verified
 * as the gateway verifies it. They take no lock and write nothing, so they run beside `serve`; their handshakes are theirs
 * alone and do not stand in the evidence log.
 */
import { resolve } from "node:path";
import { type Catalogue, loadGrammar } from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { HandshakeRecord } from "#src/audit/records.ts";
import { readCatalogue } from "#src/catalogue/reader.ts";
import type { Config, DatabaseTarget } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import { DEADLINES } from "#src/gateway/limits.ts";
import { Upstream } from "#src/gateway/upstream.ts";
import { TargetConnection } from "#src/targets/connection.ts";
import { Failure } from "./failure.ts";
import { problemLine } from "./problem-line.ts";
import type { Screen } from "./screen.ts";
import type { World } from "./world.ts";

export interface TargetOptions {
  readonly config: string;
  readonly target: string;
  /** One of the target's; its default when left out. */
  readonly database?: string;
}

export interface OpenTarget {
  readonly config: Config;
  readonly target: DatabaseTarget;
  readonly database: string;
  readonly connection: TargetConnection;
  readonly handshake: HandshakeRecord | null;
}

/** @throws Failure `config-invalid` after every problem was written to stderr */
export async function needConfig(world: World, screen: Screen, given: string): Promise<Config> {
  const result = await loadConfig(resolve(world.cwd, given), world.env);
  if (result.kind === "loaded") return result.config;
  for (const problem of result.problems) screen.note(problemLine(given, problem, screen));
  throw new Failure("config-invalid", `${given} has problems`, { hint: `sallyport check --config ${given} lists them` });
}

/** @throws Failure `target-unknown`; `protocol-unsupported` for one that is no database */
export function needDatabaseTarget(config: Config, name: string): DatabaseTarget {
  const target = config.targets.get(name);
  if (target?.protocol === "http") throw new Failure("protocol-unsupported", `${name} is an http target, and this looks at databases only`);
  if (target !== undefined) return target;
  throw new Failure("target-unknown", `there is no target ${JSON.stringify(name)}`, {
    hint: `targets are ${[...config.targets.keys()].join(", ")}`,
  });
}

/** @throws Failure `target-unknown` when the target has no such database */
export function needDatabase(target: DatabaseTarget, name: string | undefined): string {
  if (name === undefined) return target.databases[0];
  if (target.databases.includes(name)) return name;
  throw new Failure("target-unknown", `target ${target.name} has no database ${JSON.stringify(name)}`, {
    hint: `its databases are ${target.databases.join(", ")}`,
  });
}

/**
 * Dials, hands the open target over, and hangs up, however `use` ends.
 *
 * @throws Failure `target-unreachable`, or whatever `use` throws
 */
export async function withTarget<Result>(
  world: World,
  { config, target, database }: { readonly config: Config; readonly target: DatabaseTarget; readonly database: string },
  use: (open: OpenTarget) => Promise<Result>,
): Promise<Result> {
  let handshake: HandshakeRecord | null = null;
  const record = (made: HandshakeRecord): void => {
    handshake = made;
  };
  const upstream = new Upstream(target, DEADLINES.upstreamLoginMs);
  const context = { sessionId: null, record, now: () => world.now() };
  let connection: TargetConnection;
  try {
    connection = await TargetConnection.open({ upstream, database, application: "sallyport", context });
  } catch (error) {
    throw unreachable(error, target, handshake);
  }
  try {
    return await use({ config, target, database, connection, handshake });
  } finally {
    connection.close();
  }
}

/** @throws Failure `catalogue-unreadable` */
export async function needCatalogue({ connection, target }: OpenTarget): Promise<Catalogue> {
  await loadGrammar();
  try {
    return await readCatalogue((sql) => connection.query(sql));
  } catch (cause) {
    throw new Failure("catalogue-unreadable", `the catalogue of ${target.name} could not be read: ${wordsOf(cause)}`, { cause });
  }
}

export function unreachable(error: unknown, { name, address }: DatabaseTarget, handshake: HandshakeRecord | null): unknown {
  if (!(error instanceof Fault)) return error;
  const why = handshake?.reason === undefined || handshake.reason === null ? "" : ` (${handshake.reason}: ${handshake.detail ?? ""})`;
  return new Failure("target-unreachable", `target ${name} at ${address.host}:${address.port}: ${error.message}${why}`, {
    hint: error.code === "upstream-login-failed" ? "look at targets.*.credential, and at the target's own log" : "",
    cause: error,
  });
}

export function wordsOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
