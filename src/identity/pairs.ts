/**
 * Client-credentials pairs: user = client id, password = client secret. The gateway fetches the token itself and
 * verifies it like any other. RFC 6749 section 4.4.
 *
 * What came of a pair is remembered for a short time under a keyed digest, so that a storm of connects asks the issuer
 * once; the pair itself is never kept.
 */
import { createHmac, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import * as client from "openid-client";
import { Fault } from "#protocols/wire/fault.ts";
import type { Secret } from "#protocols/wire/secret.ts";
import type { Issuer } from "./issuer.ts";
import type { Presented, Proof } from "./proof.ts";
import type { MonotonicClock } from "./refreshed.ts";

/** A pair that was withdrawn at the issuer works here for this long at most. */
const PROOF_KEPT_MS = 60_000;
/** Long enough to keep a client that retries from storming the issuer, short enough not to be noticed after a correction. */
const REFUSAL_KEPT_MS = 5_000;
/** Pairs remembered; beyond it the least used is forgotten, which costs one more request. */
const PAIRS_MAX = 10_000;
/** Requests to the issuer at once: strangers can make us ask, so not without end. */
const REQUESTS_MAX = 64;
/** RFC 6749 appendix A: printable ASCII. It sets no limit of length; ids and secrets in use stay below 300 characters. */
const CREDENTIAL = /^[\x20-\x7e]{1,1024}$/;

export type VerifyToken = (token: string) => Promise<Proof>;

type Outcome = { readonly kind: "proved"; readonly proof: Proof } | { readonly kind: "refused"; readonly fault: Fault };

export interface Clocks {
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  readonly monotonicMs: MonotonicClock;
}

/** Logs pairs in at one issuer. @throws Fault `identity-refused`, `identity-unavailable`, and those of `verify` */
export function pairLogin(issuer: Issuer, verify: VerifyToken, clocks: Clocks): (presented: Presented) => Promise<Proof> {
  const digestKey = randomBytes(32);
  const known = new LRUCache<string, Outcome>({ max: PAIRS_MAX, ttl: PROOF_KEPT_MS, ttlResolution: 0, perf: { now: clocks.monotonicMs } });
  const running = new Map<string, Promise<Outcome>>();

  return async (presented) => {
    const { user, password } = presented;
    if (!CREDENTIAL.test(user) || !CREDENTIAL.test(password.expose())) {
      throw new Fault("identity-refused", "the password is not a token, and user and password are no client-credentials pair");
    }
    const digest = pairDigest(digestKey, presented);
    const remembered = known.get(digest);
    if (remembered !== undefined && !isOver(remembered, clocks)) {
      return settle(remembered);
    }
    const started = running.get(digest) ?? start(digest, presented);
    return settle(await started);
  };

  function start(digest: string, presented: Presented): Promise<Outcome> {
    if (running.size >= REQUESTS_MAX) {
      throw new Fault("identity-unavailable", "too many logins wait for the issuer", { hint: "try again in a moment" });
    }
    const outcome = fetchOutcome(issuer, presented, verify).finally(() => running.delete(digest));
    running.set(digest, outcome);
    return outcome.then((value) => {
      known.set(digest, value, { ttl: value.kind === "proved" ? PROOF_KEPT_MS : REFUSAL_KEPT_MS });
      return value;
    });
  }
}

/** Length first, so that no two pairs run together into the same text. */
function pairDigest(key: Buffer, { user, password }: Presented): string {
  return createHmac("sha256", key).update(`${user.length}:${user}`).update(password.expose()).digest("base64");
}

function isOver(outcome: Outcome, clocks: Clocks): boolean {
  return outcome.kind === "proved" && outcome.proof.expiresAtMs <= clocks.nowMs();
}

function settle(outcome: Outcome): Proof {
  if (outcome.kind === "refused") {
    throw outcome.fault;
  }
  return outcome.proof;
}

/** A refusal is an outcome and remembered; an issuer that cannot be asked is thrown, and asked again next time. */
async function fetchOutcome(issuer: Issuer, presented: Presented, verify: VerifyToken): Promise<Outcome> {
  try {
    return { kind: "proved", proof: await verify(await fetchToken(issuer, presented.user, presented.password)) };
  } catch (error) {
    if (error instanceof Fault && error.code !== "identity-unavailable") {
      return { kind: "refused", fault: error };
    }
    throw error;
  }
}

async function fetchToken(issuer: Issuer, user: string, password: Secret<string>): Promise<string> {
  const metadata = await issuer.metadata();
  const configuration = new client.Configuration(metadata, user, undefined, authentication(metadata, password));
  configuration[client.customFetch] = issuer.fetch;
  try {
    return (await client.clientCredentialsGrant(configuration)).access_token;
  } catch (error) {
    throw tokenFault(error, issuer);
  }
}

/** RFC 6749 section 2.3.1: Basic is what every server must take; the form only where the metadata says so. */
function authentication(metadata: client.ServerMetadata, secret: Secret<string>): client.ClientAuth {
  const methods = metadata.token_endpoint_auth_methods_supported;
  if (methods === undefined || methods.includes("client_secret_basic")) {
    return client.ClientSecretBasic(secret.expose());
  }
  if (methods.includes("client_secret_post")) {
    return client.ClientSecretPost(secret.expose());
  }
  throw new Fault("identity-unavailable", "the issuer takes no client secrets, so pairs cannot log in");
}

/** Answers that mean "no" by RFC 6749 section 5.2; anything else means that the issuer could not answer. */
const REFUSALS: readonly string[] = ["invalid_client", "unauthorized_client", "invalid_grant", "access_denied"];

/** Of what the issuer wrote only its error code is shown, and nothing is kept as cause: it is not ours to log. */
function tokenFault(error: unknown, issuer: Issuer): Fault {
  const code = error instanceof client.ResponseBodyError ? error.error : "";
  if (error instanceof client.WWWAuthenticateChallengeError || REFUSALS.includes(code)) {
    return new Fault("identity-refused", "the issuer does not accept this client id and secret");
  }
  const shown = /^[a-z_]{1,40}$/.test(code) ? ` (${code})` : "";
  return new Fault("identity-unavailable", `the issuer ${issuer.config.issuer} gave no token${shown}`, { hint: "try again" });
}
