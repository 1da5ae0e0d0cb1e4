/** `sallyport doctor`: what weakens masking on a target, worst first, each with what to do about it. */

import { PRIVILEGES_MS } from "#src/catalogue/privileges.ts";
import type { DatabaseTarget, Target } from "#src/config/config.ts";
import { bySeverity, type Finding, isWarning, type Severity } from "#src/doctor/finding.ts";
import { examine } from "#src/doctor/postgres/examine.ts";
import { asFailure, type ExitCode } from "./failure.ts";
import type { Colors, Screen } from "./screen.ts";
import { needCatalogue, needConfig, needTarget, withTarget } from "./target.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

export interface DoctorOptions {
  readonly config: string;
  /** Every target when left out. */
  readonly target?: string;
  /** High and medium findings make it fail. */
  readonly strict?: true;
}

function isPostgres(target: Target): target is DatabaseTarget {
  return target.protocol === "postgres";
}

/** 1 when a target could not be looked at, or under `--strict` when a warning was found. */
export async function doctor(world: World, screen: Screen, options: DoctorOptions): Promise<ExitCode> {
  const config = await needConfig(world, screen, options.config);
  const looked = [...config.targets.values()].filter(isPostgres);
  const targets = options.target === undefined ? looked : [needTarget(config, options.target)];
  if (options.target === undefined && looked.length < config.targets.size) screen.note("targets other than PostgreSQL are not looked at");
  let failed = false;
  const all: Finding[] = [];
  for (const target of targets) {
    const findings: Finding[] = [];
    for (const database of target.databases) {
      try {
        const seen = await screen.during(`looking at ${target.name}/${database}`, () =>
          withTarget(world, { config, target, database }, async (open) =>
            examine({ ...open, policy: config.policy, catalogue: await needCatalogue(open), nowMs: world.now(), timeoutMs: PRIVILEGES_MS }),
          ),
        );
        findings.push(...seen);
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
