/**
 * Folders and ports that a test owns for its lifetime. Both are handed out by the operating system, so that
 * tests can run side by side; nothing here knows what they are used for.
 */
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

/** A port of the loopback address that was free a moment ago; who binds it must be ready to try again. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => {
        if (address === null || typeof address === "string") reject(new Error("the system gave no port"));
        else resolve(address.port);
      });
    });
  });
}
