/** A certificate authority for tests and the leaves it signs: issued by the same code as `init` and `demo` use. */
import type { KeyPair } from "#src/config/config.ts";
import { type ClientNames, issueCa, issueClient, issueServer, type KeyKind, type Lifetime } from "#src/tls/issue.ts";

export interface Authority {
  readonly pair: KeyPair;
  /** PEM of the authority itself. */
  readonly ca: string;
  server(hosts: readonly [string, ...string[]], options?: { readonly lifetime?: Lifetime; readonly key?: KeyKind }): Promise<KeyPair>;
  client(names: Omit<ClientNames, "lifetime"> & { readonly lifetime?: Lifetime }): Promise<KeyPair>;
}

const DAY_MS = 86_400_000;

/** From now for `days`; negative: over since that many days. */
export function lifetime(days = 7): Lifetime {
  const now = Date.now();
  return days > 0
    ? { from: new Date(now), until: new Date(now + days * DAY_MS) }
    : { from: new Date(now + (days - 7) * DAY_MS), until: new Date(now + days * DAY_MS) };
}

export async function makeAuthority(name = "Sallyport test CA"): Promise<Authority> {
  const pair = await issueCa(name, lifetime());
  return {
    pair,
    ca: pair.cert,
    server: (hosts, options = {}) => issueServer(pair, { hosts, lifetime: lifetime(), ...options }),
    client: (names) => issueClient(pair, { lifetime: lifetime(), ...names }),
  };
}
