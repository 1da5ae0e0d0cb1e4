/**
 * What the gateway logs in to an HTTP target with: a header that is configured, Basic, or a token that it fetches for itself and
 * renews. It is added to requests and must never come back: `literals` says what to look for in answers.
 */
import type { HttpCredential } from "#src/config/config.ts";
import type { HeaderPair } from "./exchange.ts";
import { FetchedToken, type TokenClocks } from "./oauth.ts";

export interface TargetCredential {
  /** To be put in place of fields of the same names. @throws Fault `upstream-login-failed` when no token can be had */
  pairs(): Promise<readonly HeaderPair[]>;
  /** Secrets as they may stand in an answer: in force, or until lately. */
  literals(): readonly string[];
  /** The target has answered 401 (Unauthorized) to these. */
  refused(pairs: readonly HeaderPair[]): void;
}

export function targetCredential(credential: HttpCredential, clocks: TokenClocks): TargetCredential {
  switch (credential.kind) {
    case "none":
      return fixed([], []);
    case "header": {
      const value = credential.value.expose();
      return fixed([[credential.name, value]], [value, ...behindScheme(value)]);
    }
    case "basic": {
      const password = credential.password.expose();
      const pair = Buffer.from(`${credential.user}:${password}`).toString("base64");
      return fixed([["authorization", `Basic ${pair}`]], [pair, password]);
    }
    case "oauth": {
      const token = new FetchedToken(credential, clocks);
      return {
        pairs: async () => [["authorization", `Bearer ${await token.get()}`]],
        literals: () => token.recent(),
        refused: (pairs) => {
          for (const [, value] of pairs) token.forget(value.slice("Bearer ".length));
        },
      };
    }
  }
}

function fixed(pairs: readonly HeaderPair[], literals: readonly string[]): TargetCredential {
  return { pairs: async () => pairs, literals: () => literals, refused: () => undefined };
}

/** `Bearer x`: the target may well tell of `x` alone. RFC 9110 section 11.4. */
function behindScheme(value: string): readonly string[] {
  const [, token] = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ +(\S.*)$/.exec(value) ?? [];
  return token === undefined ? [] : [token];
}
