/** Where the programs of a PostgreSQL server are: version 18 comes with npm, as for the demo; version 15 with Debian. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Account } from "#src/demo/account.ts";
import { type Programs, packagedPrograms, runnablePrograms } from "#src/demo/programs.ts";

export type PostgresVersion = 15 | 18;

export const DEBIAN_PROGRAMS = "/usr/lib/postgresql/15/bin";

/**
 * @param account who will run the programs; the caller when undefined
 * @param scratch a folder that the account can enter, for a copy where the installed programs are out of its reach
 * @throws Error saying what to install
 */
export function postgresPrograms(version: PostgresVersion, account: Account | undefined, scratch: string): Programs {
  if (version === 15) {
    const programs = { initdb: join(DEBIAN_PROGRAMS, "initdb"), postgres: join(DEBIAN_PROGRAMS, "postgres") };
    if (!existsSync(programs.postgres))
      throw new Error("PostgreSQL 15 is missing: run npm test as root, or install Debian's postgresql-15");
    return programs;
  }
  const native = packagedPrograms();
  if (native === undefined)
    throw new Error(`PostgreSQL 18 is missing: run npm ci; for ${process.platform} ${process.arch} there may be no package`);
  return runnablePrograms(native, account, scratch);
}
