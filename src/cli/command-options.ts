/** Options and words that commands of several families share. */
import { Option } from "commander";
import type { ExitCode } from "./failure.ts";

/** Takes what a command has come to. */
export type Done = (code: ExitCode) => void;

export const EXIT_CODES_HELP = `
Exit codes: 0 done; 1 failed; 2 usage or configuration; 3 verification found tampering.`;

export function configOption(): Option {
  return new Option("--config <file>", "the configuration").default("sallyport.yaml");
}

export function jsonOption(): Option {
  return new Option("--json", "one JSON object a line; errors too, on stderr");
}

/** Of an option that may be given again. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
