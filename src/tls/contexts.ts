/**
 * The server side of the client leg: one `tls.Server` per certificate, which never listens and is handed raw sockets
 * by the gateway, and the verdict on client certificates.
 *
 * The server is chosen by the SNI of the ClientHello that the gateway has already read, not by Node's SNICallback: a
 * context given to that callback is taken over in parts only (of two certificates, ECDSA and RSA, just the last).
 *
 * A client certificate that does not verify does not end the handshake here, so that the client can be told why in
 * its own protocol: `clientCertificate` gives the verdict, and must be asked on every connection.
 */
import { constants, createHash, X509Certificate } from "node:crypto";
import tls from "node:tls";
import type { ClientTls, KeyPair } from "#src/config/config.ts";
import { certificateDigest, peerChain } from "./certificates.ts";
import { type HandshakeReason, verificationReason } from "./reasons.ts";
import { GROUPS, MAX_VERSION, SIGNATURE_ALGORITHMS, suiteList } from "./suites.ts";

/** How long a TLS 1.2 or 1.3 session ticket may be used to resume, seconds. */
const TICKET_LIFETIME_SECONDS = 3600;

export interface ServerOptions {
  /** ALPN names in order of preference; a client that offers others only is refused in the handshake. */
  readonly alpn: readonly string[];
  /** 48 bytes, the same in every worker, fresh at each start of the gateway: lets tickets be used at any worker. */
  readonly ticketKeys: Buffer;
  /** Time that a handshake may take, ms. */
  readonly handshakeTimeoutMs: number;
}

/** Start a handshake with `serverFor(hello.sni).emit("connection", raw)`; listen for `secureConnection` and `tlsClientError` on `all`. */
export interface TlsServers {
  readonly all: readonly tls.Server[];
  /** The server whose certificate covers the name; the first for a name that none covers, and for null. */
  serverFor(sni: string | null): tls.Server;
  /** Whether some certificate does. */
  covers(name: string): boolean;
}

/**
 * @throws Error of OpenSSL when a certificate, key or suite list is unusable; `loadConfig` has looked at them before.
 */
export function tlsServers(config: ClientTls, options: ServerOptions): TlsServers {
  const common = commonOptions(config, options);
  const served = groupByNames(config.certificates).map((pairs) => ({
    certificates: pairs.map((pair) => new X509Certificate(pair.cert)),
    server: tls.createServer({ ...common, ...pairOptions(pairs) }),
  }));
  const [first] = served;
  if (first === undefined) {
    throw new Error("a TLS listener needs a certificate");
  }
  return {
    all: served.map(({ server }) => server),
    covers: (name) => served.some(({ certificates }) => certificates.some((one) => covers(one, name))),
    serverFor: (sni) => {
      const fit = sni === null ? undefined : served.find(({ certificates }) => certificates.some((one) => covers(one, sni)));
      return (fit ?? first).server;
    },
  };
}

/** What stands in a handshake record as the policy in force, e.g. `minVersion=TLSv1.2 clientCertificates=none`. */
export function describeClientPolicy(config: ClientTls): string {
  const suites = config.cipherSuites.length === 0 ? "default" : config.cipherSuites.join(",");
  return `minVersion=${config.minVersion} cipherSuites=${suites} clientCertificates=${config.clientCertificates.mode}`;
}

export type ClientCertificateVerdict =
  | { readonly kind: "accepted"; readonly certificate: X509Certificate | null }
  | { readonly kind: "refused"; readonly reason: HandshakeReason; readonly detail: string };

/** Whether the handshake that just finished satisfies `clientCertificates`; a certificate comes only with a verified chain. */
export function clientCertificate(socket: tls.TLSSocket, config: ClientTls): ClientCertificateVerdict {
  if (config.clientCertificates.mode === "none") {
    return { kind: "accepted", certificate: null };
  }
  const [shown] = peerChain(socket);
  if (shown === undefined) {
    return config.clientCertificates.mode === "optional"
      ? { kind: "accepted", certificate: null }
      : { kind: "refused", reason: "client-certificate-required", detail: "no client certificate was shown" };
  }
  if (!socket.authorized) {
    const code = String(socket.authorizationError);
    return { kind: "refused", reason: verificationReason(code), detail: code };
  }
  return { kind: "accepted", certificate: shown };
}

function commonOptions(config: ClientTls, options: ServerOptions): tls.TlsOptions {
  const clients = config.clientCertificates;
  const authenticates = clients.mode !== "none";
  return {
    minVersion: config.minVersion,
    maxVersion: MAX_VERSION,
    ciphers: suiteList(config.cipherSuites),
    ecdhCurve: GROUPS.join(":"),
    sigalgs: SIGNATURE_ALGORITHMS.join(":"),
    honorCipherOrder: true,
    // A resumed session would carry a client certificate that was verified earlier, under another configuration or before it expired.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (authenticates ? constants.SSL_OP_NO_TICKET : 0),
    sessionIdContext: sessionContext(config),
    sessionTimeout: TICKET_LIFETIME_SECONDS,
    ticketKeys: options.ticketKeys,
    ALPNProtocols: [...options.alpn],
    requestCert: authenticates,
    rejectUnauthorized: false,
    handshakeTimeout: options.handshakeTimeoutMs,
    ...(clients.mode === "none" ? {} : { ca: clients.ca }),
  };
}

/** At most 32 characters. Tickets made under one TLS configuration do not resume under another. */
function sessionContext(config: ClientTls): string {
  const facts = [config.minVersion, config.cipherSuites, config.clientCertificates, config.certificates.map((pair) => pair.cert)];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 32);
}

function pairOptions(pairs: readonly KeyPair[]): { cert: string[]; key: string[] } {
  return { cert: pairs.map((pair) => pair.cert), key: pairs.map((pair) => pair.key.expose()) };
}

/** Certificates for the same names with keys of different kinds (ECDSA, RSA) share a context; OpenSSL picks by what the client can verify. */
function groupByNames(pairs: readonly KeyPair[]): KeyPair[][] {
  const groups = new Map<string, Map<string, KeyPair>>();
  for (const pair of pairs) {
    const certificate = new X509Certificate(pair.cert);
    const names = (certificate.subjectAltName ?? certificate.subject).split(", ").sort().join(", ");
    const group = groups.get(names) ?? new Map<string, KeyPair>();
    const kind = certificate.publicKey.asymmetricKeyType ?? "unknown";
    if (!group.has(kind)) {
      group.set(kind, pair);
    }
    groups.set(names, group);
  }
  return [...groups.values()].map((group) => [...group.values()]);
}

function covers(certificate: X509Certificate, name: string): boolean {
  try {
    return certificate.checkHost(name) !== undefined;
  } catch {
    // OpenSSL refuses names with NUL and the like by throwing: such a name is covered by nothing.
    return false;
  }
}

/** SHA-256 of the certificate this side showed, hex; null when none was. */
export function ownCertificateDigest(socket: tls.TLSSocket): string | null {
  const own = socket.getX509Certificate();
  return own === undefined ? null : certificateDigest(own);
}
