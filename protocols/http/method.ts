/** Methods that no rule can grant: a tunnel leads around everything, and TRACE shows what only the target should see. */
import { Fault } from "#protocols/wire/fault.ts";

const REFUSED: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK", "PRI"]);

/** RFC 9110 section 9.1: case counts, and `get` is another method than GET, which no policy could tell. */
export function checkMethod(method: string): Fault | undefined {
  if (/^[A-Z][A-Z0-9-]{0,31}$/.test(method) && !REFUSED.has(method)) return undefined;
  return new Fault("method-refused", "this method is not passed on", {
    hint: "methods are written in capitals; CONNECT and TRACE are refused",
  });
}
