/**
 * Programs that Debian 12 does not have, fetched on first use and kept in the checkout's cache: the PostgreSQL 18 client
 * (direct TLS negotiation, protocol 3.2), MySQL 9 and its Router, MariaDB 11.8, Docker's compose, which checks the compose file without an engine, and
 * object-relational mappers for Node, which are too heavy to be dependencies of the checkout.
 */
import { join } from "node:path";
import { installed } from "#test/support/installed.ts";
import { ROOT } from "#test/support/tree.ts";
import { type Unpacked, unpack } from "#test/support/unpacked.ts";

export interface FetchedPart {
  /** As `TEST_OPTIONAL` names it. */
  readonly name: "psql18" | "compose" | "mysql9" | "mariadb11" | "orms";
  /** @throws Error where it cannot be fetched */
  readonly fetch: () => Unpacked;
  readonly probe: readonly [program: string, ...args: string[]];
}

/** About 100 MB. @throws Error where it cannot be fetched */
export function postgresql18Client(): Unpacked {
  return unpack("sid", ["postgresql-client-18"], join(ROOT, ".cache", "postgresql-client-18"));
}

/** About 65 MB. @throws Error where it cannot be fetched */
export function dockerCompose(): Unpacked {
  return unpack("trixie", ["docker-compose"], join(ROOT, ".cache", "docker-compose"));
}

/** MySQL 9, server and client; Debian's released suites have none. */
export function mysql9(): Unpacked {
  return unpack("sid", ["mysql-server-core", "mysql-client-core"], join(ROOT, ".cache", "mysql9"));
}

/** MariaDB 11.8, server and client, of Debian 13: about 310 MB. @throws Error where it cannot be fetched */
export function mariadb11(): Unpacked {
  return unpack("trixie", ["mariadb-server", "mariadb-client"], join(ROOT, ".cache", "mariadb11"));
}

/** MySQL Router, which the benchmark compares with; about 94 MB. @throws Error where it cannot be fetched */
export function mysqlRouter(): Unpacked {
  return unpack("sid", ["mysql-router"], join(ROOT, ".cache", "mysql-router"));
}

export const ORMS_FOLDER = join(ROOT, ".cache", "orms");

/** TypeORM, Knex, Sequelize, Drizzle and Kysely: about 125 MB. @throws Error where they cannot be fetched */
export function nodeOrms(): Unpacked {
  return installed(join(import.meta.dirname, "orms"), ORMS_FOLDER);
}

export const FETCHED_PARTS: readonly FetchedPart[] = [
  { name: "psql18", fetch: postgresql18Client, probe: ["psql", "--version"] },
  { name: "mysql9", fetch: mysql9, probe: ["mysql", "--version"] },
  { name: "mariadb11", fetch: mariadb11, probe: ["mariadb", "--version"] },
  { name: "orms", fetch: nodeOrms, probe: ["drizzle-kit", "--version"] },
  { name: "compose", fetch: dockerCompose, probe: ["docker-compose", "version"] },
];
