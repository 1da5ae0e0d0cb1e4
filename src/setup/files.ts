/** Writes the files of a new installation: never over an existing one, private keys readable by their owner alone. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Secret } from "#protocols/wire/secret.ts";

/** Paths relative to the folder; a secret's file gets mode 0600, any other 0644. */
export type NewFiles = Readonly<Record<string, string | Secret<string>>>;

/** @throws Error `EEXIST` when one of the files exists; those before it have been written then */
export function writeNewFiles(folder: string, files: NewFiles): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    const secret = content instanceof Secret;
    mkdirSync(dirname(path), { recursive: true, mode: secret ? 0o700 : 0o755 });
    // `wx` fails on anything that is there, a symbolic link that leads nowhere included.
    writeFileSync(path, secret ? content.expose() : content, { flag: "wx", mode: secret ? 0o600 : 0o644 });
    // A umask takes bits away from the mode above; it never adds any, but a secret's must be exactly these.
    if (secret) chmodSync(path, 0o600);
  }
}
