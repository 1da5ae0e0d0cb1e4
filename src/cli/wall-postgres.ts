/** The wall of a PostgreSQL database, as `sallyport wall` prints it. */

import { allowedFunctions } from "#policies/document.ts";
import { resolveProtection } from "#protocols/postgres/protocol.ts";
import { planWall, type WallPlan } from "#protocols/sql/postgres/wall.ts";
import { type WallNames, wallSql } from "#protocols/sql/postgres/wall-sql.ts";
import { PRIVILEGES_MS, readPrivileges } from "#src/catalogue/privileges.ts";
import { Failure } from "./failure.ts";
import { needCatalogue, needDatabase, withTarget } from "./target.ts";
import type { PrintedWall, WallAsked, WallOptions } from "./wall-asked.ts";
import type { World } from "./world.ts";

/** What PostgreSQL keeps of a name. */
const NAME_BYTES_MAX = 63;

/** @throws Failure `usage` for names that can't be, and those of `withTarget` */
export async function postgresWall(world: World, { config, target, options, masks, whom }: WallAsked): Promise<PrintedWall> {
  const database = needDatabase(target, options.database);
  const names = wallNames(options, target.name, database, whom);
  return await withTarget(world, { config, target, database }, async (open) => {
    const catalogue = await needCatalogue(open);
    const privileges = await readPrivileges((text) => open.connection.query(text), PRIVILEGES_MS);
    const { protection, problems } = resolveProtection(catalogue, masks);
    const functionsAllowed = allowedFunctions(config.policy);
    const plan = planWall({ catalogue, protection, functionsAllowed }, privileges, names.schema);
    return { problems, described: { ...names, ...planObject(plan) }, sql: wallSql(plan, privileges, functionsAllowed, names) };
  });
}

function wallNames(options: WallOptions, target: string, database: string, whom: string): WallNames {
  const schema = options.schema ?? `${options.role}_masked`;
  const owner = `${schema}_owner`;
  for (const name of [options.role, schema, owner]) {
    if (name === "" || Buffer.byteLength(name) > NAME_BYTES_MAX || /\p{Cc}/u.test(name))
      throw new Failure("usage", `${JSON.stringify(name)} can't be a name in the database: at most ${NAME_BYTES_MAX} bytes`);
    if (name.startsWith("pg_") || name === "public") throw new Failure("usage", `${name} is a name of the server's own`);
  }
  return { target, database, whom, role: options.role, owner, schema };
}

/** Lists of `schema.relation`, as people write them. */
function planObject({ granted, views, withheld, searchPath, takenFromPublic }: WallPlan): object {
  const called = ({ schema, name }: { readonly schema: string; readonly name: string }): string => `${schema}.${name}`;
  return {
    searchPath,
    granted: granted.map(called),
    views: views.map(({ relation, name, masked }) => ({
      relation: called(relation),
      view: name,
      masked: masked.map(({ column, rule }) => ({ column, rule })),
    })),
    withheld: withheld.map(({ relation, why }) => ({ relation: called(relation), why })),
    takenFromPublic: { ...takenFromPublic, relations: takenFromPublic.relations.map(called) },
  };
}
