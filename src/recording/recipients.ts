/** Whom recordings are sealed to: age public keys, parsed once for all sessions. The format is the library's. */
import { Encrypter } from "age-encryption";

export type Recipients =
  | { readonly kind: "age"; readonly encrypter: Encrypter; readonly count: number }
  /** Recordings are compressed but not encrypted: only where the configuration spells out `recipients: none`. */
  | { readonly kind: "none" };

/**
 * Parses a list of recipients, or `none`.
 *
 * @throws Error naming the recipient's place in the list, from 1; an empty list is an error too.
 */
export function parseRecipients(recipients: readonly string[] | "none"): Recipients {
  if (recipients === "none") return { kind: "none" };
  if (recipients.length === 0) throw new Error("there is no recipient to seal recordings to");
  const encrypter = new Encrypter();
  for (const [index, recipient] of recipients.entries()) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw new Error(`recipient ${index + 1} is not an age public key`, { cause });
    }
  }
  return { kind: "age", encrypter, count: recipients.length };
}
