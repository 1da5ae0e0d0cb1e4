/**
 * Reads the first ClientHello off raw bytes, because Node does not say what a client offered, least of all when the
 * handshake fails. It only looks: the bytes go to the TLS layer unchanged, which alone decides about them.
 *
 * RFC 8446 sections 4.1.2 and 5.1; extensions by their own RFCs. Code points are named in `code-points.ts`.
 */
import { cipherSuiteName, groupName, isGrease, signatureAlgorithmName, versionName } from "./code-points.ts";
import { Malformed, Reader } from "./reader.ts";

/** What a client offered, in its own order. GREASE values (RFC 8701) are left out; unknown ones are hex, `0x1234`. */
export interface ClientHello {
  /** `TLSv1.3`, `TLSv1.2` ..., newest first. */
  readonly versions: readonly string[];
  /** RFC 6066 host_name, as sent; null when none was. */
  readonly sni: string | null;
  readonly alpn: readonly string[];
  readonly cipherSuites: readonly string[];
  readonly groups: readonly string[];
  /** Groups for which a key share came along (TLS 1.3). */
  readonly keyShares: readonly string[];
  readonly signatureAlgorithms: readonly string[];
}

export type HelloResult =
  | { readonly kind: "incomplete" }
  /** The first bytes are not a TLS handshake record. */
  | { readonly kind: "not-tls" }
  | { readonly kind: "malformed"; readonly message: string }
  | { readonly kind: "hello"; readonly hello: ClientHello };

/**
 * The most bytes, record headers included, that are looked at before giving up. A ClientHello with post-quantum key
 * shares is about 2 KiB; session tickets and many extensions add a few more. OpenSSL itself takes up to 128 KiB.
 */
export const HELLO_BYTES_MAX = 32 * 1024;

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_HEADER_BYTES = 4;
/** Clients cut a hello into one to five records; a limit keeps one that is cut finer from costing us time. */
const RECORDS_MAX = 64;
/** RFC 8446 section 5.1: a plaintext fragment holds at most 2^14 bytes. */
const RECORD_BYTES_MAX = 16_384;
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;

const EXTENSION = { serverName: 0, supportedGroups: 10, signatureAlgorithms: 13, alpn: 16, supportedVersions: 43, keyShare: 51 } as const;

/** Reads what has come so far; call again with more after `incomplete`. `bytes` is only read, and not kept. */
export function parseClientHello(bytes: Uint8Array): HelloResult {
  const message = gather(bytes);
  if (message.kind !== "message") {
    return message;
  }
  try {
    return { kind: "hello", hello: readHello(new Reader(message.body)) };
  } catch (error) {
    if (error instanceof Malformed) {
      return { kind: "malformed", message: error.message };
    }
    throw error;
  }
}

type Gathered = Exclude<HelloResult, { kind: "hello" }> | { readonly kind: "message"; readonly body: Uint8Array };

const INCOMPLETE = { kind: "incomplete" } as const;

/** Joins the record fragments that hold the first handshake message; its body without the handshake header. */
function gather(bytes: Uint8Array): Gathered {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let at = 0;
  while (parts.length < RECORDS_MAX && at < HELLO_BYTES_MAX) {
    const header = readRecordHeader(view, at);
    if (header.kind !== "record") {
      return header;
    }
    at += RECORD_HEADER_BYTES;
    const fragment = bytes.subarray(at, at + header.length);
    parts.push(fragment);
    at += header.length;
    const message = takeMessage(parts);
    if (message.kind !== "incomplete" || fragment.length < header.length) {
      return message;
    }
  }
  return malformed("client hello is longer, or in more records, than this gateway reads");
}

type RecordHeader = Exclude<HelloResult, { kind: "hello" }> | { readonly kind: "record"; readonly length: number };

function readRecordHeader(view: DataView, at: number): RecordHeader {
  const available = view.byteLength - at;
  if (available > 0 && view.getUint8(at) !== HANDSHAKE_RECORD) {
    return at === 0 ? { kind: "not-tls" } : malformed("another record type came inside the client hello");
  }
  if (available > 1 && view.getUint8(at + 1) !== 3) {
    return at === 0 ? { kind: "not-tls" } : malformed("record version is not a TLS version");
  }
  if (available < RECORD_HEADER_BYTES) {
    return INCOMPLETE;
  }
  const length = view.getUint16(at + 3);
  if (length === 0 || length > RECORD_BYTES_MAX) {
    return malformed("record length is out of bounds");
  }
  return { kind: "record", length };
}

