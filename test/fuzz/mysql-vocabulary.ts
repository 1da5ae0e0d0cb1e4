/** Words that mutations put into MySQL texts: names of the seed's tables and columns, and what an operand or a query is wrapped in. */
import type { MysqlMaskingView } from "#protocols/sql/mysql/protection.ts";
import { quoteName } from "#protocols/sql/mysql/quoting.ts";
import type { Vocabulary } from "./gate-vocabulary.ts";

const PLAIN = /^[a-z_][a-z0-9_]*$/i;
const written = (name: string): string => (PLAIN.test(name) ? name : quoteName(name));
const SERVERS = "tables columns statistics key_column_usage views schemata routines partitions table_constraints triggers"
  .split(" ")
  .map((name) => `information_schema.${name}`);

export function mysqlVocabulary({ catalogue, protection }: MysqlMaskingView): Vocabulary {
  const own = catalogue.tables.filter(({ database }) => database === "app" || database === "shop" || database === "other");
  const named = own.map((table) => ({
    table,
    name: table.database === "other" ? `other.${written(table.name)}` : written(table.name),
    masked: table.columns.filter(({ name }) => protection.columns.get(table)?.has(name) === true).map(({ name }) => written(name)),
  }));
  const maskedOf = new Map<string, readonly string[]>();
  for (const { table, masked } of named) maskedOf.set(table.name, [...new Set([...(maskedOf.get(table.name) ?? []), ...masked])]);
  return {
    relations: [...new Set(named.map(({ name }) => name)), ...SERVERS],
    masked: [...new Set(named.filter(({ masked, table }) => masked.length > 0 || table.kind === "view").map(({ name }) => name))],
    columns: [...new Set(named.flatMap(({ table }) => table.columns.map(({ name }) => written(name))))],
    maskedColumns: [...new Set([...maskedOf.values()].flat())],
    maskedOf,
  };
}

