/** Facts of certificates, read by the platform and never by matching strings of our own. */
import { X509Certificate } from "node:crypto";
import type tls from "node:tls";
import type { PeerCertificate } from "#src/audit/records.ts";

/** How many certificates of a peer's chain a record keeps; a chain is rarely longer than four. */
const CHAIN_MAX = 10;

/**
 * Of a name. Whoever comes may show a certificate of their own making, whose names are as long as TLS lets messages be, and a
 * record of each attempt is kept for good: beyond this the certificate's digest has to do.
 */
const NAME_CHARACTERS_MAX = 1024;
/** In hex digits; RFC 5280 section 4.1.2.2 allows 40. */
const SERIAL_DIGITS_MAX = 128;

/** One certificate as handshake records show it. */
export function describeCertificate(certificate: X509Certificate): PeerCertificate {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    serial: shortened(certificate.serialNumber.toLowerCase(), SERIAL_DIGITS_MAX),
    sha256: certificateDigest(certificate),
    validFrom: certificate.validFromDate.toISOString(),
    validTo: certificate.validToDate.toISOString(),
  };
}

/**
 * The chain that the peer showed, completed by what the platform knows; leaf first, empty when none was shown.
 *
 * Node's newer `getPeerX509Certificate` must not be used beside it: on a client it takes the leaf out of OpenSSL's own
 * list (seen in Node 24.21), and whoever asks next is told of no certificate, or of the wrong one. On a server it
 * knows no issuers. `getPeerCertificate` does neither; its last certificate names itself as issuer.
 */
export function peerChain(socket: tls.TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let current: tls.DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (current?.raw !== undefined && chain.length < CHAIN_MAX) {
    chain.push(new X509Certificate(current.raw));
    current = current.issuerCertificate === current ? undefined : current.issuerCertificate;
  }
  return chain;
}

/** SHA-256 of the DER certificate, lower-case hex. */
export function certificateDigest(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM text, in its order.
 *
 * @throws Error of OpenSSL when one of them cannot be read; an empty list when there is none.
 */
export function readCertificates(pem: string): X509Certificate[] {
  return (pem.match(PEM_CERTIFICATE) ?? []).map((block) => new X509Certificate(block));
}

/** OpenSSL escapes control characters in names, so a line end can only be the separator that Node puts there. */
function oneLine(name: string | undefined): string {
  return shortened((name ?? "").split("\n").join(", "), NAME_CHARACTERS_MAX);
}

function shortened(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax)}…`;
}
