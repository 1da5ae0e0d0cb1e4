/**
 * The same client, twice: straight to the server and through the gateway, each time on a fresh copy of the same
 * database. What the client showed must be equal, so a difference is either a fault or a line in docs/limits.md.
 */
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { firstDifference } from "#test/conformance/difference.ts";
import { SEED } from "#test/conformance/postgres/seed.ts";
import { type Login, startGateway, type TestGateway } from "#test/support/gateway.ts";
import { optional } from "#test/support/optional.ts";
import { connectPostgres, runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import type { PostgresVersion } from "#test/support/postgres-programs.ts";
import { until } from "#test/support/waiting.ts";

export interface Way {
  readonly name: "direct" | "gateway";
  readonly ca: string;
  readonly caFile: string;
  login(): Promise<Login>;
  /** The login as libpq's variables, verify-full, and nothing else of the environment but PATH. */
  env(): Promise<NodeJS.ProcessEnv>;
}

export interface Ways {
  readonly version: PostgresVersion;
  readonly server: TestPostgres;
  readonly gateway: TestGateway;
  readonly direct: Way;
  readonly through: Way;
  /** Runs the client both ways, the database fresh each time; what it returns must be equal. @returns it */
  compare<Shown>(run: (way: Way) => Promise<Shown>): Promise<Shown>;
}

export const DATABASE = "shop";

/** Registers `body`'s tests for PostgreSQL 15 and 18, each with a server and a gateway of its own. */
export function onEachServer(client: string, parts: readonly string[], body: (ways: () => Ways) => void): void {
  for (const version of [15, 18] as const) {
    const skip = optional(...(version === 15 ? ["postgres15"] : []), ...parts);
    describe(`${client}, PostgreSQL ${version}`, { skip }, () => {
      let ways: (Ways & { readonly stop: () => Promise<void> }) | undefined;
      before(async () => {
        ways = await open(version);
      });
      after(() => ways?.stop());
      body(() => {
        assert.ok(ways !== undefined, "the servers did not start");
        return ways;
      });
    });
  }
}

async function open(version: PostgresVersion): Promise<Ways & { readonly stop: () => Promise<void> }> {
  const server = await startPostgres({ version, settings: { timezone: "UTC", max_prepared_transactions: "4" } });
  await runSql(server, "create database seed");
  await runSql(server, SEED, "seed");
  await refresh(server);
  const gateway = await startGateway({ postgres: server, databases: [DATABASE] });
  const direct = wayOf("direct", server, async () => ({ ...pick(server), host: "localhost", database: DATABASE }));
  const through = wayOf("gateway", gateway, () => gateway.login());
  const compare = async <Shown>(run: (way: Way) => Promise<Shown>): Promise<Shown> => {
    await refresh(server);
    const expected = await run(direct);
    await refresh(server);
    const actual = await run(through);
    const difference = firstDifference(actual, expected);
    assert.ok(difference === undefined, `through the gateway it differs:\n${difference}`);
    return expected;
  };
  const stop = async () => {
    await gateway.stop();
    await server.stop();
  };
  return { version, server, gateway, direct, through, compare, stop };
}

function pick({ port, user, password }: TestPostgres): Pick<Login, "port" | "user" | "password"> {
  return { port, user, password };
}

/** @param trust who signed the certificate that the client will see */
export function wayOf(name: Way["name"], trust: { readonly ca: string; readonly caFile: string }, login: () => Promise<Login>): Way {
  const env = async () => {
    const { host, port, user, password, database } = await login();
    return {
      PATH: process.env["PATH"],
      LC_ALL: "C.UTF-8",
      TZ: "UTC",
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: trust.caFile,
    };
  };
  return { name, ca: trust.ca, caFile: trust.caFile, login, env };
}

async function refresh(server: TestPostgres): Promise<void> {
  await runSql(server, `drop database if exists ${DATABASE} with (force)`);
  await runSql(server, `create database ${DATABASE} template seed`);
}

/**
 * Waits until the server runs a statement with these words in it: a cancellation that comes before has nothing to cancel.
 *
 * @throws Error when there is none in time
 */
export async function underWay(server: TestPostgres, words: string): Promise<void> {
  const observer = await connectPostgres(server);
  try {
    const text = "select from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and position($1 in query) > 0";
    await until(async () => (await observer.query(text, [words])).rowCount !== 0, `a statement with ${words} came to the server`);
  } finally {
    await observer.end();
  }
}
