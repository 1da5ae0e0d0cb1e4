/**
 * What the gateway runs on: `sallyport.yaml`, checked and resolved. Files are read, secrets fetched and addresses
 * taken apart, so that nothing behind this type can fail for want of configuration. `load.ts` alone makes one.
 */
import type { PolicyDocument } from "#policies/document.ts";
import type { Secret } from "#protocols/wire/secret.ts";

/** Where to listen or dial. An IPv6 host stands without its brackets. Port 0, for listeners only, lets the system pick. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** A certificate chain (PEM, leaf first) with the private key of its leaf (PEM). The pair has been seen to match. */
export interface KeyPair {
  readonly cert: string;
  readonly key: Secret<string>;
}

/** A listener that the file leaves out is null and does not exist. */
export interface Listen {
  readonly postgres: HostPort | null;
  readonly mysql: MysqlListen | null;
  readonly https: HostPort | null;
  /** Clear text: serves nothing, shows the way to `https`. */
  readonly http: HostPort | null;
  readonly admin: HostPort | null;
}

/** The server speaks first in MySQL: whom clients take it for is settled before they have named a target. */
export interface MysqlListen extends HostPort {
  /** All that connect here mean this target; null: they name one. */
  readonly target: string | null;
  /** Told where no target's own is known; null: the gateway's default. */
  readonly version: string | null;
}

export interface ClientTls {
  /** The first answers when no SNI fits. At least one. */
  readonly certificates: readonly [KeyPair, ...KeyPair[]];
  readonly minVersion: TlsVersion;
  /** OpenSSL or IANA TLS 1.3 names; empty: forward-secret AEAD suites only. */
  readonly cipherSuites: readonly string[];
  readonly clientCertificates: ClientCertificates;
}

export type ClientCertificates =
  | { readonly mode: "none" }
  | {
      readonly mode: "optional" | "required";
      /** PEM of the authorities that agents' certificates must chain to. */
      readonly ca: string;
    };

export interface OidcIssuer {
  /** Exactly as in `iss`. */
  readonly issuer: string;
  /** Exactly as in `aud`. */
  readonly audience: string;
  /** PEM of a private authority of the issuer's https endpoint; null: the system's store. */
  readonly ca: string | null;
  readonly claims: { readonly name: string; readonly groups: string };
  /** Whether `user` = client id and `password` = client secret are exchanged for a token here. */
  readonly clientCredentials: boolean;
}

/** Where a verified client certificate holds the caller's name and groups. */
export interface CertificateIdentity {
  readonly name: "san-uri" | "san-dns" | "san-email" | "subject-cn";
  readonly groups: "ou" | "none";
}

export interface IdentityConfig {
  readonly oidc: readonly OidcIssuer[];
  /** Null: client certificates do not authenticate. */
  readonly certificates: CertificateIdentity | null;
}

export interface UpstreamTls {
  /** PEM; null: the system's store. */
  readonly ca: string | null;
  readonly serverName: string;
  /** SHA-256 of the leaf's SubjectPublicKeyInfo, lower-case hex; empty: not pinned, else one of them must match. */
  readonly pins: readonly string[];
  /** What the gateway shows when the target asks for a client certificate. */
  readonly certificate: KeyPair | null;
  readonly minVersion: TlsVersion;
}

export interface UpstreamCredential {
  readonly user: string;
  /** Null: no password is ever sent. */
  readonly password: Secret<string> | null;
  /** Whether md5 and clear-text (inside TLS) password requests are answered. */
  readonly allowWeak: boolean;
}

/** Null: without limit. */
export interface SessionLimits {
  readonly statementTimeoutMs: number | null;
  readonly bytesPerSession: number | null;
  readonly statementsPerSession: number | null;
  readonly idleMs: number | null;
  readonly sessionMs: number | null;
}

export interface TargetLimits extends SessionLimits {
  readonly rowsPerStatement: number | null;
  readonly rowsPerSession: number | null;
}

export interface HttpLimits extends SessionLimits {
  readonly requestBytes: number | null;
  readonly responseBytes: number | null;
}

/** What a client and its target speak. */
export type Protocol = "postgres" | "mysql" | "http";

interface TargetBase {
  readonly name: string;
  readonly address: HostPort;
  readonly tls: UpstreamTls;
}

