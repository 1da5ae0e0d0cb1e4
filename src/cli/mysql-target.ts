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

/**
 * Dials, hands the connection over, and hangs up, however `use` ends. It is of no database, and reads only.
 *
 * @throws Failure `target-unreachable`, or whatever `use` throws
 */
export async function withMysqlTarget<Result>(
  world: World,
  target: DatabaseTarget,
  use: (connection: MysqlTargetConnection) => Promise<Result>,
): Promise<Result> {
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
    return await use(connection);
  } finally {
    connection.close();
  }
}

/** @throws Failure `catalogue-unreadable` */
export async function needMysqlCatalogue(connection: MysqlTargetConnection, { name }: DatabaseTarget): Promise<MysqlCatalogue> {
  try {
    return await readMysqlCatalogue((sql) => connection.query(sql));
  } catch (cause) {
    throw new Failure("catalogue-unreadable", `the catalogue of ${name} could not be read: ${wordsOf(cause)}`, { cause });
  }
}

/** @throws Failure `target-unreachable`, `catalogue-unreadable` */
export function mysqlCatalogueOf(world: World, target: DatabaseTarget): Promise<MysqlCatalogue> {
  return withMysqlTarget(world, target, (connection) => needMysqlCatalogue(connection, target));
}
