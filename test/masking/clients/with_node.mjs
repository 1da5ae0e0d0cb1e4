// Kysely, postgres.js and node-postgres with its cursor: introspection, types that are looked up, portals.
import { createRequire } from "node:module";
import { end, load, login, ssl, told } from "./cases.mjs";

const { Kysely, PostgresDialect, sql: template } = load("kysely");
const { Pool, Client } = load("pg");
const Cursor = load("pg-cursor");
const kysely = new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ ...login, ssl, max: 1 }) }) });
await told("kysely tables", () => kysely.introspection.getTables());
await told("kysely tables and its own", () => kysely.introspection.getTables({ withInternalKyselyTables: true }));
await told("kysely schemas", () => kysely.introspection.getSchemas());
await told("kysely masked rows", () => kysely.selectFrom("customers").selectAll().orderBy("id").limit(10).execute());
await told("kysely joined", () =>
  kysely
    .selectFrom("orders as o")
    .innerJoin("customers as c", "c.id", "o.customer")
    .select(["o.id", "c.name"])
    .where("c.country", "=", "SE")
    .orderBy("o.id")
    .limit(5)
    .execute(),
);
await told("kysely merge", () =>
  kysely.transaction().execute(async (trx) => {
    await trx.withSchema("scratch").insertInto("authors").values({ name: "kysely" }).execute();
    await trx.withSchema("scratch").updateTable("authors").set({ email_count: template`email_count + 1` }).execute();
    return trx.withSchema("scratch").selectFrom("authors").selectAll().execute();
  }),
);
await kysely.destroy();

const postgres = createRequire(import.meta.url)("postgres");
const sql = postgres({ ...login, username: login.user, ssl, max: 2, onnotice: () => undefined });
await told(
  "postgres.js types",
  () => sql`SELECT ${sql.array([1, 2])}::int[] AS a, ARRAY['glad']::feeling[] AS f, tags FROM customers WHERE id = 3`,
);
await told("postgres.js masked rows", () => sql`SELECT * FROM customers ORDER BY id LIMIT 10`);
await told("postgres.js described", async () =>
  (await sql`SELECT id, name, total FROM orders JOIN customers USING (id)`.describe()).columns.map(({ name, type }) => [name, type]),
);
await told("postgres.js cursor", async () => {
  const seen = [];
  for await (const rows of sql`SELECT id FROM orders ORDER BY id`.cursor(150)) seen.push(rows.length);
  return seen;
});
await told("postgres.js written", () =>
  sql.begin("isolation level serializable", async (tx) => {
    await tx`INSERT INTO scratch.authors ${tx([{ name: "a" }, { name: "b" }])}`;
    await tx
      .savepoint(async (point) => {
        await point`INSERT INTO scratch.authors (name) VALUES ('gone')`;
        throw new Error("on purpose");
      })
      .catch(() => undefined);
    return tx`UPDATE scratch.authors SET ${tx({ email_count: 5 })} WHERE name = 'b' RETURNING name, email_count`;
  }),
);
await told("postgres.js several", () => sql`SELECT 1 AS a; SELECT name FROM customers WHERE id = 5`.simple());
await told("postgres.js file of parameters", () => sql.unsafe("SELECT name FROM customers WHERE id = ANY($1) ORDER BY id", [[1, 2, 3]]));
await told("postgres.js error", () => sql`SELECT nothing FROM orders`);
await sql.end();

const client = new Client({ ...login, ssl });
await client.connect();
for (const binary of [false, true])
  await told(
    `pg masked rows ${binary ? "binary" : "text"}`,
    async () =>
      (
        await client.query({
          text: "SELECT id, name, email, balance, tags, joined FROM customers WHERE id < $1 ORDER BY id",
          values: [6],
          binary,
        })
      ).rows,
  );
await told(
  "pg named",
  async () =>
    [1, 2].map(() => 0) && [
      (await client.query({ name: "n", text: "SELECT name FROM customers WHERE id = $1", values: [1] })).rows,
      (await client.query({ name: "n", text: "SELECT name FROM customers WHERE id = $1", values: [2] })).rows,
    ],
);
await told("pg cursor", async () => {
  const cursor = client.query(new Cursor("SELECT id, name FROM customers WHERE id > $1 ORDER BY id", [100]));
  const parts = [await cursor.read(3), await cursor.read(2)];
  await cursor.close();
  return parts;
});
await told("pg several", async () =>
  (await client.query("BEGIN; SELECT 1 AS a; SELECT id FROM customers WHERE id = 4; COMMIT")).map(({ command, rows }) => [command, rows]),
);
await told("pg reset", async () => (await client.query("DISCARD ALL")).command);
await client.end();
end();
