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
