/**
 * One configured issuer: its metadata by discovery and its signing keys, both kept for a bounded time. Nothing is
 * fetched before the first login needs it, so that an issuer that is down does not keep the gateway from starting.
 *
 * OpenID Connect Discovery 1.0 section 4; RFC 7517.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWSHeaderParameters } from "jose";
import * as client from "openid-client";
import { Fault } from "#protocols/wire/fault.ts";
import type { OidcIssuer } from "#src/config/config.ts";
import { FETCH_TIMEOUT_MS, type HttpsFetch, httpsFetch } from "./https-fetch.ts";
import { type Ages, type MonotonicClock, Refreshed } from "./refreshed.ts";

/**
 * Keys that an issuer withdrew are refused after ten minutes at the latest, while it can be reached; through an outage
 * they serve for an hour. A key that is not known is asked for at once, three times in half a minute at most, whoever
 * brings it.
 */
export const KEY_AGES: Ages = { freshMs: 600_000, usableMs: 3_600_000, retryMs: 1_000, renewals: 3, renewalPeriodMs: 30_000 };
/** Endpoints seldom move, and nobody can ask to look again. */
export const METADATA_AGES: Ages = { freshMs: 3_600_000, usableMs: 86_400_000, retryMs: 1_000, renewals: 0, renewalPeriodMs: 0 };

type KeySet = ReturnType<typeof createLocalJWKSet>;
type Key = Awaited<ReturnType<KeySet>>;

export interface Issuer {
  readonly config: OidcIssuer;
  /**
   * The public key that a token's header names. jose's key selection: by `kid`, `alg`, `kty`, `use`, exactly one.
   *
   * @throws Fault `identity-unavailable` when the keys cannot be had; a jose error when none fits.
   */
  keyFor(header: JWSHeaderParameters): Promise<Key>;
  /** @throws Fault `identity-unavailable` */
  metadata(): Promise<client.ServerMetadata>;
  readonly fetch: HttpsFetch;
}

export function openIssuer(config: OidcIssuer, now: MonotonicClock): Issuer {
  const fetch = httpsFetch(config.ca);
  const metadata = new Refreshed(() => discover(config, fetch), METADATA_AGES, now);
  const keys = new Refreshed(async () => fetchKeys((await metadata.get()).jwks_uri, fetch), KEY_AGES, now);
  return {
    config,
    fetch,
    metadata: () => available(config, () => metadata.get()),
    keyFor: async (header) => {
      const known = await available(config, () => keys.get());
      try {
        return await known(header);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || !(await keys.renew())) {
          throw error;
        }
        return (await available(config, () => keys.get()))(header);
      }
    },
  };
}

async function discover(config: OidcIssuer, fetch: HttpsFetch): Promise<client.ServerMetadata> {
  const server = new URL(config.issuer);
  const timeout = FETCH_TIMEOUT_MS / 1000;
  const found = await client.discovery(server, "sallyport", undefined, client.None(), { [client.customFetch]: fetch, timeout });
  const metadata = found.serverMetadata();
  if (metadata.issuer !== config.issuer) {
    throw new Error("the metadata names another issuer");
  }
  return metadata;
}

async function fetchKeys(address: string | undefined, fetch: HttpsFetch): Promise<KeySet> {
  if (address === undefined) {
    throw new Error("the metadata has no jwks_uri");
  }
  const response = await fetch(address, { headers: { accept: "application/json, application/jwk-set+json" } });
  if (response.status !== 200) {
    throw new Error(`the keys' address answered ${response.status}`);
  }
  return createLocalJWKSet(asymmetricOnly(await response.json()));
}

const ASYMMETRIC: readonly unknown[] = ["RSA", "EC", "OKP"];

/** A shared secret in a key set must never verify anything, whatever the token's header says. */
function asymmetricOnly(document: unknown): JSONWebKeySet {
  if (typeof document !== "object" || document === null || !("keys" in document) || !Array.isArray(document.keys)) {
    throw new Error("the keys' address does not hold a key set");
  }
  const entries: unknown[] = document.keys;
  return { keys: entries.filter(isAsymmetric) };
}

function isAsymmetric(key: unknown): key is JSONWebKeySet["keys"][number] {
  return typeof key === "object" && key !== null && "kty" in key && ASYMMETRIC.includes(key.kty);
}

async function available<T>(config: OidcIssuer, get: () => Promise<T>): Promise<T> {
  try {
    return await get();
  } catch (cause) {
    throw new Fault("identity-unavailable", `the issuer ${config.issuer} cannot be asked for its keys`, {
      hint: "try again; if it stays so, the gateway's operator should look at the issuer",
      cause,
    });
  }
}
