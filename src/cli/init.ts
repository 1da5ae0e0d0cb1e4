/** `sallyport init DIR`: a configuration with an authority, certificates and keys of its own, ready for `check`. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { createSigningKey } from "#src/audit/signing.ts";
import { firstConfiguration, PASSWORD_VARIABLE } from "#src/setup/configuration.ts";
import { type NewFiles, writeNewFiles } from "#src/setup/files.ts";
import { identityFile, makeAuditorIdentity } from "#src/setup/keys.ts";
import { issueCa, issueServer } from "#src/tls/issue.ts";
import { type ExitCode, Failure } from "./failure.ts";
import { quoted, SELF } from "./quoted.ts";
import type { Screen } from "./screen.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** As long as public authorities may issue; the file is read again when it is replaced, so renewal needs no restart. */
const SERVER_DAYS = 397;

/** @throws Failure `folder-in-use` when DIR holds anything: nothing is overwritten */
export async function init(world: World, screen: Screen, dir: string): Promise<ExitCode> {
  const folder = resolve(world.cwd, dir);
  takeFolder(folder, dir);
  const hosts: [string, ...string[]] = ["localhost", ...ownName(), "127.0.0.1", "::1"];
  const ca = await issueCa("Sallyport gateway authority", lifetime(world, AUTHORITY_DAYS));
  const server = await issueServer(ca, { hosts, lifetime: lifetime(world, SERVER_DAYS) });
  const evidence = createSigningKey();
  const auditor = await makeAuditorIdentity();
  const files: NewFiles = {
    "sallyport.yaml": firstConfiguration({ recipient: auditor.recipient }),
    "certs/ca.crt": ca.cert,
    "certs/gateway.crt": server.cert,
    "certs/evidence.pub": evidence.publicKeyPem,
    "keys/ca.key": ca.key,
    "keys/gateway.key": server.key,
    "keys/evidence.key": evidence.privateKeyPem,
    "auditor/identity.txt": identityFile(auditor),
  };
  writeNewFiles(folder, files);
  const made = { folder, files: Object.keys(files), hosts, recipient: auditor.recipient, evidencePublicKey: evidence.publicKeyPem };
  await screen.object(made);
  await tell(screen, dir, made);
  return 0;
}

function takeFolder(folder: string, given: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new Failure("folder-in-use", `${given} is not empty`, { hint: "name a new folder; init overwrites nothing" });
  }
  mkdirSync(folder, { recursive: true });
}

/** The machine's name, where a certificate can hold it. */
function ownName(): string[] {
  const name = hostname().toLowerCase();
  return name !== "localhost" && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(name) ? [name] : [];
}

function lifetime(world: World, days: number): { from: Date; until: Date } {
  const now = world.now();
  return { from: new Date(now), until: new Date(now + days * DAY_MS) };
}

interface Made {
  readonly hosts: readonly string[];
  readonly recipient: string;
  readonly evidencePublicKey: string;
}

async function tell(screen: Screen, dir: string, { hosts, recipient, evidencePublicKey }: Made): Promise<void> {
  const { bold, dim } = screen.paint;
  const shown = visible(dir);
  const config = quoted(visible(join(dir, "sallyport.yaml")));
  const rows: readonly (readonly [path: string, meaning: string])[] = [
    ["sallyport.yaml", "the configuration, commented"],
    ["certs/ca.crt", "what agents verify the gateway with (sslrootcert)"],
    ["certs/gateway.crt", `the gateway's certificate, ${SERVER_DAYS} days: ${hosts.join(", ")}`],
    ["keys/gateway.key", "its private key"],
    ["keys/ca.key", "signs the next certificate; keep it off the gateway"],
    ["keys/evidence.key", "signs the evidence log"],
    ["certs/evidence.pub", "its public half: what auditors verify with; keep a copy elsewhere"],
    ["auditor/identity.txt", "opens recordings; move it to the auditors, off the gateway"],
  ];
  await screen.line(`Made in ${bold(shown)}:`);
  for (const [path, meaning] of rows) await screen.line(`  ${path.padEnd(22)}${dim(meaning)}`);
  await screen.line();
  await screen.line(`Recordings are sealed for  ${recipient}`);
  await screen.line("Evidence is verified with");
  await screen.line(evidencePublicKey.trim());
  await screen.line();
  await screen.line(bold("Next"));
  await screen.line(`  1. In ${config} set the lines marked <- (issuer, database address) and the rules.`);
  await screen.line(`  2. export ${PASSWORD_VARIABLE}=…   ${dim("the database password of the gateway's login")}`);
  await screen.line(`  3. ${SELF} check --config ${config}`);
  await screen.line(`  4. ${SELF} serve --config ${config}`);
}
