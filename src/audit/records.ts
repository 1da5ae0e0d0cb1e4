/**
 * The records that the evidence log holds: handshakes, and the life of sessions.
 * Field names are the product's face (`--json` output); see docs/formats/evidence.md.
 */
import type { Principal } from "#policies/question.ts";
import type { SessionStatus } from "#protocols/wire/transcript.ts";

export type Leg = "client" | "upstream";

export interface PeerCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  /** SHA-256 of the DER certificate, lower-case hex. */
  readonly sha256: string;
  readonly validFrom: string;
  readonly validTo: string;
}

/** What is known of the TLS connection; null where it is not known. */
export interface TlsFacts {
  readonly version: string | null;
  readonly cipher: string | null;
  readonly group: string | null;
  /** True when `group` was derived from the key shares offered and our own list, not reported by TLS. */
  readonly groupDerived: boolean;
  readonly signatureAlgorithm: string | null;
  readonly alpn: string | null;
  readonly sni: string | null;
  readonly resumed: boolean;
  /** Versions the client offered, newest first; null on the upstream leg. */
  readonly offeredVersions: readonly string[] | null;
  /** Leaf first. Empty when the peer showed none. */
  readonly peer: readonly PeerCertificate[];
}

/** Outcome of one TLS handshake, or of one refused attempt without TLS, on one leg. */
export interface HandshakeRecord {
  readonly at: string;
  readonly sessionId: string | null;
  readonly leg: Leg;
  readonly protocol: "postgres" | "mysql" | "http";
  /** How TLS was asked for: `sslrequest`, `direct`, `cleartext`, `none`. */
  readonly negotiation: "sslrequest" | "direct" | "cleartext" | "none";
  /** host:port */
  readonly remote: string;
  readonly target: string | null;
  readonly outcome: "ok" | "refused";
  /** Stable reason code when refused, else null. OpenSSL's own words stand in `detail`. */
  readonly reason: string | null;
  readonly detail: string | null;
  readonly durationMs: number;
  readonly tls: TlsFacts | null;
  /** How the peer was verified: e.g. `ca+name`, `client-certificate`, `none`; null when it was not reached. */
  readonly verified: string | null;
  readonly pinned: boolean | null;
  readonly revocation: "not-checked" | "crl";
  /** SHA-256 of the certificate this side showed, hex, or null. */
  readonly ownCertificate: string | null;
  /** The policy in force, e.g. `minVersion=TLSv1.2`. */
  readonly policy: string;
}

/** One line of `sallyport sessions --json`. */
export interface SessionSummary {
  readonly id: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly principal: Principal;
  readonly target: string;
  readonly protocol: "postgres" | "mysql" | "http";
  readonly remote: string;
  readonly label: string;
  readonly statements: number;
  readonly rows: number;
  readonly maskedCells: number;
  readonly denied: number;
  readonly bytes: number;
  /** `open`, then how it ended: `closed`, `token-expired`, `client-lost`, `upstream-lost`, `shutdown`, `fault`, `recovered`. */
  readonly status: SessionStatus;
}

/** A recording once sealed: what `verify` compares, without any identity. `file` uses `/` whatever the platform. */
export interface SealedRecording {
  readonly sessionId: string;
  /** File name below `recordings/`. */
  readonly file: string;
  /** SHA-256 of the sealed file, hex. */
  readonly sha256: string;
  /** Size of the sealed file. */
  readonly bytes: number;
  /** Hash of the last event, hex: the head of the chain. */
  readonly head: string;
  readonly events: number;
}

/** First record of every log: its name, and the key that signs its checkpoints (PEM, SPKI). */
export interface LogOpened {
  readonly type: "log-opened";
  readonly log: string;
  readonly publicKey: string;
}

/** What stood behind the last signed checkpoint when the gateway started was cut off: no promise had been made about it. */
export interface LogRepaired {
  readonly type: "log-repaired";
  /** Bytes cut, and their SHA-256 in hex. */
  readonly bytes: number;
  readonly sha256: string;
}

/** A session whose journal could not be read when it was to be sealed. `verify` names it as a problem for ever. */
export interface SessionLost {
  readonly type: "session-lost";
  readonly sessionId: string;
  readonly reason: string;
}

export type EvidenceRecord =
  | LogOpened
  | LogRepaired
  | SessionLost
  | { readonly type: "handshake"; readonly handshake: HandshakeRecord }
  | { readonly type: "session-opened"; readonly session: SessionSummary }
  | { readonly type: "session-sealed"; readonly session: SessionSummary; readonly recording: SealedRecording };
