/**
 * The two procedures that a wall's SQL makes, calls and drops again. The first looks whether what it stands on is its own, and takes
 * away what an earlier run left. The second is the proof: it takes everything back should the account reach more than it ought to.
 */
import type { MysqlFlavour } from "./catalogue.ts";
import { fullName } from "./masked-tables.ts";
import { quoteString } from "./quoting.ts";
import type { MaskedMysqlView, MysqlWallPlan } from "./wall.ts";
import { AGENT_HOST, agentOf, type MysqlWallNames, ownerOf } from "./wall-names.ts";
import { WALL_TABLE, type WallColumn, wallColumnComment, wallComment } from "./walls.ts";

/** Ends the body; it stands in no quotes. */
const END = "$$";

function called(plan: MysqlWallPlan, what: string, body: string, why: readonly string[]): string {
  const name = fullName({ database: plan.databases[0]?.name ?? "", name: what });
  return [
    ...why.map((line) => `-- ${line}`),
    `DROP PROCEDURE IF EXISTS ${name};`,
    `DELIMITER ${END}`,
    `CREATE PROCEDURE ${name}()\n${body}\n${END}`,
    "DELIMITER ;",
    `CALL ${name}();`,
    `DROP PROCEDURE ${name};`,
  ].join("\n");
}

const REFUSES = `  IF found IS NOT NULL THEN
    SET found = LEFT(found, 128);
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = found;
  END IF;`;

