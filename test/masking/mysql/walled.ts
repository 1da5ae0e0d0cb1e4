/**
 * A MySQL or MariaDB server that holds the seed of the attacks, with a wall in it as `sallyport wall` prints it for a gateway in
 * front of the server's own login.
 */
import assert from "node:assert/strict";
import type { Mask } from "#policies/question.ts";
import { runCommand } from "#test/src/cli/terminal.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type MysqlFlavour, type MysqlServer, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { MYSQL_MASKS, MYSQL_SEED } from "./seed.ts";
import { SHOP_HISTOGRAM, SHOP_STATISTICS } from "./shop/seed.ts";

export const ACCOUNT = "sallyport_agents";
export const OWNER = "sallyport_agents_masked_owner";
/** Shows what is in the database `app`, and so on. */
export const MASKED = { app: "sallyport_agents_masked_app", shop: "sallyport_agents_masked_shop", other: "sallyport_agents_masked_other" };
const PASSWORD = "test-of-the-wall";

export interface Walled {
  readonly server: TestMysql;
  /** Logs in to the server as its own login. */
  readonly gateway: TestGateway;
  /** What the wall's account logs in with. */
  readonly login: MysqlServer;
  /** The wall as printed. */
  readonly sql: string;
  stop(): Promise<void>;
}

export async function openWalled(flavour: MysqlFlavour): Promise<Walled> {
  const server = await startMysql({ flavour, seed: [...MYSQL_SEED, flavour === "mysql9" ? SHOP_HISTOGRAM : SHOP_STATISTICS] });
  let gateway: TestGateway | undefined;
  try {
    gateway = await gatewayAt(server);
    const sql = await printed(gateway);
    server.sql(sql);
    open(server);
    const login = { ...server, user: ACCOUNT, password: PASSWORD };
    const stop = async (): Promise<void> => {
      await gateway?.stop();
      await server.stop();
    };
    return { server, gateway, login, sql, stop };
  } catch (error) {
    await gateway?.stop();
    await server.stop();
    throw error;
  }
}

/** Agents under every mask, and owners, whom every rule spares. */
export function gatewayAt(server: MysqlServer): Promise<TestGateway> {
  return startGateway({
    mysql: { here: server },
    agents: { agent: ["data-agents"], owner: ["dba"] },
    configure: (sections) => {
      const { here, ...others } = Object(sections["targets"]);
      return { ...sections, masking: MASKING, targets: { ...others, here: { ...here, database: Object.keys(MASKED) } } };
    },
  });
}

/** @throws AssertionError unless it was printed */
export async function printed(gateway: TestGateway, ...more: readonly string[]): Promise<string> {
  const { code, err, out } = await runCommand(["wall", "--target", "here", "--config", gateway.configFile, ...more]);
  assert.equal(code, 0, err);
  return out;
}

/** Gives the account its password, as whoever runs the wall is told to. */
export function open(server: TestMysql): void {
  server.sql(`ALTER USER '${ACCOUNT}'@'%' IDENTIFIED BY '${PASSWORD}' ACCOUNT UNLOCK`);
}

export const MASKING: Sections = {
  rules: MYSQL_MASKS.map(({ rule, columns, mask, assign }) => ({
    ...{ name: rule, target: "here", columns, with: written(mask), unless: { groups: ["dba"] } },
    ...(assign === undefined ? {} : { assign }),
  })),
  functions: { allow: ["app.order_total"] },
};

function written(mask: Mask): unknown {
  if (mask.kind === "keepLast") return { keepLast: mask.characters };
  return mask.kind === "constant" ? { constant: mask.value } : mask.kind;
}
