/**
 * Reads the catalogue of a MySQL or MariaDB server over a connection that somebody else made and that nobody else uses
 * meanwhile. `information_schema` has no snapshots, so what is read is read again when it has changed on the way.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { type MysqlCatalogue, type MysqlServer, type MysqlTable, type MysqlWall, seenThroughWalls } from "#protocols/mysql/protocol.ts";
import { sameSize } from "./estimates.ts";
import * as queries from "./mysql-queries.ts";
import { asked, type RunMysqlQuery } from "./mysql-rows.ts";
import { Tables } from "./mysql-tables.ts";

/** Looks at a schema that changes all the time. */
const TRIES_MAX = 5;

const place = z.object({ version: z.string(), folding: z.enum(["0", "1", "2"]), mode: z.string(), account: z.string() });
const FOLDING = { "0": 0, "1": 1, "2": 2 } as const;

/**
 * Read until it is the same twice, with the digest taken between. Digests alone would not do: a schema that is dropped and made
 * anew as it was has the same one before and behind a look that missed half of it.
 *
 * @throws whatever `query` throws, and Error when an answer has not the form that is expected
 */
export async function readMysqlCatalogue(query: RunMysqlQuery): Promise<MysqlCatalogue> {
  let before = await read(query);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const version = await mysqlCatalogueDigest(query);
    const now = await read(query);
    if (JSON.stringify(now) === JSON.stringify(before)) return withMysqlEstimates({ ...now, version }, await readMysqlEstimates(query));
    before = now;
  }
  throw new Error("the target's schema changes faster than it can be read");
}

/** Differs whenever a catalogue read now would differ; some tens of milliseconds, so fit for polling. */
export async function mysqlCatalogueDigest(query: RunMysqlQuery): Promise<string> {
  const [seen] = await asked(query, queries.PLACE, place);
  if (seen === undefined) throw new Error("the server does not tell its version");
  const rows = await query(queries.digest(queries.parts(serverOf(seen.version))));
  return createHash("sha256")
    .update(JSON.stringify([seen, rows]))
    .digest("hex");
}

async function read(query: RunMysqlQuery): Promise<Omit<MysqlCatalogue, "version">> {
  const [seen] = await asked(query, queries.PLACE, place);
  if (seen === undefined) throw new Error("the server does not tell its version");
  const server = serverOf(seen.version);
  const databases = await asked(query, queries.DATABASES, z.object({ name: z.string() }));
  const { tables, marks } = await new Tables(query, server).read();
  const walls = [...Map.groupBy(marks, ({ name }) => name)].flatMap(([name, [first, ...others]]): readonly MysqlWall[] => {
    if (first === undefined) return [];
    const { user, host, database } = first.mark;
    return [{ name, database, ofLogin: `${user}@${host}` === seen.account, masked: [first, ...others].flatMap(({ masked }) => masked) }];
  });
  const routines = await asked(query, queries.ROUTINES, routine);
  return {
    server,
    lowerCaseTableNames: FOLDING[seen.folding],
    sqlMode: seen.mode,
    databases: databases.map(({ name }) => name),
    tables: seenThroughWalls(
      tables,
      walls.filter(({ ofLogin }) => ofLogin),
    ),
    walls,
    routines: routines.map(({ db, name, type, security }) => ({
      database: db,
      name,
      kind: type === "FUNCTION" ? "function" : "procedure",
      security: security === "INVOKER" ? "invoker" : "definer",
    })),
  };
}

const estimate = z.object({ db: z.string(), name: z.string(), estimate: z.string().regex(/^\d+$/).transform(Number) });

/** Rows by database and name with a NUL between, as the server estimates them. */
export async function readMysqlEstimates(query: RunMysqlQuery): Promise<ReadonlyMap<string, number>> {
  const rows = await asked(query, queries.ESTIMATES, estimate);
  return new Map(rows.map(({ db, name, estimate: count }) => [`${db}\0${name}`, count]));
}

/** The catalogue with newer estimates; the very same when none of them has changed by a tenth. */
export function withMysqlEstimates(catalogue: MysqlCatalogue, rows: ReadonlyMap<string, number>): MysqlCatalogue {
  const now = ({ database, name }: MysqlTable): number | null => rows.get(`${database}\0${name}`) ?? null;
  if (catalogue.tables.every((table) => sameSize(table.estimatedRows ?? null, now(table)))) return catalogue;
  return { ...catalogue, tables: catalogue.tables.map((table) => ({ ...table, estimatedRows: now(table) })) };
}

const routine = z.object({ db: z.string(), name: z.string(), type: z.string(), security: z.string() });

/** `9.7.0`, `10.11.6-MariaDB-0+deb12u1`. */
function serverOf(version: string): MysqlServer {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  if (found === null) throw new Error("the server's version has not the form that is expected");
  const [, major, minor, patch] = found.map(Number);
  const number = (major ?? 0) * 10_000 + (minor ?? 0) * 100 + (patch ?? 0);
  return { flavour: /mariadb/i.test(version) ? "mariadb" : "mysql", version: number };
}
