/** Whether a server still gets corrections, by the dates that those who make it have given. */
import type { Observation } from "./finding.ts";

export interface Release {
  /** E.g. `PostgreSQL`. */
  readonly product: string;
  /** As the server says it, e.g. `15.18 (Debian 15.18-0+deb12u1)`. */
  readonly version: string;
  /** What is supported as one, e.g. `15`, `10.11`. */
  readonly series: string;
  /** The day of the last release, `YYYY-MM-DD`; undefined where none is known. */
  readonly last: string | undefined;
  /** For a series without a day: it is older than those that are known. */
  readonly older: boolean;
}

export function serverObservations({ product, version, series, last, older }: Release, nowMs: number): readonly Observation[] {
  const ended = last === undefined ? older : Date.parse(last) < nowMs;
  const object = `${product} ${version}`;
  if (!ended) {
    const message = `${product} ${series} is supported${last === undefined ? "" : ` until ${last}`}`;
    return [{ code: "server-ok", object, message }];
  }
  const message = `${product} ${series} gets no corrections any more${last === undefined ? "" : `, the last came on ${last}`}`;
  return [{ code: "server-out-of-support", object, message, remedy: "move to a version that is supported" }];
}
