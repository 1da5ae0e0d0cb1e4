/**
 * Channel binding data of type `tls-server-end-point`: the hash of the server's certificate, by the hash function of its
 * signature, or SHA-256 where that is MD5 or SHA-1 (RFC 5929, section 4.1).
 */
import "reflect-metadata";
import { createHash } from "node:crypto";
import type tls from "node:tls";
import { X509Certificate } from "@peculiar/x509";
import { peerChain } from "./certificates.ts";

const HASHES: Readonly<Record<string, string>> = { "SHA-1": "sha256", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512" };

/** @returns null for signature algorithms without one hash function (Ed25519): then it is not defined */
export function endPointHash(socket: tls.TLSSocket): Buffer | null {
  const raw = peerChain(socket)[0]?.raw;
  if (raw === undefined) return null;
  const algorithm: unknown = new X509Certificate(raw).signatureAlgorithm;
  const name = typeof algorithm === "object" && algorithm !== null && "hash" in algorithm ? nameOf(algorithm.hash) : undefined;
  const hash = name === undefined ? undefined : HASHES[name];
  return hash === undefined ? null : createHash(hash).update(raw).digest();
}

function nameOf(hash: unknown): string | undefined {
  if (typeof hash === "string") return hash;
  return typeof hash === "object" && hash !== null && "name" in hash && typeof hash.name === "string" ? hash.name : undefined;
}
