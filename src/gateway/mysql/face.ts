/**
 * What a MySQL client is greeted with before it has said what it wants: the version and capabilities of the target where only
 * one can be meant, as it was seen last; else those that every server of today has.
 */
import { CAPABILITY, type Greeting, UTF8MB4_COLLATION } from "#protocols/mysql/protocol.ts";
import type { DatabaseTarget } from "#src/config/config.ts";

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

/** Of the MySQL that is in use most; every client knows what it can ask of it. */
const VERSION = "8.4.0";

/** By name and address, so that it outlives a reload; targets of one configuration are few, and so are configurations. */
const seen = new Map<string, Greeting>();

export function noteGreeting(target: DatabaseTarget, greeting: Greeting): void {
  seen.set(keyOf(target), greeting);
}

/**
 * @param target undefined where clients may mean several
 * @param own.version of the configuration; told where the target's is not known
 * @param own.localFiles some target allows LOAD DATA LOCAL
 */
export function faceOf(target: DatabaseTarget | undefined, own: { readonly version: string | null; readonly localFiles: boolean }): Face {
  const greeting = target === undefined ? undefined : seen.get(keyOf(target));
  const offered = own.localFiles ? ALWAYS | CAPABILITY.localFiles : ALWAYS;
  const known = (greeting?.capabilities ?? 0) & WHERE_KNOWN;
  const version = (greeting === undefined ? null : versionOf(greeting.version)) ?? own.version ?? VERSION;
  return { version, capabilities: (offered | known) >>> 0, collation: greeting?.collation ?? UTF8MB4_COLLATION };
}

function keyOf({ name, address }: DatabaseTarget): string {
  return `${name} ${address.host}:${address.port}`;
}

/**
 * Numbers and make, which clients decide by; not the build, which tells attackers of the system below. Servers of MariaDB up to
 * 10 have put 5.5.5 before their own version, for replicas that took a 10 for a 1.
 */
function versionOf(told: string): string | null {
  const [, before = "", numbers = null, make = ""] = /^(5\.5\.5-)?(\d{1,3}\.\d{1,3}\.\d{1,3})(-MariaDB)?/.exec(told) ?? [];
  return numbers === null ? null : `${before}${numbers}${make}`;
}
