/**
 * A whole gateway for tests: `sallyport serve` as a process of its own, on a configuration file with fresh
 * certificates, an issuer that runs the real protocol, and a real PostgreSQL as target `orders`. Nothing in it is a
 * stand-in. It ends with the process that started it.
 */
import { renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Secret } from "#protocols/wire/secret.ts";
import { loadConfig } from "#src/config/load.ts";
import { type Agent, type Issuer, startIssuer } from "#src/demo/issuer.ts";
import { AUDIENCE, type GatewayOptions, type Sections, sectionsFor, TARGET, writePapers } from "#test/support/gateway-files.ts";
import { end, launchGateway, portIn } from "#test/support/gateway-process.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";

/** A schema is looked at once a second. */
const SEEN_MS = 1_600;
/** Between two looks of our own: beyond it, the machine has stood still. */
const STOOD_STILL_MS = 500;
/** For another answer behind a refusal. */
const REFUSED_MS = 1_500;

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
   * @throws Error when it has not within a minute
   */
  changed(change: () => unknown): Promise<void>;
  /** The objects that the gateway logged so far. */
  log(): readonly Record<string, unknown>[];
  /**
   * Writes the file anew, sends SIGHUP, and waits until the gateway says what came of it.
   *
   * @returns that log entry: `reloaded` or `reload-refused`
   * @throws Error when there is none within a minute
   */
  reconfigure(configure: (sections: Sections) => Sections): Promise<Record<string, unknown>>;
  /** SIGKILL, to the main process alone. */
  kill(): Promise<void>;
  /** Starts it again on the same folder after `kill`; ports may differ. */
  start(): Promise<void>;
  /** SIGTERM, then everything is removed. @returns the exit code */
  stop(): Promise<number | null>;
}

/** `sallyport serve` on a configuration of the caller's. @throws Error with what it said when it does not come up */
export async function serveFile(
  configFile: string,
): Promise<{ readonly port: number; readonly addresses: Readonly<Record<string, string>>; readonly stop: () => Promise<number | null> }> {
  const { child, addresses } = await launchGateway(dirname(configFile), configFile, {}, []);
  return { port: portIn(addresses, "postgres"), addresses, stop: () => end(child, "SIGTERM") };
}

/** @throws Error with what the gateway said when it does not come up within 90 s */
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
  const writeConfig = (file: string) => writeFileSync(file, `${JSON.stringify(sections, null, 2)}\n`, { mode: 0o600 });
  writeConfig(configFile);
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
      let [seen, looked] = [before, performance.now()];
      let quietFrom = looked;
      // A change of several statements may be read in the middle: what comes of the rest is read within the next second.
      const isRead = () => {
        const [now, known] = [performance.now(), reads()];
        if (known !== seen || now - looked > STOOD_STILL_MS) quietFrom = now;
        [seen, looked] = [known, now];
        return seen > before && now - quietFrom >= SEEN_MS;
      };
      await until(isRead, "the gateway has read the changed schema");
    },
    async reconfigure(configure) {
      sections = configure(sections);
      const draft = `${configFile}.draft`;
      writeConfig(draft);
      const written = await loadConfig(draft, options.env ?? {});
      // A reload of what stood there before may still be under way.
      const version = written.kind === "loaded" ? written.config.version : null;
      const from = log.length;
      // In one go: noticed before it is told of, the file would be taken up twice, and what begins in between be asked to come again.
      renameSync(draft, configFile);
      running.child.kill("SIGHUP");
      const taken = () => log.slice(from).find((one) => one["event"] === "reloaded" && one["version"] === version);
      const refused = () => log.slice(from).find((one) => one["event"] === "reload-refused");
      const came = await until(() => taken() ?? refused(), "the gateway has said what came of the configuration");
      // What was refused may be what stood there while the files were being written.
      return came["event"] === "reloaded" ? came : await until(taken, "it is taken after all", REFUSED_MS).catch(() => came);
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
