// Knex over mysql2: what its schema builder asks, and queries that it builds.
import { end, load, login, ssl, told } from "#test/masking/clients/cases.mjs";

const knex = load("knex")({ client: "mysql2", connection: { ...login, ssl }, pool: { min: 0, max: 2 } });
// The server lists columns in an order of its own.
const sorted = (columns) => Object.entries(columns).sort();
await told("columns of masked rows", () => knex("customers").columnInfo().then(sorted));
await told("columns elsewhere", () => knex("books").columnInfo().then(sorted));
await told("has", async () => [
  await knex.schema.hasTable("orders"),
  await knex.schema.hasTable("nothing"),
  await knex.schema.hasColumn("orders", "status"),
  await knex.schema.hasColumn("orders", "nothing"),
]);
await told("pending migrations", () => knex.migrate.currentVersion());
await told("masked rows", () => knex("customers").orderBy("id").limit(20));
await told("joined", () =>
  knex("customers as c")
    .join("orders as o", "o.customer", "c.id")
    .where("c.country", "NO")
    .select("c.name", "o.id", "o.total")
    .orderBy("o.id")
    .limit(10),
);
await told("with", () =>
  knex
    .with("big", knex("orders").select("customer").sum("total as spent").groupBy("customer"))
    .from("big")
    .join("customers", "customers.id", "big.customer")
    .select("name", "spent")
    .orderBy([{ column: "spent", order: "desc" }, "name"])
    .limit(5),
);
await told("windowed", () => knex("orders").select("id").rowNumber("nr", "placed", "status").orderBy("id").limit(10));
await told("counted", () => knex("customers").countDistinct("country as n").first());
await told("json", () => knex("products").jsonExtract("attributes", "$.weight", "weight").orderBy("id").limit(4));
await told("union", () =>
  knex("tasks").select("id").where("state", "new").union(knex("tasks").select("id").where("points", 0)).orderBy("id"),
);
await told("written", () =>
  knex.transaction(async (trx) => {
    const [first] = await trx("authors").insert([{ name: "one" }, { name: "two" }]);
    await trx("authors")
      .insert({ id: first + 1, name: "merged" })
      .onConflict("id")
      .merge();
    await trx("authors").insert({ id: first, name: "ignored" }).onConflict("id").ignore();
    await trx("authors").where({ id: first }).increment("posts", 4);
    const deleted = await trx("authors").where({ name: "nobody" }).del();
    return [deleted, ...(await trx("authors").orderBy("id").forUpdate())];
  }),
);
await told("nested", () =>
  knex.transaction((trx) =>
    trx
      .transaction((inner) =>
        inner("authors")
          .insert({ name: "inner" })
          .then(() => inner.rollback(new Error("on purpose"))),
      )
      .catch(() => trx("authors").count("* as n")),
  ),
);
await told("isolated", () => knex.transaction((trx) => trx("tasks").max("id as last"), { isolationLevel: "repeatable read" }));
await told("batched", () =>
  knex.batchInsert(
    "authors",
    Array.from({ length: 50 }, (_, n) => ({ name: `batch ${n}` })),
    20,
  ),
);
await told("streamed", async () => {
  const ids = [];
  for await (const { id } of knex("orders").select("id").orderBy("id").limit(5).stream()) ids.push(id);
  return ids;
});
await told("raw", async () => (await knex.raw("SELECT ? + 1 AS n, ?? FROM customers WHERE id = ?", [4, "name", 7]))[0]);
await told("error", () => knex("orders").select("nothing"));
await told("made", () => knex.schema.createTable("made", (table) => table.increments()).then(() => knex.schema.dropTable("made")));
await knex.destroy();
end();
