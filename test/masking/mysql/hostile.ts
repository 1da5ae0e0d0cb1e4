/** How the hostile statements for MySQL and MariaDB are written down. */

/** A list of texts is sent in one session, one after the other. */
export type Hostile = string | readonly string[];

/** Names of groups may come with `(mysql)` or `(mariadb)`: they mean nothing to the other. */
export type HostileGroups = Readonly<Record<string, readonly Hostile[]>>;

/** Whether a group is for a server of that kind. */
export function isFor(group: string, flavour: "mysql" | "mariadb"): boolean {
  const only = /\((mysql|mariadb)\)/.exec(group)?.[1];
  return only === undefined || only === flavour;
}

const CHANGES = /^\s*(insert|update|delete|replace|create|alter|rename|drop|call|execute)/i;
const STAYS = /^\s*(begin|prepare|handler|set|use)\b|:=|\binto\b/i;

/** Whether a statement may leave something behind in the database. */
export function changesRows(sql: string): boolean {
  return CHANGES.test(sql);
}

/** Whether a statement that went through has made, changed or removed something that no rollback undoes. */
export function changesObjects(sql: string): boolean {
  return /^\s*(create|alter|rename|drop|truncate|call|execute)/i.test(sql);
}

/** Whether a statement may leave something in the session that no rollback undoes. */
export function staysInSession(hostile: Hostile): boolean {
  return [hostile].flat().some((sql) => STAYS.test(sql) || changesObjects(sql));
}

/** Whether anything may be left behind, in the session or the database. */
export function isLasting(hostile: Hostile): boolean {
  return typeof hostile !== "string" || CHANGES.test(hostile) || STAYS.test(hostile);
}
