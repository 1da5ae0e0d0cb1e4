/**
 * The command line: help that teaches, and how a failure becomes an exit code. The commands are declared by family —
 * those that run a gateway, those that look at a target, those for auditors — and each stands in a file of its own, loaded
 * only when it is called.
 */
import { Command, CommanderError } from "commander";
import { addAuditCommands } from "./audit-commands.ts";
import { type Done, EXIT_CODES_HELP } from "./command-options.ts";
import { asFailure, type ExitCode, Failure } from "./failure.ts";
import { addGatewayCommands } from "./gateway-commands.ts";
import { makeScreen, type Screen } from "./screen.ts";
import { addTargetCommands } from "./target-commands.ts";
import { programVersion } from "./version.ts";
import type { World } from "./world.ts";

/** Runs one command. Never throws. */
export async function run(world: World): Promise<ExitCode> {
  const screen = makeScreen(world, { json: world.argv.includes("--json") });
  let code: ExitCode = 0;
  const done = (result: ExitCode): void => {
    code = result;
  };
  try {
    const program = makeProgram(world, screen, done);
    if (world.argv.length === 0) {
      world.stderr.write(program.helpInformation());
      return 2;
    }
    await program.parseAsync(world.argv, { from: "user" });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return 0;
      screen.failure(new Failure("usage", thrown.message.replace(/^error: /, ""), { hint: "sallyport --help lists commands and options" }));
      return 2;
    }
    const failure = asFailure(thrown);
    screen.failure(failure);
    if (failure.code === "internal-error" && world.env["SALLYPORT_DEBUG"] !== undefined && thrown instanceof Error) {
      world.stderr.write(`${thrown.stack ?? ""}\n`);
    }
    return failure.exitCode;
  }
}

function makeProgram(world: World, screen: Screen, done: Done): Command {
  const program = new Command("sallyport")
    .description(
      "Gateway between AI agents and the databases they use:\nTLS on both legs, proved identity, masked columns, recordings with proof.",
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      writeErr: (text) => void world.stderr.write(text),
      outputError: () => undefined, // reported once, as a failure
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => screen.columns,
    })
    .version(programVersion(), "--version", "show the version")
    .helpCommand("help [command]", "the same as COMMAND --help")
    .addHelpText(
      "after",
      `
Examples:
  sallyport demo                        everything at once on this machine, nothing to install
  sallyport init gateway                a configuration of your own, with fresh keys
  sallyport check && sallyport serve    validate it, then run
  sallyport sessions --since 2h         who did what, lately
  sallyport verify                      is everything on record still as it was written?
${EXIT_CODES_HELP}
COMMAND --help shows each command's options and examples.`,
    );
  addGatewayCommands(program, world, screen, done);
  addTargetCommands(program, world, screen, done);
  addAuditCommands(program, world, screen, done);
  return program;
}
