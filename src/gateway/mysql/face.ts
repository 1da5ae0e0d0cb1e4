/**
 * What a MySQL client is greeted with before it has said what it wants: the version and capabilities of the target where only
 * one can be meant, as it was seen last; else those that every server of today has.
 */
import { CAPABILITY, type Greeting, UTF8MB4_COLLATION } from "#protocols/mysql/protocol.ts";
import type { Upstream } from "#src/gateway/upstream.ts";

export interface Face {
  readonly version: string;
  readonly capabilities: number;
  readonly collation: number;
}

/** Spoken with every client and target. Compression is not offered, LOCAL INFILE where a target allows it. */
const ALWAYS =
  CAPABILITY.longPassword |
  CAPABILITY.foundRows |
  CAPABILITY.longFlag |
  CAPABILITY.connectWithDatabase |
  CAPABILITY.odbc |
  CAPABILITY.ignoreSpace |
  CAPABILITY.protocol41 |
  CAPABILITY.interactive |
  CAPABILITY.ssl |
  CAPABILITY.ignoreSigpipe |
  CAPABILITY.transactions |
  CAPABILITY.reserved |
  CAPABILITY.secureConnection |
  CAPABILITY.multiStatements |
  CAPABILITY.multiResults |
  CAPABILITY.psMultiResults |
  CAPABILITY.pluginAuth |
  CAPABILITY.connectAttributes |
  CAPABILITY.pluginAuthLenencData |
  CAPABILITY.sessionTrack |
  CAPABILITY.deprecateEof;
/** Offered where the target has them. */
const WHERE_KNOWN = CAPABILITY.queryAttributes | CAPABILITY.optionalResultsetMetadata;

const UNKNOWN = { version: "8.4.0", collation: UTF8MB4_COLLATION } as const;

const seen = new WeakMap<Upstream, Greeting>();

export function noteGreeting(upstream: Upstream, greeting: Greeting): void {
  seen.set(upstream, greeting);
}

/**
 * @param upstream undefined where clients may mean several
 * @param localFiles some target allows LOAD DATA LOCAL
 */
export function faceOf(upstream: Upstream | undefined, localFiles: boolean): Face {
  const greeting = upstream === undefined ? undefined : seen.get(upstream);
  const own = localFiles ? ALWAYS | CAPABILITY.localFiles : ALWAYS;
  if (greeting === undefined) return { ...UNKNOWN, capabilities: own >>> 0 };
  const { version, capabilities, collation } = greeting;
  return { version, capabilities: (own | (capabilities & WHERE_KNOWN)) >>> 0, collation };
}
