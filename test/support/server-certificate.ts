/** A certificate authority and a server certificate for test database servers: PEM texts, made fresh each time. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

export interface ServerCertificate {
  /** The authority that a client should trust. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Valid for localhost and 127.0.0.1, ECDSA P-256, for seven days. */
export async function makeServerCertificate(): Promise<ServerCertificate> {
  const folder = await scratchFolder("certificate");
  const at = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  try {
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl("req", "-x509", ...newKey, "-keyout", at("ca.key"), "-out", at("ca.crt"), "-days", "7", "-subj", "/CN=Sallyport test CA");
    openssl("req", ...newKey, "-keyout", at("server.key"), "-out", at("server.csr"), "-subj", "/CN=localhost");
    writeFileSync(
      at("names"),
      "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:false\n",
    );
    openssl(
      ...["x509", "-req", "-in", at("server.csr"), "-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial"],
      ...["-days", "7", "-extfile", at("names"), "-out", at("server.crt")],
    );
    const read = (name: string) => readFileSync(at(name), "utf8");
    return { ca: read("ca.crt"), cert: read("server.crt"), key: read("server.key") };
  } finally {
    await removeFolder(folder);
  }
}
