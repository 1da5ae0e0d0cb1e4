/** What the databases and accounts of a MySQL or MariaDB wall are called. */
import { quoteName } from "./quoting.ts";

export interface MysqlWallNames {
  readonly target: string;
  /** Whom the masks are for, in words. */
  readonly whom: string;
  /** Agents, or the gateway for them, log in as it, from anywhere. */
  readonly account: string;
  /** Owns the masked views; it is locked, and nobody logs in as it. */
  readonly owner: string;
  /** What the names of the wall's databases begin with. */
  readonly schema: string;
}

/** From where agents may log in, and the owner could, were it not locked. */
export const AGENT_HOST = "%";
const OWNER_HOST = "localhost";

export function agentOf({ account }: MysqlWallNames): string {
  return `${quoteName(account)}@${quoteName(AGENT_HOST)}`;
}

export function ownerOf({ owner }: MysqlWallNames): string {
  return `${quoteName(owner)}@${quoteName(OWNER_HOST)}`;
}
