/**
 * A whole gateway for tests: `sallyport serve` as a process of its own, on a configuration file with fresh
 * certificates, an issuer that runs the real protocol, and a real PostgreSQL as target `orders`. Nothing in it is a
 * stand-in. It ends with the process that started it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { Secret } from "#protocols/wire/secret.ts";
import { createSigningKey } from "#src/audit/signing.ts";
import { loadConfig } from "#src/config/load.ts";
import { type Agent, type Issuer, startIssuer } from "#src/demo/issuer.ts";
import { makeAuditorIdentity } from "#src/setup/keys.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import type { MysqlServer } from "#test/support/mysql.ts";
import type { TestPostgres } from "#test/support/postgres.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { ROOT } from "#test/support/tree.ts";

export const TARGET = "orders";
const AUDIENCE = "sallyport";
const READY_MS = 30_000;
const LOG_LINES_MAX = 100_000;
/** A schema is looked at once a second. */
const SEEN_MS = 1_600;
const CHANGED_MS = 20_000;

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

/** What a client needs to log in through the gateway, named as node-postgres names it. */
export interface Login {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** A fresh token. */
  readonly password: string;
  readonly database: string;
}

export interface TestGateway {
  readonly port: number;
  /** `host:port` of each listener, as the ready line says. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly pid: number;
  /** The gateway's files; recordings/, evidence/ and state/ lie below it. */
  readonly folder: string;
  readonly configFile: string;
  /** PEM of the authority that signed the gateway's certificate, and the file that holds it. */
  readonly ca: string;
  readonly caFile: string;
  /** Opens the recordings. */
  readonly identityFile: string;
  readonly evidencePublicKeyFile: string;
  readonly issuer: Issuer;
  login(agent?: string): Promise<Login>;
  /** As `login`, for a MySQL target. */
  mysqlLogin(target: string, agent?: string): Promise<Login>;
  /** A fresh token. */
  token(agent?: string): Promise<string>;
  /** Of the https listener. */
  readonly httpsPort: number;
  /** A client id and its secret, for `clientCredentials` logins. */
  pair(agent?: string): { readonly user: string; readonly password: string };
  /**
   * Lets somebody else change the schema of a target that has masks, and waits until the gateway has read what became of it.
   *
   * @throws Error when it has not within 20 s
   */
  changed(change: () => unknown): Promise<void>;
  /** The objects that the gateway logged so far. */
  log(): readonly Record<string, unknown>[];
  /**
   * Writes the file anew, sends SIGHUP, and waits until the gateway says what came of it.
   *
   * @returns that log entry: `reloaded` or `reload-refused`
   * @throws Error when there is none within 20 s
   */
  reconfigure(configure: (sections: Sections) => Sections): Promise<Record<string, unknown>>;
  /** SIGKILL, to the main process alone. */
  kill(): Promise<void>;
  /** Starts it again on the same folder after `kill`; ports may differ. */
  start(): Promise<void>;
  /** SIGTERM, then everything is removed. @returns the exit code */
  stop(): Promise<number | null>;
}

interface Running {
  readonly child: ChildProcess;
  readonly addresses: Readonly<Record<string, string>>;
}

/** `sallyport serve` on a configuration of the caller's. @throws Error with what it said when it does not come up */
export async function serveFile(
  configFile: string,
): Promise<{ readonly port: number; readonly addresses: Readonly<Record<string, string>>; readonly stop: () => Promise<number | null> }> {
  const { child, addresses } = await launchGateway(dirname(configFile), configFile, {}, []);
  return { port: portIn(addresses, "postgres"), addresses, stop: () => end(child, "SIGTERM") };
}

