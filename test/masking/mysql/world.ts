/** A whole gateway before a MySQL and a MariaDB that hold the seed of the attacks: `agent` under every mask, `owner` under none. */
import type { Mask } from "#policies/question.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { MYSQL_MASKS, MYSQL_SEED, MYSQL_STEADY } from "./seed.ts";

export const MYSQL_TARGETS = ["mysql", "maria"] as const;
export type MysqlTarget = (typeof MYSQL_TARGETS)[number];

/** How groups of statements name the servers. */
export const KIND_OF = { mysql: "mysql", maria: "mariadb" } as const satisfies Record<MysqlTarget, "mysql" | "mariadb">;

export interface MysqlWorld {
  readonly gateway: TestGateway;
  readonly servers: Readonly<Record<MysqlTarget, TestMysql>>;
  stop(): Promise<void>;
}

/** @param settings of the servers */
export async function openMysqlWorld(
  change: (sections: Sections) => Sections = (sections) => sections,
  settings: Readonly<Record<string, string>> = {},
): Promise<MysqlWorld> {
  const [mysql, maria] = await Promise.all([
    startMysql({ seed: MYSQL_SEED, settings: { ...MYSQL_STEADY, ...settings } }),
    startMysql({ flavour: "mariadb10", seed: MYSQL_SEED, settings: { ...MYSQL_STEADY, ...settings } }),
  ]);
  try {
    const gateway = await startGateway({
      mysql: { mysql, maria },
      agents: { agent: ["data-agents"], owner: ["dba"] },
      configure: (sections) =>
        change({ ...sections, masking: { rules: maskingRules(MYSQL_TARGETS), functions: { allow: ["app.order_total"] } } }),
    });
    const stop = async (): Promise<void> => {
      await gateway.stop();
      await Promise.all([mysql.stop(), maria.stop()]);
    };
    return { gateway, servers: { mysql, maria }, stop };
  } catch (error) {
    await Promise.all([mysql.stop(), maria.stop()]);
    throw error;
  }
}

/** As a policy document has them. @param targets that they are for */
export function maskingRules(targets: readonly string[]) {
  return targets.flatMap((target) =>
    MYSQL_MASKS.map(({ rule, columns, mask, assign }) => ({
      ...{ name: `${target}-${rule}`, target, columns, with: written(mask), unless: { groups: ["dba"] } },
      ...(assign === undefined ? {} : { assign }),
    })),
  );
}

function written(mask: Mask): unknown {
  if (mask.kind === "keepLast") return { keepLast: mask.characters };
  return mask.kind === "constant" ? { constant: mask.value } : mask.kind;
}
