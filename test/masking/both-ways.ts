/**
 * A client, twice: straight to the server and through a gateway where every mask of the shop holds. Both see the same
 * database; what may be written to is emptied before each run.
 */
import { type Way, wayOf } from "#test/conformance/postgres/ways.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import type { PostgresVersion } from "#test/support/postgres-programs.ts";
import { AGENTS, RESET, SHOP, withMasks } from "./shop.ts";

/** A login that the server asks for its password in clear text: clients of bare bytes speak no SCRAM. */
export const PLAIN = "plain";

/** The database bears the target's name: tools compare `table_catalog` with the database that they asked for. */
export const DATABASE = "orders";

export interface BothWays {
  readonly version: PostgresVersion;
  readonly server: TestPostgres;
  readonly gateway: TestGateway;
  readonly direct: Way;
  readonly through: Way;
  /** What the client showed straight, then what it showed under the masks. */
  twice<Shown>(run: (way: Way) => Promise<Shown>): Promise<readonly [direct: Shown, through: Shown]>;
  stop(): Promise<void>;
}

export async function openBothWays(version: PostgresVersion): Promise<BothWays> {
  const hba = [`hostssl all ${PLAIN} 127.0.0.1/32 password`];
  const server = await startPostgres({ version, hba, settings: { timezone: "UTC", jit: "off" } });
  await runSql(server, `CREATE ROLE ${PLAIN} SUPERUSER LOGIN PASSWORD '${server.password}'`);
  await runSql(server, `CREATE DATABASE ${DATABASE}`);
  await runSql(server, SHOP, DATABASE);
  const gateway = await startGateway({ postgres: server, databases: [DATABASE], agents: AGENTS, configure: withMasks });
  const { port, user, password } = server;
  const direct = wayOf("direct", server, async () => ({ host: "localhost", port, user, password, database: DATABASE }));
  const through = wayOf("gateway", gateway, () => gateway.login("agent"));
  const fresh = async <Shown>(run: (way: Way) => Promise<Shown>, way: Way): Promise<Shown> => {
    await runSql(server, RESET, DATABASE);
    return run(way);
  };
  return {
    version,
    server,
    gateway,
    direct,
    through,
    twice: async (run) => [await fresh(run, direct), await fresh(run, through)],
    stop: async () => {
      await gateway.stop();
      await server.stop();
    },
  };
}
