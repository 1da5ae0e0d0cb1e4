/**
 * Keyed digests for what must not be recorded in clear: literals and parameters compared with a protected column, and
 * PASSWORD clauses. Equal values give equal digests, so that an auditor sees a repeated guess; without the key, short
 * values such as card numbers cannot be tried out.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const KEY_BYTES = 32;
/** Half of the HMAC: enough that two values never meet by chance. */
const DIGEST_HEX = 32;

export class Digests {
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  /** `hmac-sha256:` and 32 hex digits of the value's HMAC; a string stands for its UTF-8 bytes. */
  digest(value: string | Uint8Array): string {
    return `hmac-sha256:${createHmac("sha256", this.#key).update(value).digest("hex").slice(0, DIGEST_HEX)}`;
  }
}

/**
 * Opens the digest key, a file of 32 random bytes, mode 0600, which is made when there is none. Several processes may
 * ask for the same file at once: all get the same key.
 *
 * @throws Error if the file cannot be made or read, or has another size.
 */
export function openDigests(path: string): Digests {
  let bytes = readKey(path);
  if (bytes === undefined) {
    makeKey(path);
    bytes = readKey(path);
  }
  if (bytes?.length !== KEY_BYTES) throw new Error(`the digest key has ${bytes?.length ?? 0} bytes, not ${KEY_BYTES}`);
  return new Digests(createSecretKey(bytes));
}

function readKey(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (cause) {
    if (isCode(cause, "ENOENT")) return undefined;
    throw cause;
  }
}

/** The whole key appears under its name at once: a link fails when another process was first, and that is as good. */
function makeKey(path: string): void {
  const made = `${path}.${process.pid}.new`;
  const fd = openSync(made, "wx", 0o600);
  try {
    writeSync(fd, randomBytes(KEY_BYTES));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  try {
    linkSync(made, path);
  } catch (cause) {
    if (!isCode(cause, "EEXIST")) throw cause;
  } finally {
    unlinkSync(made);
  }
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function isCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && "code" in cause && cause.code === code;
}