export interface DatabaseTarget extends TargetBase {
  readonly protocol: "postgres" | "mysql";
  /** Databases that may be named at login; the first is the default. */
  readonly databases: readonly [string, ...string[]];
  readonly credential: UpstreamCredential;
  /** LOAD DATA LOCAL may read files of the client's; MySQL and MariaDB alone. */
  readonly localFiles: boolean;
  readonly limits: TargetLimits;
}

/** An API behind one origin: nothing else is ever dialled. */
export interface HttpTarget extends TargetBase {
  readonly protocol: "http";
  /** Put before each path; empty, or `/…` without a slash at its end. */
  readonly basePath: string;
  /** Names under which clients reach it, lower case; of this target alone. */
  readonly hosts: readonly string[];
  /** Versions offered to it by ALPN. */
  readonly versions: "auto" | "1.1" | "2";
  readonly credential: HttpCredential;
  /** Where it is an MCP server, the path of its endpoint; else null. */
  readonly mcpPath: string | null;
  readonly limits: HttpLimits;
}

export type Target = DatabaseTarget | HttpTarget;

/** How the gateway logs in to an API. `none`: by its client certificate, or not at all. */
export type HttpCredential =
  | { readonly kind: "none" }
  /** `name` in lower case. */
  | { readonly kind: "header"; readonly name: string; readonly value: Secret<string> }
  /** RFC 7617. */
  | { readonly kind: "basic"; readonly user: string; readonly password: Secret<string> }
  | OauthCredential;

/** A token of the issuer's own, by client credentials (RFC 6749 section 4.4). */
export interface OauthCredential {
  readonly kind: "oauth";
  /** https. */
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: Secret<string>;
  readonly scope: string | null;
  readonly audience: string | null;
  /** PEM of a private authority of the endpoint; null: the system's store. */
  readonly ca: string | null;
}

export interface RecordingConfig {
  /** Absolute path. */
  readonly directory: string;
  /** age public keys, or `none` written out: recordings are then not encrypted. */
  readonly recipients: readonly [string, ...string[]] | "none";
  readonly results: { readonly rowsPerStatement: number; readonly bytesPerStatement: number };
}

export interface EvidenceConfig {
  /** Absolute path. */
  readonly directory: string;
  /** PEM of an Ed25519 private key. */
  readonly signingKey: Secret<string>;
}

export interface StateConfig {
  /** Absolute path of the SQLite file. Its folder holds the open journals too. */
  readonly sqlite: string;
}

export interface Config {
  /** Absolute path of `sallyport.yaml`. */
  readonly file: string;
  /** Absolute paths of every file that was read for it, itself first: what to watch for changes. */
  readonly files: readonly string[];
  /** SHA-256 of the file and of the certificates and keys it names, hex: names the configuration in force. Secrets are not in it. */
  readonly version: string;
  readonly listen: Listen;
  /** Processes for the data path, 1 or more; `auto` has been resolved. */
  readonly workers: number;
  readonly tls: ClientTls;
  readonly identity: IdentityConfig;
  readonly targets: ReadonlyMap<string, Target>;
  readonly policy: PolicyDocument;
  /** Keys of masking rules that hash, by the name of the rule. */
  readonly maskKeys: ReadonlyMap<string, Secret<string>>;
  readonly recording: RecordingConfig;
  readonly evidence: EvidenceConfig;
  readonly state: StateConfig;
}

/** One thing wrong with the file. Line and column count from 1. Never holds a value that could be a secret. */
export interface Problem {
  /** `error` keeps the gateway from starting; `warning` does not. */
  readonly level: "error" | "warning";
  /** Dotted, as in `targets.orders.tls.ca` or `tls.certificates.0.key`; empty for the file as a whole. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Something to say about a place in the file. */
export interface Remark {
  /** Keys and indexes from the top. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Warnings may come with a configuration; any error comes without one. */
export type LoadResult =
  | {
      readonly kind: "loaded";
      readonly config: Config;
      readonly warnings: readonly Problem[];
      /** Finds the line of what turns out only when a target has been asked. */
      readonly locate: (level: Problem["level"], remark: Remark) => Problem;
    }
  | { readonly kind: "refused"; readonly problems: readonly Problem[] };
