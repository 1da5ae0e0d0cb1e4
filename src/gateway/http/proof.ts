/**
 * Who sends a request: a bearer token or a client-credentials pair in Authorization, the same in Proxy-Authorization where
 * Authorization is meant for the target, or the connection's client certificate. A token of the gateway's own issuers is always
 * taken as proof and never travels on, whatever else came with it.
 */
import { createHmac, randomBytes, type X509Certificate } from "node:crypto";
import { decodeJwt } from "jose";
import { LRUCache } from "lru-cache";
import { type HeaderPair, valuesOf } from "#protocols/http/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { Secret } from "#protocols/wire/secret.ts";
import type { Identity, Proof } from "#src/identity/proof.ts";

/** The field that carried the proof never travels on. */
export type ProofPlace = "authorization" | "proxy-authorization" | "certificate";

export interface Proved {
  readonly proof: Proof;
  readonly place: ProofPlace;
}

/** Tokens remembered; beyond it the least used is verified anew. */
const TOKENS_MAX = 10_000;
/** A key that its issuer withdrew is noticed after this, as in a new login. */
const KEPT_MS = 60_000;

const HINT = "send Authorization: Bearer with an access token";

export class Proofs {
  readonly #identity: Identity;
  readonly #issuers: ReadonlySet<string>;
  readonly #nowMs: () => number;
  readonly #digestKey = randomBytes(32);
  readonly #known: LRUCache<string, Proof>;

  constructor(parts: {
    readonly identity: Identity;
    readonly issuers: readonly string[];
    readonly nowMs: () => number;
    readonly monotonicMs: () => number;
  }) {
    this.#identity = parts.identity;
    this.#issuers = new Set(parts.issuers);
    this.#nowMs = parts.nowMs;
    this.#known = new LRUCache({ max: TOKENS_MAX, ttl: KEPT_MS, ttlResolution: 0, perf: { now: parts.monotonicMs } });
  }

  /** @throws Fault `identity-missing`, `identity-refused`, `identity-expired`, `identity-unavailable`, `request-ambiguous` */
  async prove(headers: readonly HeaderPair[], certificate: X509Certificate | null): Promise<Proved> {
    const proxy = only(headers, "proxy-authorization");
    const own = only(headers, "authorization");
    if (proxy !== null) {
      if (own !== null && this.#isOurs(own)) throw twice();
      return { proof: await this.#credentials(proxy), place: "proxy-authorization" };
    }
    if (own !== null && (certificate === null || this.#isOurs(own))) {
      return { proof: await this.#credentials(own), place: "authorization" };
    }
    const proof = certificate === null ? undefined : this.#identity.proveCertificate(certificate.raw);
    if (proof !== undefined) return { proof, place: "certificate" };
    if (own !== null) return { proof: await this.#credentials(own), place: "authorization" };
    throw new Fault("identity-missing", "the request does not say who sends it", { hint: HINT });
  }

  #credentials(value: string): Promise<Proof> {
    const [, scheme = "", rest = ""] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) +(\S+)$/.exec(value.trim()) ?? [];
    switch (scheme.toLowerCase()) {
      case "bearer":
        return this.#token(rest);
      case "basic":
        return this.#pair(rest);
      default:
        throw new Fault("identity-refused", "the authorization is neither a bearer token nor a pair", { hint: HINT });
    }
  }

  async #token(token: string): Promise<Proof> {
    const digest = createHmac("sha256", this.#digestKey).update(token).digest("base64");
    const known = this.#known.get(digest);
    if (known !== undefined && known.expiresAtMs > this.#nowMs()) return known;
    const proof = await this.#identity.prove({ user: "", password: new Secret(token) });
    this.#known.set(digest, proof);
    return proof;
  }

  /** RFC 7617. A token may stand in the place of the password, for clients that know no other way. */
  #pair(encoded: string): Promise<Proof> {
    const text = Buffer.from(encoded, "base64").toString("utf8");
    const colon = text.indexOf(":");
    if (colon === -1) throw new Fault("identity-refused", "the authorization is no pair", { hint: HINT });
    const password = text.slice(colon + 1);
    if (password === "") throw new Fault("identity-missing", "no token or secret was given", { hint: HINT });
    return this.#identity.prove({ user: text.slice(0, colon), password: new Secret(password) });
  }

  /** A token that some issuer of ours has made, good or bad: it is nobody else's to see. */
  #isOurs(value: string): boolean {
    return tokensIn(value).some((token) => {
      try {
        const { iss } = decodeJwt(token);
        return iss !== undefined && this.#issuers.has(iss);
      } catch {
        // No token of that kind at all.
        return false;
      }
    });
  }
}

/** What may be one: behind any scheme or none, as one of its parameters, or in a pair. */
function tokensIn(value: string): readonly string[] {
  const words = value.split(/[\s,;="']+/);
  return words.flatMap((word) => [word, ...Buffer.from(word, "base64").toString("latin1").split(":")]);
}

function only(headers: readonly HeaderPair[], name: string): string | null {
  const values = valuesOf(headers, name);
  if (values.length > 1) throw new Fault("request-ambiguous", `the header field ${name} is there more than once`);
  return values[0] ?? null;
}

function twice(): Fault {
  return new Fault("request-ambiguous", "two tokens for the gateway were sent at once", {
    hint: "Proxy-Authorization is for the gateway where Authorization is for the target",
  });
}