const list = (text: string): readonly string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** `@` stands for the operand. */
export const MYSQL_WRAPPINGS: readonly string[] = list(`
  (@)
  CAST(@ AS CHAR)
  CAST(@ AS BINARY)
  CAST(@ AS SIGNED)
  CAST(@ AS DECIMAL(12,2))
  CAST(@ AS DATE)
  CAST(@ AS JSON)
  CONVERT(@, CHAR(40))
  CONVERT(@ USING latin1)
  CONVERT(@ USING utf8mb4)
  BINARY @
  (@) COLLATE utf8mb4_bin
  (@) COLLATE utf8mb4_general_ci
  _utf8mb4'x'
  _binary'x'
  _latin1 x'39'
  (SELECT @)
  (SELECT MAX(@))
  (SELECT @ FROM DUAL)
  (SELECT @ UNION ALL SELECT @ LIMIT 1)
  EXISTS (SELECT @)
  EXISTS (SELECT 1 FROM users WHERE @)
  (SELECT x FROM (SELECT @ AS x) s)
  (SELECT s.x FROM (SELECT @ AS x LIMIT 1) s)
  (SELECT l.x FROM LATERAL (SELECT @ AS x) l)
  (WITH w AS (SELECT @ AS x) SELECT x FROM w)
  (WITH users AS (SELECT @ AS ssn) SELECT ssn FROM users)
  (VALUES ROW(@))
  (SELECT COUNT(*) FROM users WHERE @ = ssn)
  (SELECT MIN(id) FROM users u WHERE u.ssn > @)
  COALESCE(@, NULL)
  IFNULL(@, 'x')
  NULLIF(@, NULL)
  NULLIF(@, @)
  GREATEST(@, @)
  LEAST(@, 'x')
  CASE WHEN TRUE THEN @ END
  CASE @ WHEN NULL THEN NULL ELSE @ END
  CASE WHEN @ THEN 1 ELSE 2 END
  IF(@, 1, 2)
  IF(TRUE, @, NULL)
  ELT(1, @)
  FIELD(@, '9', @)
  INTERVAL(@, 1, 900000000)
  UPPER(@)
  REVERSE(@)
  MD5(@)
  SHA2(@, 256)
  CRC32(@)
  LENGTH(@)
  CHAR_LENGTH(@)
  BIT_LENGTH(@)
  ASCII(@)
  ORD(@)
  LEFT(@, 5)
  RIGHT(@, 6)
  SUBSTRING(@, 2, 5)
  SUBSTRING(@ FROM 2)
  SUBSTRING_INDEX(@, '-', 1)
  LOCATE('9', @)
  INSTR(@, '9')
  REPLACE(@, '-', '')
  TRIM(LEADING '9' FROM @)
  LPAD(@, 30, '-')
  QUOTE(@)
  HEX(@)
  UNHEX(HEX(@))
  TO_BASE64(@)
  SOUNDEX(@)
  WEIGHT_STRING(@)
  FORMAT(@, 2)
  CONCAT(@, '')
  CONCAT_WS(',', @, @)
  JSON_ARRAY(@)
  JSON_OBJECT('k', @)
  JSON_QUOTE(@)
  JSON_EXTRACT(@, '$.k')
  JSON_UNQUOTE(JSON_EXTRACT(@, '$.k'))
  JSON_VALID(@)
  JSON_LENGTH(@)
  JSON_CONTAINS(@, '1')
  JSON_SEARCH(@, 'one', '%')
  JSON_VALUE(@, '$.k')
  @->'$.k'
  @->>'$.k'
  @ MEMBER OF ('[1, 2]')
  @ IS NULL
  @ IS TRUE
  @ <=> @
  @ = @
  @ LIKE '9%'
  @ LIKE @
  @ REGEXP '^9'
  @ > '5'
  @ IN (@, '9')
  @ BETWEEN '0' AND '5'
  (@, 1) = (@, 1)
  (1, @) IN ((1, '9'))
  ROW(@, 1) < ROW('5', 1)
  NOT @
  -@
  ~@
  @ + 0
  @ * 1
  @ / 0
  @ DIV 1
  @ % 7
  @ & 1
  @ || ''
  @ XOR 1
  1 / LENGTH(@)
  EXP(@)
  POW(@, 9)
  ROUND(@, -1)
  CONV(@, 10, 2)
  BIT_COUNT(@)
  MAX(@)
  MIN(DISTINCT @)
  SUM(@)
  AVG(@)
  COUNT(@)
  COUNT(DISTINCT @)
  COUNT(DISTINCT @, id)
  BIT_OR(@)
  STD(@)
  GROUP_CONCAT(@)
  GROUP_CONCAT(DISTINCT @ ORDER BY @ DESC SEPARATOR '|')
  GROUP_CONCAT(id ORDER BY @)
  JSON_ARRAYAGG(@)
  JSON_OBJECTAGG(id, @)
  ANY_VALUE(@)
  FIRST_VALUE(@) OVER ()
  LAG(@) OVER (ORDER BY id)
  ROW_NUMBER() OVER (ORDER BY @)
  RANK() OVER (ORDER BY @ DESC)
  DENSE_RANK() OVER (ORDER BY @)
  NTILE(2) OVER (ORDER BY @)
  COUNT(*) OVER (PARTITION BY @)
  SUM(id) OVER (PARTITION BY @ ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
  SUM(id) OVER (ORDER BY @ RANGE BETWEEN 5 PRECEDING AND CURRENT ROW)
  NTH_VALUE(@, 2) OVER w
  CUME_DIST() OVER (ORDER BY @)
  GROUPING(@)
  YEAR(@)
  MONTH(@)
  DAYOFYEAR(@)
  DATE_FORMAT(@, '%Y-%m-%d')
  DATE_ADD(@, INTERVAL 1 DAY)
  @ + INTERVAL 1 MONTH
  @ - INTERVAL @ DAY
  EXTRACT(DAY FROM @)
  EXTRACT(HOUR_SECOND FROM @)
  TIMESTAMPDIFF(DAY, @, '2000-01-01')
  DATEDIFF(@, '2000-01-01')
  UNIX_TIMESTAMP(@)
  TO_DAYS(@)
  STR_TO_DATE(@, '%Y')
  MAKEDATE(2000, @)
  MATCH (bio) AGAINST (@)
  MATCH (@) AGAINST ('lives')
  @a := @
  LAST_INSERT_ID(@)
  order_total(@)
  plus_one(@)
  DEFAULT(@)
  VALUES(@)
  EXTRACTVALUE(@, '/a')
  UPDATEXML('<a/>', '/a', @)
  REGEXP_REPLACE(@, '9', 'x')
  REGEXP_SUBSTR(@, '[0-9]+')
  MAKE_SET(3, @, 'x')
  EXPORT_SET(5, @, 'n')
  CHAR(@ USING utf8mb4)
  INET_ATON(@)
  UUID_TO_BIN(@)
  COMPRESS(@)
  AES_ENCRYPT(@, 'k')
  NAME_CONST('ssn', @)
  NVL2(@, @, 'x')
  SLEEP(0 * @)
`);

