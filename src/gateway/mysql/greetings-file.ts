/**
 * The greetings of targets on disk, so that a gateway that starts knows what it knew. A hint and no more: a file that is not
 * there, or can't be read, costs the first client of each target the right greeting.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { GREETINGS_MAX, type NamedGreeting } from "./greetings.ts";

const greeting = z.strictObject({
  version: z
    .string()
    .regex(/^(5\.5\.5-)?\d{1,3}\.\d{1,3}\.\d{1,3}(-MariaDB)?$/)
    .nullable(),
  capabilities: z.int().min(0).max(0xffffffff),
  collation: z.int().min(0).max(0xff),
});
const file = z.array(z.tuple([z.string().max(1000), greeting])).max(GREETINGS_MAX);

/** @throws Error when there is a file that can't be read, or not in this form */
export function readGreetings(path: string): readonly NamedGreeting[] {
  try {
    return file.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Whole or not at all, and not synced: an older one is as good as a greeting. @throws Error of the file system */
export function writeGreetings(path: string, greetings: readonly NamedGreeting[]): void {
  const partial = `${path}.new`;
  writeFileSync(partial, `${JSON.stringify(greetings)}\n`, { mode: 0o600 });
  renameSync(partial, path);
}
