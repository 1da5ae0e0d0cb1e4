/** What processes cost, by the operating system's own account: CPU time and resident memory of a whole process tree. */
import { readdirSync, readFileSync } from "node:fs";

/** Linux counts in ticks of a hundredth of a second (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

export interface Cost {
  readonly cpuSeconds: number;
  /** Of the process itself. */
  readonly ownSeconds: number;
  readonly processes: number;
  /** The largest resident size that any one of them ever had. */
  readonly peakBytes: number;
}

/** Of the process and all its descendants now; ended children count through those who waited for them. */
export function costOf(root: number): Cost {
  const children = childrenByParent();
  const tree: number[] = [];
  for (let waiting = [root]; waiting.length > 0; ) {
    const pid = waiting.pop() ?? root;
    tree.push(pid);
    waiting = waiting.concat(children.get(pid) ?? []);
  }
  const costs = tree.map(costOfOne);
  return {
    cpuSeconds: costs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    ownSeconds: costOfOne(root).cpuSeconds,
    processes: tree.length,
    peakBytes: Math.max(0, ...costs.map(({ peakBytes }) => peakBytes)),
  };
}

function childrenByParent(): ReadonlyMap<number, readonly number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const [, parent] = statOf(Number(name)) ?? [];
    if (parent !== undefined) children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(name)]);
  }
  return children;
}

/** The fields of /proc/PID/stat from the state on: proc(5) counts it as the third. The name before may hold anything. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    // It ended between the listing and the look: no cost from now on.
    return undefined;
  }
}

function costOfOne(pid: number): { readonly cpuSeconds: number; readonly peakBytes: number } {
  const stat = statOf(pid);
  if (stat === undefined) return { cpuSeconds: 0, peakBytes: 0 };
  // utime, stime, cutime, cstime: fields 14 to 17.
  const ticks = stat.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, peakBytes: peakOf(pid) };
}

function peakOf(pid: number): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    // As above.
    return 0;
  }
}
