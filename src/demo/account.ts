/**
 * The account that the demo's database runs under. PostgreSQL refuses to run as root, so root hands it to user
 * `postgres` where the system has one, else to `nobody`; the demo never adds a user to the system. Everyone else
 * runs it as themselves.
 */
import { execFileSync } from "node:child_process";

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Undefined when the database runs as the caller. @throws Error when root finds no account to hand it to. */
export function databaseAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const account = lookUp("postgres") ?? lookUp("nobody");
  if (account === undefined) throw new Error("PostgreSQL does not run as root, and this system has neither a user postgres nor nobody");
  return account;
}

function lookUp(name: string): Account | undefined {
  try {
    const id = (flag: string) => Number(execFileSync("id", [flag, name], { encoding: "utf8", stdio: "pipe" }));
    return { name, uid: id("-u"), gid: id("-g") };
  } catch {
    // `id` ends with 1 for an unknown user: an answer, not a failure.
    return undefined;
  }
}
