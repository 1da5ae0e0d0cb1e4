/**
 * What a handshake record says about TLS, read off a connection that is up, or off the ClientHello alone when the
 * handshake failed. Two facts that a Node server cannot ask for are derived and marked as such.
 */
import type { X509Certificate } from "node:crypto";
import type tls from "node:tls";
import type { TlsFacts } from "#src/audit/records.ts";
import { describeCertificate, peerChain } from "./certificates.ts";
import type { ClientHello } from "./client-hello.ts";
import { GROUPS, SIGNATURE_ALGORITHMS } from "./suites.ts";

/** Facts of a connection after `secureConnection` (client leg, with its hello) or `secureConnect` (upstream leg, without). */
export function tlsFacts(socket: tls.TLSSocket, hello?: ClientHello): TlsFacts {
  const version = socket.getProtocol();
  const resumed = socket.isSessionReused();
  const group = hello === undefined ? reportedGroup(socket) : deriveGroup(hello, version, resumed);
  return {
    version,
    cipher: socket.getCipher()?.standardName ?? null,
    group,
    groupDerived: hello !== undefined && group !== null,
    signatureAlgorithm: hello === undefined || resumed ? null : deriveSignatureAlgorithm(socket.getX509Certificate(), hello, version),
    alpn: typeof socket.alpnProtocol === "string" ? socket.alpnProtocol : null,
    sni: hello === undefined ? sentName(socket) : hello.sni,
    resumed,
    offeredVersions: hello?.versions ?? null,
    peer: peerChain(socket).map(describeCertificate),
  };
}

/** Facts of a handshake that failed: only what the client offered. */
export function offeredFacts(hello: ClientHello): TlsFacts {
  return {
    version: null,
    cipher: null,
    group: null,
    groupDerived: false,
    signatureAlgorithm: null,
    alpn: null,
    sni: hello.sni,
    resumed: false,
    offeredVersions: hello.versions,
    peer: [],
  };
}

/** Upstream leg: OpenSSL's own word. Null for a TLS 1.2 session that was resumed, which exchanges no keys. */
function reportedGroup(socket: tls.TLSSocket): string | null {
  const info = socket.getEphemeralKeyInfo();
  return info !== null && "name" in info && typeof info.name === "string" ? info.name : null;
}

function sentName(socket: tls.TLSSocket): string | null {
  const name: unknown = Reflect.get(socket, "servername");
  return typeof name === "string" && name !== "" ? name : null;
}

/**
 * The group that a server with our list chooses for this hello. TLS 1.3: the first of ours for which a key share came,
 * else the first that the client supports, asked for by HelloRetryRequest (RFC 8446 section 4.1.4). TLS 1.2: the first
 * of ours that the client supports; the hybrid groups exist in TLS 1.3 only. A resumed TLS 1.2 session has none.
 */
export function deriveGroup(hello: ClientHello, version: string | null, resumed: boolean): string | null {
  if (version === "TLSv1.3") {
    const shared = GROUPS.filter((group) => hello.groups.includes(group));
    return shared.find((group) => hello.keyShares.includes(group)) ?? shared[0] ?? null;
  }
  if (version !== "TLSv1.2" || resumed) {
    return null;
  }
  return GROUPS.find((group) => group !== "X25519MLKEM768" && hello.groups.includes(group)) ?? null;
}

/** What a key can sign with, in the sense of RFC 8446 section 4.2.3. */
const KEY_ALGORITHMS: ReadonlyMap<string, RegExp> = new Map([
  ["ec", /^ecdsa_/],
  ["rsa", /^rsa_(pss_rsae|pkcs1)_/],
  ["ed25519", /^ed25519$/],
]);

const CURVE_ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ["prime256v1", "ecdsa_secp256r1_sha256"],
  ["secp384r1", "ecdsa_secp384r1_sha384"],
  ["secp521r1", "ecdsa_secp521r1_sha512"],
]);

/**
 * The algorithm that our certificate's key signed the handshake with: the first of our list that the client offered
 * and the key can do. TLS 1.3 ties ECDSA to the key's curve and has no PKCS #1; TLS 1.2 does neither.
 */
function deriveSignatureAlgorithm(own: X509Certificate | undefined, hello: ClientHello, version: string | null): string | null {
  const key = own?.publicKey;
  const able = KEY_ALGORITHMS.get(key?.asymmetricKeyType ?? "");
  if (able === undefined || version === null) {
    return null;
  }
  const curve = CURVE_ALGORITHMS.get(key?.asymmetricKeyDetails?.namedCurve ?? "");
  const fits = (name: string) => version !== "TLSv1.3" || (name.startsWith("ecdsa_") ? name === curve : !name.startsWith("rsa_pkcs1_"));
  return SIGNATURE_ALGORITHMS.find((name) => able.test(name) && fits(name) && hello.signatureAlgorithms.includes(name)) ?? null;
}
