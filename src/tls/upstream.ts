/**
 * The client side of the upstream leg: how a target's TLS is asked for and verified. Chain, host name, validity and
 * pins are checked by Node and here on every connection; there is no setting that turns one of them off.
 */
import { createHash, X509Certificate } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import type { UpstreamTls } from "#src/config/config.ts";
import { systemAuthorities } from "./authorities.ts";
import { PIN_MISMATCH } from "./reasons.ts";
import { GROUPS, MAX_VERSION, SIGNATURE_ALGORITHMS, suiteList } from "./suites.ts";

/** One target's TLS, made once and used for each of its connections. */
export interface UpstreamTlsSetup {
  /** Options for `tls.connect`, to which the caller adds `socket` and `ALPNProtocols` (and stream options such as `highWaterMark`). */
  readonly options: tls.ConnectionOptions;
  /** For the handshake record, e.g. `minVersion=TLSv1.2 name=db.internal pins=0`. */
  readonly policy: string;
  /** SHA-256 of our client certificate, hex; null when we have none to show. */
  readonly ownCertificate: string | null;
}

/**
 * @throws Error of OpenSSL when the authorities or our own certificate are unusable; `loadConfig` has looked at them before.
 */
export function upstreamTls(config: UpstreamTls): UpstreamTlsSetup {
  const own = config.certificate;
  const secureContext = tls.createSecureContext({
    ca: config.ca ?? systemAuthorities(),
    minVersion: config.minVersion,
    maxVersion: MAX_VERSION,
    ciphers: suiteList([]),
    ecdhCurve: GROUPS.join(":"),
    sigalgs: SIGNATURE_ALGORITHMS.join(":"),
    ...(own === null ? {} : { cert: own.cert, key: own.key.expose() }),
  });
  return {
    options: {
      secureContext,
      rejectUnauthorized: true,
      checkServerIdentity: serverIdentityCheck(config),
      // RFC 6066 section 3 knows no addresses in SNI; the check above uses the configured name either way.
      ...(net.isIP(config.serverName) === 0 ? { servername: config.serverName } : {}),
    },
    policy: `minVersion=${config.minVersion} name=${config.serverName} pins=${config.pins.length}`,
    ownCertificate: own === null ? null : new X509Certificate(own.cert).fingerprint256.replaceAll(":", "").toLowerCase(),
  };
}

/** What holds of an upstream connection once `secureConnect` has come, for the handshake record. */
export interface UpstreamVerification {
  /** `ca+name`, or `ca+name+pin`. */
  readonly verified: string;
  /** True when a pin matched; null when none is configured. A pin that fails ends the handshake. */
  readonly pinned: boolean | null;
}

/**
 * @throws Error when the socket was not verified, which would be a defect of ours: the caller must not use it.
 */
export function upstreamVerification(socket: tls.TLSSocket, config: UpstreamTls): UpstreamVerification {
  if (!socket.authorized) {
    throw new Error("upstream connection is up without having been verified");
  }
  return config.pins.length === 0 ? { verified: "ca+name", pinned: null } : { verified: "ca+name+pin", pinned: true };
}

/** Node's own check of the name that is configured, then the pins. Runs after the chain has been verified. */
function serverIdentityCheck(config: UpstreamTls): (host: string, certificate: tls.PeerCertificate) => Error | undefined {
  return (_host, certificate) => {
    const nameError = tls.checkServerIdentity(config.serverName, certificate);
    if (nameError !== undefined || config.pins.length === 0) {
      return nameError;
    }
    if (config.pins.includes(publicKeyDigest(certificate.raw))) {
      return undefined;
    }
    return Object.assign(new Error("the key of the upstream's certificate matches no configured pin"), { code: PIN_MISMATCH });
  };
}

/** SHA-256 of the certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4), lower-case hex. */
export function publicKeyDigest(certificate: Buffer | string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("hex");
}
