// Tells what a client saw, a case at a time: its name behind two at-signs, then values as JSON without what masked columns hold.
import { createRequire } from "node:module";
import { join } from "node:path";

const masked = new Set(process.env.MASKED.split(" "));

/** Loads a package of those that were fetched for these tests. */
export const load = createRequire(join(process.env.ORMS, "package.json"));

const env = process.env;
/** Of PostgreSQL by libpq's names, of MySQL by those of our own. */
export const login = {
  host: env.PGHOST ?? env.DB_HOST,
  port: Number(env.PGPORT ?? env.DB_PORT),
  user: env.PGUSER ?? env.DB_USER,
  password: env.PGPASSWORD ?? env.DB_PASSWORD,
  database: env.PGDATABASE ?? env.DB_NAME,
};
export const ssl = { ca: (await import("node:fs")).readFileSync(env.PGSSLROOTCERT ?? env.DB_CA, "utf8") };

/** What masked columns hold goes where it is searched and not compared. */
function aside(value) {
  process.stderr.write(`masked: ${value instanceof Date ? value.toISOString() : JSON.stringify(value)}\n`);
  return false;
}

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
      .filter(([name, item]) => !masked.has(name) || aside(item))
      .map(([name, item]) => [name, plain(item)]),
  );
}

/** Runs it and tells what came; of a failure, its code, and why the gateway refused it. */
export async function told(name, attempt) {
  process.stdout.write(`@@ ${name}\n`);
  try {
    const value = plain(await attempt());
    for (const item of Array.isArray(value) ? value : [value]) process.stdout.write(`${JSON.stringify(item)}\n`);
  } catch (error) {
    const cause = error.original ?? error.driverError ?? error.cause ?? error;
    const reason = /\[reason=[\w-]+\]/.exec(cause.message)?.[0] ?? "";
    process.stdout.write(`${error.constructor.name} ${cause.code ?? cause.message} ${reason}`.trimEnd().concat("\n"));
  }
}

export const end = () => process.stdout.write("@@ end\n");
