/**
 * Everything the demo stands on, started in order: folder, certificates and keys, PostgreSQL with the shop, issuer,
 * gateway. Whatever has been started when one of them fails is cleaned up by the caller's `Cleanup`.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Secret } from "#protocols/wire/secret.ts";
import { createSigningKey } from "#src/audit/signing.ts";
import type { KeyPair } from "#src/config/config.ts";
import { type Account, databaseAccount } from "#src/demo/account.ts";
import type { Cleanup } from "#src/demo/cleanup.ts";
import { AUDIENCE, DEMO_FILES, demoConfiguration } from "#src/demo/configuration.ts";
import { type EmbeddedPostgres, startEmbedded } from "#src/demo/embedded.ts";
import { makeDemoFolder } from "#src/demo/folder.ts";
import { type Gateway, type GatewayOptions, startGateway } from "#src/demo/gateway.ts";
import { type Agent, type Issuer, startIssuer } from "#src/demo/issuer.ts";
import { type DemoMysql, startMysql } from "#src/demo/mysql.ts";
import { findMysql, type MysqlPrograms } from "#src/demo/mysql-programs.ts";
import { type Programs, packagedPrograms, runnablePrograms } from "#src/demo/programs.ts";
import { type SeededDatabase, seedShop } from "#src/demo/seed.ts";
import { writeNewFiles } from "#src/setup/files.ts";
import { identityFile, makeAuditorIdentity } from "#src/setup/keys.ts";
import { issueCa, issueServer } from "#src/tls/issue.ts";

export interface StageOptions {
  /** Of the gateway; 0: a free one. */
  readonly port: number;
  readonly nowMs: number;
  readonly self: GatewayOptions["self"];
  readonly env: GatewayOptions["env"];
  readonly cleanup: Cleanup;
  /** PATH of the environment, where a MySQL or MariaDB is looked for; null: none is to be started. */
  readonly mysqlPath: string | null;
  /** Told what is being started next. */
  readonly say: (label: string) => void;
}

export interface Stage {
  readonly folder: string;
  /** PEM of the demo's authority. */
  readonly ca: string;
  readonly agents: { readonly support: Agent; readonly report: Agent };
  readonly database: EmbeddedPostgres;
  readonly shop: SeededDatabase;
  /** The machine's MySQL or MariaDB; or why there is none, for people. */
  readonly mysql: (DemoMysql & { readonly programs: MysqlPrograms }) | { readonly absent: string };
  readonly issuer: Issuer;
  readonly gateway: Gateway;
  /** Age identity that opens the recordings. */
  readonly identity: Secret<string>;
  /** Absolute path of one of the demo's files. */
  path(file: keyof typeof DEMO_FILES): string;
}

/** npm brought no PostgreSQL for this platform. */
export class PlatformUnsupported extends Error {}

const DAY_MS = 86_400_000;

/**
 * @throws PlatformUnsupported where npm has no PostgreSQL for this platform
 * @throws GatewayNotReady when the gateway does not come up; Error for anything else that does not
 */
export async function setStage(options: StageOptions): Promise<Stage> {
  const native = packagedPrograms();
  if (native === undefined)
    throw new PlatformUnsupported(`no PostgreSQL for ${process.platform} on ${process.arch} was installed with this package`);
  const { cleanup, say } = options;
  const account = databaseAccount();
  const folder = makeDemoFolder(account);
  cleanup.folder(folder);
  say("certificates");
  const papers = await makePapers(options.nowMs);
  // Beside the rest: making its data folder takes longest. It never rejects.
  const startingMysql = startOwnMysql(options, account, folder, papers);
  say("PostgreSQL");
  const programs = runnablePrograms(native, account, folder);
  const database = await startDatabase(options, programs, account, folder, papers);
  const shop = await seedShop(database, papers.ca);
  say("issuer");
  const agents = { support: makeAgent("support-agent", ["data-agents", "support"]), report: makeAgent("report-agent", ["data-agents"]) };
  const { cert: certificate, key } = papers.server;
  const issuer = await startIssuer({ certificate, key, audience: AUDIENCE, agents: [agents.support, agents.report] });
  if (options.mysqlPath !== null) say("MySQL or MariaDB");
  const mysql = await startingMysql;
  say("gateway");
  const auditor = await makeAuditorIdentity();
  const config = {
    port: options.port,
    databasePort: database.port,
    databaseUser: shop.user,
    issuer: issuer.url,
    recipient: auditor.recipient,
    mysql: "absent" in mysql ? null : mysql,
  };
  writeNewFiles(folder, {
    [DEMO_FILES.config]: demoConfiguration(config),
    [DEMO_FILES.ca]: papers.ca,
    [DEMO_FILES.gatewayCertificate]: certificate,
    [DEMO_FILES.gatewayKey]: key,
    [DEMO_FILES.evidenceKey]: papers.evidence.privateKeyPem,
    [DEMO_FILES.evidencePublicKey]: papers.evidence.publicKeyPem,
    [DEMO_FILES.databasePassword]: shop.password,
    ...("absent" in mysql ? {} : { [DEMO_FILES.mysqlPassword]: mysql.password }),
    [DEMO_FILES.identity]: identityFile(auditor),
  });
  const configFile = join(folder, DEMO_FILES.config);
  const gateway = await startGateway({ self: options.self, env: options.env, folder, configFile, cleanup });
  const path = (file: keyof typeof DEMO_FILES): string => join(folder, DEMO_FILES[file]);
  return { folder, ca: papers.ca, agents, database, shop, mysql, issuer, gateway, identity: auditor.identity, path };
}

/** The demo goes on without it, and says why. */
async function startOwnMysql(
  { mysqlPath, cleanup }: StageOptions,
  account: Account | undefined,
  folder: string,
  { server }: Papers,
): Promise<Stage["mysql"]> {
  if (mysqlPath === null) return { absent: "" };
  const programs = findMysql(mysqlPath);
  if (programs === undefined)
    return { absent: "no MySQL or MariaDB server is on this machine (mysqld or mariadbd in PATH or a usual place)" };
  try {
    return { ...(await startMysql({ programs, account, folder, certificate: server.cert, key: server.key, cleanup })), programs };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { absent: `${programs.server} was not to be started: ${why.split("\n").at(-1)}` };
  }
}

interface Papers {
  readonly ca: string;
  /** For localhost: gateway, issuer and database show the same one; they are one machine. */
  readonly server: KeyPair;
  readonly evidence: ReturnType<typeof createSigningKey>;
}

async function makePapers(nowMs: number): Promise<Papers> {
  const lifetime = { from: new Date(nowMs), until: new Date(nowMs + 7 * DAY_MS) };
  const ca = await issueCa("Sallyport demo authority", lifetime);
  const server = await issueServer(ca, { hosts: ["localhost", "127.0.0.1"], lifetime });
  return { ca: ca.cert, server, evidence: createSigningKey() };
}

function startDatabase(
  { cleanup }: StageOptions,
  programs: Programs,
  account: Account | undefined,
  folder: string,
  { server }: Papers,
): Promise<EmbeddedPostgres> {
  return startEmbedded({ programs, account, folder, certificate: server.cert, key: server.key, cleanup });
}

function makeAgent(name: string, groups: readonly string[]): Agent {
  // Letters and digits only, so that it stands in a shell line without quotes.
  return { name, groups, secret: new Secret(randomBytes(12).toString("hex")) };
}
