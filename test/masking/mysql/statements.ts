/** Hostile statements for MySQL and MariaDB by group, each for one of the two databases of `seed.ts`. */
import { APP_HOSTILE } from "./app/statements.ts";
import type { HostileGroups } from "./hostile.ts";
import type { MysqlDatabase } from "./seed.ts";
import { SHOP_HOSTILE } from "./shop/statements.ts";

export const MYSQL_HOSTILE: Readonly<Record<MysqlDatabase, HostileGroups>> = { app: APP_HOSTILE, shop: SHOP_HOSTILE };
