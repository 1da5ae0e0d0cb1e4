/** The wall of a MySQL or MariaDB server, as `sallyport wall` prints it. */
import { allowedFunctions } from "#policies/document.ts";
import { loadMysqlGrammar, type MysqlFlavour, type MysqlTable, resolveMysqlProtection } from "#protocols/mysql/protocol.ts";
import { type MysqlWallPlan, planMysqlWall } from "#protocols/sql/mysql/wall.ts";
import type { MysqlWallNames } from "#protocols/sql/mysql/wall-names.ts";
import { mysqlWallSql } from "#protocols/sql/mysql/wall-sql.ts";
import { Failure } from "./failure.ts";
import { mysqlCatalogueOf } from "./mysql-target.ts";
import { needDatabase } from "./target.ts";
import type { PrintedWall, WallAsked, WallOptions } from "./wall-asked.ts";
import type { World } from "./world.ts";

/** Of accounts, in characters: MySQL manual, "User and Role Names"; MariaDB takes more. */
const ACCOUNT_CHARACTERS_MAX: Readonly<Record<MysqlFlavour, number>> = { mysql: 32, mariadb: 80 };
/** Of databases. */
const NAME_CHARACTERS_MAX = 64;

/** @throws Failure `behind-wall`, `nothing-masked`, `usage` for names that can't be, and those of `mysqlCatalogueOf` */
export async function mysqlWall(world: World, { config, target, options, masks, whom }: WallAsked): Promise<PrintedWall> {
  const names = wallNames(options, target.name, whom);
  const databases = options.database === undefined ? target.databases : [needDatabase(target, options.database)];
  const [catalogue] = await Promise.all([mysqlCatalogueOf(world, target), loadMysqlGrammar()]);
  if (catalogue.walls.some(({ ofLogin }) => ofLogin))
    throw new Failure("behind-wall", `the gateway's login at ${target.name} is behind a wall, and sees only what that shows`, {
      hint: "print it with a configuration whose credential for the target sees the tables themselves",
    });
  const { protection, problems } = resolveMysqlProtection(catalogue, masks);
  const plan = planMysqlWall(
    { catalogue, protection, functionsAllowed: allowedFunctions(config.policy) },
    { databases, schema: names.schema },
  );
  if (plan.databases.length === 0)
    throw new Failure(
      "nothing-masked",
      `nothing in ${databases.join(", ")} of ${target.name} is masked for ${whom}: a wall would hide nothing`,
      {
        hint: "rules name database.table.column, as information_schema spells them",
      },
    );
  checkNames([names.account, names.owner], ACCOUNT_CHARACTERS_MAX[catalogue.server.flavour]);
  checkNames(
    plan.databases.map(({ name }) => name),
    NAME_CHARACTERS_MAX,
  );
  const taken = plan.databases.find(
    ({ name }) => catalogue.databases.includes(name) && !catalogue.walls.some((wall) => wall.name === name),
  );
  if (taken !== undefined)
    throw new Failure("usage", `database ${taken.name} is there already, and is no wall`, { hint: "choose other names with --schema" });
  const { flavour } = catalogue.server;
  return { problems, described: { ...names, ...planObject(plan) }, sql: mysqlWallSql(plan, flavour, names) };
}

function wallNames({ role, schema: given }: WallOptions, target: string, whom: string): MysqlWallNames {
  const schema = given ?? `${role}_masked`;
  return { target, whom, account: role, owner: `${schema}_owner`, schema };
}

function checkNames(names: readonly string[], charactersMax: number): void {
  const bad = names.find((name) => name.length > charactersMax || /^\s|\s$|[^\u0020-\u007e\u00a0-\ud7ff]/u.test(name) || name === "");
  if (bad === undefined) return;
  throw new Failure("usage", `${JSON.stringify(bad)} can't be a name on this server: at most ${charactersMax} characters`, {
    hint: "choose shorter ones with --role and --schema",
  });
}

/** Lists of `database.table`, as people write them. */
function planObject({ granted, databases, withheld, functions }: MysqlWallPlan): object {
  const called = ({ database, name }: Pick<MysqlTable, "database" | "name">): string => `${database}.${name}`;
  return {
    databases: databases.map(({ name, database }) => ({ name, shows: database })),
    granted: granted.map(called),
    views: databases.flatMap(({ name, views }) =>
      views.map(({ table, masked }) => ({
        relation: called(table),
        view: called({ database: name, name: table.name }),
        masked: masked.map(({ column, rule }) => ({ column, rule })),
      })),
    ),
    withheld: withheld.map(({ table, why }) => ({ relation: called(table), why })),
    functions: functions.map(called),
  };
}
