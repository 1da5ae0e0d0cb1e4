/** `sallyport wall`: prints the SQL of the wall inside a target's database. Nothing is run; reading it is the operator's part. */
import { type ExitCode, Failure } from "./failure.ts";
import { masksOfAny, NOBODY, principalOf, principalText } from "./principals.ts";
import type { Screen } from "./screen.ts";
import { needConfig, needDatabaseTarget } from "./target.ts";
import { visible } from "./visible.ts";
import type { PrintedWall, WallOptions } from "./wall-asked.ts";
import { mysqlWall } from "./wall-mysql.ts";
import { postgresWall } from "./wall-postgres.ts";
import type { World } from "./world.ts";

/** @throws Failure `nothing-masked` when no rule holds for whom it is made, and those of the wall's own kind */
export async function wall(world: World, screen: Screen, options: WallOptions): Promise<ExitCode> {
  const config = await needConfig(world, screen, options.config);
  const target = needDatabaseTarget(config, options.target);
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
  const asked = { config, target, options, masks, whom };
  const { problems, described, sql }: PrintedWall = await (target.protocol === "mysql"
    ? mysqlWall(world, asked)
    : postgresWall(world, asked));
  for (const { message } of problems) screen.note(`${screen.paint.yellow("warning")}: ${visible(message)}`);
  await screen.object({ ...described, sql });
  // On a terminal people read it; a file gets it exactly.
  const shown = world.stdout.isTTY === true ? visible : (text: string) => text;
  for (const line of sql.trimEnd().split("\n")) await screen.line(shown(line));
  return 0;
}
