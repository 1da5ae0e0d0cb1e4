/**
 * `sallyport check`: everything that is wrong with the configuration, at once, each with its path and line. Asked to, it
 * also looks at the targets: whether they can be reached, and whether the masking rules fit what is there.
 */
import { resolve } from "node:path";
import type { SeenCatalogue } from "#src/catalogue/seen.ts";
import type { Config, LoadResult, Problem } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import { remarksOn } from "#src/targets/masking-rules.ts";
import { type ExitCode, Failure } from "./failure.ts";
import { mysqlCatalogueOf } from "./mysql-target.ts";
import { problemLine } from "./problem-line.ts";
import type { Screen } from "./screen.ts";
import { needCatalogue, withTarget } from "./target.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

export interface CheckOptions {
  readonly config: string;
  readonly targets?: true;
}

/** 2 when any problem is an error; warnings alone leave it at 0. */
export async function check(world: World, screen: Screen, { config: file, targets }: CheckOptions): Promise<ExitCode> {
  const result = await loadConfig(resolve(world.cwd, file), world.env);
  const problems =
    result.kind === "refused" ? result.problems : [...result.warnings, ...(targets === true ? await ofTargets(world, result) : [])];
  for (const problem of problems) {
    await screen.object(problem);
    await screen.line(problemLine(file, problem, screen));
  }
  const errors = problems.filter((problem) => problem.level === "error").length;
  if (result.kind === "refused" || errors > 0) {
    const counted = `${errors} ${errors === 1 ? "problem" : "problems"}`;
    screen.note(result.kind === "refused" ? `${counted}; the gateway would not start` : `${counted} with targets and their masking rules`);
    return 2;
  }
  await screen.line(`${screen.paint.green("ok")} ${visible(file)}: ${summary(result.config)}`);
  return 0;
}

async function ofTargets(world: World, loaded: LoadResult & { readonly kind: "loaded" }): Promise<readonly Problem[]> {
  const { config, locate } = loaded;
  const found: Problem[] = [];
  for (const target of config.targets.values()) {
    // Masking rules speak of no others.
    if (target.protocol === "http") continue;
    const catalogues: SeenCatalogue[] = [];
    // A MySQL server has one for all databases.
    const databases = target.protocol === "mysql" ? target.databases.slice(0, 1) : target.databases;
    for (const database of databases) {
      try {
        catalogues.push(
          target.protocol === "mysql"
            ? await mysqlCatalogueOf(world, target)
            : await withTarget(world, { config, target, database }, needCatalogue),
        );
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        found.push(locate("error", { path: ["targets", target.name], message: error.message }));
      }
    }
    // What is not found in one database may be in another that could not be read.
    if (catalogues.length < databases.length) continue;
    for (const remark of remarksOn(config.policy, target.name, catalogues)) found.push(locate(remark.level, remark));
  }
  return found.sort((a, b) => a.line - b.line || a.column - b.column);
}

function summary(config: Config): string {
  const listeners = Object.values(config.listen).filter((address) => address !== null).length;
  const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;
  return [
    counted(listeners, "listener"),
    counted(config.targets.size, "target"),
    counted(config.identity.oidc.length, "issuer"),
    config.recording.recipients === "none" ? "recordings not encrypted" : counted(config.recording.recipients.length, "recipient"),
  ].join(", ");
}