/** @throws Error with what the gateway said when it does not come up within 30 s */
export async function startGateway(options: GatewayOptions): Promise<TestGateway> {
  const folder = await scratchFolder("gateway");
  const agents = Object.entries(options.agents ?? { agent: ["data-agents"] }).map(
    ([name, groups]): Agent => ({ name, groups, secret: new Secret(`test-${crypto.randomUUID()}`) }),
  );
  const log: Record<string, unknown>[] = [];
  const papers = await writePapers(folder, options);
  const issuer = await startIssuer({ certificate: papers.cert, key: papers.key, audience: AUDIENCE, agents });
  const configFile = join(folder, "sallyport.yaml");
  let sections = (options.configure ?? ((same) => same))(sectionsFor(options, issuer.url, papers.recipient));
  const writeConfig = () => writeFileSync(configFile, `${JSON.stringify(sections, null, 2)}\n`, { mode: 0o600 });
  writeConfig();
  const launch = () => launchGateway(folder, configFile, options.env ?? {}, log, options.program, options.under);
  let running = await launch().catch(async (error) => {
    await issuer.stop();
    await removeFolder(folder);
    throw error;
  });
  const agentNamed = (name: string | undefined) => {
    const agent = name === undefined ? agents[0] : agents.find((candidate) => candidate.name === name);
    if (agent === undefined) throw new Error(`the test's gateway has no agent ${name}`);
    return agent;
  };
  return {
    get port() {
      return portIn(running.addresses, "postgres");
    },
    get addresses() {
      return running.addresses;
    },
    get pid() {
      return running.child.pid ?? 0;
    },
    folder,
    configFile,
    ca: papers.ca,
    caFile: join(folder, "certs", "ca.crt"),
    identityFile: join(folder, "identity.txt"),
    evidencePublicKeyFile: join(folder, "keys", "evidence.pub"),
    issuer,
    async login(name) {
      const agent = agentNamed(name);
      const password = (await issuer.tokenFor(agent, papers.ca)).expose();
      return { host: "localhost", port: portIn(running.addresses, "postgres"), user: agent.name, password, database: TARGET };
    },
    async mysqlLogin(target, name) {
      const agent = agentNamed(name);
      const password = (await issuer.tokenFor(agent, papers.ca)).expose();
      return { host: "localhost", port: portIn(running.addresses, "mysql"), user: agent.name, password, database: target };
    },
    async token(name) {
      return (await issuer.tokenFor(agentNamed(name), papers.ca)).expose();
    },
    get httpsPort() {
      return portIn(running.addresses, "https");
    },
    pair: (name) => ({ user: agentNamed(name).name, password: agentNamed(name).secret.expose() }),
    log: () => log,
    async changed(change) {
      const reads = () => log.filter(({ event }) => event === "catalogue-changed").length;
      const before = reads();
      await change();
      // A change of several statements may be read in the middle: what comes of the rest is read within the next second.
      for (const until = performance.now() + CHANGED_MS; ; ) {
        await pause(SEEN_MS);
        if (reads() > before) return;
        if (performance.now() > until) throw new Error("the gateway has not read the changed schema");
      }
    },
    async reconfigure(configure) {
      sections = configure(sections);
      writeConfig();
      const written = await loadConfig(configFile, options.env ?? {});
      // A reload of what stood there before may still be under way.
      const version = written.kind === "loaded" ? written.config.version : null;
      const from = log.length;
      running.child.kill("SIGHUP");
      for (const until = performance.now() + CHANGED_MS; ; ) {
        const came = log
          .slice(from)
          .find((one) => one["event"] === "reload-refused" || (one["event"] === "reloaded" && one["version"] === version));
        if (came !== undefined) return came;
        if (performance.now() > until) throw new Error("the gateway has not said what came of the configuration");
        await pause(SEEN_MS / 4);
      }
    },
    kill: async () => void (await end(running.child, "SIGKILL")),
    async start() {
      running = await launch();
    },
    async stop() {
      const code = await end(running.child, "SIGTERM");
      await issuer.stop();
      await removeFolder(folder);
      return code;
    },
  };
}

interface Papers {
  readonly ca: string;
  readonly cert: string;
  readonly key: Secret<string>;
  readonly recipient: string;
}

async function writePapers(folder: string, { postgres, mysql, apis, papers }: GatewayOptions): Promise<Papers> {
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

function sectionsFor(options: GatewayOptions, issuer: string, recipient: string): Sections {
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

async function launchGateway(
  folder: string,
  configFile: string,
  env: Readonly<Record<string, string>>,
  log: Record<string, unknown>[],
  program = join(ROOT, "bin/sallyport.js"),
  under: readonly string[] = [],
): Promise<Running> {
  const command = ["--pdeathsig", "TERM", ...under, process.execPath, program, "serve", "--config", configFile];
  const child = spawn("setpriv", command, { cwd: folder, env: { PATH: process.env["PATH"], ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-8000);
  });
  const addresses = await new Promise<Record<string, string>>((resolve, reject) => {
    const fail = (why: string) =>
      reject(
        new Error(
          `the gateway ${why}\n${words}${log
            .slice(-12)
            .map((entry) => JSON.stringify(entry))
            .join("\n")}`,
        ),
      );
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`was not ready within ${READY_MS} ms`);
    }, READY_MS);
    child.once("error", reject);
    child.once("close", (code) => fail(`ended with ${code} before it was ready`));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = parseLine(line);
      if (log.push(entry) > LOG_LINES_MAX) log.shift();
      if (entry["event"] !== "ready") return;
      clearTimeout(timer);
      resolve(addressesIn(entry));
    });
    child.once("close", () => clearTimeout(timer));
  });
  return { child, addresses };
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === "object" && entry !== null) return { ...entry };
  } catch {
    // Kept below as it came: a test that looks for it fails with the text.
  }
  return { text: line };
}

function addressesIn(ready: Record<string, unknown>): Record<string, string> {
  const { addresses } = ready;
  if (typeof addresses !== "object" || addresses === null) throw new Error("the ready line has no addresses");
  return Object.fromEntries(Object.entries(addresses).map(([name, address]) => [name, String(address)]));
}

function portIn(addresses: Readonly<Record<string, string>>, listener: string): number {
  const port = /:(\d+)$/.exec(addresses[listener] ?? "")?.[1];
  if (port === undefined) throw new Error(`the gateway has no ${listener} listener`);
  return Number(port);
}

async function end(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, "exit");
  child.kill(signal);
  const force = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await gone;
  clearTimeout(force);
  return child.exitCode;
}
