/**
 * The gateway's own token for a target, by client credentials (RFC 6749 section 4.4): fetched when the first request needs it,
 * shared by all, renewed before it ends. An endpoint that is down fails requests, never the start of the gateway.
 */
import * as client from "openid-client";
import { Fault } from "#protocols/wire/fault.ts";
import type { OauthCredential } from "#src/config/config.ts";
import { type HttpsFetch, httpsFetch } from "#src/identity/https-fetch.ts";

export interface TokenClocks {
  /** Milliseconds that never go back. */
  readonly monotonicMs: () => number;
}

/** Where the endpoint does not say how long a token lasts (RFC 6749 section 5.1 only recommends it). */
const LIFE_MS = 300_000;
/** A token is renewed this long before its end, at half its life at the earliest. */
const AHEAD_MS = 60_000;
/** After a fetch that failed, or a token that the target refused, the endpoint is left alone for this long. */
const PAUSE_MS = 1_000;
/** Tokens that were used are looked for in answers this long, beyond any request's own time. */
const RECENT_MS = 3_600_000;
/** RFC 6750 section 2.1. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

interface Held {
  readonly token: string;
  readonly renewAtMs: number;
}

export class FetchedToken {
  readonly #credential: OauthCredential;
  readonly #clocks: TokenClocks;
  readonly #fetchOver: HttpsFetch;
  #held: Held | null = null;
  #fetching: Promise<string> | null = null;
  #failure: { readonly fault: Fault; readonly untilMs: number } | null = null;
  #forgottenAtMs = Number.NEGATIVE_INFINITY;
  /** With the moment of its last use. */
  readonly #used = new Map<string, number>();

  constructor(credential: OauthCredential, clocks: TokenClocks) {
    this.#credential = credential;
    this.#clocks = clocks;
    this.#fetchOver = httpsFetch(credential.ca);
  }

  /** @throws Fault `upstream-login-failed` */
  async get(): Promise<string> {
    const now = this.#clocks.monotonicMs();
    if (this.#held !== null && now < this.#held.renewAtMs) return this.#using(this.#held.token);
    if (this.#failure !== null && now < this.#failure.untilMs) throw this.#failure.fault;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = null;
    });
    return this.#using(await this.#fetching);
  }

  recent(): readonly string[] {
    const since = this.#clocks.monotonicMs() - RECENT_MS;
    for (const [token, usedAtMs] of this.#used) if (usedAtMs < since) this.#used.delete(token);
    return [...this.#used.keys()];
  }

  /** Another is fetched for the next request; once in a while, so that a target that refuses all of them storms nobody. */
  forget(token: string): void {
    const now = this.#clocks.monotonicMs();
    if (this.#held?.token !== token || now - this.#forgottenAtMs < PAUSE_MS) return;
    this.#forgottenAtMs = now;
    this.#held = null;
  }

  #using(token: string): string {
    this.#used.set(token, this.#clocks.monotonicMs());
    return token;
  }

  async #fetch(): Promise<string> {
    try {
      const { token, lifeMs } = await requestToken(this.#credential, this.#fetchOver);
      this.#held = { token, renewAtMs: this.#clocks.monotonicMs() + Math.max(lifeMs - AHEAD_MS, lifeMs / 2) };
      this.#failure = null;
      return token;
    } catch (error) {
      const fault = error instanceof Fault ? error : noToken("");
      this.#failure = { fault, untilMs: this.#clocks.monotonicMs() + PAUSE_MS };
      throw fault;
    }
  }
}

async function requestToken(
  { tokenEndpoint, clientId, clientSecret, scope, audience }: OauthCredential,
  fetch: HttpsFetch,
): Promise<{ readonly token: string; readonly lifeMs: number }> {
  const server = { issuer: new URL(tokenEndpoint).origin, token_endpoint: tokenEndpoint };
  const configuration = new client.Configuration(server, clientId, undefined, client.ClientSecretBasic(clientSecret.expose()));
  configuration[client.customFetch] = fetch;
  const asked = { ...(scope === null ? {} : { scope }), ...(audience === null ? {} : { audience }) };
  let answer: client.TokenEndpointResponse;
  try {
    answer = await client.clientCredentialsGrant(configuration, asked);
  } catch (error) {
    throw noToken(error instanceof client.ResponseBodyError ? error.error : "");
  }
  if (answer.token_type.toLowerCase() !== "bearer" || !TOKEN.test(answer.access_token)) throw noToken("unsupported_token_type");
  return { token: answer.access_token, lifeMs: (answer.expires_in ?? LIFE_MS / 1000) * 1000 };
}

/** @param code RFC 6749 section 5.2; the rest of the answer is not ours to show */
function noToken(code: string): Fault {
  const shown = /^[a-z_]{1,40}$/.test(code) ? ` (${code})` : "";
  return new Fault("upstream-login-failed", `the target's token endpoint gave the gateway no token${shown}`, {
    hint: "tell the gateway's operator: targets.*.credential.oauth",
  });
}
