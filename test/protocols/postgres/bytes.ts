/** Raw bytes for tests of what a peer may send before a session: hand-made, so that they can be as wrong as a test needs. */

/** Four bytes big-endian; any length that fits 32 bits. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A startup packet whose length is right unless another is given. */
export function packet(code: number, body: Buffer | string = "", length?: number): Buffer {
  const bytes = Buffer.concat([word(code), Buffer.from(body)]);
  return Buffer.concat([word(length ?? bytes.length + 4), bytes]);
}

/** A message of a session: tag and body; the length is right unless another is given. */
export function frame(tag: string, body: Uint8Array | string = "", length?: number): Buffer {
  const bytes = Buffer.from(body as string);
  return Buffer.concat([Buffer.from(tag, "latin1"), word(length ?? bytes.length + 4), bytes]);
}

export const VERSION_3 = 3 << 16;
export const SSL_REQUEST = 80877103;
export const GSSENC_REQUEST = 80877104;
export const CANCEL_REQUEST = 80877102;

/** A startup packet with these strings, each NUL-terminated, and the final NUL. */
export function startup(strings: readonly string[], version = VERSION_3): Buffer {
  return packet(version, `${strings.map((text) => `${text}\0`).join("")}\0`);
}
