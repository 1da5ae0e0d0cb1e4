/** A MySQL or MariaDB target as the commands look at it that ask the database itself, beside `target.ts`. */
import type { MysqlCatalogue } from "#protocols/mysql/protocol.ts";
import type { HandshakeRecord } from "#src/audit/records.ts";
import { readMysqlCatalogue } from "#src/catalogue/mysql-reader.ts";
import type { DatabaseTarget } from "#src/config/config.ts";
import { DEADLINES } from "#src/gateway/limits.ts";
import { Upstream } from "#src/gateway/upstream.ts";
import { MysqlTargetConnection } from "#src/targets/mysql-connection.ts";
import { Failure } from "./failure.ts";
import { unreachable, wordsOf } from "./target.ts";
import type { World } from "./world.ts";

/** @throws Failure `target-unreachable`, `catalogue-unreadable` */
export async function mysqlCatalogueOf(world: World, target: DatabaseTarget): Promise<MysqlCatalogue> {
  let handshake: HandshakeRecord | null = null;
  const record = (made: HandshakeRecord): void => {
    handshake = made;
  };
  const context = { sessionId: null, record, now: () => world.now() };
  let connection: MysqlTargetConnection;
  try {
    connection = await MysqlTargetConnection.open(new Upstream(target, DEADLINES.upstreamLoginMs), "sallyport", context);
  } catch (error) {
    throw unreachable(error, target, handshake);
  }
  try {
    return await readMysqlCatalogue((sql) => connection.query(sql));
  } catch (cause) {
    throw new Failure("catalogue-unreadable", `the catalogue of ${target.name} could not be read: ${wordsOf(cause)}`, { cause });
  } finally {
    connection.close();
  }
}
