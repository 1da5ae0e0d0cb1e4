/** The certificate authorities of this machine, for peers whose authority the configuration does not name. */
import tls from "node:tls";

let known: readonly string[] | undefined;

/**
 * PEM certificates of the system's store and of NODE_EXTRA_CA_CERTS; those that Node brings along where the system
 * has none, as in small container images. Read once: the store of a running machine seldom changes.
 */
export function systemAuthorities(): string[] {
  known ??= readAuthorities();
  return [...known];
}

function readAuthorities(): string[] {
  const system = tls.getCACertificates("system");
  const base = system.length > 0 ? system : tls.getCACertificates("bundled");
  return [...new Set([...base, ...tls.getCACertificates("extra")])];
}
