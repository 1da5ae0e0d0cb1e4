/** What the leg to the target is like: version of TLS, certificates and their keys. */
import { X509Certificate } from "node:crypto";
import type tls from "node:tls";
import type { DatabaseTarget } from "#src/config/config.ts";
import { peerChain } from "#src/tls/certificates.ts";
import type { Observation } from "./finding.ts";

/** What was seen of the target's TLS. */
export interface Transport {
  readonly version: string | null;
  /** The target's chain, leaf first. */
  readonly chain: readonly X509Certificate[];
  /** What the gateway shows the target; null when nothing. */
  readonly own: X509Certificate | null;
}

export function transportOf(socket: tls.TLSSocket, { tls: { certificate } }: DatabaseTarget): Transport {
  const own = certificate === null ? null : new X509Certificate(certificate.cert);
  return { version: socket.getProtocol(), chain: peerChain(socket), own };
}

const DAY_MS = 86_400_000;
const EXPIRY_DAYS = 30;

/** NIST SP 800-57 part 1: below 112 bits of strength nothing is protected any more; 128 bits hold beyond 2030. */
const RSA_BITS_WEAK = 2048;
const RSA_BITS_SHORT = 3072;
const CURVE_BITS_WEAK = 224;

/** Bits of curves as Node names them; Ed25519 and Ed448 are no elliptic-curve keys in this sense, and strong enough. */
const CURVE_BITS: Readonly<Record<string, number>> = {
  prime192v1: 192,
  secp192k1: 192,
  secp224r1: 224,
  prime256v1: 256,
  secp256k1: 256,
  secp384r1: 384,
  secp521r1: 521,
};

export function transportObservations({ version, chain, own }: Transport, nowMs: number): readonly Observation[] {
  const certificates = [
    ...chain.map((one) => [one, "the target's"] as const),
    ...(own === null ? [] : [[own, "the gateway's own"] as const]),
  ];
  const all = [
    ...certificates.flatMap(([certificate, whose]) => [...expiry(certificate, whose, nowMs), ...keyOf(certificate, whose)]),
    ...(version === "TLSv1.3" ? [] : [oldTls(version)]),
  ];
  if (all.some(({ code }) => code !== "key-short")) return all;
  const until = chain[0]?.validToDate.toISOString().slice(0, 10) ?? "";
  return [
    ...all,
    { code: "tls-ok", object: version ?? "", message: `${version}, verified; the target's certificate is good until ${until}` },
  ];
}

function oldTls(version: string | null): Observation {
  const message = `the target speaks ${version ?? "an unknown version"} with the gateway`;
  const remedy = "let it speak TLS 1.3 (OpenSSL 1.1.1 or newer), then set targets.*.tls.minVersion: TLSv1.3";
  return { code: "tls-version", object: version ?? "", message, remedy };
}

function expiry(certificate: X509Certificate, whose: string, nowMs: number): readonly Observation[] {
  const days = Math.floor((certificate.validToDate.getTime() - nowMs) / DAY_MS);
  if (days > EXPIRY_DAYS) return [];
  const when = certificate.validToDate.toISOString().slice(0, 10);
  const message = `${whose} certificate ends on ${when}, ${days < 0 ? "which is past" : `in ${days} days`}; from then on no session is possible`;
  return [{ code: "certificate-expires", object: subjectOf(certificate), message, remedy: "renew it" }];
}

function keyOf(certificate: X509Certificate, whose: string): readonly Observation[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey;
  const elliptic = type === "ec";
  const bits = elliptic ? (CURVE_BITS[details?.namedCurve ?? ""] ?? 0) : (details?.modulusLength ?? Number.POSITIVE_INFINITY);
  const object = subjectOf(certificate);
  const said = `${whose} certificate has a key of ${bits === 0 ? "unknown" : bits} bits (${elliptic ? (details?.namedCurve ?? "") : (type ?? "")})`;
  if (bits < (elliptic ? CURVE_BITS_WEAK : RSA_BITS_WEAK))
    return [{ code: "key-weak", object, message: said, remedy: "renew it with P-256, or RSA of 3072 bits" }];
  if (elliptic || bits >= RSA_BITS_SHORT) return [];
  return [{ code: "key-short", object, message: said, remedy: "at the next renewal take P-256, or RSA of 3072 bits" }];
}

function subjectOf(certificate: X509Certificate): string {
  return certificate.subject?.split("\n").join(", ") ?? "";
}
