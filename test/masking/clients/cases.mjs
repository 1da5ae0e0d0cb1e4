// Tells what a client saw, a case at a time: its name behind two at-signs, then values as JSON without what masked columns hold.
import { createRequire } from "node:module";
import { join } from "node:path";

const masked = new Set(process.env.MASKED.split(" "));

/** Loads a package of those that were fetched for these tests. */
export const load = createRequire(join(process.env.ORMS, "package.json"));

export const login = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
};
export const ssl = { ca: (await import("node:fs")).readFileSync(process.env.PGSSLROOTCERT, "utf8") };

function plain(value) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "function";
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value) || value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (Array.isArray(value) || value instanceof Set) return [...value].map(plain);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !masked.has(name))
      .map(([name, item]) => [name, plain(item)]),
  );
}

/** Runs it and tells what came; of a failure, its SQLSTATE. */
export async function told(name, attempt) {
  process.stdout.write(`@@ ${name}\n`);
  try {
    const value = plain(await attempt());
    for (const item of Array.isArray(value) ? value : [value]) process.stdout.write(`${JSON.stringify(item)}\n`);
  } catch (error) {
    const cause = error.original ?? error.driverError ?? error.cause ?? error;
    process.stdout.write(`${error.constructor.name} ${cause.code ?? cause.message}\n`);
  }
}

export const end = () => process.stdout.write("@@ end\n");
