/** From a document that satisfies the schema to the configuration, with what is worth a warning. */
import { dirname, relative, resolve, sep } from "node:path";
import type { ClientCertificates, Config, KeyPair, OidcIssuer, Remark, Target, UpstreamTls } from "./config.ts";
import type { LoadedCertificates } from "./files.ts";
import type { LoadedPair } from "./leaves.ts";
import type { Path } from "./places.ts";
import type { ConfigDocument } from "./schema.ts";

export interface Source {
  readonly file: string;
  readonly files: readonly string[];
  readonly version: string;
}

export function resolveConfig(document: ConfigDocument, source: Source): Config {
  const { access, masking, guardrails, approvals } = document;
  const [first, ...rest] = document.tls.certificates;
  if (first === undefined) {
    throw new Error("the schema asks for a certificate");
  }
  return {
    ...source,
    listen: { postgres: document.listen.postgres ?? null, mysql: document.listen.mysql ?? null, admin: document.listen.admin ?? null },
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

function resolveTarget(name: string, written: TargetDocument): Target {
  const { statementTimeout, rowsPerStatement, rowsPerSession, bytesPerSession, statementsPerSession, idle, session } = written.limits;
  const [database = name, ...others] = [written.database ?? name].flat();
  return {
    name,
    protocol: written.protocol,
    address: written.address,
    databases: [database, ...others],
    tls: upstreamTls(written),
    credential: { ...written.credential, password: written.credential.password?.value ?? null },
    limits: {
      statementTimeoutMs: statementTimeout ?? null,
      rowsPerStatement: rowsPerStatement ?? null,
      rowsPerSession: rowsPerSession ?? null,
      bytesPerSession: bytesPerSession ?? null,
      statementsPerSession: statementsPerSession ?? null,
      idleMs: idle ?? null,
      sessionMs: session,
    },
  };
}

function upstreamTls({ tls, address }: TargetDocument): UpstreamTls {
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
    ...mysqlPolicies(document),
    ...mysqlCaps(document),
    ...(nobody ? [{ path: ["identity"], message: "nobody can log in: no OIDC issuer, and client certificates prove nothing" }] : []),
    ...folders.flatMap(([folder, path]) =>
      folders
        .filter(([other, otherPath]) => otherPath !== path && isInside(folder, other))
        .map(([, otherPath]) => ({ path, message: `lies in ${otherPath.join(".")}, which must hold nothing else` })),
    ),
  ];
}

/** As `mysqlPolicies`, of what bounds a session. */
function mysqlCaps({ targets }: ConfigDocument): readonly Remark[] {
  const caps = ["rowsPerStatement", "rowsPerSession", "bytesPerSession", "statementsPerSession"] as const;
  return Object.entries(targets)
    .filter(([, { protocol }]) => protocol === "mysql")
    .flatMap(([name, { limits }]) =>
      caps
        .filter((cap) => limits[cap] !== undefined)
        .map((cap) => ({ path: ["targets", name, "limits", cap], message: "is not supported yet for MySQL targets" })),
    );
}

/** Known to the design, enforced by nothing yet: refused, so that nobody relies on it. */
function mysqlPolicies({ targets, masking, guardrails }: ConfigDocument): readonly Remark[] {
  const isMysql = (target: string): boolean => targets[target]?.protocol === "mysql";
  const remark = (section: string, index: number): Remark => ({
    path: [section, "rules", index],
    message: `${section} rules for MySQL targets are not supported yet`,
  });
  return [
    ...masking.rules.flatMap((rule, index) => (isMysql(rule.target) ? [remark("masking", index)] : [])),
    ...guardrails.rules.flatMap((rule, index) => (rule.targets.some(isMysql) ? [remark("guardrails", index)] : [])),
  ];
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

function targetWarnings({ tls, credential }: TargetDocument, path: Path, now: Date): readonly Remark[] {
  const { ca, cert, key } = tls;
  return [
    ...(ca === undefined ? [] : validity(ca, [...path, "tls", "ca"], now)),
    ...(cert === undefined || key === undefined ? [] : pairWarnings({ cert, key }, [...path, "tls"], now)),
    ...at([...path, "credential", "password"], credential.password?.warnings ?? []),
    ...at(
      [...path, "credential", "allowWeak"],
      credential.allowWeak ? ["the target may ask for the password in clear text or as md5"] : [],
    ),
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
