/** The forms of MySQL's and MariaDB's SQL that mutations put in. */
import { quoteName } from "#protocols/sql/mysql/quoting.ts";
import type { Chance } from "./gate-chance.ts";
import type { Forms } from "./gate-forms.ts";
import { mysqlPieces } from "./mysql-pieces.ts";
import { MYSQL_CLAUSES, MYSQL_LITERALS, MYSQL_QUERY_WRAPPINGS, MYSQL_SET_OPERATIONS, MYSQL_WRAPPINGS } from "./mysql-vocabulary.ts";

export const MYSQL_FORMS: Forms = {
  piecesOf: mysqlPieces,
  quote: quoteName,
  spelling,
  wrappings: MYSQL_WRAPPINGS,
  queryWrappings: MYSQL_QUERY_WRAPPINGS,
  setOperations: MYSQL_SET_OPERATIONS,
  clauses: MYSQL_CLAUSES,
  literals: MYSQL_LITERALS,
  wholeRows: [
    "@.*",
    "@.ssn",
    "@.email",
    "(@.id, @.ssn)",
    "app.@.ssn",
    "shop.@.email",
    "`@`.`ssn`",
    "VALUES(ssn)",
    "DEFAULT(@.ssn)",
    "@.`id`",
  ],
  relations: [
    "(@)",
    "@ AS #",
    "@ USE INDEX (PRIMARY)",
    "@ IGNORE INDEX (PRIMARY) ",
    "@ FORCE INDEX FOR ORDER BY (PRIMARY)",
    "(SELECT * FROM @) #",
    "(SELECT * FROM @ LIMIT 2) AS #",
    "(TABLE @) #",
    "LATERAL (SELECT * FROM @) #",
    "(@ CROSS JOIN @ #)",
    "(@, @ #)",
    "(@ NATURAL JOIN @ #)",
    "app.@",
    "shop.@",
    "app.@ #",
    "(VALUES ROW(1, 'x')) # (id, ssn)",
    "(SELECT 1 AS id, 'x' AS ssn) #",
    "JSON_TABLE('[1]', '$[*]' COLUMNS (id INT PATH '$', ssn VARCHAR(20) PATH '$')) #",
    "@ PARTITION (p0)",
    "@ # FOR SYSTEM_TIME ALL",
    "{OJ @ # LEFT JOIN orders z ON z.id = #.id}",
  ],
  qualifiers: [
    "app",
    "shop",
    "users",
    "u",
    "app.users",
    "shop.users",
    "other",
    "information_schema",
    "mysql",
    "new",
    "old",
    "`app`",
    "APP",
  ],
  comments: [
    "/**/",
    "/* ' */",
    "-- '\n",
    "# users\n",
    "/*! */",
    "/*!50000 ",
    "*/",
    "/*!99999 , ssn */",
    "/*M! , ssn */",
    "/*+ NO_MERGE(u) */",
    "/*+ SET_VAR(sql_mode='') */",
    "/*+ SEMIJOIN(MATERIALIZATION) */",
    "\t\n",
    "\f",
    "\u00a0",
    ";",
  ],
};

function spelling(name: string, chance: Chance): string {
  switch (chance.below(7)) {
    case 0:
      return `\`${name}\``;
    case 1:
      return name.toUpperCase();
    case 2:
      return `\`${name.toUpperCase()}\``;
    case 3:
      return `"${name}"`;
    case 4:
      return name.replace("s", "\u017f");
    case 5:
      return `\`${name} \``;
    default:
      return `${name[0]?.toUpperCase() ?? ""}${name.slice(1)}`;
  }
}
