/** Commands for auditors, with or without a configuration: `sessions`, `replay`, `verify`, `handshakes`. */
import { type Command, InvalidArgumentError } from "commander";
import { collect, configOption, type Done, EXIT_CODES_HELP, jsonOption } from "./command-options.ts";
import type { Screen } from "./screen.ts";
import type { AuditOptions } from "./sources.ts";
import type { World } from "./world.ts";

export function addAuditCommands(program: Command, world: World, screen: Screen, done: Done): void {
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

function speedFactor(text: string): number {
  const speed = Number(text);
  if (text.trim() === "" || !Number.isFinite(speed) || speed < 0) throw new InvalidArgumentError("a speed is a number from 0 on.");
  return speed;
}

function rowCount(text: string): number {
  if (text === "all") return Number.POSITIVE_INFINITY;
  const rows = Number(text);
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a number of rows, or all.");
  return rows;
}
