/**
 * Whom recordings are sealed to: age public keys, parsed once. X25519 recipients (`age1…`) wrap the file key with
 * Node's own X25519, eight times cheaper than the library's; everything else of the age format is the library's.
 */
import { createCipheriv, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject } from "node:crypto";
import { bech32 } from "@scure/base";
import { Encrypter, type Recipient, Stanza } from "age-encryption";

export type Recipients =
  | { readonly kind: "age"; readonly encrypter: Encrypter; readonly count: number }
  /** Recordings are compressed but not encrypted: only where the configuration spells out `recipients: none`. */
  | { readonly kind: "none" };

/** Bytes of an X25519 public key or share. */
const X25519_BYTES = 32;
/** DER of a SubjectPublicKeyInfo up to the key (RFC 8410, section 4). */
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00);
/** age specification, "The X25519 recipient type". */
const X25519_INFO = "age-encryption.org/v1/X25519";

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
      encrypter.addRecipient(/^age1[^_]{58}$/.test(recipient) ? x25519Recipient(recipient) : recipient);
    } catch (cause) {
      throw new Error(`recipient ${index + 1} is not an age public key`, { cause });
    }
  }
  return { kind: "age", encrypter, count: recipients.length };
}

function x25519Recipient(text: string): Recipient {
  const { prefix, bytes } = bech32.decodeToBytes(text);
  if (prefix !== "age") throw new Error("the prefix is not age");
  if (bytes.length !== X25519_BYTES) throw new Error(`an X25519 recipient has ${X25519_BYTES} bytes, not ${bytes.length}`);
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: "der", type: "spki" });
  return { wrapFileKey: (fileKey) => [wrap(fileKey, publicKey, bytes)] };
}

function wrap(fileKey: Uint8Array, publicKey: KeyObject, recipient: Uint8Array): Stanza {
  const ephemeral = generateKeyPairSync("x25519");
  const share = ephemeral.publicKey.export({ format: "der", type: "spki" }).subarray(SPKI_PREFIX.length);
  // OpenSSL refuses an all-zero shared secret, as the specification demands.
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey });
  const key = Buffer.from(hkdfSync("sha256", secret, Buffer.concat([share, recipient]), X25519_INFO, 32));
  const cipher = createCipheriv("chacha20-poly1305", key, Buffer.alloc(12), { authTagLength: 16 });
  const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
  return new Stanza(["X25519", share.toString("base64").replace(/=+$/, "")], body);
}
