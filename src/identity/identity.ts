/** The proof of who calls: tokens, client-credentials pairs and client certificates, by what the configuration accepts. */
import { Fault } from "#protocols/wire/fault.ts";
import type { IdentityConfig } from "#src/config/config.ts";
import { proveCertificate } from "./certificate.ts";
import { openIssuer } from "./issuer.ts";
import { type Clocks, pairLogin } from "./pairs.ts";
import type { Identity, Presented, Proof } from "./proof.ts";
import { looksLikeToken, proveToken, TOKEN_CHARACTERS_MAX } from "./token.ts";

const FRESH_TOKEN = "give an access token as the password";

/** Nothing is fetched before the first login; issuers that are down fail logins, not this call. */
export function createIdentity(config: IdentityConfig, clocks: Clocks): Identity {
  const issuers = config.oidc.map((issuer) => openIssuer(issuer, clocks.monotonicMs));
  const forPairs = issuers.find((issuer) => issuer.config.clientCredentials);
  const provePair =
    forPairs === undefined
      ? undefined
      : pairLogin(forPairs, (token) => proveToken(token, [forPairs], "client-credentials", clocks.nowMs()), clocks);
  return {
    prove: (presented) => prove(presented),
    proveCertificate: (der) => (config.certificates === null ? undefined : proveCertificate(der, config.certificates, clocks.nowMs())),
  };

  async function prove(presented: Presented): Promise<Proof> {
    const password = presented.password.expose();
    if (password === "") {
      throw new Fault("identity-missing", "no token was given", { hint: FRESH_TOKEN });
    }
    if (password.length > TOKEN_CHARACTERS_MAX) {
      throw new Fault("identity-refused", `the password is longer than ${TOKEN_CHARACTERS_MAX} characters`, { hint: FRESH_TOKEN });
    }
    if (looksLikeToken(password)) {
      return proveToken(password, issuers, "oidc-token", clocks.nowMs());
    }
    if (provePair === undefined) {
      throw new Fault("identity-refused", "the password is not a token", { hint: FRESH_TOKEN });
    }
    return provePair(presented);
  }
}
