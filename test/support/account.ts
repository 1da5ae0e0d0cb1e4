/**
 * The account that database servers run under. PostgreSQL refuses to run as root, so a test run by root starts
 * it as user `postgres`; everyone else runs it as themselves.
 */
import { execFileSync } from "node:child_process";
import { chownSync, statSync } from "node:fs";
import { dirname } from "node:path";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Undefined when servers run as the caller. @throws Error when root has no such user and cannot make one. */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return lookUp() ?? create();
}

function lookUp(): Account | undefined {
  try {
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8", stdio: "pipe" }));
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    // `id` exits 1 for an unknown user: the answer, not a failure.
    return undefined;
  }
}

function create(): Account {
  execFileSync("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "postgres"], { stdio: "pipe" });
  const account = lookUp();
  if (account === undefined) throw new Error("user postgres was made and is not there");
  return account;
}

/** Hands files to the account; does nothing when servers run as the caller. */
export function giveTo(account: Account | undefined, ...paths: readonly string[]): void {
  if (account !== undefined) for (const path of paths) chownSync(path, account.uid, account.gid);
}

/** Whether every folder above `path` lets any account through; a home directory often does not. */
export function reachableByOthers(path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
