/** The age identity that auditors of a new installation read recordings with. */
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { Secret } from "#protocols/wire/secret.ts";

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
