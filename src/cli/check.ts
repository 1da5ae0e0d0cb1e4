/** `sallyport check`: everything that is wrong with the configuration, at once, each with its path and line. */
import { resolve } from "node:path";
import type { Config, Problem } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import type { ExitCode } from "./failure.ts";
import type { Screen } from "./screen.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

/** 2 when any problem is an error; warnings alone leave it at 0. */
export async function check(world: World, screen: Screen, file: string): Promise<ExitCode> {
  const result = await loadConfig(resolve(world.cwd, file), world.env);
  const problems = result.kind === "loaded" ? result.warnings : result.problems;
  for (const problem of problems) {
    await screen.object(problem);
    await screen.line(problemLine(file, problem, screen));
  }
  if (result.kind === "refused") {
    const errors = problems.filter((problem) => problem.level === "error").length;
    screen.note(`${errors} ${errors === 1 ? "problem" : "problems"}; the gateway would not start`);
    return 2;
  }
  await screen.line(`${screen.paint.green("ok")} ${visible(file)}: ${summary(result.config)}`);
  return 0;
}

/** `file:line:column: error: path: message`, as editors and people know it from compilers. */
export function problemLine(file: string, problem: Problem, screen: Screen): string {
  const { red, yellow, bold } = screen.paint;
  const level = problem.level === "error" ? red("error") : yellow("warning");
  const path = problem.path === "" ? "" : `${bold(visible(problem.path))}: `;
  return `${visible(file)}:${problem.line}:${problem.column}: ${level}: ${path}${visible(problem.message)}`;
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
