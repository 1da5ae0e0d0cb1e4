/** The forms of PostgreSQL's SQL that mutations put in. */
import { quoteIdentifier } from "#protocols/sql/postgres/quoting.ts";
import type { Chance } from "./gate-chance.ts";
import type { Forms } from "./gate-forms.ts";
import { piecesOf } from "./gate-pieces.ts";
import { CLAUSES, QUERY_WRAPPINGS, SET_OPERATIONS, WRAPPINGS } from "./gate-vocabulary.ts";

export const POSTGRES_FORMS: Forms = {
  piecesOf,
  quote: quoteIdentifier,
  spelling,
  wrappings: WRAPPINGS,
  queryWrappings: QUERY_WRAPPINGS,
  setOperations: SET_OPERATIONS,
  clauses: CLAUSES,
  wholeRows: ["@", "@.*", "(@)", "@::text", "to_jsonb(@)", "@.to_jsonb", "(@).ssn", "(@).*", "ROW(@.*)::text", "@.ctid", "@.tableoid"],
  relations: [
    "ONLY @",
    "@ *",
    "(SELECT * FROM @) #",
    "(TABLE @) #",
    "LATERAL (SELECT * FROM @) #",
    "(@ CROSS JOIN @ #)",
    "public.@",
    "(VALUES (1, 'x')) @(id, ssn)",
  ],
  qualifiers: ["public", "users", "u", "postgres.public", "pg_catalog", "pg_temp", "old", "excluded"],
  comments: ["/**/", "/* /* ' */ */", "-- '\n", "/* users */ ", "\t\n", "--\r", "\f", "/*! ssn */"],
  literals: [
    "'9'",
    "''",
    "'***'",
    "0",
    "1",
    "-1",
    "NULL",
    "E'\\x39'",
    "U&'\\0039'",
    "$$9$$",
    "'x'\n'y'",
    "B'1'",
    "X'39'",
    "'ssn'",
    "'users'",
    "$1",
  ],
};

function spelling(name: string, chance: Chance): string {
  const first = (name.codePointAt(0) ?? 0).toString(16);
  switch (chance.below(5)) {
    case 0:
      return `"${name}"`;
    case 1:
      return `U&"\\${first.padStart(4, "0")}${name.slice(1)}"`;
    case 2:
      return `U&"!+${first.padStart(6, "0")}${name.slice(1)}" UESCAPE '!'`;
    case 3:
      return name.toUpperCase();
    default:
      return `"${name.toUpperCase()}"`;
  }
}
