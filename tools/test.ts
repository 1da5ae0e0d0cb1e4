/**
 * `npm test`: sees to it that the machine has what the tests need, says with which versions they run, then hands over
 * to Node's test runner, whose summary ends the output and whose exit code is ours. Arguments name test files or are
 * options of the runner: `npm test -- test/policies/access/decide.test.ts --test-name-pattern=silence`.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { packagedPrograms } from "#src/demo/programs.ts";
import { FETCHED_PARTS } from "#test/support/fetched.ts";
import { optionalParts, PART_NAMES, versionOf } from "#test/support/optional.ts";
import { PARTS, probe, provide } from "#test/support/parts.ts";

const ROOT = join(import.meta.dirname, "..");
/** A test that takes longer hangs; the slowest take two minutes on two cores that six times as much is asked of. */
const TEST_MS_MAX = 900_000;

const say = (line: string) => process.stdout.write(`${line}\n`);

function sayVersions(): void {
  const programs = packagedPrograms();
  const postgres18 =
    programs === undefined ? undefined : probe({ name: "", packages: [], probe: [join(programs, "bin", "postgres"), "--version"] });
  say(`node         ${process.version} on ${process.platform} ${process.arch}, ${availableParallelism()} cores`);
  say(`postgres18   ${postgres18 ?? "missing"}`);
  for (const name of PART_NAMES)
    say(`${name.padEnd(12)} ${versionOf(name) ?? "missing; its tests are skipped, since TEST_OPTIONAL names it"}`);
}

function run(args: readonly string[]): void {
  const options = args.filter((arg) => arg.startsWith("-"));
  const named = args.filter((arg) => !arg.startsWith("-"));
  const files = named.length > 0 ? named : globSync("test/**/*.test.ts", { cwd: ROOT }).sort();
  const runner = ["--test", `--test-concurrency=${availableParallelism()}`, `--test-timeout=${TEST_MS_MAX}`, ...options, ...files];
  const child = spawn(process.execPath, runner, { cwd: ROOT, stdio: "inherit" });
  // The terminal's signals reach the child by themselves; it decides how it ends.
  for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.once("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
}

try {
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 24) throw new Error(`tests need Node 24, this is ${process.version}: use npm test, which finds the one that npm ci brought`);
  const optional = optionalParts();
  provide(PARTS, optional, say);
  for (const part of FETCHED_PARTS) if (!optional.has(part.name)) part.fetch();
  sayVersions();
  run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`npm test: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
