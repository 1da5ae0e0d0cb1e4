/**
 * A principal from a client certificate whose chain the TLS layer has verified. The name must stand in exactly one
 * place: a certificate that offers two is refused rather than read one way or the other. RFC 5280 section 4.2.1.6.
 */
import "reflect-metadata";
import { X509Certificate as PlatformCertificate } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { Fault } from "#protocols/wire/fault.ts";
import type { CertificateIdentity } from "#src/config/config.ts";
import { isName } from "./claims.ts";
import type { Proof } from "./proof.ts";
import { proved } from "./proved.ts";

const ALTERNATIVE_NAMES = { "san-uri": "url", "san-dns": "dns", "san-email": "email" } as const;

/**
 * @param der The leaf, verified against `tls.clientCertificates.ca` in the handshake.
 * @throws Fault `identity-refused` when it names nobody, or more than one; `identity-expired`
 */
export function proveCertificate(der: Buffer, config: CertificateIdentity, nowMs: number): Proof {
  const certificate = parse(der);
  const validity = new PlatformCertificate(der);
  if (validity.validToDate.getTime() <= nowMs) {
    throw new Fault("identity-expired", "client certificate has expired", { hint: "renew the certificate" });
  }
  const principal = {
    issuer: certificate.issuer,
    name: readName(certificate, config.name),
    groups: config.groups === "ou" ? readUnits(certificate) : [],
    actor: null,
  };
  return proved(principal, "client-certificate", validity.validToDate.getTime());
}

function parse(der: Buffer): x509.X509Certificate {
  try {
    return new x509.X509Certificate(der);
  } catch {
    // OpenSSL took it a moment ago, so this is a certificate on which two readers disagree.
    throw refused("client certificate cannot be read");
  }
}

function readName(certificate: x509.X509Certificate, source: CertificateIdentity["name"]): string {
  const names = source === "subject-cn" ? certificate.subjectName.getField("CN") : alternativeNames(certificate, ALTERNATIVE_NAMES[source]);
  const [name] = names;
  if (names.length !== 1 || !isName(name)) {
    throw refused(`client certificate does not have exactly one usable ${source} name`);
  }
  return name;
}

function alternativeNames(certificate: x509.X509Certificate, type: x509.GeneralNameType): string[] {
  const extensions = certificate.getExtensions(x509.SubjectAlternativeNameExtension);
  return extensions.flatMap((extension) => extension.names.items.filter((name) => name.type === type).map((name) => name.value));
}

function readUnits(certificate: x509.X509Certificate): readonly string[] {
  const units = certificate.subjectName.getField("OU");
  if (!units.every(isName)) {
    throw refused("client certificate has an organisational unit that is not a usable name");
  }
  return units;
}

function refused(message: string): Fault {
  return new Fault("identity-refused", message);
}
