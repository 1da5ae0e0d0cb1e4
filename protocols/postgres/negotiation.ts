/**
 * What a client may say before TLS is up, judged from its first bytes: SSLRequest, GSSENCRequest, CancelRequest, a direct
 * TLS start, or a clear-text start, which is refused. Nothing that stands behind an SSLRequest is ever taken for
 * protocol: bytes that came before TLS are refused (CVE-2021-23214).
 *
 * Source: PostgreSQL documentation, "SSL Session Encryption" and "GSSAPI Session Encryption" (protocol-flow).
 */
import { Fault } from "#protocols/wire/fault.ts";
import { PROTOCOL_MAJOR, REQUEST, STARTUP_BYTES_MAX, TLS_HANDSHAKE_RECORD } from "./constants.ts";

/** Where a backend's session can be cancelled: what BackendKeyData gave out. */
export interface CancelKey {
  readonly processId: number;
  /** 4 bytes in protocol 3.0, up to 256 in 3.2. A copy. */
  readonly secret: Buffer;
}

export type Opening =
  | { readonly kind: "incomplete" }
  /** Answer `S`, then TLS. */
  | { readonly kind: "ssl-request" }
  /** Answer `N`, then read on: SSLRequest may follow on the same connection. `rest` is what came behind it. */
  | { readonly kind: "gssenc-request"; readonly rest: Buffer }
  | { readonly kind: "direct-tls" }
  | { readonly kind: "cancel"; readonly key: CancelKey }
  /** A StartupMessage in clear text. */
  | { readonly kind: "cleartext" };

/** Longest CancelRequest: two words, process id, a key of 256 bytes. */
const CANCEL_BYTES_MAX = 4 + 4 + 4 + 256;

/**
 * Judges everything received so far on a connection without TLS.
 *
 * @throws Fault `malformed-message`, `tls-early-bytes`, `unsupported-protocol`; all before any body is collected.
 */
export function readOpening(received: Buffer): Opening {
  if (received.length === 0) return { kind: "incomplete" };
  if (received[0] === TLS_HANDSHAKE_RECORD) return { kind: "direct-tls" };
  if (received.length < 4) return { kind: "incomplete" };
  const length = received.readUInt32BE(0);
  if (length < 8 || length > STARTUP_BYTES_MAX) {
    throw new Fault("malformed-message", `first message announces ${length} bytes; a startup message has 8 to ${STARTUP_BYTES_MAX}`);
  }
  if (received.length < 8) return { kind: "incomplete" };
  return openingOf(received.readUInt32BE(4), length, received);
}

function openingOf(code: number, length: number, received: Buffer): Opening {
  switch (code) {
    case REQUEST.ssl:
      if (length !== 8) throw new Fault("malformed-message", `SSLRequest has ${length} bytes instead of 8`);
      if (received.length > 8) {
        throw new Fault("tls-early-bytes", "bytes came behind SSLRequest before it was answered");
      }
      return { kind: "ssl-request" };
    case REQUEST.gssenc:
      if (length !== 8) throw new Fault("malformed-message", `GSSENCRequest has ${length} bytes instead of 8`);
      return { kind: "gssenc-request", rest: received.subarray(8) };
    case REQUEST.cancel:
      return readCancel(length, received);
    default:
      if (code >>> 16 !== PROTOCOL_MAJOR) {
        throw new Fault("unsupported-protocol", `protocol version ${code >>> 16}.${code & 0xffff} is not spoken here; 3.0 and 3.2 are`);
      }
      return { kind: "cleartext" };
  }
}

/** Also used behind TLS, where the same packet may come. @throws Fault `malformed-message` */
export function readCancel(length: number, received: Buffer): Opening {
  if (length < 16 || length > CANCEL_BYTES_MAX) {
    throw new Fault("malformed-message", `CancelRequest has ${length} bytes; 16 to ${CANCEL_BYTES_MAX} are allowed`);
  }
  if (received.length < length) return { kind: "incomplete" };
  return { kind: "cancel", key: { processId: received.readUInt32BE(8), secret: Buffer.from(received.subarray(12, length)) } };
}
