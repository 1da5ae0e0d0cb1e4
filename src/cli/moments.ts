/** Moments as people write them on a command line (`--since`, `--until`), and durations as people read them. */
import { Failure } from "./failure.ts";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Unix milliseconds of `text`: a date or time as ISO 8601 writes it (UTC where it names no zone), or how long ago,
 * as in `90s`, `30m`, `2h`, `7d`, `4w`.
 *
 * @throws Failure `usage`
 */
export function parseMoment(option: string, text: string, nowMs: number): number {
  const ago = /^(\d{1,9})([smhdw])$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (UNIT_MS[ago[2] ?? ""] ?? 0);
  const iso = /^\d{4}-\d{2}-\d{2}(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/.exec(text);
  const parsed =
    iso === null
      ? Number.NaN
      : Date.parse(iso[1] === undefined || iso[2] !== undefined ? text.replace(" ", "T") : `${text.replace(" ", "T")}Z`);
  if (Number.isNaN(parsed)) {
    throw new Failure("usage", `${option} takes a moment, not ${JSON.stringify(text)}`, {
      hint: "write 2026-01-31, 2026-01-31T08:00:00Z, or how long ago: 30m, 2h, 7d",
    });
  }
  return parsed;
}

/** `840 ms`, `2.1 s`, `3 m 20 s`, `2 h 5 m`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${ms < 10 && !Number.isInteger(ms) ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
}

/** `+0.042 s` from the start of a session, or `+1:02:03.042` from an hour on. */
export function offsetText(ms: number): string {
  const total = Math.max(0, Math.round(ms));
  const [hours, minutes, seconds] = [Math.floor(total / 3_600_000), Math.floor(total / 60_000) % 60, (total % 60_000) / 1000];
  const tail = seconds.toFixed(3);
  if (hours > 0) return `+${hours}:${String(minutes).padStart(2, "0")}:${tail.padStart(6, "0")}`;
  return minutes > 0 ? `+${minutes}:${tail.padStart(6, "0")}` : `+${tail}`;
}

/** `2026-01-31 08:00:00Z` of an ISO 8601 text; the text itself when it is none. */
export function momentText(iso: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})/.exec(iso);
  return match === null ? iso : `${match[1]} ${match[2]}Z`;
}

/** `1.2 MB`, in steps of 1000. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
