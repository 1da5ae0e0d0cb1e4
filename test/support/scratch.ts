/**
 * Folders and ports that a test owns for its lifetime. No two tests that run side by side are given the
 * same; nothing here knows what they are used for.
 */
import { randomInt } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new folder below the system's temporary one; `mode` 0755 lets a server's own account enter it. */
export async function scratchFolder(name: string, mode = 0o700): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `sallyport-${name}-`));
  await chmod(folder, mode);
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** Below the ports that the system gives to connections: one of those could be taken by any of them at any moment. */
const PORTS = { from: 12_000, to: 32_000 } as const;
const PORT_TRIES = 100;

/** A port of the loopback address that was free a moment ago; who binds it must be ready to try again. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (await isFree(port)) return port;
  }
  throw new Error("no port is free");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
