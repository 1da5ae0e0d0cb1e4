/** The catalogues of all databases that masking rules speak of, kept by the keeper and handed to every worker. */
import { masksFor } from "#policies/decide.ts";
import type { PolicyDocument } from "#policies/document.ts";
import { type Catalogue, resolveProtection } from "#protocols/postgres/protocol.ts";
import type { Config } from "#src/config/config.ts";
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
      onChange: (catalogue) => {
        for (const problem of problemsOf(options.config.policy, upstream.target.name, catalogue)) {
          options.log("warn", "masking-rule", { target: upstream.target.name, database, problem });
        }
        options.broadcast(name, catalogue);
      },
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

/** A rule that names nothing protects nothing: said aloud, since someone believes that it does. */
function problemsOf(document: PolicyDocument, target: string, catalogue: Catalogue): readonly string[] {
  const nobody = { issuer: "", name: "", groups: [], actor: null };
  return resolveProtection(catalogue, masksFor(document, nobody, target)).problems.map(({ message }) => message);
}
