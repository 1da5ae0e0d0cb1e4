/** The catalogue of one database of a PostgreSQL target, for what keeps it newest. */
import type { Catalogue } from "#protocols/postgres/protocol.ts";
import { catalogueDigest, readCatalogue, readEstimates, withEstimates } from "#src/catalogue/reader.ts";
import type { CatalogueSource } from "#src/catalogue/source.ts";
import type { Upstream, UpstreamContext } from "#src/gateway/upstream.ts";
import { TargetConnection } from "#src/targets/connection.ts";

export interface PostgresSourceParts {
  readonly upstream: Upstream;
  readonly database: string;
  readonly context: UpstreamContext;
  readonly examine: (connection: TargetConnection, catalogue: Catalogue) => Promise<void>;
}

/** Where an event trigger in the database may tell of changes as they are committed: docs/masking.md has its SQL. */
const CHANNEL = "sallyport_catalogue";

export function postgresSource({ examine, ...place }: PostgresSourceParts): CatalogueSource<Catalogue> {
  return {
    async open(onNotified) {
      const connection = await TargetConnection.open({ ...place, application: "sallyport catalogue reader" });
      const query = (sql: string) => connection.query(sql);
      // A standby takes no LISTEN; looks come once a second all the same.
      await connection.listen(CHANNEL, onNotified).catch(() => undefined);
      return {
        socket: connection.socket,
        digest: () => catalogueDigest(query),
        read: () => readCatalogue(query),
        estimated: async (seen) => withEstimates(seen, await readEstimates(query)),
        examine: (seen) => examine(connection, seen),
      };
    },
  };
}
