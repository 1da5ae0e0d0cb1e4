/** Commands that look at a target itself, as the gateway does: `doctor`, `explain`, `discover`, `wall`. */
import { type Command, InvalidArgumentError } from "commander";
import { collect, configOption, type Done, EXIT_CODES_HELP, jsonOption } from "./command-options.ts";
import type { DiscoverOptions } from "./discover.ts";
import type { DoctorOptions } from "./doctor.ts";
import type { ExplainOptions } from "./explain.ts";
import type { Screen } from "./screen.ts";
import type { WallOptions } from "./wall-asked.ts";
import type { World } from "./world.ts";

const SAMPLE_MAX = 10_000;

export function addTargetCommands(program: Command, world: World, screen: Screen, done: Done): void {
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
    .option("--role <name>", "the role of agents in the database; on MySQL their account", "sallyport_agents")
    .option("--schema <name>", "of the masked views: a schema, on MySQL what their databases begin with; ROLE_masked when left out")
    .addHelpText(
      "after",
      `
Prints SQL to read and to run as a superuser: a role with no right to masked tables, masked views
that another role owns, grants, and a proof at its end. Runs nothing itself. Made for everybody when
neither --as nor --group names anyone. docs/wall.md: how to put the gateway on it.

Examples:
  sallyport wall --target orders > wall.sql
  sallyport wall --target orders --group data-agents --role data_agents | psql -X -d orders
  sallyport wall --target shop > wall.sql && mysql -u root -p < wall.sql
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
    .option("--schema <name>", "one schema, on MySQL one database; all of the users' when left out")
    .option("--yaml", "the rules alone, instead of a diff")
    .addHelpText(
      "after",
      `
Samples every table in read-only transactions and looks for names, e-mail, telephone and card
numbers, national ids, bank accounts, addresses, dates of birth and secrets. Writes no file, shows
no value. On MySQL and MariaDB it looks at every database that the login sees. With --json one
object a finding: {schema, table, column, kind, confidence, matched, sampled, proposedMask,
coveredBy, …}.

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

function sampleSize(text: string): number {
  const rows = Number(text);
  if (!/^\d{1,5}$/.test(text) || rows < 1 || rows > SAMPLE_MAX) throw new InvalidArgumentError(`a number of rows from 1 to ${SAMPLE_MAX}.`);
  return rows;
}
