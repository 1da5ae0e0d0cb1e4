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

/** Spoken with every client and target. Compression and LOCAL INFILE are not offered. */
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

const UNKNOWN: Face = { version: "8.4.0", capabilities: ALWAYS >>> 0, collation: UTF8MB4_COLLATION };

const seen = new WeakMap<Upstream, Greeting>();

export function noteGreeting(upstream: Upstream, greeting: Greeting): void {
  seen.set(upstream, greeting);
}

/** @param upstream undefined where clients may mean several */
export function faceOf(upstream: Upstream | undefined): Face {
  const greeting = upstream === undefined ? undefined : seen.get(upstream);
  if (greeting === undefined) return UNKNOWN;
  const { version, capabilities, collation } = greeting;
  return { version, capabilities: (ALWAYS | (capabilities & WHERE_KNOWN)) >>> 0, collation };
}
