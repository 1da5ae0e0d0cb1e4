/** Which major versions of PostgreSQL are supported until when. */
import type { Release } from "#src/doctor/server.ts";

/** When the last minor release of a major version came or will come (postgresql.org, "Versioning policy"). */
const LAST_RELEASE: Readonly<Record<string, string>> = {
  "13": "2025-11-13",
  "14": "2026-11-12",
  "15": "2027-11-11",
  "16": "2028-11-09",
  "17": "2029-11-08",
  "18": "2030-11-14",
};
const OLDEST_LISTED = 13;

/** @param version as the server says it */
export function postgresRelease(version: string): Release {
  const series = /^\d+/.exec(version)?.[0] ?? "";
  return { product: "PostgreSQL", version, series, last: LAST_RELEASE[series], older: Number(series) < OLDEST_LISTED };
}