function takeMessage(parts: readonly Uint8Array[]): Gathered {
  const first = parts.length === 1 ? parts[0] : undefined;
  const joined = first ?? Buffer.concat(parts);
  if (joined.length > 0 && joined[0] !== CLIENT_HELLO) {
    return malformed("the first handshake message is not a client hello");
  }
  if (joined.length < HANDSHAKE_HEADER_BYTES) {
    return INCOMPLETE;
  }
  const length = new Reader(joined.subarray(1)).uint24();
  if (length > HELLO_BYTES_MAX) {
    return malformed("client hello is longer than this gateway reads");
  }
  if (joined.length < HANDSHAKE_HEADER_BYTES + length) {
    return INCOMPLETE;
  }
  return { kind: "message", body: joined.subarray(HANDSHAKE_HEADER_BYTES, HANDSHAKE_HEADER_BYTES + length) };
}

function readHello(body: Reader): ClientHello {
  const legacyVersion = body.uint16();
  body.take(32); // random
  body.vector8(0, 32); // legacy session id
  const cipherSuites = body.vector16(2).codes();
  body.vector8(1, 255); // compression methods
  const extensions = body.atEnd() ? new Map<number, Reader>() : readExtensions(body.vector16(0));
  body.expectEnd("client hello");
  const versions = extensions.get(EXTENSION.supportedVersions);
  const groups = extensions.get(EXTENSION.supportedGroups);
  const shares = extensions.get(EXTENSION.keyShare);
  const signatures = extensions.get(EXTENSION.signatureAlgorithms);
  return {
    versions: versions === undefined ? [legacyName(legacyVersion)] : offeredVersions(versions),
    sni: readServerName(extensions.get(EXTENSION.serverName)),
    alpn: readAlpn(extensions.get(EXTENSION.alpn)),
    cipherSuites: named(cipherSuites, cipherSuiteName),
    groups: groups === undefined ? [] : named(whole(groups, "supported_groups"), groupName),
    keyShares: shares === undefined ? [] : named(readKeyShares(shares), groupName),
    signatureAlgorithms: signatures === undefined ? [] : named(whole(signatures, "signature_algorithms"), signatureAlgorithmName),
  };
}

function readExtensions(list: Reader): Map<number, Reader> {
  const extensions = new Map<number, Reader>();
  while (!list.atEnd()) {
    const type = list.uint16();
    const body = list.vector16(0);
    if (extensions.has(type)) {
      throw new Malformed("an extension occurs twice");
    }
    extensions.set(type, body);
  }
  return extensions;
}

/** RFC 8446 section 4.2.1: without supported_versions a client offers at most TLS 1.2, whatever the number says. */
function legacyName(version: number): string {
  return versionName(Math.min(version, 0x0303));
}

function offeredVersions(extension: Reader): string[] {
  const codes = extension.vector8(2, 254).codes();
  extension.expectEnd("supported_versions");
  return named(
    codes.sort((a, b) => b - a),
    versionName,
  );
}

/** RFC 6066 section 3. A name that OpenSSL or a log could misread is refused here. */
function readServerName(extension: Reader | undefined): string | null {
  if (extension === undefined) {
    return null;
  }
  const list = extension.vector16(1);
  extension.expectEnd("server_name");
  const type = list.uint8();
  const name = list.vector16(1);
  list.expectEnd("server_name");
  const text = Buffer.from(name.rest()).toString("latin1");
  if (type !== 0 || text.length > 255 || !/^[\x21-\x7e]+$/.test(text)) {
    throw new Malformed("server_name is not a host name");
  }
  return text;
}

/** RFC 7301 section 3.1. Protocol names are bytes; they are shown as Latin-1. */
function readAlpn(extension: Reader | undefined): string[] {
  if (extension === undefined) {
    return [];
  }
  const list = extension.vector16(2);
  extension.expectEnd("alpn");
  const names: string[] = [];
  while (!list.atEnd()) {
    names.push(Buffer.from(list.vector8(1, 255).rest()).toString("latin1"));
  }
  return names;
}

function readKeyShares(extension: Reader): number[] {
  const list = extension.vector16(0);
  extension.expectEnd("key_share");
  const groups: number[] = [];
  while (!list.atEnd()) {
    groups.push(list.uint16());
    list.vector16(1);
  }
  return groups;
}

function whole(extension: Reader, name: string): number[] {
  const codes = extension.vector16(2).codes();
  extension.expectEnd(name);
  return codes;
}

function named(codes: readonly number[], name: (code: number) => string): string[] {
  return codes.filter((code) => !isGrease(code)).map(name);
}

function malformed(message: string): { readonly kind: "malformed"; readonly message: string } {
  return { kind: "malformed", message };
}
