/** Which target a client means. It is looked up in the gateway's own table, and nothing else is dialled. */
import { Fault } from "#protocols/wire/fault.ts";

export interface RequestedTarget {
  readonly target: string;
  /** The database asked for behind the target's name; null: the target's default. */
  readonly database: string | null;
  /** `user` without `@target`: a free label for the record. */
  readonly label: string;
}

export interface Asked {
  readonly user: string;
  readonly database: string | null;
  readonly sni: string | null;
}

/**
 * `user@target` wins over the login's database, that over SNI, that over the only target there is. An `@` that names no
 * target belongs to the label.
 *
 * @param targets names of all MySQL targets
 * @throws Fault `target-unknown`
 */
export function requestedTarget({ user, database, sni }: Asked, targets: ReadonlySet<string>): RequestedTarget {
  const at = user.lastIndexOf("@");
  const named = user.slice(at + 1);
  if (at > 0 && targets.has(named)) {
    return { target: named, database: behind(database, named), label: user.slice(0, at) };
  }
  const [first = ""] = (database ?? "").split("/", 1);
  if (targets.has(first)) return { target: first, database: behind(database, first), label: user };
  const [host = ""] = (sni ?? "").split(".", 1);
  if (targets.has(host)) return { target: host, database, label: user };
  const [only, ...others] = targets;
  if (only !== undefined && others.length === 0) return { target: only, database, label: user };
  throw new Fault("target-unknown", database === null ? "no target is named" : `no target is named "${first}"`, {
    hint: "give a target's name as the database, or as user@target",
  });
}

/** `orders` and `orders/reporting` mean databases of the target `orders`; any other is taken as it is. */
function behind(database: string | null, target: string): string | null {
  if (database === null || database === target) return null;
  return database.startsWith(`${target}/`) ? database.slice(target.length + 1) : database;
}
