/** Words that mutations put in: names of the seed's relations and columns, and forms into which an operand is wrapped. */
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { quoteIdentifier } from "#protocols/sql/postgres/quoting.ts";

export interface Vocabulary {
  /** As they are written in FROM. */
  readonly relations: readonly string[];
  /** Relations with masked columns, and views over them. */
  readonly masked: readonly string[];
  readonly columns: readonly string[];
  readonly maskedColumns: readonly string[];
  /** Those of one relation, by its name without a schema. */
  readonly maskedOf: ReadonlyMap<string, readonly string[]>;
}

const PLAIN = /^[a-z_][a-z0-9_]*$/;
const written = (name: string): string => (PLAIN.test(name) ? name : quoteIdentifier(name));
const CATALOGUE = ["pg_attribute", "pg_attrdef", "pg_class", "pg_stat_activity", "pg_type", "pg_cursors", "information_schema.columns"];

export function vocabularyOf({ catalogue, protection }: MaskingView): Vocabulary {
  const own = catalogue.relations.filter(({ schema }) => schema !== "pg_catalog" && schema !== "information_schema");
  const named = own.map((relation) => ({
    relation,
    name: relation.schema === "public" ? written(relation.name) : `${written(relation.schema)}.${written(relation.name)}`,
    masked: protection.columns.get(relation.oid),
  }));
  const maskedOf = new Map(
    named.map(({ relation, masked }) => [
      relation.name,
      relation.columns.filter(({ number }) => masked?.has(number) === true).map(({ name }) => written(name)),
    ]),
  );
  return {
    relations: [...named.map(({ name }) => name), ...CATALOGUE],
    masked: named.filter(({ masked, relation }) => masked !== undefined || relation.kind === "view").map(({ name }) => name),
    columns: [...new Set(named.flatMap(({ relation }) => relation.columns.map(({ name }) => written(name))))],
    maskedColumns: [...new Set([...maskedOf.values()].flat())],
    maskedOf,
  };
}

/** `@` stands for the operand. */
export const WRAPPINGS: readonly string[] = [
  ...["(@)", "@::text", "CAST(@ AS varchar(30))", "(@)::text::bytea", "to_jsonb(@)", "(@)::char(40)", "@::name", "(@)::varchar::text"],
  ...[
    "(SELECT @)",
    "(SELECT max(@))",
    "(VALUES (@))",
    "(ARRAY[@])[1]",
    "ARRAY[@]",
    "ROW(@, 1)",
    "ROW(@)::text",
    "(SELECT x FROM (SELECT @ AS x) s)",
  ],
  ...["ARRAY(SELECT @)", "(SELECT @ UNION ALL SELECT @ LIMIT 1)", "EXISTS (SELECT @)", "(SELECT l.x FROM LATERAL (SELECT @ AS x) l)"],
  ...[
    "(WITH w AS (SELECT @ AS x) SELECT x FROM w)",
    "(WITH users AS (SELECT @ AS ssn) SELECT ssn FROM users)",
    "(SELECT ssn FROM (VALUES (@)) users(ssn))",
  ],
  ...["coalesce(@, NULL)", "nullif(@, NULL)", "greatest(@, @)", "CASE WHEN true THEN @ END", "CASE @ WHEN NULL THEN NULL ELSE @ END"],
  ...["upper(@::text)", "reverse(@::text)", "md5(@::text)", "length(@::text)", "ascii(@::text)", "left(@::text, 5)", "right(@::text, 6)"],
  ...[
    "encode((@)::text::bytea, 'hex')",
    "encode(convert_to(@::text, 'UTF8'), 'base64')",
    "convert_to(@::text, 'UTF8')",
    "substr(@::text, 2, 5)",
  ],
  ...[
    "concat(@, '')",
    "format('%s', @)",
    "quote_literal(@)",
    "to_json(@)",
    "row_to_json(ROW(@))",
    "jsonb_build_object('k', @)",
    "pg_typeof(@)",
  ],
  ...[
    "@ || ''",
    "@ IS NULL",
    "@ IS DISTINCT FROM @",
    "(@) = (@)",
    "@::text LIKE '9%'",
    "@::text > '5'",
    '(@)::text COLLATE "C"',
    "hashtext(@::text)",
  ],
  ...[
    "max(@)",
    "min(@)",
    "array_agg(@)",
    "string_agg(@::text, ',')",
    "json_agg(@)",
    "first_value(@) OVER ()",
    "lag(@) OVER (ORDER BY 1)",
    "count(DISTINCT @)",
  ],
  ...[
    "mode() WITHIN GROUP (ORDER BY @)",
    "max(@) FILTER (WHERE true)",
    "rank() OVER (ORDER BY @)",
    "string_to_array(@::text, '-')",
    "pg_column_size(@)",
  ],
  ...[
    "xmlelement(name a, @)",
    "json_object('a': @)",
    "json_array(@)",
    "to_tsvector(@::text)",
    "translate(@::text, '0123456789', 'abcdefghij')",
  ],
  ...[
    "(@).id",
    "(@).ssn",
    "(@).*",
    "(to_jsonb(@) -> 'ssn')",
    "jsonb_populate_record(NULL::users, to_jsonb(@))",
    "unnest(ARRAY[@])",
    "regexp_split_to_table(@::text, '')",
  ],
  ...[
    "@::int",
    "@::numeric",
    "@::date",
    "1 / length(@::text)",
    "(@)::text::int",
    "('<' || @::text)::xml",
    "hstore('k', @::text)",
    "(@)::citext",
  ],
];

