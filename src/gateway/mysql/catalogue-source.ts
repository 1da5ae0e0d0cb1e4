/** The catalogue of a MySQL or MariaDB server, all of its databases, for what keeps it newest. Its greeting is noted by the way. */
import type { MysqlCatalogue } from "#protocols/mysql/protocol.ts";
import { mysqlCatalogueDigest, readMysqlCatalogue, readMysqlEstimates, withMysqlEstimates } from "#src/catalogue/mysql-reader.ts";
import type { CatalogueSource } from "#src/catalogue/source.ts";
import type { Upstream, UpstreamContext } from "#src/gateway/upstream.ts";
import { MysqlTargetConnection } from "#src/targets/mysql-connection.ts";
import type { Greetings } from "./greetings.ts";

export interface MysqlSourceParts {
  readonly upstream: Upstream;
  readonly context: UpstreamContext;
  readonly greetings: Greetings;
  readonly examine: (connection: MysqlTargetConnection, catalogue: MysqlCatalogue) => Promise<void>;
}

export function mysqlSource({ upstream, context, greetings, examine }: MysqlSourceParts): CatalogueSource<MysqlCatalogue> {
  return {
    async open() {
      const connection = await MysqlTargetConnection.open(upstream, "sallyport catalogue reader", context);
      greetings.note(upstream.target, connection.greeting);
      const query = (sql: string) => connection.query(sql);
      return {
        socket: connection.socket,
        digest: () => mysqlCatalogueDigest(query),
        read: () => readMysqlCatalogue(query),
        estimated: async (seen) => withMysqlEstimates(seen, await readMysqlEstimates(query)),
        examine: (seen) => examine(connection, seen),
      };
    },
  };
}
