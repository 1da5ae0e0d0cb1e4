/** Backslash commands of psql that describe what is there, with and without patterns, and some that run a query. */

const DESCRIBING = String.raw`
\d
\d+
\d customers
\d+ customers
\d staff
\d+ staff
\d products
\d+ products
\d orders
\d+ orders
\d items
\d payments
\d+ payments
\d visits
\d+ visits
\d visits_2024
\d+ visits_2024
\d order_totals
\d+ order_totals
\d+ open_orders
\d sales_by_day
\d+ sales_by_day
\d customers_joined
\d+ customers_joined
\d documents
\d open.*
\d+ open.*
\d open.shelves
\d+ open.shelves
\d open.base
\d+ open.derived
\d+ open.boxes
\d+ open.cache
\d far.remote
\d+ far.*
\d open.ticket
\d scratch.books
\d nowhere
\dS pg_class
\d pg_catalog.pg_attribute
\d *.shelves
\da
\da open.*
\daS sum
\dA
\dA+
\dAc
\dAc btree integer
\dAf
\dAf+ btree
\dAo
\dAo btree integer_ops
\dAp
\dAp+ hash text_ops
\db
\db+
\dc
\dcS utf8*
\dC
\dC+
\dconfig
\dconfig+ work_mem
\dconfig *mem*
\dd
\ddS
\dD
\dD+
\dD open.*
\ddp
\dE
\dE+
\des
\des+
\deu
\deu+
\dew
\dew+
\det
\det+
\df
\df+
\df open.*
\df+ open.twice
\dfa
\dfn
\dfp
\dft
\dfw
\dfS lower
\df twice integer
\df *.t*
\dF
\dF+
\dF+ open.*
\dFd
\dFd+
\dFp
\dFp+
\dFt
\dFt+
\dg
\dg+
\dgS
\di
\di+
\di open.*
\diS pg_class*
\dl
\dl+
\dL
\dL+
\dLS
\dm
\dm+
\dn
\dn+
\dnS
\do
\do open.*
\doS =
\doS+ = integer
\dO
\dO+
\dO open.*
\dp
\dp open.*
\dP
\dP+
\dPn
\dPti
\dPi+
\drds
\drds clerk
\drg
\dRp
\dRp+
\dRs
\dRs+
\ds
\ds+
\dt
\dt+
\dt open.*
\dt "open".*
\dt o*
\dt *.*
\dtvmsE
\dtS pg_t*
\dT
\dT+
\dT open.*
\dT+ open.*
\dTS int*
\du
\du+
\dv
\dv+
\dx
\dx+
\dx+ citext
\dX
\dX+
\dX open.*
\dy
\dy+
\l
\l+
\lo_list
\lo_list+
\sf open.twice
\sf+ open.touch
\sv order_totals
\sv+ open.light
\z
\z open.*
\z customers
\encoding
SELECT id, name, country FROM customers \gdesc
SELECT status, extract(year FROM placed)::int, count(*) FROM orders GROUP BY 1, 2 ORDER BY 1, 2 \crosstabview
SELECT 'SELECT count(*) FROM open.' || tablename FROM pg_tables WHERE schemaname = 'open' ORDER BY 1 \gexec
SELECT id AS found FROM orders WHERE id = 7 \gset
SELECT id, name, joined FROM customers ORDER BY id LIMIT 4 \gx
\copy customers (id, name, joined, tags, balance) to stdout
\copy customers (id, name, country) to stdout with (format csv, header, force_quote (name))
\copy (select id, upper(name), email is null from customers order by id) to stdout csv header
\copy nothing to stdout
COPY public.staff (name, team, hired) TO STDOUT WITH DELIMITER '|' NULL 'none';
\set FETCH_COUNT 7
SELECT id, name, tags FROM customers ORDER BY id LIMIT 30;
\unset FETCH_COUNT
BEGIN; DECLARE k SCROLL CURSOR FOR SELECT id, name FROM customers ORDER BY id; FETCH 2 FROM k; MOVE 5 IN k; FETCH PRIOR k; COMMIT;
PREPARE who (int) AS SELECT id, name, country FROM customers WHERE id = $1; EXECUTE who (3); EXECUTE who ('4'); DEALLOCATE who;
TRUNCATE nothing;
INSERT INTO nothing VALUES (1);
SELECT n.id FROM customers c JOIN nothing n USING (id);
`;

export const PSQL_COMMANDS: readonly string[] = DESCRIBING.trim().split("\n");

/** Each behind its name, on both streams. */
export function psqlScript(): string {
  const quoted = (text: string) => `'@@ ${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
  return PSQL_COMMANDS.map((command) => `\\echo ${quoted(command)}\n\\warn ${quoted(command)}\n${command}\n`).join("");
}
