/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, client side, as pure steps: nonce and salted password come in, messages go out,
 * and the server's own signature must be right before the login counts.
 *
 * Sources: RFC 5802, RFC 7677; channel binding `tls-server-end-point`, RFC 5929 section 4; PostgreSQL documentation,
 * "SASL Authentication" (sasl-authentication), which leaves the user name empty.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { Fault } from "#protocols/wire/fault.ts";

export type Mechanism = "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS";

/** A hostile server could ask for years of hashing; PostgreSQL's default is 4,096. */
const ITERATIONS_MAX = 1_000_000;

export interface ScramFirst {
  readonly mechanism: Mechanism;
  readonly message: string;
  readonly bare: string;
  readonly nonce: string;
  /** Base64 of the GS2 header and the channel binding data: the `c=` attribute. */
  readonly binding: string;
}

/**
 * @param nonce printable, without comma; from a secure random source
 * @param endPoint hash of the server's certificate when the mechanism is PLUS, else null
 * @param canBind whether this side could bind, though the server did not offer it (GS2 flag `y`)
 */
export function scramFirst(mechanism: Mechanism, nonce: string, endPoint: Buffer | null, canBind: boolean): ScramFirst {
  const plus = mechanism === "SCRAM-SHA-256-PLUS";
  const header = plus ? "p=tls-server-end-point,," : canBind ? "y,," : "n,,";
  const data = plus && endPoint !== null ? Buffer.concat([Buffer.from(header), endPoint]) : Buffer.from(header);
  const bare = `n=,r=${nonce}`;
  return { mechanism, message: header + bare, bare, nonce, binding: data.toString("base64") };
}

export interface ScramChallenge {
  readonly text: string;
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** @throws Fault `upstream-login-failed` */
export function readChallenge(first: ScramFirst, text: string): ScramChallenge {
  const match = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})$/.exec(text);
  if (match === null) throw failed("the target's SCRAM challenge is malformed");
  const [, nonce = "", salt = "", count = ""] = match;
  const iterations = Number(count);
  if (!nonce.startsWith(first.nonce) || nonce.length <= first.nonce.length) {
    throw failed("the target's SCRAM nonce does not continue ours");
  }
  if (iterations > ITERATIONS_MAX) throw failed(`the target asks for more than ${ITERATIONS_MAX} SCRAM iterations`);
  return { text, nonce, salt: Buffer.from(salt, "base64"), iterations };
}

export interface ScramFinal {
  readonly message: string;
  /** What the server must prove. */
  readonly signature: Buffer;
}

/** @param saltedPassword PBKDF2-HMAC-SHA-256 of the password with the challenge's salt and iterations, 32 bytes */
export function scramFinal(first: ScramFirst, challenge: ScramChallenge, saltedPassword: Buffer): ScramFinal {
  const clientKey = hmac(saltedPassword, "Client Key");
  const storedKey = createHash("sha256").update(clientKey).digest();
  const withoutProof = `c=${first.binding},r=${challenge.nonce}`;
  const authMessage = `${first.bare},${challenge.text},${withoutProof}`;
  const clientSignature = hmac(storedKey, authMessage);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (clientSignature[index] ?? 0)));
  return {
    message: `${withoutProof},p=${proof.toString("base64")}`,
    signature: hmac(hmac(saltedPassword, "Server Key"), authMessage),
  };
}

/** @throws Fault `upstream-login-failed` when the server can't prove that it knows the password's verifier */
export function checkServerFinal(final: ScramFinal, text: string): void {
  const match = /^v=([A-Za-z0-9+/]+={0,2})(?:,.*)?$/.exec(text);
  const given = Buffer.from(match?.[1] ?? "", "base64");
  if (given.length !== final.signature.length || !timingSafeEqual(given, final.signature)) {
    throw failed("the target's SCRAM signature is wrong");
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function failed(message: string): Fault {
  return new Fault("upstream-login-failed", message);
}