/** `@` stands for a whole query. */
export const QUERY_WRAPPINGS: readonly string[] = [
  ...[
    "SELECT * FROM (@) q",
    "SELECT q FROM (@) q",
    "SELECT q::text FROM (@) q",
    "SELECT to_jsonb(q) FROM (@) q",
    "SELECT q.* FROM (@) q",
    "(@)",
  ],
  ...[
    "WITH w AS (@) SELECT * FROM w",
    "WITH w AS MATERIALIZED (@) TABLE w",
    "WITH w AS NOT MATERIALIZED (@) SELECT w FROM w",
    "SELECT q.to_jsonb FROM (@) q",
  ],
  ...[
    "WITH users AS (@) SELECT * FROM users",
    "WITH RECURSIVE users AS (@) SELECT users FROM users",
    "WITH orders AS (@) SELECT o::text FROM orders o",
  ],
  ...[
    "SELECT l.* FROM users u, LATERAL (@) l",
    "SELECT u.id, l FROM users u LEFT JOIN LATERAL (@) l ON true",
    "SELECT count(*) FROM (@) q",
  ],
  ...[
    "SELECT ARRAY(SELECT q FROM (@) q)",
    "SELECT (SELECT q::text FROM (@) q LIMIT 1)",
    "SELECT EXISTS (@)",
    "SELECT * FROM users u NATURAL JOIN (@) q",
  ],
  ...[
    "COPY (@) TO STDOUT",
    "COPY (@) TO STDOUT (FORMAT csv, HEADER)",
    "COPY (@) TO STDOUT (FORMAT binary)",
    "DECLARE c CURSOR FOR @; FETCH ALL FROM c",
  ],
  ...[
    "DECLARE c BINARY CURSOR FOR @; FETCH 2 FROM c",
    "PREPARE p AS @; EXECUTE p",
    "EXPLAIN @",
    "EXPLAIN (COSTS off, FORMAT json) @",
    "CREATE TEMP TABLE kept AS @; TABLE kept",
  ],
  ...[
    "INSERT INTO inbox SELECT 1, q::text FROM (@) q RETURNING *",
    "UPDATE orders SET status = (SELECT q::text FROM (@) q LIMIT 1) WHERE id = 1 RETURNING *",
  ],
  ...[
    "MERGE INTO inbox i USING (@) q ON false WHEN NOT MATCHED THEN INSERT VALUES (1, q::text) RETURNING *",
    "SELECT string_agg(q::text, '|') FROM (@) q",
  ],
  ...[
    "WITH w AS (INSERT INTO inbox SELECT 1, q::text FROM (@) q RETURNING note) SELECT * FROM w",
    "SELECT DISTINCT q::text FROM (@) q ORDER BY 1",
  ],
  ...[
    "DELETE FROM orders WHERE status IN (SELECT q::text FROM (@) q) RETURNING id",
    "SELECT row_number() OVER (ORDER BY q::text), q FROM (@) q",
  ],
  ...[
    "SELECT json_agg(q), array_agg(q::text), max(q::text) FROM (@) q",
    "SELECT q.id, q.ssn FROM (@) q",
    "SELECT (q).* FROM (@) q",
    "SELECT j.* FROM (users CROSS JOIN (@) q) AS j",
  ],
];

/** `@` and `#` stand for two queries. */
export const SET_OPERATIONS: readonly string[] = [
  "SELECT a::text FROM (@) a UNION ALL SELECT b::text FROM (#) b",
  "SELECT to_jsonb(a) FROM (@) a UNION SELECT to_jsonb(b) FROM (#) b",
  "SELECT a::text FROM (@) a EXCEPT SELECT b::text FROM (#) b",
  "SELECT a::text FROM (@) a INTERSECT ALL SELECT b::text FROM (#) b",
  "(@) UNION ALL (#)",
  "(@) EXCEPT (#)",
  "SELECT * FROM (@) a, (#) b LIMIT 20",
  "SELECT a::text, (SELECT count(*) FROM (#) b WHERE b::text = a::text) FROM (@) a",
  "SELECT a FROM (@) a WHERE a::text IN (SELECT b::text FROM (#) b)",
  "WITH a AS (@), users AS (#) SELECT a::text FROM a UNION ALL SELECT users::text FROM users",
];

/** Put behind a text. */
export const CLAUSES: readonly string[] = [
  ...[
    " WHERE ssn LIKE '9%'",
    " WHERE email IS NOT NULL",
    " ORDER BY 1",
    " ORDER BY ssn",
    " GROUP BY ssn",
    " LIMIT 2",
    " OFFSET 1",
    " FOR UPDATE",
    " FETCH FIRST 1 ROW WITH TIES",
  ],
  ...[
    " RETURNING *",
    " RETURNING ssn",
    " RETURNING old.*, new.*",
    " UNION ALL TABLE users",
    " WINDOW w AS (ORDER BY ssn)",
    " HAVING max(ssn) > '5'",
    " TABLESAMPLE SYSTEM (100)",
  ],
  ...[
    "; SELECT ssn FROM users",
    "; TABLE inbox",
    " ON CONFLICT DO NOTHING",
    " AS users(id, ssn)",
    " u",
    " AS ssn",
    ", ssn",
    ", users u",
    " JOIN users USING (id)",
    " NATURAL JOIN users",
  ],
];