/** `@` stands for a whole query. */
export const MYSQL_QUERY_WRAPPINGS: readonly string[] = list(`
  SELECT * FROM (@) q
  SELECT q.* FROM (@) AS q LIMIT 3
  SELECT COUNT(*) FROM (@) q
  (@)
  (@) LIMIT 2
  ((@) ORDER BY 1)
  WITH w AS (@) SELECT * FROM w
  WITH w AS (@), v AS (SELECT * FROM w) SELECT * FROM v, w
  WITH users AS (@) SELECT * FROM users
  WITH RECURSIVE r AS (@) SELECT * FROM r
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT COUNT(*) FROM (@) q)) SELECT i FROM n
  WITH orders AS (@) SELECT o.* FROM orders o
  SELECT l.* FROM users u, LATERAL (@) l
  SELECT u.id, l.* FROM users u LEFT JOIN LATERAL (@) l ON TRUE
  SELECT * FROM users u NATURAL JOIN (@) q
  SELECT * FROM users u JOIN (@) q USING (id)
  SELECT * FROM users u LEFT JOIN (@) q ON q.id = u.id WHERE q.id IS NULL
  SELECT EXISTS (@)
  SELECT (@)
  SELECT id FROM users WHERE id IN (@)
  SELECT id FROM users WHERE ssn IN (@)
  SELECT id FROM users WHERE id > ALL (@)
  SELECT id FROM users WHERE (id, name) IN (@)
  SELECT GROUP_CONCAT(q.id) FROM (@) q
  SELECT JSON_ARRAYAGG(q.ssn) FROM (@) q
  SELECT MAX(q.ssn), MIN(q.id) FROM (@) q
  SELECT q.id, q.ssn FROM (@) q
  SELECT DISTINCT q.* FROM (@) q ORDER BY 1
  SELECT q.ssn, COUNT(*) FROM (@) q GROUP BY q.ssn WITH ROLLUP
  SELECT ROW_NUMBER() OVER (ORDER BY q.ssn) AS n, q.* FROM (@) q
  INSERT INTO inbox @
  INSERT INTO inbox (id, note) SELECT 7, q.ssn FROM (@) q
  INSERT INTO inbox SELECT q.id + 100, q.name FROM (@) q ON DUPLICATE KEY UPDATE note = VALUES(note)
  INSERT IGNORE INTO inbox SELECT q.id, q.name FROM (@) q
  REPLACE INTO inbox SELECT q.id, q.name FROM (@) q
  UPDATE orders SET status = 'z' WHERE id IN (@)
  UPDATE inbox i, (@) q SET i.note = q.name WHERE i.id = q.id
  UPDATE users u JOIN (@) q ON q.id = u.id SET u.city = 'z'
  DELETE FROM orders WHERE user_id IN (@)
  DELETE o FROM orders o JOIN (@) q ON q.id = o.id
  EXPLAIN @
  EXPLAIN FORMAT=TREE @
  EXPLAIN FORMAT=JSON @
  DESCRIBE @
  CREATE TEMPORARY TABLE kept AS @; SELECT * FROM kept
  CREATE TEMPORARY TABLE kept @
  PREPARE p FROM '@'; EXECUTE p
  @; SHOW WARNINGS
  @; SELECT FOUND_ROWS(), ROW_COUNT(), LAST_INSERT_ID(), @@warning_count, @@error_count
  SELECT @; @
  DO (@)
  SET @v = (@); SELECT @v
  @ INTO @v
  @ FOR UPDATE
  @ LOCK IN SHARE MODE
  @ FOR SHARE SKIP LOCKED
`);

