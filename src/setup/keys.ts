/** Fresh keys of a new installation: the one that signs the evidence log, and the identity that auditors read recordings with. */
import { generateKeyPairSync } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { Secret } from "#protocols/wire/secret.ts";

/** An Ed25519 pair, PEM: PKCS #8 and SubjectPublicKeyInfo. */
export interface EvidenceKey {
  readonly privateKey: Secret<string>;
  readonly publicKey: string;
}

export function makeEvidenceKey(): EvidenceKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privateKey: new Secret(String(privateKey.export({ format: "pem", type: "pkcs8" }))),
    publicKey: String(publicKey.export({ format: "pem", type: "spki" })),
  };
}

/** An age identity (`AGE-SECRET-KEY-1…`) and the public key recordings are sealed for (`age1…`). */
export interface AuditorIdentity {
  readonly identity: Secret<string>;
  readonly recipient: string;
}

/** X25519, which every age implementation reads; a post-quantum hybrid needs age 1.3. */
export async function makeAuditorIdentity(): Promise<AuditorIdentity> {
  const identity = await generateX25519Identity();
  return { identity: new Secret(identity), recipient: await identityToRecipient(identity) };
}

/** The identity as `age-keygen` writes it to a file. */
export function identityFile(auditor: AuditorIdentity): Secret<string> {
  return new Secret(`# public key: ${auditor.recipient}\n${auditor.identity.expose()}\n`);
}
