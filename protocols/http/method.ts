/** What methods mean: those that look something up, and those that no rule can grant, as a tunnel or TRACE leads around everything. */
import { Fault } from "#protocols/wire/fault.ts";

const REFUSED: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK", "PRI"]);

/** RFC 9110 section 9.1: case counts, and `get` is another method than GET, which no policy could tell. */
export function checkMethod(method: string): Fault | undefined {
  if (/^[A-Z][A-Z0-9-]{0,31}$/.test(method) && !REFUSED.has(method)) return undefined;
  return new Fault("method-refused", "this method is not passed on", {
    hint: "methods are written in capitals; CONNECT and TRACE are refused",
  });
}

const LOOKUPS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** RFC 9110 section 9.2.1: safe methods. Under a mask what they ask by sees the mask; others give values. */
export function isLookup(method: string): boolean {
  return LOOKUPS.has(method);
}

export function writeRefused(rule: string): Fault {
  const hint = "leave it out, or ask for `assign: values`";
  return new Fault("masked-request", `the request gives a value to what the rule ${rule} masks`, { hint });
}
