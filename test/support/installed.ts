/** Packages of npm that only tests use, in a folder of their own beside the checkout's: the lock file decides what lies in it. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetched, type Unpacked } from "#test/support/unpacked.ts";

/**
 * @param source a folder with package.json and its lock file, integrity hashes in it
 * @param folder where to keep the packages; found complete, it is used as it is
 * @throws Error where there is no registry or no network
 */
export function installed(source: string, folder: string): Unpacked {
  const wanted = readFileSync(join(source, "package-lock.json"), "utf8");
  const mark = join(folder, "complete");
  if (!existsSync(mark) || readFileSync(mark, "utf8") !== wanted) {
    // Another process may do the same: each in its own folder, the last one's stays.
    const making = `${folder}.${process.pid}`;
    const options = ["--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error"];
    fetched(`what ${join(source, "package-lock.json")} names`, () => {
      rmSync(making, { recursive: true, force: true });
      mkdirSync(making, { recursive: true });
      for (const name of ["package.json", "package-lock.json"]) cpSync(join(source, name), join(making, name));
      execFileSync("npm", ["ci", ...options], { cwd: making, stdio: "pipe" });
    });
    writeFileSync(join(making, "complete"), wanted);
    rmSync(folder, { recursive: true, force: true });
    renameSync(making, folder);
  }
  return { command: (program) => [join(folder, "node_modules", ".bin", program)] };
}
