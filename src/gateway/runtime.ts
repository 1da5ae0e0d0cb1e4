/**
 * What one configuration means for a worker: contexts, targets, policy, judges. Made whole or not at all; a new one takes
 * over for new connections while sessions keep the one they began with.
 */

import { decide, guardrailsFor, masksFor } from "#policies/decide.ts";
import { allowedFunctions, type PolicyDocument } from "#policies/document.ts";
import type { Principal } from "#policies/question.ts";
import { type Catalogue, isProtectedOrigin, type MaskingView, resolveProtection } from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import type { Config, Protocol } from "#src/config/config.ts";
import type { Identity } from "#src/identity/proof.ts";
import { Judgements, refreshingJudge } from "#src/sessions/judge.ts";
import { MysqlJudgements } from "#src/sessions/mysql-judge.ts";
import { describeClientPolicy, type TlsServers, tlsServers } from "#src/tls/contexts.ts";
import { watchHandshakes } from "./handshakes.ts";
import type { Deadlines } from "./limits.ts";
import { type Face, faceOf } from "./mysql/face.ts";
import type { Standing } from "./standing.ts";
import { Upstream } from "./upstream.ts";

export interface RuntimeParts {
  readonly config: Config;
  readonly identity: Identity;
  readonly ticketKeys: Buffer;
  readonly deadlines: Deadlines;
  /** Newest catalogues, by `catalogueName`; shared by all runtimes of the worker. */
  readonly catalogues: ReadonlyMap<string, Catalogue>;
  /** Targets whose masking rules fit their schema. */
  readonly fitting: ReadonlySet<string>;
  readonly digest: (literal: string) => string;
  /** @param catalogue by `catalogueName` */
  readonly refresh: (catalogue: string) => Promise<void>;
}

interface Sight {
  readonly catalogue: Catalogue | null;
  readonly view: MaskingView | null;
  readonly judge: (sql: string) => Judgement;
}

/** Principals whose standing is kept ready; each is small, its judgements are in the shared cache. */
const STANDINGS_MAX = 1000;

export class Runtime {
  readonly config: Config;
  readonly identity: Identity;
  readonly clientPolicy: string;
  /** Of databases. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly #parts: RuntimeParts;
  readonly #servers: Readonly<Record<Protocol, TlsServers>>;
  readonly #judgements = new Judgements();
  readonly #mysqlJudgements = new MysqlJudgements();
  readonly #standings = new Map<string, Standing>();
  /** By search path and masks: principals under the same share what was read off a catalogue for them. */
  readonly #views = new WeakMap<Catalogue["relations"], Map<string, MaskingView>>();

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
    this.config = parts.config;
    this.identity = parts.identity;
    const databases = serversOf(parts, ["postgresql"]);
    this.#servers = { postgres: databases, mysql: databases, http: serversOf(parts, ["h2", "http/1.1"]) };
    this.clientPolicy = describeClientPolicy(parts.config.tls);
    this.upstreams = databaseUpstreams(parts);
  }

  serversFor(protocol: Protocol): TlsServers {
    return this.#servers[protocol];
  }

  /** What MySQL clients are greeted with: the target's own face where there is only one. */
  get mysqlFace(): Face {
    const all = [...this.upstreams.values()].filter(({ target }) => target.protocol === "mysql");
    const localFiles = all.some(({ target }) => target.localFiles);
    return faceOf(all.length === 1 ? all[0] : undefined, localFiles);
  }

  /**
   * @throws Fault `catalogue-unavailable` when masks or guardrails apply that can't be judged without it,
   *   `masking-rules-unfit` when masks may not protect what somebody believes
   */
  standing(principal: Principal, target: string, database: string): Standing {
    const standing = this.#standing(principal, target, database);
    if (standing.underMask && !this.#parts.fitting.has(target)) throw unfit(target);
    return standing;
  }

  #standing(principal: Principal, target: string, database: string): Standing {
    const name = catalogueName(target, database);
    const path = this.#parts.catalogues.get(name)?.searchPath ?? null;
    const key = JSON.stringify([name, path, principal.issuer, principal.name, principal.groups, principal.actor]);
    const known = this.#standings.get(key);
    if (known !== undefined) return known;
    const standing = this.#newStanding(principal, target, name, path);
    if (this.#standings.size >= STANDINGS_MAX) this.#standings.clear();
    this.#standings.set(key, standing);
    return standing;
  }

  #newStanding(principal: Principal, target: string, name: string, path: readonly string[] | null): Standing {
    const document: PolicyDocument = this.config.policy;
    const masks = masksFor(document, principal, target);
    const guarded = guardrailsFor(document, principal, target);
    const unparsed = { kind: "unparsed", message: "", position: null, masked: masks.length > 0 } as const;
    const decision = decide(document, { kind: "statement", principal, target, facts: unparsed });
    const scope = { document, principal, target, guarded: guarded !== "no", digest: this.#parts.digest };
    let sight: Sight | null = null;
    const current = (): Sight => {
      const newest = this.#parts.catalogues.get(name) ?? null;
      if (newest === null && (masks.length > 0 || guarded === "by-catalogue")) throw unavailable();
      // The very same, not only of the same version: estimates of rows change without one.
      if (sight !== null && sight.catalogue === newest) return sight;
      // The session looks names up where it did when it began, whatever the target's setting has become.
      const catalogue = newest === null || path === null ? newest : { ...newest, searchPath: path };
      const view = catalogue === null || masks.length === 0 ? null : this.#viewOf(catalogue, masks);
      const rejudge = view === null ? null : (sql: string) => current().judge(sql);
      sight = { catalogue: newest, view, judge: this.#judgements.judge({ ...scope, view, catalogue, rejudge }) };
      return sight;
    };
    current();
    return {
      underMask: masks.length > 0,
      mysqlJudge: this.#mysqlJudgements.judge({ document, principal, target, digest: this.#parts.digest }),
      searchPath: masks.length === 0 ? null : path,
      mayPassUnparsed: decision.verdict === "allow",
      judge:
        masks.length === 0
          ? (sql) => current().judge(sql)
          : refreshingJudge(
              () => current().judge,
              () => this.#parts.refresh(name),
            ),
      isProtected: (tableOid, attribute) => {
        const { view } = current();
        return view !== null && isProtectedOrigin(view, tableOid, attribute);
      },
    };
  }

  #viewOf(catalogue: Catalogue, masks: ReturnType<typeof masksFor>): MaskingView {
    const known = this.#views.get(catalogue.relations) ?? new Map<string, MaskingView>();
    if (known.size >= STANDINGS_MAX) known.clear();
    this.#views.set(catalogue.relations, known);
    const key = JSON.stringify([catalogue.searchPath, masks]);
    const found = known.get(key);
    if (found !== undefined) return found;
    const { protection } = resolveProtection(catalogue, masks);
    const view = { catalogue, protection, functionsAllowed: allowedFunctions(this.config.policy) };
    known.set(key, view);
    return view;
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

/** Each database of a target has its own catalogue. */
export function catalogueName(target: string, database: string): string {
  return `${target}/${database}`;
}

function unavailable(): Fault {
  return new Fault("catalogue-unavailable", "the target's catalogue has not been read yet, so that statements can't be judged", {
    hint: "try again when the target can be reached",
  });
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
