/**
 * How many connections a process has descriptors for. Where they ran out, the kernel would close newcomers without a word
 * and without a record; so newcomers are turned away a little earlier, with both.
 */

/** Client, target, journal, and one more for a moment: the journal's key, a cancellation, a certificate's issuer. */
const PER_CONNECTION = 4;
/** What a worker holds without any connection is about 25; identity providers and shared libraries need some more. */
const RESERVED = 40;

/** @param limit of the process, as `getrlimit` tells; null: without limit */
export function connectionsWithin(limit: number | null): number {
  return limit === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor((limit - RESERVED) / PER_CONNECTION));
}

/** The soft limit of open files, which Node has raised to the hard one; null where there is none, or none is told. */
export function descriptorLimit(): number | null {
  // Without it the report would look up the names of peers.
  Reflect.set(process.report, "excludeNetwork", true);
  const report: unknown = process.report.getReport();
  const soft: unknown = at(at(at(report, "userLimits"), "open_files"), "soft");
  return typeof soft === "number" ? soft : null;
}

function at(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
