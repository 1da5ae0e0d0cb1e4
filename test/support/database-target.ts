/** A database target as the configuration would resolve it, for tests of what stands behind the configuration. */
import { Secret } from "#protocols/wire/secret.ts";
import type { DatabaseTarget } from "#src/config/config.ts";

/** A server that a test has started. */
export interface Running {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** PEM. */
  readonly ca: string;
}

/** Without limits, and verified as `localhost`. @param changes on top of that */
export function databaseTarget({ host, port, user, password, ca }: Running, changes: Partial<DatabaseTarget> = {}): DatabaseTarget {
  return {
    ...{ name: "t", protocol: "postgres", address: { host, port }, databases: ["postgres"] },
    tls: { ca, serverName: "localhost", pins: [], certificate: null, minVersion: "TLSv1.2" },
    credential: { user, password: new Secret(password), allowWeak: false },
    localFiles: false,
    limits: {
      statementTimeoutMs: null,
      rowsPerStatement: null,
      rowsPerSession: null,
      bytesPerSession: null,
      statementsPerSession: null,
      idleMs: null,
      sessionMs: null,
    },
    ...changes,
  };
}
