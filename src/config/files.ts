/**
 * The files and secrets that a configuration names: read, looked at, and remembered, so that changes to them can be
 * watched. Everything wrong with one is said as a sentence; nothing of its contents ever is.
 */
import { createHash, createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Secret } from "#protocols/wire/secret.ts";
import { readCertificates } from "#src/tls/certificates.ts";

/** Certificates and keys are a few kB, a bundle of all public authorities 250 kB. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** Thrown with a sentence that stands behind the path of a problem. */
export class Unusable extends Error {}

export interface LoadedCertificates {
  readonly pem: string;
  /** At least one, in the order of the file. */
  readonly certificates: readonly [X509Certificate, ...X509Certificate[]];
}

export interface LoadedKey {
  readonly pem: Secret<string>;
  readonly key: KeyObject;
  readonly warnings: readonly string[];
}

export interface LoadedSecret {
  readonly value: Secret<string>;
  readonly warnings: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

export class Files {
  readonly #folder: string;
  readonly #env: Environment;
  readonly #read = new Set<string>();
  readonly #digests = new Map<string, string>();

  /** @param file Absolute path of the configuration: other paths are relative to its folder. */
  constructor(file: string, env: Environment) {
    this.#folder = dirname(file);
    this.#env = env;
    this.#read.add(file);
  }

  /** Absolute paths of all files that were asked for, the configuration first. */
  get read(): readonly string[] {
    return [...this.#read];
  }

  /**
   * Names the contents of the certificates and keys that were read. Secrets are left out: from the digest of a
   * password it could be guessed.
   */
  get contents(): string {
    return JSON.stringify([...this.#digests].sort());
  }

  resolve(path: string): string {
    return resolve(this.#folder, path);
  }

  /** @throws Unusable */
  async certificates(path: string): Promise<LoadedCertificates> {
    const pem = await this.#text(path);
    this.#remember(path, pem);
    const [first, ...rest] = parse(() => readCertificates(pem), `${path} holds a certificate that cannot be read`);
    if (first === undefined) {
      throw new Unusable(`${path} holds no PEM certificate`);
    }
    return { pem, certificates: [first, ...rest] };
  }

  /** @throws Unusable */
  async privateKey(path: string): Promise<LoadedKey> {
    const pem = await this.#text(path);
    if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
      throw new Unusable(`${path} is protected by a passphrase, which is not supported`);
    }
    const key = parse(() => createPrivateKey(pem), `${path} holds no PEM private key`);
    this.#remember(path, pem);
    return { pem: new Secret(pem), key, warnings: await this.#readableByAll(path) };
  }

  /** One line end at the end of the file is not part of the secret. @throws Unusable */
  async secretFile(path: string): Promise<LoadedSecret> {
    const value = (await this.#text(path)).replace(/\r?\n$/, "");
    if (value === "") {
      throw new Unusable(`${path} is empty`);
    }
    return { value: new Secret(value), warnings: await this.#readableByAll(path) };
  }

  /** @throws Unusable */
  secretVariable(name: string): LoadedSecret {
    const value = this.#env[name];
    if (value === undefined || value === "") {
      throw new Unusable(`the environment variable ${name} is ${value === undefined ? "not set" : "empty"}`);
    }
    return { value: new Secret(value), warnings: [] };
  }

  async #text(path: string): Promise<string> {
    const absolute = this.resolve(path);
    this.#read.add(absolute);
    try {
      const { size } = await stat(absolute);
      if (size > FILE_BYTES_MAX) {
        throw new Unusable(`${path} is larger than ${FILE_BYTES_MAX / 1024 / 1024} MiB`);
      }
      return await readFile(absolute, "utf8");
    } catch (error) {
      throw error instanceof Unusable ? error : new Unusable(`${path} ${whyUnread(error)}`);
    }
  }

  #remember(path: string, contents: string): void {
    this.#digests.set(this.resolve(path), createHash("sha256").update(contents).digest("hex"));
  }

  async #readableByAll(path: string): Promise<readonly string[]> {
    const { mode } = await stat(this.resolve(path));
    return process.platform !== "win32" && (mode & 0o004) !== 0 ? [`${path} can be read by every user of this machine`] : [];
  }
}

const WHY_UNREAD: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", "does not exist"],
  ["ENOTDIR", "does not exist"],
  ["EACCES", "cannot be read: permission denied"],
  ["EPERM", "cannot be read: permission denied"],
  ["EISDIR", "is a directory"],
]);

export function whyUnread(error: unknown): string {
  const code: unknown = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return WHY_UNREAD.get(code) ?? `cannot be read: ${String(code)}`;
}

/** The library's own words could quote the file, so they are replaced. */
function parse<T>(read: () => T, otherwise: string): T {
  try {
    return read();
  } catch {
    throw new Unusable(otherwise);
  }
}
