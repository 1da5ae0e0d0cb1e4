/**
 * The demo's temporary folder. Its database may run under another account than the demo, and a temporary folder of
 * the caller's own may be closed to that account; so the first of the usual places that the account can enter is taken.
 */
import { accessSync, chmodSync, constants, mkdtempSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Account } from "#src/demo/account.ts";

/** Absolute path of a new folder: only the caller's, except that another `account` may pass through (not list) it. */
export function makeDemoFolder(account: Account | undefined): string {
  const places = [tmpdir(), "/tmp", "/var/tmp"].filter((place) => isUsable(place, account));
  const [place] = places;
  if (place === undefined) throw new Error(`no temporary folder is open to user ${account?.name ?? "running this"}; set TMPDIR to one`);
  const folder = mkdtempSync(join(realpathSync(place), "sallyport-demo-"));
  chmodSync(folder, account === undefined ? 0o700 : 0o711);
  return folder;
}

function isUsable(place: string, account: Account | undefined): boolean {
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
    return account === undefined || letsThrough(realpathSync(place), account);
  } catch {
    // Not there or not writable: not this one.
    return false;
  }
}

/** Whether `account` may enter `folder` and every folder above it, by their permission bits. */
export function letsThrough(folder: string, account: Account): boolean {
  const { mode, uid, gid } = statSync(folder);
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
  if ((mode & bit) === 0) return false;
  return folder === dirname(folder) || letsThrough(dirname(folder), account);
}
