/**
 * The same client, twice: straight to the server and through the gateway, each time on a fresh copy of the same database.
 * What the client showed must be equal, so a difference is either a fault or a line in docs/limits.md.
 */
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import mysql from "mysql2/promise";
import { firstDifference } from "#test/conformance/difference.ts";
import { ROUTINES, SEED } from "#test/conformance/mysql/seed.ts";
import { type Login, startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type MysqlFlavour, PART_OF, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

export interface Way {
  readonly name: "direct" | "gateway";
  readonly ca: string;
  readonly caFile: string;
  login(): Promise<Login>;
}

export interface Ways {
  readonly flavour: MysqlFlavour;
  readonly server: TestMysql;
  readonly gateway: TestGateway;
  readonly direct: Way;
  readonly through: Way;
  /** Through the gateway as an agent with fewer rights. */
  as(agent: keyof typeof AGENTS): Way;
  /** `compare`, by way of another gateway. */
  compareWith<Shown>(through: Way, run: (way: Way) => Promise<Shown>): Promise<Shown>;
  /** Runs the client both ways, the database fresh each time; what it returns must be equal. @returns it */
  compare<Shown>(run: (way: Way) => Promise<Shown>): Promise<Shown>;
}

/** Registers `body`'s tests for MySQL 9, MariaDB 10 and MariaDB 11, each with a server and a gateway of its own. */
export function onEachServer(client: string, parts: readonly string[], body: (ways: () => Ways) => void): void {
  for (const flavour of ["mysql9", "mariadb10", "mariadb11"] as const) {
    const skip = optional(PART_OF[flavour], ...parts);
    describe(`${client}, ${flavour}`, { skip }, () => {
      let ways: (Ways & { readonly stop: () => Promise<void> }) | undefined;
      before(async () => {
        ways = await open(flavour);
      });
      after(() => ways?.stop());
      body(() => {
        assert.ok(ways !== undefined, "the servers did not start");
        return ways;
      });
    });
  }
}

/** `agent` may do everything; the others what their groups say. */
const AGENTS = { agent: ["data-agents"], reader: ["readers"], loader: ["loaders"] };

function configure(sections: Sections): Sections {
  const targets = Object.keys(sections["targets"] ?? {});
  const rights = { "data-agents": ["read", "write", "schema", "admin"], readers: ["read"], loaders: ["read", "write", "schema"] };
  const rules = Object.entries(rights).map(([group, may]) => ({ who: { groups: [group] }, targets, may }));
  return { ...sections, access: { rules } };
}

/** Dumps read more than the database itself, and restore routines of another's. */
const GRANTS = ["GRANT ALL ON *.* TO 'app'@'%';"];

async function open(flavour: MysqlFlavour): Promise<Ways & { readonly stop: () => Promise<void> }> {
  const server = await startMysql({
    flavour,
    settings: { "default-time-zone": "+00:00", "log-bin-trust-function-creators": "ON" },
    seed: GRANTS,
  });
  const gateway = await startGateway({ mysql: { [server.database]: server }, agents: AGENTS, configure });
  await visit(gateway, server.database);
  const { host, port, user, password, database } = server;
  const direct: Way = {
    name: "direct",
    ca: server.ca,
    caFile: server.caFile,
    login: async () => ({ host: "localhost", port, user, password, database }),
  };
  const as = (agent: string): Way => ({
    name: "gateway",
    ca: gateway.ca,
    caFile: gateway.caFile,
    login: () => gateway.mysqlLogin(database, agent),
  });
  const through = as("agent");
  const compareWith = async <Shown>(one: Way, run: (way: Way) => Promise<Shown>): Promise<Shown> => {
    refresh(server);
    const expected = await run(direct);
    refresh(server);
    const actual = await run(one);
    const difference = firstDifference(actual, expected);
    assert.ok(difference === undefined, `through the gateway it differs:\n${difference}`);
    return expected;
  };
  const compare = <Shown>(run: (way: Way) => Promise<Shown>) => compareWith(through, run);
  const stop = async () => {
    await gateway.stop();
    await server.stop();
  };
  assert.equal(host, "127.0.0.1");
  return { flavour, server, gateway, direct, through, as, compare, compareWith, stop };
}

/** Clients are greeted as the target greets from the gateway's first login on. */
async function visit(gateway: TestGateway, target: string): Promise<void> {
  const { host, port, user, password, database } = await gateway.mysqlLogin(target);
  const client = await mysql.createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca } });
  await client.end();
}

function refresh(server: TestMysql): void {
  const { database } = server;
  server.sql(`DROP DATABASE ${database}; CREATE DATABASE ${database} CHARACTER SET utf8mb4; USE ${database}; ${SEED} ${ROUTINES}`);
}