/** `@` and `#` stand for two queries. */
export const MYSQL_SET_OPERATIONS: readonly string[] = list(`
  @ UNION ALL #
  @ UNION #
  (@) UNION ALL (#) ORDER BY 1 LIMIT 5
  (@) EXCEPT (#)
  (@) INTERSECT (#)
  (@) EXCEPT ALL (#)
  SELECT * FROM (@) a, (#) b LIMIT 20
  SELECT * FROM (@) a NATURAL JOIN (#) b
  SELECT a.* FROM (@) a WHERE EXISTS (SELECT 1 FROM (#) b WHERE b.id = a.id)
  SELECT a.id FROM (@) a JOIN (#) b ON a.ssn = b.ssn
  WITH a AS (@), users AS (#) SELECT * FROM a, users
  @; #
`);

/** Put behind a text. */
export const MYSQL_CLAUSES: readonly string[] = [
  ...[
    " WHERE ssn LIKE '9%'",
    " WHERE email IS NOT NULL",
    " WHERE pin > 0",
    " ORDER BY 1",
    " ORDER BY ssn",
    " ORDER BY ssn IS NULL, id DESC",
  ],
  ...[" GROUP BY ssn", " GROUP BY pin WITH ROLLUP", " GROUP BY city HAVING MAX(ssn) > '5'", " HAVING ssn > '5'", " LIMIT 2", " LIMIT 1, 2"],
  ...[
    " OFFSET 1",
    " FOR UPDATE",
    " FOR UPDATE NOWAIT",
    " LOCK IN SHARE MODE",
    " RETURNING *",
    " RETURNING ssn",
    " RETURNING id, (SELECT 1)",
  ],
  ...[" UNION ALL TABLE users", " UNION SELECT ssn FROM users", " WINDOW w AS (ORDER BY ssn)", " WINDOW w AS (PARTITION BY pin)"],
  ...["; SELECT ssn FROM users", "; TABLE inbox", "; SHOW WARNINGS", "; SELECT ROW_COUNT()", "; SELECT LAST_INSERT_ID()", " INTO @v"],
  ...[" ON DUPLICATE KEY UPDATE note = 'z'", " ON DUPLICATE KEY UPDATE id = id", " ON DUPLICATE KEY UPDATE city = VALUES(city), ssn = ssn"],
  ...[
    " AS users (id, ssn)",
    " u",
    " AS ssn",
    ", ssn",
    ", users u",
    " JOIN users USING (id)",
    " NATURAL JOIN users",
    " LEFT JOIN users z ON z.id = 1",
  ],
  ...[
    " CROSS JOIN users z",
    " PROCEDURE ANALYSE()",
    " ORDER BY RAND()",
    " ORDER BY salary LIMIT 1",
    " ORDER BY id LIMIT 1",
    " WHERE id = 1",
  ],
  ...[" FETCH FIRST 1 ROW WITH TIES", " OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY", " LIMIT ROWS EXAMINED 10", " USE INDEX (by_ssn)"],
];

export const MYSQL_LITERALS: readonly string[] = [
  ...["'9'", "''", "'***'", "0", "1", "-1", "NULL", "TRUE", "'x' 'y'", '"9"', "'9\\'", "'it''s'", "N'9'", "_utf8mb4'9'", "_latin1'9'"],
  ...["_binary'9'", "x'39'", "0x39", "b'1'", "1e9", ".5", "9223372036854775808", "DATE '2000-01-01'", "TIMESTAMP '2000-01-01 00:00:00'"],
  ...["{d '2000-01-01'}", "'ssn'", "'users'", "?", "@a", "@v", "@@sql_mode", "DEFAULT", "'2000-01-01'", "'[1]'", "'$.k'", "INTERVAL 1 DAY"],
];
