/** The version of this program, from the package it stands in: two folders up in a checkout, three where it was built. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";

const PACKAGE = z.object({ name: z.literal("sallyport"), version: z.string() });

/** `unknown` when no package.json of ours is found above this file. */
export function programVersion(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      return PACKAGE.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))).version;
    } catch {
      // Not here, or another package's: one folder up.
    }
  }
  return "unknown";
}
