/**
 * The catalogues of all databases that rules can't be judged without, kept by the keeper and handed to every worker, with
 * the word on whether the masking rules of a target fit what was read.
 */
import { catalogueTargets, sizedTargets } from "#policies/decide.ts";
import type { SeenCatalogue } from "#src/catalogue/seen.ts";
import type { Config, DatabaseTarget } from "#src/config/config.ts";
import type { Finding } from "#src/doctor/finding.ts";
import { examineMysql } from "#src/doctor/mysql/examine.ts";
import { examine } from "#src/doctor/postgres/examine.ts";
import type { RuleRemark } from "#src/targets/masking-rules.ts";
import { CatalogueWatch } from "./catalogue-watch.ts";
import { DEADLINES } from "./limits.ts";
import { mysqlSource } from "./mysql/catalogue-source.ts";
import type { Greetings } from "./mysql/greetings.ts";
import { postgresSource } from "./postgres/catalogue-source.ts";
import { RulesFit } from "./rules-fit.ts";
import { catalogueName } from "./runtime.ts";
import { findingsToldOnce } from "./told-findings.ts";
import { Upstream, type UpstreamContext } from "./upstream.ts";

export interface CataloguesOptions {
  readonly config: Config;
  readonly context: UpstreamContext;
  /** Of MySQL targets; told of those that are dialled. */
  readonly greetings: Greetings;
  /** Called once these catalogues are in force, with each that changes. */
  readonly onCatalogue: (name: string, catalogue: SeenCatalogue) => void;
  /** Likewise, with a target whose rules have come to fit. */
  readonly onFit: (target: string) => void;
  readonly log: (level: "info" | "warn" | "error", event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** How long the start waits for targets to answer; those that don't are served once they do. */
const FIRST_READ_MS = 5_000;

/** How long a change made by others can go unseen; a look takes the target some milliseconds. */
const POLL_MS = 1_000;
/** How long a table may have been growing before it counts as larger: ANALYZE itself comes no more often. */
const ESTIMATES_MS = 60_000;

interface Watch {
  readonly catalogue: SeenCatalogue | null;
  refresh(): Promise<void>;
  stop(): void;
}

export class Catalogues {
  readonly #options: CataloguesOptions;
  readonly #watches = new Map<string, Watch>();
  readonly #rules = new Map<string, RulesFit>();
  readonly #fitting = new Set<string>();
  #phase: "made" | "in force" | "retired" = "made";

  /** @param before those of the configuration that this one is to replace */
  constructor(options: CataloguesOptions, before?: Catalogues) {
    this.#options = options;
    const { config } = options;
    const known = catalogueTargets(config.policy);
    const masked = new Set(config.policy.masking.rules.map((rule) => rule.target));
    for (const target of config.targets.values()) {
      if (target.protocol === "http" || !known.has(target.name)) continue;
      if (masked.has(target.name)) {
        const rules = new RulesFit(target, config.policy, before === undefined ? undefined : before.#rules.get(target.name));
        this.#rules.set(target.name, rules);
        if (rules.fits) this.#fitting.add(target.name);
      }
      const upstream = new Upstream(target, DEADLINES.upstreamLoginMs);
      for (const database of catalogued(target)) this.#add(upstream, database);
    }
  }

  /** Of rules that can be seen not to fit: a configuration with any is not taken. */
  get errors(): readonly RuleRemark[] {
    return [...this.#rules.values()].flatMap(({ errors }) => errors);
  }

  /** Targets whose masked principals may be served; `onFit` tells of those that come later. */
  get fitting(): readonly string[] {
    return [...this.#fitting];
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

  /** From here on changes are told, and what is amiss with the rules, which are those that hold now. */
  takeForce(): void {
    this.#phase = "in force";
    for (const [name, catalogue] of this.known()) this.#options.onCatalogue(name, catalogue);
    for (const rules of this.#rules.values()) this.#tell(rules);
  }

  /**
   * Another configuration's catalogues take over. Those that these do not have are looked at further, for sessions that began
   * with this one; nothing else of it is told any more.
   */
  retire(next: Catalogues): void {
    this.#phase = "retired";
    for (const [name, watch] of this.#watches) {
      if (!next.has(name)) continue;
      watch.stop();
      this.#watches.delete(name);
    }
  }

  has(name: string): boolean {
    return this.#watches.has(name);
  }

  get names(): readonly string[] {
    return [...this.#watches.keys()];
  }

  known(): readonly (readonly [string, SeenCatalogue])[] {
    return [...this.#watches].flatMap(([name, { catalogue }]) => (catalogue === null ? [] : [[name, catalogue] as const]));
  }

  async refresh(name: string): Promise<void> {
    await this.#watches.get(name)?.refresh();
  }

  stop(): void {
    for (const watch of this.#watches.values()) watch.stop();
  }

  #add(upstream: Upstream, database: string): void {
    const { target } = upstream;
    const name = catalogueName(target, database);
    const { context, config, greetings } = this.#options;
    const looked = {
      onChange: (catalogue: SeenCatalogue) => {
        this.#onChange(target, name, catalogue);
        if (this.#phase === "in force") this.#options.log("info", "catalogue-changed", { target: target.name, database });
      },
      pollMs: POLL_MS,
      estimatesMs: sizedTargets(config.policy).has(target.name) ? ESTIMATES_MS : null,
      onEstimates: (catalogue: SeenCatalogue) => {
        if (this.#phase !== "made") this.#options.onCatalogue(name, catalogue);
      },
      onFailure: (error: unknown) =>
        this.#options.log("warn", "catalogue-unavailable", {
          target: target.name,
          database,
          message: error instanceof Error ? error.message : String(error),
        }),
    };
    // What the doctor finds is about masks.
    const { policy } = config;
    const told = this.#rules.has(target.name) ? findingsToldOnce(this.#options.log, target.name, database) : undefined;
    const telling = async (look: () => Promise<readonly Finding[]>): Promise<void> => {
      if (this.#phase !== "retired") await told?.(look);
    };
    const asked = () => ({ target, policy, nowMs: context.now(), timeoutMs: EXAMINE_MS_MAX });
    const watch: Watch =
      target.protocol === "mysql"
        ? new CatalogueWatch({
            ...looked,
            source: mysqlSource({
              ...{ upstream, context, greetings },
              examine: (connection, catalogue) => telling(() => examineMysql({ ...asked(), connection, catalogue })),
            }),
          })
        : new CatalogueWatch({
            ...looked,
            source: postgresSource({
              ...{ upstream, database, context },
              examine: (connection, catalogue) => telling(() => examine({ ...asked(), connection, catalogue })),
            }),
          });
    this.#watches.set(name, watch);
  }

  #onChange(target: DatabaseTarget, name: string, catalogue: SeenCatalogue): void {
    if (this.#phase === "retired") {
      this.#options.onCatalogue(name, catalogue);
      return;
    }
    const rules = this.#rules.get(target.name);
    rules?.look(catalogued(target).map((database) => this.#watches.get(catalogueName(target, database))?.catalogue ?? null));
    if (rules?.fits === true && this.#phase === "made") this.#fitting.add(target.name);
    if (this.#phase === "made") return;
    this.#options.onCatalogue(name, catalogue);
    if (rules !== undefined) this.#tell(rules);
  }

  #tell(rules: RulesFit): void {
    const target = rules.target.name;
    for (const { level, path, message } of rules.untold()) {
      this.#options.log(level === "error" ? "error" : "warn", "masking-rule", { target, path: path.join("."), problem: message });
    }
    if (!rules.fits || this.#fitting.has(target)) return;
    this.#fitting.add(target);
    this.#options.log("info", "masking-rules-fit", { target });
    this.#options.onFit(target);
  }
}

/** Databases that have a catalogue of their own; a MySQL server has one for all. */
function catalogued({ protocol, databases }: DatabaseTarget): readonly string[] {
  return protocol === "mysql" ? databases.slice(0, 1) : databases;
}

/** A look by the server that takes longer than this is given up: statements may be waiting for the next look. */
const EXAMINE_MS_MAX = 5_000;
