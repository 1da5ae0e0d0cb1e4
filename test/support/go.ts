/** Programs in Go, built from one source file and Debian's packages of libraries: without modules, without the network. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { ROOT } from "#test/support/tree.ts";

const FOLDER = join(ROOT, ".cache", "go");

/**
 * Kept in the checkout's cache by the digest of the source and the version of the compiler.
 *
 * @returns the path of the program
 * @throws Error with the compiler's words
 */
export function builtGo(source: string): string {
  const version = execFileSync("go", ["version"], { encoding: "utf8" });
  const digest = createHash("sha256").update(version).update(readFileSync(source)).digest("hex").slice(0, 16);
  const program = join(FOLDER, `${basename(source, ".go")}-${digest}`);
  if (existsSync(program)) return program;
  mkdirSync(FOLDER, { recursive: true });
  // Another process may do the same: each into a file of its own, the last one's stays.
  const making = `${program}.${process.pid}`;
  const env = {
    PATH: process.env["PATH"],
    GO111MODULE: "off",
    GOPATH: "/usr/share/gocode",
    GOCACHE: join(FOLDER, "cache"),
    CGO_ENABLED: "0",
  };
  execFileSync("go", ["build", "-o", making, source], { env, stdio: "pipe" });
  renameSync(making, program);
  return program;
}
