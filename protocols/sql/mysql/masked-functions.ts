/**
 * Which functions a statement may call under a mask: those of the server's own that only compute from their arguments, and
 * stored ones that somebody has reviewed. A stored function reads tables by itself, and no mask reaches inside it.
 */
import { mysqlLookup } from "./catalogue.ts";
import { functionNeeds } from "./functions.ts";
import type { MysqlMaskingView } from "./protection.ts";
import { type Call, Refused } from "./reading.ts";

/**
 * They read by the list of rights and yet carry something: errors that show their argument (EXTRACTVALUE, UPDATEXML), time
 * that depends on a value (SLEEP, BENCHMARK), names made of values (NAME_CONST).
 */
const CARRIERS: ReadonlySet<string> = new Set(["benchmark", "extractvalue", "name_const", "sleep", "updatexml"]);
/**
 * Locks by name that applications agree on: they tell nothing where the name is a constant and no table is read beside them. Whose a
 * lock is (IS_USED_LOCK) is no business of others.
 */
const LOCKS: ReadonlySet<string> = new Set(["get_lock", "is_free_lock", "release_all_locks", "release_lock"]);
const CONSTRUCTORS: ReadonlySet<string> = new Set(["row"]);

/** @param alone the statement names no table: no row is read, and none decides how often it is called. @throws Refused */
export function checkCalls(
  calls: readonly Call[],
  { catalogue, functionsAllowed }: MysqlMaskingView,
  database: string | null,
  alone = false,
): void {
  const { routine } = mysqlLookup(catalogue);
  const allowed = new Set(functionsAllowed.map((name) => name.toLowerCase()));
  for (const { parts, at, empty, constant } of calls) {
    const [first = "", second] = parts;
    const name = (second ?? first).toLowerCase();
    const inside = second === undefined ? database : first;
    const stored = inside === null ? undefined : routine(inside, name);
    if (stored !== undefined || second !== undefined) {
      if (allowed.has(`${inside}.${name}`.toLowerCase())) continue;
      throw refusal(`${parts.join(".")}()`, "a stored function may be called once it is listed in masking.functions.allow", at);
    }
    if (CONSTRUCTORS.has(name)) continue;
    if (LOCKS.has(name)) {
      if (alone && constant) continue;
      throw refusal(`${name}()`, "name the lock by a constant or a parameter, in a SELECT or DO without tables", at);
    }
    if (functionNeeds([name]) !== "read" || CARRIERS.has(name) || (name === "last_insert_id" && !empty)) {
      throw refusal(`${name}()`, "use functions that only compute from their arguments", at);
    }
  }
}

function refusal(shown: string, hint: string, at: number): Refused {
  return new Refused("masked-function", `${shown} may not be called under a mask`, hint, at);
}
