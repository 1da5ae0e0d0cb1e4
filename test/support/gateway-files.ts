/** The files that a test's gateway runs on: certificates and keys of its own, made fresh, and the sections of its configuration. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Secret } from "#protocols/wire/secret.ts";
import { createSigningKey } from "#src/audit/signing.ts";
import { makeAuditorIdentity } from "#src/setup/keys.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import type { MysqlServer } from "#test/support/mysql.ts";
import type { TestPostgres } from "#test/support/postgres.ts";

export const TARGET = "orders";
export const AUDIENCE = "sallyport";

/** Sections of sallyport.yaml as plain data: JSON is YAML. */
export type Sections = Record<string, unknown>;

export interface GatewayOptions {
  /** The target `orders`; a gateway for MySQL alone needs none. */
  readonly postgres?: TestPostgres;
  /** MySQL and MariaDB servers by the names of their targets; the gateway then listens for MySQL. */
  readonly mysql?: Readonly<Record<string, MysqlServer>>;
  /** APIs by the names of their targets; the gateway then listens for HTTPS and in clear text. */
  readonly apis?: Readonly<Record<string, TestApi>>;
  /** Databases that the target lists, first the default; the server's own when left out. */
  readonly databases?: readonly string[];
  /** Names and groups of those who may ask for tokens; `agent` in `data-agents` when left out. */
  readonly agents?: Readonly<Record<string, readonly string[]>>;
  /** Where the gateway dials: a relay, say, instead of the server itself. */
  readonly upstream?: { readonly host: string; readonly port: number };
  readonly workers?: number;
  /** Changes the sections before they are written. The ones given: every agent may do everything, no masks. */
  readonly configure?: (sections: Sections) => Sections;
  /** Runs in the place of bin/sallyport.js: the same program with something in it made shorter. */
  readonly program?: string;
  /** A command that starts the program with what it names: `["prlimit", "--nofile=64:64"]`. */
  readonly under?: readonly string[];
  /** More files, by their path in the gateway's folder. */
  readonly papers?: Readonly<Record<string, string>>;
  /** More environment for the process; it gets PATH and nothing else by itself. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A target that speaks HTTP. */
export interface TestApi {
  readonly port: number;
  /** PEM of the authority that signed its certificate, for `localhost`. */
  readonly ca: string;
  /** Names under which clients reach it. */
  readonly hosts?: readonly string[];
  /** More of its section. */
  readonly section?: Sections;
}

export interface Papers {
  readonly ca: string;
  readonly cert: string;
  readonly key: Secret<string>;
  readonly recipient: string;
}

export async function writePapers(folder: string, { postgres, mysql, apis, papers }: GatewayOptions): Promise<Papers> {
  for (const name of ["certs", "keys", "recordings", "evidence", "state"]) mkdirSync(join(folder, name), { mode: 0o700 });
  const file = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  const authority = await makeAuthority("Sallyport test gateway CA");
  const { cert, key } = await authority.server([
    "localhost",
    "127.0.0.1",
    ...Object.values(apis ?? {}).flatMap(({ hosts }) => hosts ?? []),
  ]);
  const auditor = await makeAuditorIdentity();
  const evidence = createSigningKey();
  file("certs/ca.crt", authority.ca);
  file("certs/gateway.crt", cert);
  file("keys/gateway.key", key.expose());
  if (postgres !== undefined) {
    file("certs/database-ca.crt", postgres.ca);
    file("keys/database.password", postgres.password);
  }
  for (const [name, server] of Object.entries(mysql ?? {})) {
    file(`certs/${name}-ca.crt`, server.ca);
    file(`keys/${name}.password`, server.password);
  }
  for (const [name, { ca }] of Object.entries(apis ?? {})) file(`certs/${name}-ca.crt`, ca);
  for (const [name, text] of Object.entries(papers ?? {})) file(name, text);
  file("keys/evidence.key", evidence.privateKeyPem.expose());
  file("keys/evidence.pub", evidence.publicKeyPem);
  file("identity.txt", `${auditor.identity.expose()}\n`);
  return { ca: authority.ca, cert, key, recipient: auditor.recipient };
}

export function sectionsFor(options: GatewayOptions, issuer: string, recipient: string): Sections {
  const targets = { ...postgresTarget(options), ...mysqlTargets(options), ...apiTargets(options) };
  return {
    listen: {
      ...(options.postgres === undefined ? {} : { postgres: "127.0.0.1:0" }),
      ...(options.mysql === undefined ? {} : { mysql: "127.0.0.1:0" }),
      ...(options.apis === undefined ? {} : { https: "127.0.0.1:0", http: "127.0.0.1:0" }),
      admin: "127.0.0.1:0",
    },
    workers: options.workers ?? 1,
    tls: { certificates: [{ cert: "certs/gateway.crt", key: "keys/gateway.key" }] },
    identity: {
      oidc: [{ issuer, audience: AUDIENCE, ca: "certs/ca.crt", claims: { name: "sub", groups: "groups" }, clientCredentials: true }],
    },
    targets,
    access: { rules: [{ who: { issuers: [issuer] }, targets: Object.keys(targets), may: ["read", "write", "schema", "admin"] }] },
    recording: { directory: "recordings", recipients: [recipient] },
    evidence: { directory: "evidence", signingKey: "keys/evidence.key" },
    state: { sqlite: "state/state.db" },
  };
}

function postgresTarget({ postgres, upstream, databases }: GatewayOptions): Sections {
  if (postgres === undefined) return {};
  const { host, port } = upstream ?? postgres;
  return {
    [TARGET]: {
      protocol: "postgres",
      address: `${host}:${port}`,
      database: databases ?? [postgres.database],
      tls: { ca: "certs/database-ca.crt", serverName: "localhost" },
      credential: { user: postgres.user, password: { file: "keys/database.password" } },
    },
  };
}

function mysqlTargets({ mysql }: GatewayOptions): Sections {
  const targets = Object.entries(mysql ?? {}).map(([name, { host, port, user, database }]) => [
    name,
    {
      protocol: "mysql",
      address: `${host}:${port}`,
      database: [database],
      tls: { ca: `certs/${name}-ca.crt`, serverName: "localhost" },
      credential: { user, password: { file: `keys/${name}.password` } },
    },
  ]);
  return Object.fromEntries(targets);
}

function apiTargets({ apis }: GatewayOptions): Sections {
  const targets = Object.entries(apis ?? {}).map(([name, { port, hosts, section }]) => [
    name,
    {
      protocol: "http",
      address: `https://127.0.0.1:${port}`,
      hosts: hosts ?? [],
      tls: { ca: `certs/${name}-ca.crt`, serverName: "localhost" },
      ...section,
    },
  ]);
  return Object.fromEntries(targets);
}
