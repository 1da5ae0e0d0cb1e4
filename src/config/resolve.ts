/** From a document that satisfies the schema to the configuration, with what is worth a warning. */
import { dirname, relative, resolve, sep } from "node:path";
import { protocolProblems } from "#policies/document.ts";
import type {
  ClientCertificates,
  Config,
  HostPort,
  HttpCredential,
  HttpTarget,
  KeyPair,
  Listen,
  OidcIssuer,
  Remark,
  SessionLimits,
  Target,
  UpstreamTls,
} from "./config.ts";
import type { LoadedCertificates } from "./files.ts";
import type { LoadedPair } from "./leaves.ts";
import type { Path } from "./places.ts";
import type { ConfigDocument } from "./schema.ts";

export interface Source {
  readonly file: string;
  readonly files: readonly string[];
  readonly version: string;
  readonly maskKeys: Config["maskKeys"];
}

export function resolveConfig(document: ConfigDocument, source: Source): Config {
  const { access, masking, guardrails, approvals } = document;
  const [first, ...rest] = document.tls.certificates;
  if (first === undefined) {
    throw new Error("the schema asks for a certificate");
  }
  return {
    ...source,
    listen: listenOf(document),
    workers: document.workers,
    tls: {
      certificates: [keyPair(first), ...rest.map(keyPair)],
      minVersion: document.tls.minVersion,
      cipherSuites: document.tls.cipherSuites,
      clientCertificates: clientCertificates(document),
    },
    identity: {
      oidc: document.identity.oidc.map(oidcIssuer),
      certificates: document.tls.clientCertificates.mode === "none" ? null : (document.identity.certificates ?? null),
    },
    targets: new Map(Object.entries(document.targets).map(([name, target]) => [name, resolveTarget(name, target)])),
    policy: { access, masking, guardrails, approvals },
    recording: document.recording,
    evidence: { directory: document.evidence.directory, signingKey: document.evidence.signingKey.pem },
    state: document.state,
  };
}

function listenOf({ listen: { postgres, mysql, https, http, admin } }: ConfigDocument): Listen {
  return { postgres: postgres ?? null, mysql: mysql ?? null, https: https ?? null, http: http ?? null, admin: admin ?? null };
}

function keyPair({ cert, key }: LoadedPair): KeyPair {
  return { cert: cert.pem, key: key.pem };
}

function clientCertificates({ tls: { clientCertificates: written } }: ConfigDocument): ClientCertificates {
  return written.mode === "none" ? { mode: "none" } : { mode: written.mode, ca: written.ca.pem };
}

function oidcIssuer({ ca, ...rest }: ConfigDocument["identity"]["oidc"][number]): OidcIssuer {
  return { ...rest, ca: ca?.pem ?? null };
}

type TargetDocument = ConfigDocument["targets"][string];

type HttpDocument = Extract<TargetDocument, { protocol: "http" }>;

function resolveTarget(name: string, written: TargetDocument): Target {
  if (written.protocol === "http") return httpTarget(name, written);
  const [database = name, ...others] = [written.database ?? name].flat();
  const { rowsPerStatement, rowsPerSession } = written.limits;
  return {
    name,
    protocol: written.protocol,
    address: written.address,
    databases: [database, ...others],
    tls: upstreamTls(written.tls, written.address),
    credential: { ...written.credential, password: written.credential.password?.value ?? null },
    localFiles: written.protocol === "mysql" && written.localInfile === "allow",
    limits: { ...sessionLimits(written), rowsPerStatement: rowsPerStatement ?? null, rowsPerSession: rowsPerSession ?? null },
  };
}

function httpTarget(name: string, written: HttpDocument): HttpTarget {
  const { address, basePath } = written.address;
  const { requestBytes, responseBytes } = written.limits;
  return {
    name,
    protocol: "http",
    address,
    basePath,
    hosts: written.hosts,
    versions: written.http,
    tls: upstreamTls(written.tls, address),
    credential: httpCredential(written.credential),
    mcpPath: written.mcp?.path ?? null,
    limits: { ...sessionLimits(written), requestBytes: requestBytes ?? null, responseBytes: responseBytes ?? null },
  };
}

