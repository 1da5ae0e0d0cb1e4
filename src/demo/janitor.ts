/**
 * Ends what the demo started and removes what it wrote, whatever becomes of the demo: a process of its own, out of
 * reach of the terminal's Ctrl-C, that is told over its standard input what there is, and cleans up when that input
 * closes. It closes when the demo asks for it, crashes, or is killed.
 */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

/** One line of the janitor's standard input, as JSON. */
export type Chore =
  /** End this process (and its group where it leads one) by `signal`; what was named last ends first. */
  | { readonly kind: "process"; readonly pid: number; readonly signal: "SIGTERM" | "SIGINT" }
  /** It ended by itself; its number may be another's by now. */
  | { readonly kind: "ended"; readonly pid: number }
  /** Remove this folder once all processes have ended. */
  | { readonly kind: "folder"; readonly path: string };

/** Longer than the gateway lets running statements finish. */
const PATIENCE_MS = 15_000;
const POLL_MS = 25;

async function main(): Promise<void> {
  const processes = new Map<number, "SIGTERM" | "SIGINT">();
  const folders = new Set<string>();
  for await (const line of createInterface({ input: process.stdin })) {
    const chore: Chore = JSON.parse(line);
    if (chore.kind === "process") processes.set(chore.pid, chore.signal);
    else if (chore.kind === "ended") processes.delete(chore.pid);
    else folders.add(chore.path);
  }
  for (const [pid, signal] of [...processes].reverse()) await end(pid, signal);
  for (const path of folders) rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function end(pid: number, signal: NodeJS.Signals): Promise<void> {
  if (!send(pid, signal)) return;
  for (let waited = 0; waited < PATIENCE_MS; waited += POLL_MS) {
    if (!send(pid, 0)) return;
    await pause(POLL_MS);
  }
  // Out of patience: the whole group at once. The processes were started as leaders of their own.
  send(-pid, "SIGKILL");
}

/** False when there is no such process any more. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    // ESRCH: it is gone.
    return false;
  }
}

await main();
