/**
 * What one configuration means for a worker: contexts, targets, policy, judges. Made whole or not at all; a new one takes
 * over for new connections while sessions keep the one they began with.
 */

import { isDeepStrictEqual } from "node:util";
import { decide, guardrailsFor, masksFor } from "#policies/decide.ts";
import type { Principal } from "#policies/question.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { SeenCatalogue } from "#src/catalogue/seen.ts";
import type { Config, DatabaseTarget, Protocol } from "#src/config/config.ts";
import type { Identity } from "#src/identity/proof.ts";
import type { Clock } from "#src/recording/clock.ts";
import { describeClientPolicy, type TlsServers, tlsServers } from "#src/tls/contexts.ts";
import { watchHandshakes } from "./handshakes.ts";
import { Apis } from "./http/apis.ts";
import type { KeeperLink } from "./keeper-link.ts";
import type { Deadlines } from "./limits.ts";
import { type Face, faceOf } from "./mysql/face.ts";
import type { Greetings } from "./mysql/greetings.ts";
import { MysqlStandings } from "./mysql/standings.ts";
import { PostgresStandings } from "./postgres/standings.ts";
import type { Standing, StandingOf } from "./standing.ts";
import { Upstream } from "./upstream.ts";

export interface RuntimeParts {
  readonly config: Config;
  readonly identity: Identity;
  readonly link: KeeperLink;
  readonly clock: Clock;
  readonly ticketKeys: Buffer;
  readonly deadlines: Deadlines;
  /** Newest catalogues, by `catalogueName`; shared by all runtimes of the worker. */
  readonly catalogues: ReadonlyMap<string, SeenCatalogue>;
  /** Targets whose masking rules fit their schema. */
  readonly fitting: ReadonlySet<string>;
  /** Of MySQL targets, as they were seen last; shared by all runtimes of the worker. */
  readonly greetings: Greetings;
  readonly digest: (literal: string) => string;
  /** @param catalogue by `catalogueName` */
  readonly refresh: (catalogue: string) => Promise<void>;
}

/** Principals whose standing is kept ready; each is small, its judgements are in the shared cache. */
const STANDINGS_MAX = 1000;

export class Runtime {
  readonly config: Config;
  readonly identity: Identity;
  readonly clientPolicy: string;
  readonly apis: Apis;
  /** Of databases. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly #parts: RuntimeParts;
  readonly #servers: Readonly<Record<Protocol, TlsServers>>;
  readonly #postgres: PostgresStandings;
  readonly #mysql: MysqlStandings;
  readonly #standings = new Map<string, Standing>();

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
    this.config = parts.config;
    this.identity = parts.identity;
    const databases = serversOf(parts, ["postgresql"]);
    this.#servers = { postgres: databases, mysql: databases, http: serversOf(parts, ["h2", "http/1.1"]) };
    this.clientPolicy = describeClientPolicy(parts.config.tls);
    this.upstreams = databaseUpstreams(parts);
    const made = { ...parts, document: parts.config.policy, maskKeys: parts.config.maskKeys };
    this.#postgres = new PostgresStandings(made);
    this.#mysql = new MysqlStandings(made);
    const { config, identity, link, clock, deadlines } = parts;
    const clocks = { nowMs: clock.now, monotonicMs: clock.monotonicMs };
    this.apis = new Apis({ config, identity, link, clocks, upstreamLoginMs: deadlines.upstreamLoginMs });
  }

  /** Whether clients reach an API under that name. */
  answersTo(host: string): boolean {
    return this.apis.known.hosts.has(host) || this.#servers.http.covers(host);
  }

  /** Whether a handshake that has succeeded under `before` would succeed here, and prove the same. */
  admitsAs(before: Runtime): boolean {
    const [now, then] = [this.config.tls, before.config.tls];
    return this.clientPolicy === before.clientPolicy && isDeepStrictEqual(now.clientCertificates, then.clientCertificates);
  }

  serversFor(protocol: Protocol): TlsServers {
    return this.#servers[protocol];
  }

  /** What MySQL clients are greeted with: the target's own face where only one can be meant. */
  get mysqlFace(): Face {
    const { target: bound = null, version = null } = this.config.listen.mysql ?? {};
    const meant = [...this.upstreams.values()].filter(
      ({ target }) => target.protocol === "mysql" && (bound === null || target.name === bound),
    );
    const localFiles = meant.some(({ target }) => target.localFiles);
    const [only] = meant;
    const seen = only === undefined || meant.length > 1 ? undefined : this.#parts.greetings.of(only.target);
    return faceOf(seen, { version, localFiles });
  }

  /**
   * @throws Fault `catalogue-unavailable` when masks or guardrails apply that can't be judged without it,
   *   `masking-rules-unfit` when masks may not protect what somebody believes
   */
  standing(principal: Principal, target: DatabaseTarget, database: string): Standing {
    const standing = this.#standing(principal, target, database);
    if (standing.underMask && !this.#parts.fitting.has(target.name)) throw unfit(target.name);
    return standing;
  }

  #standing(principal: Principal, target: DatabaseTarget, database: string): Standing {
    const name = catalogueName(target, database);
    const path = this.#postgres.searchPath(name);
    const key = JSON.stringify([name, path, principal.issuer, principal.name, principal.groups, principal.actor]);
    const known = this.#standings.get(key);
    if (known !== undefined) return known;
    const whose = this.#whose(principal, target.name, name);
    const standing = target.protocol === "mysql" ? this.#mysql.standing(whose) : this.#postgres.standing(whose);
    if (this.#standings.size >= STANDINGS_MAX) this.#standings.clear();
    this.#standings.set(key, standing);
    return standing;
  }

  #whose(principal: Principal, target: string, catalogue: string): StandingOf {
    const { policy } = this.config;
    const masks = masksFor(policy, principal, target);
    const unparsed = { kind: "unparsed", message: "", position: null, masked: masks.length > 0 } as const;
    const mayPassUnparsed = decide(policy, { kind: "statement", principal, target, facts: unparsed }).verdict === "allow";
    return { principal, target, catalogue, masks, guarded: guardrailsFor(policy, principal, target), mayPassUnparsed };
  }
}

/** @param alpn in order of preference */
function serversOf({ config, ticketKeys, deadlines }: RuntimeParts, alpn: readonly string[]): TlsServers {
  const servers = tlsServers(config.tls, { alpn, ticketKeys, handshakeTimeoutMs: deadlines.loginMs });
  watchHandshakes(servers);
  return servers;
}

function databaseUpstreams({ config, deadlines }: RuntimeParts): ReadonlyMap<string, Upstream> {
  const upstreams = new Map<string, Upstream>();
  for (const [name, target] of config.targets) {
    if (target.protocol !== "http") upstreams.set(name, new Upstream(target, deadlines.upstreamLoginMs));
  }
  return upstreams;
}

/**
 * Each database of a PostgreSQL target has its own catalogue, a MySQL server one for all. When a target has moved, sessions
 * that still run at its old address are judged by what is there.
 */
export function catalogueName(
  { name, protocol, address: { host, port }, tls }: Pick<DatabaseTarget, "name" | "protocol" | "address" | "tls">,
  database: string,
): string {
  return JSON.stringify([name, host, port, tls.serverName, protocol === "mysql" ? null : database]);
}

function unfit(target: string): Fault {
  return new Fault(
    "masking-rules-unfit",
    `masking rules of target "${target}" name what its schema does not hold, or has no room for the mask`,
    {
      hint: "tell the gateway's operator: the log and sallyport check --targets say which",
    },
  );
}
