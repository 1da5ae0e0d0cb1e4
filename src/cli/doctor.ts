/** `sallyport doctor`: what weakens masking on a target, worst first, each with what to do about it. */

import { PRIVILEGES_MS } from "#src/catalogue/privileges.ts";
import type { Config, DatabaseTarget, Target } from "#src/config/config.ts";
import { bySeverity, type Finding, isWarning, type Severity } from "#src/doctor/finding.ts";
import { examineMysql } from "#src/doctor/mysql/examine.ts";
import { examine } from "#src/doctor/postgres/examine.ts";
import { asFailure, type ExitCode } from "./failure.ts";
import { needMysqlCatalogue, withMysqlTarget } from "./mysql-target.ts";
import type { Colors, Screen } from "./screen.ts";
import { needCatalogue, needConfig, needDatabaseTarget, withTarget } from "./target.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

export interface DoctorOptions {
  readonly config: string;
  /** Every target when left out. */
  readonly target?: string;
  /** High and medium findings make it fail. */
  readonly strict?: true;
}

function isDatabase(target: Target): target is DatabaseTarget {
  return target.protocol !== "http";
}

/** 1 when a target could not be looked at, or under `--strict` when a warning was found. */
export async function doctor(world: World, screen: Screen, options: DoctorOptions): Promise<ExitCode> {
  const config = await needConfig(world, screen, options.config);
  const looked = [...config.targets.values()].filter(isDatabase);
  const targets = options.target === undefined ? looked : [needDatabaseTarget(config, options.target)];
  if (options.target === undefined && looked.length < config.targets.size) screen.note("targets that are no databases are not looked at");
  let failed = false;
  const all: Finding[] = [];
  for (const target of targets) {
    const findings: Finding[] = [];
    for (const { where, look } of looksAt(world, config, target)) {
      try {
        findings.push(...(await screen.during(`looking at ${where}`, look)));
      } catch (error) {
        failed = true;
        screen.failure(asFailure(error));
      }
    }
    await show(screen, target.name, bySeverity(findings));
    all.push(...findings);
  }
  await screen.line(summary(all));
  return failed || (options.strict === true && all.some(isWarning)) ? 1 : 0;
}

interface Look {
  readonly where: string;
  readonly look: () => Promise<readonly Finding[]>;
}

/** One at each database of a PostgreSQL target; a MySQL server is looked at as a whole. */
function looksAt(world: World, config: Config, target: DatabaseTarget): readonly Look[] {
  const { policy } = config;
  if (target.protocol === "mysql") {
    const look = () =>
      withMysqlTarget(world, target, async (connection) =>
        examineMysql({ target, policy, connection, catalogue: await needMysqlCatalogue(connection, target), nowMs: world.now() }),
      );
    return [{ where: target.name, look }];
  }
  return target.databases.map((database) => ({
    where: `${target.name}/${database}`,
    look: () =>
      withTarget(world, { config, target, database }, async (open) =>
        examine({ ...open, policy, catalogue: await needCatalogue(open), nowMs: world.now(), timeoutMs: PRIVILEGES_MS }),
      ),
  }));
}

const SHADES = {
  high: (paint: Colors) => (text: string) => paint.bold(paint.red(text)),
  medium: (paint: Colors) => paint.yellow,
  low: (paint: Colors) => paint.cyan,
  ok: (paint: Colors) => paint.green,
} as const satisfies Record<Severity, (paint: Colors) => (text: string) => string>;

async function show(screen: Screen, target: string, findings: readonly Finding[]): Promise<void> {
  const { bold, dim } = screen.paint;
  if (findings.length > 0) await screen.line(bold(visible(target)));
  for (const finding of findings) {
    await screen.object(finding);
    const { severity, code, object, database, message, remedy, sql } = finding;
    const shade = SHADES[severity](screen.paint);
    const where = database === null ? "" : dim(`  database ${visible(database)}`);
    await screen.line(`  ${shade(severity.padEnd(6))}  ${code}  ${bold(visible(object))}${where}`);
    await screen.line(`          ${visible(message)}`);
    if (remedy !== "") await screen.line(`          ${dim("→")} ${visible(remedy)}`);
    for (const line of sql?.split("\n") ?? []) await screen.line(`            ${dim(visible(line))}`);
  }
  if (findings.length > 0) await screen.line();
}

function summary(findings: readonly Finding[]): string {
  const counts = (["high", "medium", "low", "ok"] as const).map(
    (severity) => `${findings.filter((finding) => finding.severity === severity).length} ${severity}`,
  );
  return counts.join(", ");
}
