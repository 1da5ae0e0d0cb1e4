/**
 * A MySQL or MariaDB server that the machine already has: the demo brings none, and says so where there is none. Looked for
 * where packages and installers put it; what does not tell its version is not taken.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

export interface MysqlPrograms {
  readonly make: "mysql" | "mariadb";
  readonly server: string;
  /** MariaDB's program that makes a data folder; MySQL's server does that itself. */
  readonly install: string | null;
  /** As the server tells it, for people. */
  readonly version: string;
}

/** Besides PATH: Debian and Fedora, Homebrew, the makers' own installers. */
const USUAL = ["/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/local/mysql/bin", "/usr/bin"];

/** @param path of the environment. @param usual other folders to look in. @returns undefined where no server is at hand */
export function findMysql(path: string, usual: readonly string[] = USUAL): MysqlPrograms | undefined {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ""), ...usual];
  const find = (name: string): string | undefined => folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  for (const name of ["mariadbd", "mysqld"]) {
    const server = find(name);
    const version = server === undefined ? undefined : versionOf(server);
    if (server === undefined || version === undefined) continue;
    // A `mysqld` may be MariaDB's under its old name.
    if (!/mariadb/i.test(version)) return { make: "mysql", server, install: null, version };
    const install = find("mariadb-install-db") ?? find("mysql_install_db");
    if (install !== undefined) return { make: "mariadb", server, install, version };
  }
  return undefined;
}

function versionOf(server: string): string | undefined {
  try {
    const told = execFileSync(server, ["--no-defaults", "--version"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 10_000,
    });
    return /Ver\s+(\S+)/.exec(told)?.[1];
  } catch {
    // Another system's, or not ours to run: as good as none.
    return undefined;
  }
}
