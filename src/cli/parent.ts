/**
 * Whether the program that stands behind a command is gone: npm, or the launcher that started a newer Node. Neither ends
 * before what it started, unless it was killed, and then nobody is left to press Ctrl-C. A shell is no such program: it
 * may start something in the background and end.
 */
import { readFileSync } from "node:fs";
import type { World } from "./world.ts";

const SHELLS = new Set(["sh", "dash", "bash", "ash", "busybox", "zsh"]);
/** Node gives npm its command line as a name, cut to 15 characters. */
const STARTERS = /^(node|MainThread|npm( |$)|npx( |$))/;

/** A function that says whether it is gone; always false where there is no such program, or it can't be told. */
export function watchParent(env: World["env"]): () => boolean {
  const parent = process.ppid;
  if (process.platform !== "linux") return env["npm_command"] === undefined ? () => false : () => process.ppid !== parent;
  const starter = processOf(parent);
  if (starter === undefined) return () => false;
  if (STARTERS.test(starter.name)) return () => process.ppid !== parent;
  // npm runs scripts by a shell, which some systems' shells leave and others replace by the command.
  if (env["npm_command"] === undefined || !SHELLS.has(starter.name)) return () => false;
  return () => process.ppid !== parent || processOf(parent)?.parent !== starter.parent;
}

/** proc(5): the second field of `stat` is the name in parentheses, which may itself hold any character; the fourth the parent. */
function processOf(pid: number): { readonly name: string; readonly parent: number } | undefined {
  try {
    const match = /^\d+ \((.*)\) \S (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
    return match === null ? undefined : { name: match[1] ?? "", parent: Number(match[2]) };
  } catch {
    // It has ended, or /proc is not mounted: nothing to be told.
    return undefined;
  }
}