/** Where only a plain string may stand; the session's sql_mode and character set are those of the wall. */
function plainString(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/** Compared as the server stores them. */
function list(values: readonly string[]): string {
  return values.map(quoteString).join(", ");
}

/** Of columns that a table may have, fewer than any engine allows. */
const MARK_COLUMNS_MAX = 500;

/** The tables that say what a wall's database is. */
export function marksOf(views: readonly MaskedMysqlView[]): readonly { readonly name: string; readonly columns: readonly WallColumn[] }[] {
  const all = views.flatMap(({ table, masked }) => masked.map(({ column, rule }): WallColumn => ({ table: table.name, column, rule })));
  const count = Math.max(1, Math.ceil(all.length / MARK_COLUMNS_MAX));
  return Array.from({ length: count }, (_, index) => ({
    name: index === 0 ? WALL_TABLE : `${WALL_TABLE} ${index + 1}`,
    columns: all.slice(index * MARK_COLUMNS_MAX, (index + 1) * MARK_COLUMNS_MAX),
  }));
}

export function beginning(plan: MysqlWallPlan, flavour: MysqlFlavour, names: MysqlWallNames): string {
  const own = plan.databases.map(({ name }) => name);
  const made = plan.databases.flatMap(({ name, database, views }) => {
    const mark = plainString(wallComment({ user: names.account, host: AGENT_HOST, database }));
    return marksOf(views).map((table) => {
      const columns = table.columns.map((column, index) => `    c${index} tinyint COMMENT ${plainString(wallColumnComment(column))}`);
      const list = columns.length === 0 ? "    c0 tinyint" : columns.join(",\n");
      return `  CREATE TABLE ${fullName({ database: name, name: table.name })} (\n${list}) COMMENT ${mark};`;
    });
  });
  const foreign = plan.databases.map(({ name, database }) => {
    const mark = quoteString(wallComment({ user: names.account, host: AGENT_HOST, database }));
    return `    SELECT ${quoteString(name)} AS name FROM information_schema.tables WHERE table_schema = ${quoteString(name)}
      HAVING COUNT(*) > 0 AND SUM(table_name = ${quoteString(WALL_TABLE)} AND table_comment = ${mark}) = 0`;
  });
  const body = `BEGIN
  DECLARE found, dropped text;
  DECLARE done int DEFAULT FALSE;
  DECLARE earlier CURSOR FOR
    SELECT CONCAT(IF(table_type = 'VIEW', 'DROP VIEW ', 'DROP TABLE '),
                  '\`', REPLACE(table_schema, '\`', '\`\`'), '\`.\`', REPLACE(table_name, '\`', '\`\`'), '\`')
      FROM information_schema.tables
     WHERE table_schema IN (${list(own)}) AND (table_type = 'VIEW' OR table_name LIKE ${quoteString(`${WALL_TABLE}%`)})
     ORDER BY table_type = 'VIEW' DESC;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE;
  SELECT CONCAT('database ', GROUP_CONCAT(name SEPARATOR ', '), ' is there already, and is not of this wall: take another --schema')
    INTO found FROM (
${foreign.join("\n    UNION ALL\n")}
  ) AS others;
${REFUSES}
  SELECT CONCAT('accounts of the wall may hold no roles: revoke ', GROUP_CONCAT(held SEPARATOR ', ')) INTO found FROM (
${rolesOf(flavour, names)}
  ) AS roles;
${REFUSES}
  OPEN earlier;
  cleaning: LOOP
    FETCH earlier INTO dropped;
    IF done THEN LEAVE cleaning; END IF;
    SET @sallyport = dropped;
    PREPARE dropping FROM @sallyport;
    EXECUTE dropping;
    DEALLOCATE PREPARE dropping;
  END LOOP;
  CLOSE earlier;
${made.join("\n")}
END`;
  return called(plan, "sallyport wall begins", body, ["What it stands on: databases and accounts of its own. Views of an earlier run go."]);
}

/** Through a role an account has what nobody granted it here. */
function rolesOf(flavour: MysqlFlavour, { account, owner }: MysqlWallNames): string {
  const both = list([account, owner]);
  return flavour === "mysql"
    ? `    SELECT CONCAT(FROM_USER, '@', FROM_HOST) AS held FROM mysql.role_edges WHERE TO_USER IN (${both})
    UNION ALL SELECT @@GLOBAL.mandatory_roles FROM (SELECT 1) AS one WHERE @@GLOBAL.mandatory_roles <> ''`
    : `    SELECT Role AS held FROM mysql.roles_mapping WHERE User IN (${both})`;
}

/** Of the account itself, and of everybody: what is granted to the empty name (and on MariaDB to PUBLIC) holds for every account. */
export function proof(plan: MysqlWallPlan, flavour: MysqlFlavour, names: MysqlWallNames): string {
  const grantee = quoteString(`'${names.account}'@'${AGENT_HOST}'`);
  const pairs = (all: readonly { readonly database: string; readonly name: string }[]): string =>
    all.map(({ database, name }) => `(${list([database, name])})`).join(",\n      ");
  const readable = [
    ...plan.granted,
    ...plan.databases.flatMap(({ name, views }) => [
      ...marksOf(views).map((mark) => ({ database: name, name: mark.name })),
      ...views.map(({ table }) => ({ database: name, name: table.name })),
    ]),
  ];
  const closed = [...plan.databases.flatMap(({ views }) => views.map(({ table }) => table)), ...plan.withheld.map(({ table }) => table)];
  const protectedIn = [...new Set([...closed.map(({ database }) => database), ...plan.databases.map(({ name }) => name)])];
  const functions = plan.functions.map(({ database, name }) => ({ database, name }));
  const everybody = "(grantee LIKE '''''@%' OR grantee IN ('PUBLIC', '''PUBLIC''@''''', '''PUBLIC''@''%'''))";
  // Of a database, names are patterns: `_` and `%` stand for others unless a backslash is before them.
  const opens = protectedIn.map((name) => `${quoteString(name)} LIKE table_schema`).join(" OR ");
  const body = `BEGIN
  DECLARE found text;
  SELECT CONCAT('the wall would be open, and all is taken back: ', GROUP_CONCAT(what SEPARATOR ', ')) INTO found FROM (
    SELECT CONCAT(privilege_type, ' on everything') AS what FROM information_schema.user_privileges
     WHERE privilege_type <> 'USAGE' AND (grantee = ${grantee} OR ${everybody})
    UNION ALL
    SELECT CONCAT(privilege_type, ' on ', table_schema, IF(grantee = ${grantee}, '', ' for everybody')) FROM information_schema.schema_privileges
     WHERE grantee = ${grantee} OR (${everybody} AND (${opens}))
    UNION ALL
    SELECT CONCAT(privilege_type, ' on ', table_schema, '.', table_name) FROM information_schema.table_privileges
     WHERE (grantee = ${grantee} AND (privilege_type NOT IN ('SELECT', 'SHOW VIEW') OR (table_schema, table_name) NOT IN (
      ${pairs(readable)})))
        OR (${everybody} AND (table_schema, table_name) IN (
      ${pairs(closed)}))
    UNION ALL
    SELECT CONCAT(privilege_type, ' on ', table_schema, '.', table_name, '.', column_name) FROM information_schema.column_privileges
     WHERE (grantee = ${grantee} AND privilege_type <> 'REFERENCES') OR (${everybody} AND (table_schema, table_name) IN (
      ${pairs(closed)}))
    UNION ALL
    SELECT CONCAT('routine ', Db, '.', Routine_name) FROM mysql.procs_priv
     WHERE User IN (${list([names.account, "", "PUBLIC"])})${functions.length === 0 ? "" : ` AND (Db, Routine_name) NOT IN (${pairs(functions)})`}
    UNION ALL
    SELECT CONCAT('role ', held) FROM (
${rolesOf(flavour, names)}
    ) AS roles
  ) AS open;
  IF found IS NOT NULL THEN
    REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${agentOf(names)};
    REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${ownerOf(names)};
  END IF;
${REFUSES}
END`;
  return called(plan, "sallyport wall ends", body, ["The proof: whatever else the account could reach undoes all of the above."]);
}