function httpCredential(written: HttpDocument["credential"]): HttpCredential {
  if (written?.header !== undefined && written.value !== undefined) {
    return { kind: "header", name: written.header, value: written.value.value };
  }
  if (written?.basic !== undefined) return { kind: "basic", user: written.basic.user, password: written.basic.password.value };
  if (written?.oauth === undefined) return { kind: "none" };
  const { tokenEndpoint, clientId, clientSecret, scope, audience, ca } = written.oauth;
  const optional = { scope: scope ?? null, audience: audience ?? null, ca: ca?.pem ?? null };
  return { kind: "oauth", tokenEndpoint, clientId, clientSecret: clientSecret.value, ...optional };
}

function sessionLimits({ limits }: TargetDocument): SessionLimits {
  const { statementTimeout, bytesPerSession, statementsPerSession, idle, session } = limits;
  return {
    statementTimeoutMs: statementTimeout ?? null,
    bytesPerSession: bytesPerSession ?? null,
    statementsPerSession: statementsPerSession ?? null,
    idleMs: idle ?? null,
    sessionMs: session,
  };
}

function upstreamTls(tls: TargetDocument["tls"], address: HostPort): UpstreamTls {
  return {
    ca: tls.ca?.pem ?? null,
    serverName: tls.serverName ?? address.host,
    pins: tls.pins,
    certificate: tls.cert === undefined || tls.key === undefined ? null : keyPair({ cert: tls.cert, key: tls.key }),
    minVersion: tls.minVersion,
  };
}

/** What no single key can see: ways to log in, and folders that hold one another. */
export function crossChecks(document: ConfigDocument): readonly Remark[] {
  const { listen, identity, tls, recording, evidence, state } = document;
  const certificatesProve = tls.clientCertificates.mode !== "none" && identity.certificates !== undefined;
  const nobody = identity.oidc.length === 0 && !certificatesProve;
  const folders: readonly (readonly [string, Path])[] = [
    [recording.directory, ["recording", "directory"]],
    [evidence.directory, ["evidence", "directory"]],
    [state.sqlite, ["state", "sqlite"]],
  ];
  return [
    ...sharedAddresses(listen),
    ...protocolProblems(document, new Map(Object.entries(document.targets).map(([name, { protocol }]) => [name, protocol]))),
    ...sharedHosts(document),
    ...listenersTarget(document),
    ...(nobody ? [{ path: ["identity"], message: "nobody can log in: no OIDC issuer, and client certificates prove nothing" }] : []),
    ...folders.flatMap(([folder, path]) =>
      folders
        .filter(([other, otherPath]) => otherPath !== path && isInside(folder, other))
        .map(([, otherPath]) => ({ path, message: `lies in ${otherPath.join(".")}, which must hold nothing else` })),
    ),
  ];
}

function listenersTarget({ listen, targets }: ConfigDocument): readonly Remark[] {
  const name = listen.mysql?.target ?? null;
  const known = name === null || targets[name]?.protocol === "mysql";
  return known ? [] : [{ path: ["listen", "mysql", "target"], message: `is no target of protocol mysql: "${name}"` }];
}

/** A name that two targets had would reach whichever comes first. */
function sharedHosts({ targets }: ConfigDocument): readonly Remark[] {
  const named = Object.entries(targets).flatMap(([name, target]) =>
    target.protocol === "http" ? target.hosts.map((host, place) => ({ name, host, place })) : [],
  );
  return named.flatMap(({ name, host, place }, index) => {
    const first = named.slice(0, index).find((other) => other.host === host && other.name !== name);
    return first === undefined ? [] : [{ path: ["targets", name, "hosts", place], message: `is a name of target ${first.name} too` }];
  });
}

