/**
 * Makes everything secret that docker-compose.yml runs on, once: an authority and certificates, passwords, the
 * issuer's realm, the gateway's keys and configuration. Each service gets a folder of its own, readable by its
 * account alone; a folder that is complete is left as it is.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Secret } from "#protocols/wire/secret.ts";
import { createSigningKey } from "#src/audit/signing.ts";
import { writeNewFiles } from "#src/setup/files.ts";
import { identityFile, makeAuditorIdentity } from "#src/setup/keys.ts";
import { issueCa, issueServer } from "#src/tls/issue.ts";
import { type RealmClient, realmOf } from "./realm.ts";

/** The account that each service's image runs under; agents and auditors are people at the host. */
const OWNERS: Readonly<Record<string, number>> = { gateway: 10001, postgres: 999, mysql: 999, idp: 1000, agents: 0, auditor: 0 };
const DAYS = 825;
const DAY_MS = 86_400_000;

const [root = "/papers", template = "/opt/sallyport/deploy/sallyport.yaml"] = process.argv.slice(2);

if (existsSync(join(root, "auditor", "complete"))) say("everything was made before");
else if (readdirSync(join(root, "gateway")).length > 0) {
  // Half of it may be in use already: nothing is written over, nothing is mixed.
  process.stderr.write("an earlier attempt was cut off: remove the volumes (docker compose down --volumes) and start again\n");
  process.exitCode = 1;
} else await make();

async function make(): Promise<void> {
  const now = Date.now();
  const lifetime = { from: new Date(now), until: new Date(now + DAYS * DAY_MS) };
  const ca = await issueCa("Sallyport compose CA", lifetime);
  const serve = async (...hosts: [string, ...string[]]) => issueServer(ca, { hosts, lifetime });
  const [gateway, postgres, mysql, idp] = [
    await serve("localhost", "gateway", "127.0.0.1"),
    await serve("postgres", "localhost"),
    await serve("mysql", "localhost"),
    await serve("idp", "localhost"),
  ];
  const [auditor, evidence, application, store] = [await makeAuditorIdentity(), createSigningKey(), password(), password()];
  const agents: readonly RealmClient[] = [
    { name: "report-agent", secret: password(), groups: ["data-agents"] },
    { name: "support-agent", secret: password(), groups: ["data-agents", "support"] },
  ];
  const configuration = readFileSync(template, "utf8").replace("AUDITORS-PUBLIC-KEY", auditor.recipient);
  write("gateway", {
    "sallyport.yaml": configuration,
    "ca.crt": ca.cert,
    "gateway.crt": gateway.cert,
    "gateway.key": gateway.key,
    "evidence.key": evidence.privateKeyPem,
    "app.password": application,
    "store.password": store,
  });
  write("postgres", {
    "server.crt": postgres.cert,
    "server.key": postgres.key,
    "superuser.password": password(),
    "app.password": application,
  });
  write("mysql", {
    "ca.crt": ca.cert,
    "server.crt": mysql.cert,
    "server.key": mysql.key,
    "root.password": password(),
    "store.password": store,
  });
  write("idp", { "idp.crt": idp.cert, "idp.key": idp.key, "agents-realm.json": realmOf(agents) });
  write("agents", { "ca.crt": ca.cert, ...Object.fromEntries(agents.map(({ name, secret }) => [`${name}.secret`, secret])) });
  write("auditor", { "identity.txt": identityFile(auditor), "evidence.pub": evidence.publicKeyPem });
  // The authority's own key is kept nowhere: nothing more can be issued by it.
  writeFileSync(join(root, "auditor", "complete"), "");
  say("authority, certificates, passwords, realm and configuration are made");
}

function password(): Secret<string> {
  return new Secret(randomBytes(24).toString("base64url"));
}

function write(service: string, files: Readonly<Record<string, string | Secret<string>>>): void {
  const folder = join(root, service);
  writeNewFiles(folder, files);
  const owner = OWNERS[service];
  if (process.getuid?.() !== 0 || owner === undefined) return;
  for (const name of readdirSync(folder)) chownSync(join(folder, name), owner, owner);
  chownSync(folder, owner, owner);
  chmodSync(folder, 0o750);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
