/** The HTTP targets of one configuration: where requests go, what they go over, what the gateway logs in with. */
import { Literals, literalsOf } from "#protocols/http/protocol.ts";
import type { Config, HttpTarget } from "#src/config/config.ts";
import type { KeeperLink } from "#src/gateway/keeper-link.ts";
import { Upstream } from "#src/gateway/upstream.ts";
import type { Identity } from "#src/identity/proof.ts";
import { Proofs } from "./proof.ts";
import { type TargetCredential, targetCredential } from "./upstream/credential.ts";
import { HttpPool } from "./upstream/pool.ts";

export class Api {
  readonly target: HttpTarget;
  readonly pool: HttpPool;
  readonly credential: TargetCredential;
  /** How its address names it: the Host field. */
  readonly authority: string;
  #literals = { of: "", made: new Literals([]) };

  constructor(target: HttpTarget, { link, upstreamLoginMs, clocks }: ApisParts) {
    const { host, port } = target.address;
    const name = host.includes(":") ? `[${host}]` : host;
    this.target = target;
    this.pool = new HttpPool({ upstream: new Upstream(target, upstreamLoginMs), link, now: clocks.nowMs });
    this.credential = targetCredential(target.credential, clocks);
    this.authority = port === 443 ? name : `${name}:${port}`;
  }

  /** What must not come back, in all its spellings; made anew when a token was. */
  get literals(): Literals {
    const secrets = this.credential.literals();
    const of = JSON.stringify(secrets);
    if (of !== this.#literals.of) this.#literals = { of, made: new Literals(literalsOf(secrets)) };
    return this.#literals.made;
  }

  close(): void {
    this.pool.close();
  }
}

export interface ApisParts {
  readonly config: Config;
  readonly identity: Identity;
  readonly link: KeeperLink;
  /** For connect and TLS together. */
  readonly upstreamLoginMs: number;
  readonly clocks: { readonly nowMs: () => number; readonly monotonicMs: () => number };
}

export class Apis {
  readonly byName: ReadonlyMap<string, Api>;
  /** As `requestedTarget` wants to know them. */
  readonly known: { readonly hosts: ReadonlyMap<string, string>; readonly names: ReadonlySet<string> };
  /** Of tokens that prove who is calling. */
  readonly issuers: readonly string[];
  readonly proofs: Proofs;
  #users = 0;
  #retired = false;

  constructor(parts: ApisParts) {
    const targets = [...parts.config.targets.values()].filter(isApi);
    this.byName = new Map(targets.map((target) => [target.name, new Api(target, parts)]));
    this.known = {
      hosts: new Map(targets.flatMap(({ name, hosts }) => hosts.map((host) => [host, name] as const))),
      names: new Set(targets.map(({ name }) => name)),
    };
    this.issuers = parts.config.identity.oidc.map(({ issuer }) => issuer);
    this.proofs = new Proofs({ identity: parts.identity, issuers: this.issuers, ...parts.clocks });
  }

  /** A connection whose requests go by this configuration. */
  enter(): void {
    this.#users++;
  }

  leave(): void {
    this.#users--;
    if (this.#retired && this.#users === 0) this.#close();
  }

  /** Another configuration is in force: closed as soon as nobody is here. */
  retire(): void {
    this.#retired = true;
    if (this.#users === 0) this.#close();
  }

  #close(): void {
    for (const api of this.byName.values()) api.close();
  }
}

function isApi(target: { readonly protocol: string }): target is HttpTarget {
  return target.protocol === "http";
}