function sharedAddresses(listen: ConfigDocument["listen"]): readonly Remark[] {
  const named = Object.entries(listen).flatMap(([name, address]) =>
    address === undefined || address.port === 0 ? [] : [{ name, address }],
  );
  return named.flatMap(({ name, address }, index) => {
    const first = named.slice(0, index).find((other) => other.address.port === address.port && other.address.host === address.host);
    return first === undefined ? [] : [{ path: ["listen", name], message: `is the address of listen.${first.name} too` }];
  });
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, resolve(path));
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || dirname(way) === way);
}

/** What works and should be looked at. */
export function warningsFor(document: ConfigDocument, now: Date): readonly Remark[] {
  const { tls, identity, targets, recording, evidence } = document;
  const pairs = tls.certificates.flatMap((pair, index) => pairWarnings(pair, ["tls", "certificates", index], now));
  const clients =
    tls.clientCertificates.mode === "none" ? [] : validity(tls.clientCertificates.ca, ["tls", "clientCertificates", "ca"], now);
  const issuers = identity.oidc.flatMap(({ ca }, index) => (ca === undefined ? [] : validity(ca, ["identity", "oidc", index, "ca"], now)));
  const plain = recording.recipients === "none" ? ["recordings are not encrypted"] : [];
  return [
    ...[...pairs, ...clients, ...issuers],
    ...Object.entries(targets).flatMap(([name, target]) => targetWarnings(target, ["targets", name], now)),
    ...at(["recording", "recipients"], plain),
    ...at(["evidence", "signingKey"], evidence.signingKey.warnings),
  ];
}

function targetWarnings(target: TargetDocument, path: Path, now: Date): readonly Remark[] {
  const { ca, cert, key } = target.tls;
  return [
    ...(ca === undefined ? [] : validity(ca, [...path, "tls", "ca"], now)),
    ...(cert === undefined || key === undefined ? [] : pairWarnings({ cert, key }, [...path, "tls"], now)),
    ...(target.protocol === "http"
      ? apiCredentialWarnings(target.credential, [...path, "credential"], now)
      : loginWarnings(target, [...path, "credential"])),
  ];
}

function loginWarnings({ credential }: Exclude<TargetDocument, HttpDocument>, path: Path): readonly Remark[] {
  return [
    ...at([...path, "password"], credential.password?.warnings ?? []),
    ...at([...path, "allowWeak"], credential.allowWeak ? ["the target may ask for the password in clear text or as md5"] : []),
  ];
}

function apiCredentialWarnings(credential: HttpDocument["credential"], path: Path, now: Date): readonly Remark[] {
  if (credential === undefined) return [];
  const { value, basic, oauth } = credential;
  return [
    ...at([...path, "value"], value?.warnings ?? []),
    ...at([...path, "basic", "password"], basic?.password.warnings ?? []),
    ...at([...path, "oauth", "clientSecret"], oauth?.clientSecret.warnings ?? []),
    ...(oauth?.ca === undefined ? [] : validity(oauth.ca, [...path, "oauth", "ca"], now)),
  ];
}

function pairWarnings(pair: LoadedPair, path: Path, now: Date): readonly Remark[] {
  return [...validity(pair.cert, [...path, "cert"], now), ...at([...path, "key"], pair.key.warnings)];
}

function validity({ certificates }: LoadedCertificates, path: Path, now: Date): readonly Remark[] {
  return certificates.flatMap((certificate) => {
    const subject = certificate.subject?.split("\n").join(", ") ?? "";
    if (certificate.validToDate <= now) {
      return at(path, [`certificate ${JSON.stringify(subject)} expired on ${certificate.validToDate.toISOString()}`]);
    }
    return certificate.validFromDate > now
      ? at(path, [`certificate ${JSON.stringify(subject)} is not valid before ${certificate.validFromDate.toISOString()}`])
      : [];
  });
}

function at(path: Path, messages: readonly string[]): readonly Remark[] {
  return messages.map((message) => ({ path, message }));
}
