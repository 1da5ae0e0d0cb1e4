/** A folder with everything that a good configuration names, and the means to break one thing at a time. */
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { Problem } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import { type Authority, makeAuthority } from "#test/support/certificates.ts";

export const ENV = { ORDERS_PASSWORD: "a-password" } as const;

export interface Folder {
  readonly path: string;
  readonly authority: Authority;
  readonly recipient: string;
  write(name: string, text: string, mode?: number): void;
  /** The good configuration, as YAML with these top-level parts replaced; null leaves one out. */
  yaml(parts?: Readonly<Record<string, string | null>>): string;
  /** Writes it and loads it. */
  load(text: string, env?: Readonly<Record<string, string | undefined>>, now?: Date): ReturnType<typeof loadConfig>;
  remove(): void;
}

export async function makeFolder(): Promise<Folder> {
  const path = mkdtempSync(join(tmpdir(), "sallyport-config-"));
  const write = (name: string, text: string, mode = 0o600) => {
    const file = join(path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
  };
  const authority = await makeAuthority();
  const gateway = await authority.server(["localhost"]);
  const recipient = await identityToRecipient(await generateX25519Identity());
  write("certs/gateway.crt", gateway.cert);
  write("certs/gateway.key", gateway.key.expose());
  write("certs/ca.crt", authority.ca);
  write("keys/evidence.key", generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  const good: Readonly<Record<string, string>> = {
    listen: "{ postgres: 127.0.0.1:0 }",
    tls: "{ certificates: [{ cert: certs/gateway.crt, key: certs/gateway.key }] }",
    identity: "{ oidc: [{ issuer: https://idp.example.com, audience: sallyport }] }",
    targets:
      "{ orders: { protocol: postgres, address: 'db.internal:5432', credential: { user: app, password: { env: ORDERS_PASSWORD } } } }",
    access: "{ rules: [{ who: { groups: [data-agents] }, targets: [orders], may: [read] }] }",
    recording: `{ recipients: [${recipient}] }`,
    evidence: "{ signingKey: keys/evidence.key }",
  };
  return {
    path,
    authority,
    recipient,
    write,
    yaml: (parts = {}) =>
      Object.entries({ ...good, ...parts })
        .filter(([, text]) => text !== null)
        .map(([key, text]) => `${key}: ${text}\n`)
        .join(""),
    load: (text, env = ENV, now = new Date()) => {
      write("sallyport.yaml", text);
      return loadConfig(join(path, "sallyport.yaml"), env, now);
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** `path: message` of each problem, in the order given. */
export function told(problems: readonly Problem[]): readonly string[] {
  return problems.map(({ path, message }) => `${path}: ${message}`);
}
