/**
 * The command line: which commands there are, their options, help that teaches, and how a failure becomes an exit
 * code. Each command stands in a file of its own, loaded only when it is called.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { CheckOptions } from "./check.ts";
import type { DiscoverOptions } from "./discover.ts";
import type { DoctorOptions } from "./doctor.ts";
import type { ExplainOptions } from "./explain.ts";
import { asFailure, type ExitCode, Failure } from "./failure.ts";
import { makeScreen, type Screen } from "./screen.ts";
import type { AuditOptions } from "./sources.ts";
import { programVersion } from "./version.ts";
import type { WallOptions } from "./wall.ts";
import type { World } from "./world.ts";

const SAMPLE_MAX = 10_000;

const EXIT_CODES_HELP = `
Exit codes: 0 done; 1 failed; 2 usage or configuration; 3 verification found tampering.`;

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

type Done = (code: ExitCode) => void;

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
  addDemo(program, world, screen, done);
  addSetup(program, world, screen, done);
  addServe(program, world, screen, done);
  addLooks(program, world, screen, done);
  addAudit(program, world, screen, done);
  return program;
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

function addLooks(program: Command, world: World, screen: Screen, done: Done): void {
  program
    .command("doctor")
    .description("what weakens masking on your targets, worst first, and what to do about it")
    .addOption(configOption())
    .option("--target <name>", "one target; all of the configuration when left out")
    .option("--strict", "exit 1 when anything high or medium is found")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Connects to each target as the gateway does and looks: what its login may do, rules that name
nothing, copies, code with other rights, TLS, certificates. Changes nothing, refuses nothing, may
run beside serve. docs/doctor.md lists the codes.

Examples:
  sallyport doctor
  sallyport doctor --target orders --json | jq 'select(.severity == "high")'
${EXIT_CODES_HELP}`,
    )
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import("./doctor.ts");
      done(await doctor(world, screen, options));
    });
  targetCommand(program, "explain", "what the gateway would do with a statement, and why; nothing is run")
    .argument("[sql]", "the text, one statement or several; - or left out: standard input")
    .option("--as <name>", "the principal who would send it")
    .option("--group <name>", "a group of this principal; may be given again", collect, [])
    .option("--issuer <url>", "its issuer, where several are configured")
    .option("--check", "exit 1 unless it would run")
    .addHelpText(
      "after",
      `
Verdict, rule and reason, a caret under what is in the way, what would make it pass; each output
column with its origin and mask, the rights it needs, and the text that the target would get. Asks
the target for its catalogue only. When nobody is named: under every mask, every right assumed.

Examples:
  sallyport explain --target orders "select name, ssn from users where id = 1"
  sallyport explain --target orders --as report-agent --group data-agents --check - < query.sql
${EXIT_CODES_HELP}`,
    )
    .action(async (sql: string | undefined, options: Omit<ExplainOptions, "sql">) => {
      const { explain } = await import("./explain.ts");
      done(await explain(world, screen, { ...options, sql }));
    });
  addDiscover(program, world, screen, done);
  targetCommand(program, "wall", "the SQL of a role that sees masked columns masked, also without the gateway")
    .option("--as <name>", "a principal whose masks it is made of; may be given again", collect, [])
    .option("--group <name>", "a group of these principals; may be given again", collect, [])
    .option("--issuer <url>", "their issuer, where several are configured")
    .option("--role <name>", "the role of agents in the database", "sallyport_agents")
    .option("--schema <name>", "the schema of the masked views; ROLE_masked when left out")
    .addHelpText(
      "after",
      `
Prints one transaction to read and to run as a superuser: a role with no right to masked tables,
masked views that another role owns, grants, and a proof at its end. Runs nothing itself. Made for
everybody when neither --as nor --group names anyone. docs/wall.md: how to put the gateway on it.

Examples:
  sallyport wall --target orders > wall.sql
  sallyport wall --target orders --group data-agents --role data_agents | psql -X -d orders
${EXIT_CODES_HELP}`,
    )
    .action(async (options: WallOptions) => {
      const { wall } = await import("./wall.ts");
      done(await wall(world, screen, options));
    });
}

function addDiscover(program: Command, world: World, screen: Screen, done: Done): void {
  targetCommand(program, "discover", "columns that look as if they should be masked, and the rules for them as a diff")
    .option("--sample <rows>", "rows of each table that are looked at", sampleSize, 1000)
    .option("--schema <name>", "one schema; all of the users' when left out")
    .option("--yaml", "the rules alone, instead of a diff")
    .addHelpText(
      "after",
      `
Samples every table in read-only transactions and looks for names, e-mail, telephone and card
numbers, national ids, bank accounts, addresses, dates of birth and secrets. Writes no file, shows
no value. With --json one object a finding: {schema, table, column, kind, confidence, matched,
sampled, proposedMask, coveredBy, …}.

Examples:
  sallyport discover --target orders > masking.diff && patch -p0 < masking.diff
  sallyport discover --target orders --schema public --json | jq 'select(.coveredBy == null)'
${EXIT_CODES_HELP}`,
    )
    .action(async (options: DiscoverOptions) => {
      const { discover } = await import("./discover.ts");
      done(await discover(world, screen, options));
    });
}

/** Commands that ask a target itself: they take no lock, write nothing, and may run beside `serve`. */
function targetCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(configOption())
    .requiredOption("--target <name>", "a target of the configuration")
    .option("--database <name>", "one of the target's databases; its default when left out")
    .addOption(jsonOption());
}

