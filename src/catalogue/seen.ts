/** A catalogue as the keeper reads it and hands it to the workers, of whichever kind of server. */
import type { MysqlCatalogue } from "#protocols/mysql/protocol.ts";
import type { Catalogue } from "#protocols/postgres/protocol.ts";

export type SeenCatalogue = Catalogue | MysqlCatalogue;

export function isMysqlCatalogue(catalogue: SeenCatalogue): catalogue is MysqlCatalogue {
  return "server" in catalogue;
}
