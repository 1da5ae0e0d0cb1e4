// Knex: what its schema builder asks, and queries that it builds.
import { end, load, login, ssl, told } from "./cases.mjs";

const knex = load("knex")({ client: "pg", connection: { ...login, ssl }, pool: { min: 0, max: 2 } });
await told("columns of masked rows", () => knex("customers").columnInfo());
await told("columns elsewhere", () => knex("shelves").withSchema("open").columnInfo());
await told("has", async () => [
  await knex.schema.hasTable("orders"),
  await knex.schema.hasTable("nothing"),
  await knex.schema.hasColumn("orders", "status"),
  await knex.schema.withSchema("open").hasTable("boxes"),
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
    .orderBy("spent", "desc")
    .limit(5),
);
await told("windowed", () => knex("orders").select("id").rowNumber("nr", "placed", "status").orderBy("id").limit(10));
await told("counted", () => knex("customers").countDistinct("country as n").first());
await told("json", () => knex("products").jsonExtract("attributes", "$.weight", "weight").orderBy("id").limit(4));
await told("written", () =>
  knex.transaction(async (trx) => {
    await trx("scratch.authors").insert([{ name: "one" }, { name: "two" }]);
    const merged = await trx("scratch.authors").insert({ id: 2, name: "merged" }).onConflict("id").merge().returning("*");
    await trx("scratch.authors").where({ id: 1 }).increment("email_count", 4);
    await trx("scratch.authors").where({ name: "nobody" }).del();
    return [...merged, ...(await trx("scratch.authors").orderBy("id").forUpdate())];
  }),
);
await told("nested", () =>
  knex.transaction((trx) =>
    trx
      .transaction((inner) =>
        inner("scratch.authors")
          .insert({ name: "inner" })
          .then(() => inner.rollback(new Error("on purpose"))),
      )
      .catch(() => trx("scratch.authors").count("* as n")),
  ),
);
await told("read only", () =>
  knex.transaction((trx) => trx.raw("SHOW transaction_read_only").then(({ rows }) => rows), {
    readOnly: true,
    isolationLevel: "repeatable read",
  }),
);
await told("batched", () =>
  knex
    .batchInsert(
      "scratch.authors",
      Array.from({ length: 50 }, (_, n) => ({ name: `batch ${n}` })),
      20,
    )
    .returning("id"),
);
await told("raw", async () => (await knex.raw("SELECT ?::int + 1 AS n, ?? FROM customers WHERE id = ?", [4, "name", 7])).rows);
await told("error", () => knex("orders").select("nothing"));
await knex.destroy();
end();
