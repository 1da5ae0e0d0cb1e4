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
import { postgresql18Client } from "#test/support/psql18.ts";
import { PARTS, type Part, probe, provide } from "./parts.ts";

const ROOT = join(import.meta.dirname, "..");
/** A test that takes longer hangs; the slowest take a minute on two busy cores. */
const TEST_MS_MAX = 300_000;

/** Unpacked into the checkout's cache, not installed. */
const CLIENT_18 = "psql18";
const NAMES = [...PARTS.map((part) => part.name), CLIENT_18];

const say = (line: string) => process.stdout.write(`${line}\n`);

function versions(optional: ReadonlySet<string>): void {
  say(`node         ${process.version} on ${process.platform} ${process.arch}, ${availableParallelism()} cores`);
  const programs = packagedPrograms();
  const own: readonly Part[] = [
    { name: "postgres18", packages: [], probe: [programs === undefined ? "missing" : join(programs, "bin", "postgres"), "--version"] },
    ...(optional.has(CLIENT_18) ? [] : [client18()]),
  ];
  for (const part of [...PARTS, ...own]) say(`${part.name.padEnd(12)} ${probe(part) ?? "missing"}`);
  for (const name of optional) say(`${name.padEnd(12)} its tests are skipped: TEST_OPTIONAL names it`);
}

/** Fetches it where that was not done before. */
function client18(): Part {
  const [loader, ...rest] = postgresql18Client().command("psql");
  return { name: CLIENT_18, packages: [], probe: [loader, ...rest, "--version"] };
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

const [major = 0] = process.versions.node.split(".").map(Number);
const optional = new Set((process.env["TEST_OPTIONAL"] ?? "").split(",").filter((name) => name !== ""));
try {
  if (major < 24)
    throw new Error(`tests run on Node 24 or newer, this is ${process.version}: use npm test, which finds the one that npm ci brought`);
  const unknown = [...optional].filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) throw new Error(`TEST_OPTIONAL names ${unknown.join(", ")}; known are ${NAMES.join(", ")}`);
  provide(PARTS, optional, say);
  versions(optional);
  run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`npm test: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
