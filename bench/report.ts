/** Numbers out of samples: medians, ratios within a round, and the table that docs/performance.md shows. */
import type { Measure, Sample } from "./measures.ts";
import type { PathName } from "./paths.ts";

/** Samples of one measure: by round, then by way. */
export type Rounds = readonly Readonly<Partial<Record<PathName, Sample>>>[];

export interface Result {
  readonly measure: Pick<Measure, "name" | "unit">;
  readonly rounds: Rounds;
}

export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 0 && low !== undefined && high !== undefined ? (low + high) / 2 : high;
}

const speed = (sample: Sample) => sample.amount / sample.seconds;
const cpu = (sample: Sample) => (sample.cpuSeconds === null ? undefined : sample.cpuSeconds / sample.amount);

/** Of one way beside another, pair by pair: both ran in the same round, on the same mood of the machine. */
function ratios(rounds: Rounds, ours: PathName, theirs: PathName, of: (sample: Sample) => number | null | undefined): readonly number[] {
  return rounds.flatMap((round) => {
    const [left, right] = [round[ours], round[theirs]].map((sample) => (sample === undefined ? undefined : of(sample)));
    return left == null || right == null || right === 0 ? [] : [left / right];
  });
}

function spread(values: readonly number[], better: "high" | "low"): string {
  const middle = median(values);
  if (middle === undefined) return "";
  const best = better === "high" ? Math.max(...values) : Math.min(...values);
  return `${middle.toFixed(2)} (${best.toFixed(2)})`;
}

export function table(results: readonly Result[]): string {
  const head = [
    "measure",
    "direct",
    "pgbouncer",
    "gateway",
    "speed vs pgbouncer",
    "speed vs direct",
    "CPU vs pgbouncer",
    "gateway's CPU (keeper)",
    "p50 / p99 vs pgbouncer",
    "gateway's peak",
  ];
  const rows = results.map(({ measure, rounds }) => [
    measure.name,
    ...(["direct", "pgbouncer", "gateway"] as const).map((name) => rate(rounds, name, measure.unit)),
    spread(ratios(rounds, "gateway", "pgbouncer", speed), "high"),
    spread(ratios(rounds, "gateway", "direct", speed), "high"),
    spread(ratios(rounds, "gateway", "pgbouncer", cpu), "low"),
    cost(rounds, measure.unit),
    [(sample: Sample) => sample.p50Ms, (sample: Sample) => sample.p99Ms]
      .map((of) => spread(ratios(rounds, "gateway", "pgbouncer", of), "low"))
      .filter((text) => text !== "")
      .join(" / "),
    peak(rounds),
  ]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function rate(rounds: Rounds, name: PathName, unit: Measure["unit"]): string {
  const values = rounds.flatMap((round) => (round[name] === undefined ? [] : [speed(round[name])]));
  const middle = median(values);
  if (middle === undefined) return "";
  return unit === "MB/s" ? `${(middle / 1e6).toFixed(0)} MB/s` : `${middle.toFixed(0)} ${unit}`;
}

function cost(rounds: Rounds, unit: Measure["unit"]): string {
  const middle = (of: (sample: Sample) => number | undefined) =>
    median(rounds.flatMap((round) => (round.gateway === undefined ? [] : [of(round.gateway) ?? 0])));
  const [all, keeper] = [middle(cpu), middle(({ ownSeconds, amount }) => (ownSeconds ?? 0) / amount)];
  if (all === undefined || keeper === undefined) return "";
  return unit === "MB/s"
    ? `${(all * 1e9).toFixed(2)} s/GB (${(keeper * 1e9).toFixed(2)})`
    : `${(all * 1e6).toFixed(0)} µs each (${(keeper * 1e6).toFixed(0)})`;
}

function peak(rounds: Rounds): string {
  const bytes = Math.max(0, ...rounds.map((round) => round.gateway?.peakBytes ?? 0));
  return bytes === 0 ? "" : `${(bytes / (1 << 20)).toFixed(0)} MiB`;
}
