/** A problem of the configuration as one line for people and their editors. */
import type { Problem } from "#src/config/config.ts";
import type { Screen } from "./screen.ts";
import { visible } from "./visible.ts";

/** `file:line:column: error: path: message`, as editors and people know it from compilers. */
export function problemLine(file: string, problem: Problem, screen: Screen): string {
  const { red, yellow, bold } = screen.paint;
  const level = problem.level === "error" ? red("error") : yellow("warning");
  const path = problem.path === "" ? "" : `${bold(visible(problem.path))}: `;
  return `${visible(file)}:${problem.line}:${problem.column}: ${level}: ${path}${visible(problem.message)}`;
}
