/**
 * Verifies a JWT access token against the configured issuers and makes a proof of it. The header chooses nothing but
 * the key: algorithms, issuer and audience are ours. RFC 7519 section 7.2, RFC 8725, RFC 9068 section 4.
 *
 * Faults name what was wrong and never anything of the token; jose's errors carry claims, so they are not kept as cause.
 */
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import { Fault } from "#protocols/wire/fault.ts";
import { principalFrom } from "./claims.ts";
import type { Issuer } from "./issuer.ts";
import type { Proof } from "./proof.ts";
import { proved } from "./proved.ts";

/** Asymmetric only: with a shared secret, whoever can verify could also issue. */
export const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
] as const;

/** Allowed difference between the issuer's clock and ours. A session ends this long after `exp`, at once with the login's allowance. */
export const CLOCK_SKEW_SECONDS = 30;
/** Tokens with hundreds of groups reach 10 kB; PostgreSQL's own limit for a token is 64 kB. */
export const TOKEN_CHARACTERS_MAX = 32_768;

const JWT_SHAPE = /^[\w-]+\.[\w-]+\.[\w-]*$/;
const ENCRYPTED_SHAPE = /^[\w-]+(\.[\w-]*){4}$/;

/** Whether text is meant as a token: three or five parts, the first a JOSE header. */
export function looksLikeToken(text: string): boolean {
  if (!JWT_SHAPE.test(text) && !ENCRYPTED_SHAPE.test(text)) {
    return false;
  }
  try {
    return "alg" in decodeProtectedHeader(text);
  } catch {
    // Not a header: then the text is something else, such as a client secret with dots in it.
    return false;
  }
}

/** @throws Fault `identity-refused`, `identity-expired`, `identity-unavailable` */
export async function proveToken(token: string, issuers: readonly Issuer[], via: Proof["via"], nowMs: number): Promise<Proof> {
  if (ENCRYPTED_SHAPE.test(token)) {
    throw refused("token is encrypted, which is not accepted");
  }
  const issuer = issuerOf(token, issuers);
  const claims = await verify(token, issuer, new Date(nowMs));
  checkTimes(claims, nowMs);
  checkKind(token, claims);
  const principal = principalFrom(claims, issuer.config);
  return proved(principal, via, (expiryOf(claims) + CLOCK_SKEW_SECONDS) * 1000);
}

/** By the token's own `iss`, which is not verified yet and only chooses among those configured. */
function issuerOf(token: string, issuers: readonly Issuer[]): Issuer {
  let named: unknown;
  try {
    named = decodeJwt(token).iss;
  } catch {
    throw refused("token is malformed");
  }
  const issuer = issuers.find(({ config }) => config.issuer === named);
  if (issuer === undefined) {
    throw refused("token issuer is not accepted");
  }
  return issuer;
}

async function verify(token: string, issuer: Issuer, currentDate: Date): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, (header) => issuer.keyFor(header), {
      algorithms: [...ALGORITHMS],
      issuer: issuer.config.issuer,
      audience: issuer.config.audience,
      requiredClaims: ["exp"],
      clockTolerance: CLOCK_SKEW_SECONDS,
      currentDate,
    });
    return payload;
  } catch (error) {
    throw faultOf(error);
  }
}

const CLAIM_FAULTS: ReadonlyMap<string, string> = new Map([
  ["aud", "token audience is not accepted"],
  ["iss", "token issuer is not accepted"],
  ["exp", "token has no usable expiry"],
  ["nbf", "token is not valid yet"],
  ["iat", "token has no usable time of issue"],
]);

function faultOf(error: unknown): Fault {
  if (error instanceof Fault) {
    return error;
  }
  if (error instanceof errors.JWTExpired) {
    return expired();
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refused(CLAIM_FAULTS.get(error.claim) ?? "a claim of the token is not accepted");
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refused("token algorithm is not accepted");
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return refused("token signature is wrong");
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return refused("token is signed with a key that the issuer does not publish");
  }
  return refused(error instanceof errors.JOSENotSupported ? "token asks for something that is not supported" : "token is malformed");
}

/** What jose leaves open: an expiry beyond all numbers (`1e999`), and a token from the future. */
function checkTimes(claims: JWTPayload, nowMs: number): void {
  if (!Number.isSafeInteger(Math.trunc(expiryOf(claims) * 1000))) {
    throw refused("token has no usable expiry");
  }
  if (claims.iat !== undefined && claims.iat * 1000 > nowMs + CLOCK_SKEW_SECONDS * 1000) {
    throw refused("token was issued in the future");
  }
}

function expiryOf(claims: JWTPayload): number {
  if (claims.exp === undefined) {
    throw refused("token has no usable expiry");
  }
  return claims.exp;
}

const TYPES: readonly string[] = ["at+jwt", "application/at+jwt", "jwt"];
/** Claims that stand in ID tokens alone (OpenID Connect Core sections 3.1.3.6 and 3.3.2.11). */
const ID_TOKEN_CLAIMS = ["at_hash", "c_hash", "s_hash"];

/**
 * RFC 8725 section 3.11: other kinds of JWT by the same issuer are no access tokens. A token that is bound to a key
 * (RFC 8705, RFC 9449) must not pass as a bearer token, since nobody has shown the key.
 */
function checkKind(token: string, claims: JWTPayload): void {
  const { typ } = decodeProtectedHeader(token);
  if (typ !== undefined && !(typeof typ === "string" && TYPES.includes(typ.toLowerCase()))) {
    throw refused("token type is not that of an access token");
  }
  const declared = typeof typ === "string" && typ.toLowerCase().endsWith("at+jwt");
  if (!declared && isIdToken(claims)) {
    throw refused("token is an ID token, not an access token");
  }
  if (Object.hasOwn(claims, "cnf")) {
    throw refused("token is bound to a key, which a password cannot show");
  }
}

/** Keycloak says the kind in `typ` (and puts `nonce` into access tokens too), Cognito in `token_use`. */
function isIdToken(claims: JWTPayload): boolean {
  const kind = claims["typ"] ?? claims["token_use"];
  if (typeof kind === "string") {
    return !["bearer", "access"].includes(kind.toLowerCase());
  }
  return [...ID_TOKEN_CLAIMS, "nonce"].some((claim) => Object.hasOwn(claims, claim));
}

function expired(): Fault {
  return new Fault("identity-expired", "token has expired", { hint: "log in again with a fresh token" });
}

function refused(message: string): Fault {
  return new Fault("identity-refused", message);
}
