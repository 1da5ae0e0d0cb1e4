/**
 * What a MySQL client is greeted with before it has said what it wants: the version and capabilities of the target where only
 * one can be meant, as it was seen last; else those that every server of today has.
 */
import { CAPABILITY, UTF8MB4_COLLATION } from "#protocols/mysql/protocol.ts";
import type { SeenGreeting } from "./greetings.ts";

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

/** Of the MySQL that is in use most; every client knows what it can ask of it. */
const VERSION = "8.4.0";

/**
 * @param seen of the target; undefined where clients may mean several, or it was not reached yet
 * @param own.version of the configuration; told where the target's is not known
 * @param own.localFiles some target allows LOAD DATA LOCAL
 */
export function faceOf(seen: SeenGreeting | undefined, own: { readonly version: string | null; readonly localFiles: boolean }): Face {
  const offered = own.localFiles ? ALWAYS | CAPABILITY.localFiles : ALWAYS;
  return {
    version: seen?.version ?? own.version ?? VERSION,
    capabilities: (offered | (seen?.capabilities ?? 0)) >>> 0,
    collation: seen?.collation ?? UTF8MB4_COLLATION,
  };
}
