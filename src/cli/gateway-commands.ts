/** Commands that make, check and run a gateway: `demo`, `init`, `check`, `serve`. */
import { type Command, InvalidArgumentError } from "commander";
import type { CheckOptions } from "./check.ts";
import { configOption, type Done, EXIT_CODES_HELP, jsonOption } from "./command-options.ts";
import type { Screen } from "./screen.ts";
import type { World } from "./world.ts";

export function addGatewayCommands(program: Command, world: World, screen: Screen, done: Done): void {
  addDemo(program, world, screen, done);
  addSetup(program, world, screen, done);
  addServe(program, world, screen, done);
}

function addDemo(program: Command, world: World, screen: Screen, done: Done): void {
  program
    .command("demo")
    .description("everything at once on this machine: database, issuer, gateway, two agents")
    .option("--port <number>", "port of the gateway on 127.0.0.1; a free one when left out", portNumber)
    .option("--once", "run a masked query as both agents, replay and verify it, then exit")
    .addHelpText(
      "after",
      `
Starts an embedded PostgreSQL with a small shop, a local OpenID issuer, certificates and the
gateway, and prints a psql line to paste. Ctrl-C ends it; nothing stays running or on disk.

Examples:
  sallyport demo
  sallyport demo --port 6432
  sallyport demo --once                 exit 0 only if masking and verification held
${EXIT_CODES_HELP}`,
    )
    .action(async (options: { port?: number; once?: true }) => {
      const { demo } = await import("./demo.ts");
      done(await demo(world, screen, { port: options.port ?? 0, once: options.once === true }));
    });
}

function addSetup(program: Command, world: World, screen: Screen, done: Done): void {
  program
    .command("init")
    .description("a commented configuration with fresh authority, certificates and keys")
    .argument("<dir>", "a new or empty folder")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Writes sallyport.yaml, an authority and the gateway's certificate, the evidence signing key, and
an age identity for auditors. Overwrites nothing. Private keys are readable by you alone.

Example:
  sallyport init gateway && cd gateway && $EDITOR sallyport.yaml
${EXIT_CODES_HELP}`,
    )
    .action(async (dir: string) => {
      const { init } = await import("./init.ts");
      done(await init(world, screen, dir));
    });
  program
    .command("check")
    .description("validate the configuration; every problem at once, with path and line")
    .addOption(configOption())
    .option("--targets", "also dial each target, and hold the masking rules against what is there")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Reads the file and everything it names (certificates, keys, secrets), as serve would, and opens
no connection, unless --targets says so. With --json one object a problem: {level, path, line,
column, message}.

Examples:
  sallyport check
  sallyport check --targets
  sallyport check --config /etc/sallyport/sallyport.yaml --json
${EXIT_CODES_HELP}`,
    )
    .action(async (options: CheckOptions) => {
      const { check } = await import("./check.ts");
      done(await check(world, screen, options));
    });
}

function addServe(program: Command, world: World, screen: Screen, done: Done): void {
  program
    .command("serve")
    .description("run the gateway; logs JSON on stdout")
    .addOption(configOption())
    .addHelpText(
      "after",
      `
One JSON object a line: "event":"ready" lists the bound addresses, "event":"handshake" is one TLS
handshake (or refused attempt). SIGTERM lets statements finish and ends; SIGHUP reads the
configuration again.

Examples:
  sallyport serve
  sallyport serve --config gateway/sallyport.yaml | tee -a sallyport.log
${EXIT_CODES_HELP}`,
    )
    .action(async (options: { config: string }) => {
      const { serve } = await import("./serve.ts");
      done(await serve(world, screen, options.config));
    });
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) throw new InvalidArgumentError("a port is a number from 0 to 65535.");
  return port;
}
