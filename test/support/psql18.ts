/** The PostgreSQL 18 client, which Debian 12 does not have: direct TLS negotiation, protocol 3.2, `channel_binding=require`. */
import { join } from "node:path";
import { ROOT } from "#test/support/tree.ts";
import { type Unpacked, unpack } from "#test/support/unpacked.ts";

/** As `TEST_OPTIONAL` names it. */
export const CLIENT_18 = "psql18";

/** Fetched on first use, about 100 MB, and kept in the checkout's cache. @throws Error where it cannot be fetched */
export function postgresql18Client(): Unpacked {
  return unpack("sid", ["postgresql-client-18"], join(ROOT, ".cache", "postgresql-client-18"));
}
