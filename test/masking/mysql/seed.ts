/**
 * What the attacks on MySQL and MariaDB run on, as a whole: the databases `app` and `shop` of one server, what of them is
 * masked and how, and the canaries of both.
 */
import type { ActiveMask } from "#policies/question.ts";
import type { Canary } from "#test/masking/seed.ts";
import { APP_CANARIES, APP_RULES, APP_SEED } from "./app/seed.ts";
import { SHOP_CANARIES, SHOP_PROTECTED, SHOP_SEED } from "./shop/seed.ts";

export const MYSQL_DATABASES = ["app", "shop"] as const;
export type MysqlDatabase = (typeof MYSQL_DATABASES)[number];

/** So that it is the gateway that refuses, and not the target's grants. */
const RIGHTS = "GRANT ALL PRIVILEGES ON *.* TO 'app'@'%';";

/** Options of a server: statistics that are made anew at some time change plans, and with them the order of rows that nobody sorts. */
export const MYSQL_STEADY = { "innodb-stats-auto-recalc": "OFF" };

/** The client splits at semicolons, which no statement holds inside. */
export const MYSQL_SEED: readonly string[] = [...APP_SEED, ...SHOP_SEED, RIGHTS, "USE app;"];

export const MYSQL_CANARIES: readonly Canary[] = [
  ...SHOP_CANARIES,
  ...APP_CANARIES.filter(({ text }) => !SHOP_CANARIES.some((other) => other.text === text)),
];

/** The masks that everybody is under. */
export const MYSQL_MASKS: readonly ActiveMask[] = [...APP_RULES, { columns: SHOP_PROTECTED, mask: { kind: "redact" } as const }].map(
  (rule, index) => ({ rule: `masking.rules.${index}`, tags: [], ...rule }),
);
