/**
 * What the catalogue reader asks a MySQL or MariaDB server, all of `information_schema`; columns are named in lower case,
 * since MySQL 8 and newer tell their names in capitals.
 *
 * Source: MySQL manual, "INFORMATION_SCHEMA Tables"; MariaDB documentation, "Information Schema Tables".
 */
import type { MysqlFlavour, MysqlServer } from "#protocols/mysql/protocol.ts";

export const PLACE =
  "SELECT VERSION() AS version, @@lower_case_table_names AS folding, @@GLOBAL.sql_mode AS mode, CURRENT_USER() AS account";

const SERVERS_OWN = "('mysql', 'information_schema', 'performance_schema', 'sys')";

export function outside(column: string): string {
  return `LOWER(${column}) NOT IN ${SERVERS_OWN}`;
}

/** Some tables of the server's own have columns that are hidden under a mask: their names are asked for. */
const READ_IN_PART = "('columns', 'partitions', 'processlist', 'statistics', 'tables')";

function outsideOrInPart(database: string, table: string): string {
  return `(${outside(database)} OR (LOWER(${database}) = 'information_schema' AND LOWER(${table}) IN ${READ_IN_PART}))`;
}

export const DATABASES = "SELECT schema_name AS name FROM information_schema.schemata ORDER BY 1";

export const TABLES = `SELECT table_schema AS db, table_name AS name, table_type AS type, engine AS engine, table_comment AS comment
  FROM information_schema.tables WHERE ${outsideOrInPart("table_schema", "table_name")} ORDER BY 1, 2`;

/** Not part of the digest: they change with the rows. */
export const ESTIMATES = `SELECT table_schema AS db, table_name AS name, table_rows AS estimate
  FROM information_schema.tables WHERE ${outside("table_schema")} AND table_rows IS NOT NULL`;

export const COLUMNS = `SELECT table_schema AS db, table_name AS rel, column_name AS name, ordinal_position AS number, column_type AS type,
    data_type AS datatype, is_nullable AS nullable, character_set_name AS charset, collation_name AS coll,
    character_maximum_length AS characters, generation_expression AS generation, column_default AS dflt, extra AS extra, column_comment AS comment
  FROM information_schema.columns WHERE ${outsideOrInPart("table_schema", "table_name")} ORDER BY 1, 2, 4`;

export const VIEWS = `SELECT table_schema AS db, table_name AS rel, view_definition AS definition, security_type AS security, definer AS definer,
    check_option AS checking
  FROM information_schema.views WHERE ${outside("table_schema")}`;

export const REFERENCES = `SELECT k.table_schema AS db, k.table_name AS rel, k.constraint_name AS name, k.column_name AS col,
    k.referenced_table_schema AS todb, k.referenced_table_name AS torel, k.referenced_column_name AS tocol, r.delete_rule AS ondelete,
    r.update_rule AS onupdate
  FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
    ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
  WHERE k.referenced_table_name IS NOT NULL AND ${outside("k.table_schema")} ORDER BY 1, 2, 3, k.ordinal_position`;

export const TRIGGERS = `SELECT event_object_schema AS db, event_object_table AS rel, trigger_name AS name, event_manipulation AS event,
    action_statement AS body
  FROM information_schema.triggers WHERE ${outside("event_object_schema")} ORDER BY 1, 2, 3`;

export const PARTITIONS = `SELECT DISTINCT table_schema AS db, table_name AS rel, partition_expression AS expression, subpartition_expression AS sub
  FROM information_schema.partitions WHERE partition_name IS NOT NULL AND ${outside("table_schema")} ORDER BY 1, 2, 3, 4`;

export const ROUTINES = `SELECT routine_schema AS db, routine_name AS name, routine_type AS type, security_type AS security
  FROM information_schema.routines WHERE routine_type IN ('FUNCTION', 'PROCEDURE') AND ${outside("routine_schema")} ORDER BY 1, 2, 3`;

/** MariaDB has no indexes on expressions, and ignored ones since 10.6. */
export function indexes({ flavour, version }: MysqlServer): string {
  const hidden = flavour === "mysql" ? "is_visible = 'NO'" : version >= 100_600 ? "ignored = 'YES'" : "FALSE";
  return `SELECT table_schema AS db, table_name AS rel, index_name AS name, non_unique AS many, column_name AS col,
    ${flavour === "mysql" ? "expression" : "NULL"} AS expression,
    IF(${hidden}, 1, 0) AS hidden
  FROM information_schema.statistics WHERE ${outside("table_schema")} ORDER BY 1, 2, 3, seq_in_index`;
}

export function checks(flavour: MysqlFlavour): string {
  if (flavour === "mariadb") {
    return `SELECT constraint_schema AS db, table_name AS rel, check_clause AS clause
      FROM information_schema.check_constraints WHERE ${outside("constraint_schema")} ORDER BY 1, 2, constraint_name`;
  }
  return `SELECT t.table_schema AS db, t.table_name AS rel, c.check_clause AS clause
    FROM information_schema.check_constraints c JOIN information_schema.table_constraints t
      ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name AND t.constraint_type = 'CHECK'
    WHERE t.enforced = 'YES' AND ${outside("t.table_schema")} ORDER BY 1, 2, c.constraint_name`;
}

/** Everything that is read, but for what the server is. */
export function parts(server: MysqlServer): readonly string[] {
  return [DATABASES, TABLES, COLUMNS, VIEWS, REFERENCES, TRIGGERS, PARTITIONS, ROUTINES, indexes(server), checks(server.flavour)];
}

/** One row for each of the queries: how many rows it has, and 60 bits that change with any of them, whatever their order. */
export function digest(queries: readonly string[]): string {
  return queries.map(digestOf).join(" UNION ALL ");
}

function digestOf(query: string): string {
  const columns = [...query.slice(0, query.indexOf("FROM information_schema")).matchAll(/ AS (\w+)/g)].map(([, name = ""]) => name);
  // SHA2: MySQL 9 may come without MD5. With their lengths, so that NULL and the empty text differ, and none runs into the next.
  const values = columns.map((name) => `CHAR_LENGTH(q.${name}), IFNULL(CONVERT(q.${name} USING utf8mb4), '')`).join(", ");
  const bits = `CAST(CONV(LEFT(SHA2(CONCAT_WS('/', ${values}), 256), 15), 16, 10) AS UNSIGNED)`;
  return `SELECT CONCAT(COUNT(*), ':', IFNULL(BIT_XOR(${bits}), 0)) AS digest FROM (${query}) AS q`;
}
