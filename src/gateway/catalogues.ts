/** The catalogues of all databases that masking rules speak of, kept by the keeper and handed to every worker. */
import type { Catalogue } from "#protocols/postgres/protocol.ts";
import type { Config } from "#src/config/config.ts";
import { examine } from "#src/doctor/examine.ts";
import { bySeverity, isWarning } from "#src/doctor/finding.ts";
import type { TargetConnection } from "#src/targets/connection.ts";
import { CatalogueWatch } from "./catalogue-watch.ts";
import { DEADLINES } from "./limits.ts";
import { catalogueName } from "./runtime.ts";
import { Upstream, type UpstreamContext } from "./upstream.ts";

export interface CataloguesOptions {
  readonly config: Config;
  readonly context: UpstreamContext;
  readonly broadcast: (name: string, catalogue: Catalogue) => void;
  readonly log: (level: "info" | "warn" | "error", event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** How long the start waits for targets to answer; those that don't are served once they do. */
const FIRST_READ_MS = 5_000;

export class Catalogues {
  readonly #watches = new Map<string, CatalogueWatch>();

  constructor(options: CataloguesOptions) {
    const masked = new Set(options.config.policy.masking.rules.map((rule) => rule.target));
    for (const target of options.config.targets.values()) {
      if (!masked.has(target.name)) continue;
      const upstream = new Upstream(target, DEADLINES.upstreamLoginMs);
      for (const database of target.databases) this.#add(options, upstream, database);
    }
  }

  #add(options: CataloguesOptions, upstream: Upstream, database: string): void {
    const name = catalogueName(upstream.target.name, database);
    const watch = new CatalogueWatch({
      upstream,
      database,
      context: options.context,
      onChange: (catalogue) => options.broadcast(name, catalogue),
      examine: doctorOf(options, upstream, database),
      onFailure: (error) =>
        options.log("warn", "catalogue-unavailable", {
          target: upstream.target.name,
          database,
          message: error instanceof Error ? error.message : String(error),
        }),
    });
    this.#watches.set(name, watch);
  }

  /** The first look at each; resolves when all have been seen, or the time is up. */
  async start(): Promise<void> {
    const looks = [...this.#watches.values()].map((watch) => watch.refresh());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FIRST_READ_MS);
    });
    await Promise.race([Promise.all(looks), late]);
    clearTimeout(timer);
  }

  known(): readonly (readonly [string, Catalogue])[] {
    return [...this.#watches].flatMap(([name, { catalogue }]) => (catalogue === null ? [] : [[name, catalogue] as const]));
  }

  async refresh(name: string): Promise<void> {
    await this.#watches.get(name)?.refresh();
  }

  stop(): void {
    for (const watch of this.#watches.values()) watch.stop();
  }
}

/** A look by the server that takes longer than this is given up: statements may be waiting for the next look. */
const EXAMINE_MS_MAX = 5_000;

/** Each finding is a line when it is first found; what is fine is no news. */
function doctorOf({ config, context, log }: CataloguesOptions, { target }: Upstream, database: string) {
  let known: ReadonlySet<string> = new Set();
  return async (connection: TargetConnection, catalogue: Catalogue): Promise<void> => {
    try {
      const asked = { target, policy: config.policy, connection, catalogue, nowMs: context.now(), timeoutMs: EXAMINE_MS_MAX };
      const findings = bySeverity(await examine(asked)).filter(({ severity }) => severity !== "ok");
      for (const finding of findings)
        if (!known.has(JSON.stringify(finding))) log(isWarning(finding) ? "warn" : "info", "doctor", { ...finding });
      known = new Set(findings.map((finding) => JSON.stringify(finding)));
    } catch (error) {
      log("warn", "doctor-failed", { target: target.name, database, message: error instanceof Error ? error.message : String(error) });
    }
  };
}