function addAudit(program: Command, world: World, screen: Screen, done: Done): void {
  auditCommand(program, "sessions", "list sessions, oldest first, open ones too", "sallyport sessions --principal report-agent --since 24h")
    .addOption(jsonOption())
    .action(async (options: AuditOptions) => {
      const { sessions } = await import("./sessions.ts");
      done(await sessions(world, screen, options));
    });
  auditCommand(program, "replay", "what happened in one session, as a timeline", "sallyport replay 01JX --identity auditor.key --speed 4")
    .argument("<id>", "a session's id, or the beginning of it")
    .option("--speed <factor>", "on a terminal: times faster than it happened; 0 prints at once", speedFactor)
    .option("--rows <number>", "rows shown of each result (all: every recorded row)", rowCount, 50)
    .option("--sent", "statements that were rewritten also as they were sent to the target")
    .addOption(jsonOption())
    .action(async (id: string, options: AuditOptions & { speed?: number; rows: number; sent?: true }) => {
      const { replay } = await import("./replay.ts");
      done(await replay(world, screen, { ...options, id, speed: options.speed ?? 1, sent: options.sent === true }));
    });
  auditCommand(
    program,
    "verify",
    "is every recording and record still as it was written? exit 3 if not",
    "sallyport verify --recordings R --evidence E --public-key evidence.pub",
  )
    .argument("[id]", "one session only")
    .addOption(jsonOption())
    .action(async (id: string | undefined, options: AuditOptions) => {
      const { verify } = await import("./verify.ts");
      done(await verify(world, screen, { ...options, id }));
    });
  auditCommand(
    program,
    "handshakes",
    "every TLS handshake on both legs, refused ones too",
    "sallyport handshakes --since 7d --json | jq .tls.version",
  )
    .addOption(jsonOption())
    .action(async (options: AuditOptions) => {
      const { handshakes } = await import("./handshakes.ts");
      done(await handshakes(world, screen, options));
    });
}

function auditCommand(program: Command, name: string, description: string, example: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(configOption())
    .option("--recordings <dir>", "folder of sealed recordings; no configuration is read then")
    .option("--evidence <dir>", "folder of the evidence log; no configuration is read then")
    .option("--public-key <file>", "the evidence log's public key (PEM)")
    .option("--identity <file>", "age identity that opens sealed recordings; may be given again", collect, [])
    .option("--since <when>", "from this moment on: 2026-01-31, 2026-01-31T08:00Z, or 30m, 2h, 7d ago")
    .option("--until <when>", "up to this moment")
    .option("--principal <name>", "only this principal's")
    .option("--target <name>", "only sessions with this target")
    .addHelpText(
      "after",
      `
Example:
  ${example}
${EXIT_CODES_HELP}`,
    );
}

function configOption(): Option {
  return new Option("--config <file>", "the configuration").default("sallyport.yaml");
}

function jsonOption(): Option {
  return new Option("--json", "one JSON object a line; errors too, on stderr");
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) throw new InvalidArgumentError("a port is a number from 0 to 65535.");
  return port;
}

function speedFactor(text: string): number {
  const speed = Number(text);
  if (text.trim() === "" || !Number.isFinite(speed) || speed < 0) throw new InvalidArgumentError("a speed is a number from 0 on.");
  return speed;
}

function sampleSize(text: string): number {
  const rows = Number(text);
  if (!/^\d{1,5}$/.test(text) || rows < 1 || rows > SAMPLE_MAX) throw new InvalidArgumentError(`a number of rows from 1 to ${SAMPLE_MAX}.`);
  return rows;
}

function rowCount(text: string): number {
  if (text === "all") return Number.POSITIVE_INFINITY;
  const rows = Number(text);
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a number of rows, or all.");
  return rows;
}
