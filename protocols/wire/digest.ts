/** SHA-256 of one buffer, and whether bytes are UTF-8: the two questions that recorded values need answered. */
import { isUtf8 } from "node:buffer";
import { hash as oneShot } from "node:crypto";

/** Lower-case hex. */
export function hash(bytes: Uint8Array): string {
  return oneShot("sha256", bytes, "hex");
}

export function isUtf8Bytes(bytes: Buffer): boolean {
  return isUtf8(bytes);
}
