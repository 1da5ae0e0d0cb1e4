/**
 * Issues certificates for `init` and `demo`, and for tests: an authority, server and client certificates, ECDSA P-256.
 * It is no PKI: there is one level, no revocation and no state. RFC 5280 sections 4.1 and 4.2.
 */
import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import net from "node:net";
import * as x509 from "@peculiar/x509";
import { Secret } from "#protocols/wire/secret.ts";
import type { KeyPair } from "#src/config/config.ts";

/** When a certificate holds. `issue*` starts it five minutes before, for clocks that disagree. */
export interface Lifetime {
  readonly from: Date;
  readonly until: Date;
}

/** RSA (3072 bits) is for clients that cannot do ECDSA. */
export type KeyKind = "ecdsa" | "rsa";

export interface ServerNames {
  /** Host names and addresses that clients connect to; the first is the subject's common name too. */
  readonly hosts: readonly [string, ...string[]];
  readonly lifetime: Lifetime;
  readonly key?: KeyKind;
}

export interface ClientNames {
  readonly commonName: string;
  /** Organisational units: what `identity.certificates.groups: ou` reads. */
  readonly units?: readonly string[];
  readonly uris?: readonly string[];
  readonly emails?: readonly string[];
  readonly hosts?: readonly string[];
  readonly lifetime: Lifetime;
  readonly key?: KeyKind;
}

const CLOCK_ALLOWANCE_MS = 5 * 60_000;
const { subtle } = webcrypto;

/** A self-signed authority that may sign leaves only. `name` becomes its common name. */
export async function issueCa(name: string, lifetime: Lifetime): Promise<KeyPair> {
  const keys = await generateKeys("ecdsa");
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: commonNameOnly(name),
    serialNumber: serialNumber(),
    ...validity(lifetime),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pair(certificate, keys.privateKey);
}

/** A leaf for TLS servers. The returned chain is the leaf alone: clients have the authority. */
export function issueServer(ca: KeyPair, names: ServerNames): Promise<KeyPair> {
  const { serverAuth } = x509.ExtendedKeyUsage;
  const [commonName] = names.hosts;
  return issueLeaf(ca, {
    ...names,
    subject: commonNameOnly(commonName),
    alternatives: hostNames(names.hosts),
    usage: serverAuth,
  });
}

/** A leaf for TLS clients, whose names `identity.certificates` can read. */
export function issueClient(ca: KeyPair, names: ClientNames): Promise<KeyPair> {
  const units = (names.units ?? []).map((unit) => ({ OU: [{ utf8String: unit }] }));
  const alternatives: x509.JsonGeneralName[] = [
    ...(names.uris ?? []).map((value) => ({ type: "url" as const, value })),
    ...(names.emails ?? []).map((value) => ({ type: "email" as const, value })),
    ...hostNames(names.hosts ?? []),
  ];
  const subject = new x509.Name([...units, { CN: [{ utf8String: names.commonName }] }]);
  return issueLeaf(ca, { ...names, subject, alternatives, usage: x509.ExtendedKeyUsage.clientAuth });
}

interface Leaf {
  readonly subject: x509.Name;
  readonly alternatives: x509.JsonGeneralName[];
  readonly usage: x509.ExtendedKeyUsage;
  readonly lifetime: Lifetime;
  readonly key?: KeyKind;
}

async function issueLeaf(ca: KeyPair, leaf: Leaf): Promise<KeyPair> {
  const keys = await generateKeys(leaf.key ?? "ecdsa");
  const issuer = new x509.X509Certificate(ca.cert);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: leaf.subject,
    issuer: issuer.subjectName,
    ...validity(leaf.lifetime),
    publicKey: keys.publicKey,
    signingKey: await importKey(ca.key),
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([leaf.usage]),
      ...(leaf.alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(leaf.alternatives)] : []),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return pair(certificate, keys.privateKey);
}

function commonNameOnly(name: string): x509.Name {
  return new x509.Name([{ CN: [{ utf8String: name }] }]);
}

const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;

function hostNames(hosts: readonly string[]): x509.JsonGeneralName[] {
  return hosts.map((value) => ({ type: net.isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }));
}

function validity(lifetime: Lifetime): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(lifetime.from.getTime() - CLOCK_ALLOWANCE_MS), notAfter: lifetime.until };
}

/** RFC 5280 section 4.1.2.2: positive, at most 20 bytes; 16 random ones here. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}

function generateKeys(kind: KeyKind): Promise<webcrypto.CryptoKeyPair> {
  return kind === "ecdsa"
    ? subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])
    : subtle.generateKey(
        { name: "RSASSA-PKCS1-v1_5", modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
        true,
        ["sign", "verify"],
      );
}

async function importKey(key: Secret<string>): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(key.expose());
  return subtle.importKey("pkcs8", der, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
}

async function pair(certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<KeyPair> {
  const der = await subtle.exportKey("pkcs8", key);
  return { cert: `${certificate.toString("pem")}\n`, key: new Secret(`${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`) };
}
