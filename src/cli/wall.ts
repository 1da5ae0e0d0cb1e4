/** `sallyport wall`: prints the SQL of the wall inside a target's database. Nothing is run; reading it is the operator's part. */
import { allowedFunctions } from "#policies/document.ts";
import { resolveProtection } from "#protocols/postgres/protocol.ts";
import { planWall, type WallPlan } from "#protocols/sql/postgres/wall.ts";
import { type WallNames, wallSql } from "#protocols/sql/postgres/wall-sql.ts";
import { PRIVILEGES_MS, readPrivileges } from "#src/catalogue/privileges.ts";
import { type ExitCode, Failure } from "./failure.ts";
import { masksOfAny, NOBODY, principalOf, principalText } from "./principals.ts";
import type { Screen } from "./screen.ts";
import { needCatalogue, needConfig, needDatabase, needTarget, type TargetOptions, withTarget } from "./target.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

export interface WallOptions extends TargetOptions {
  readonly as: readonly string[];
  readonly group: readonly string[];
  readonly issuer?: string;
  readonly role: string;
  readonly schema?: string;
}

/** What PostgreSQL keeps of a name. */
const NAME_BYTES_MAX = 63;

/** @throws Failure `nothing-masked` when no rule holds for whom it is made, and those of `withTarget` */
export async function wall(world: World, screen: Screen, options: WallOptions): Promise<ExitCode> {
  const config = await needConfig(world, screen, options.config);
  const target = needTarget(config, options.target);
  const database = needDatabase(target, options.database);
  const given = options.issuer === undefined ? {} : { issuer: options.issuer };
  const principals =
    options.as.length === 0
      ? [principalOf(config, { ...given, group: options.group })]
      : options.as.map((as) => principalOf(config, { ...given, as, group: options.group }));
  const masks = masksOfAny(config, principals, target.name);
  const whom = principals.every((principal) => principal === NOBODY)
    ? "everybody"
    : principals.map((principal) => principalText(config, principal)).join(" and ");
  if (masks.length === 0)
    throw new Failure("nothing-masked", `no masking rule of ${target.name} holds for ${whom}: a wall would hide nothing`, {
      hint: "masking.rules of the configuration say what is hidden, and from whom",
    });
  const names = wallNames(options, target.name, database, whom);
  const [plan, sql] = await withTarget(world, { config, target, database }, async (open) => {
    const catalogue = await needCatalogue(open);
    const privileges = await readPrivileges((text) => open.connection.query(text), PRIVILEGES_MS);
    const { protection, problems } = resolveProtection(catalogue, masks);
    for (const { message } of problems) screen.note(`${screen.paint.yellow("warning")}: ${visible(message)}`);
    const functionsAllowed = allowedFunctions(config.policy);
    const made = planWall({ catalogue, protection, functionsAllowed }, privileges, names.schema);
    return [made, wallSql(made, privileges, functionsAllowed, names)] as const;
  });
  await screen.object({ ...names, ...planObject(plan), sql });
  // On a terminal people read it; a file gets it exactly.
  const shown = world.stdout.isTTY === true ? visible : (text: string) => text;
  for (const line of sql.trimEnd().split("\n")) await screen.line(shown(line));
  return 0;
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
