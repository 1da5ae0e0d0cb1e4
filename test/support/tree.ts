/** The repository's own files, as the tests that guard the house read them. Paths are relative to its root, with `/`. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..");

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Files that git keeps or would keep; those deleted and not yet committed are left out. */
export function repositoryFiles(): readonly string[] {
  const list = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" });
  return [...new Set(list.split("\0"))].filter((path) => path !== "" && existsSync(join(ROOT, path))).sort();
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
