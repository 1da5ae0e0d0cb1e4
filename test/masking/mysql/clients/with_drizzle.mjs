// Drizzle over mysql2: queries over masked and open tables, prepared ones, relations, writes.
import { end, load, login, ssl, told } from "#test/masking/clients/cases.mjs";

const { drizzle } = load("drizzle-orm/mysql2");
const core = load("drizzle-orm/mysql-core");
const { asc, count, desc, eq, gt, relations, sql, sum } = load("drizzle-orm");
const customers = core.mysqlTable("customers", {
  id: core.int().primaryKey(),
  name: core.varchar({ length: 60 }),
  country: core.char({ length: 2 }),
  email: core.varchar({ length: 60 }),
  profile: core.json(),
  balance: core.decimal(),
});
const orders = core.mysqlTable("orders", {
  id: core.int().primaryKey(),
  customer: core.int(),
  status: core.varchar({ length: 20 }),
  total: core.decimal(),
});
const authors = core.mysqlTable("authors", {
  id: core.int().autoincrement().primaryKey(),
  name: core.varchar({ length: 60 }),
  posts: core.int().default(0),
});
const customersRelations = relations(customers, ({ many }) => ({ orders: many(orders) }));
const ordersRelations = relations(orders, ({ one }) => ({
  buyer: one(customers, { fields: [orders.customer], references: [customers.id] }),
}));
const mysql = load("mysql2/promise");
const pool = mysql.createPool({ ...login, ssl, connectionLimit: 2 });
const db = drizzle(pool, { schema: { customers, orders, customersRelations, ordersRelations }, mode: "planetscale" });
const lateral = drizzle(pool, { schema: { customers, orders, customersRelations, ordersRelations }, mode: "default" });
await told("masked rows", () => db.select().from(customers).orderBy(asc(customers.id)).limit(20));
for (const [name, one] of Object.entries({ "sub-selects": db, lateral })) {
  await told(`relational by ${name}`, () =>
    one.query.customers.findMany({
      with: { orders: { orderBy: (o) => asc(o.id) } },
      columns: { id: true, name: true },
      orderBy: (c) => asc(c.id),
      limit: 5,
    }),
  );
  await told(`relational back by ${name}`, () =>
    one.query.orders.findMany({ with: { buyer: { columns: { name: true, country: true } } }, orderBy: (o) => asc(o.id), limit: 5 }),
  );
}
await told("grouped", () =>
  db
    .select({ status: orders.status, n: count(), sum: sum(orders.total) })
    .from(orders)
    .groupBy(orders.status)
    .orderBy(desc(count()), orders.status),
);
await told("joined", () =>
  db
    .select({ name: customers.name, total: orders.total })
    .from(orders)
    .innerJoin(customers, eq(orders.customer, customers.id))
    .where(gt(orders.id, 390))
    .orderBy(orders.id),
);
const prepared = db
  .select({ name: customers.name })
  .from(customers)
  .where(eq(customers.id, sql.placeholder("id")))
  .prepare();
await told("prepared", async () => [await prepared.execute({ id: 3 }), await prepared.execute({ id: 4 })]);
await told("written", () =>
  db.transaction(async (tx) => {
    const made = await tx
      .insert(authors)
      .values([{ name: "one" }, { name: "two" }])
      .$returningId();
    await tx
      .insert(authors)
      .values({ id: 2, name: "upserted" })
      .onDuplicateKeyUpdate({ set: { name: "upserted" } });
    await tx
      .update(authors)
      .set({ posts: sql`${authors.posts} + 2` })
      .where(eq(authors.id, 1));
    await tx.delete(authors).where(eq(authors.name, "nobody"));
    return [...made, ...(await tx.select().from(authors).orderBy(authors.id))];
  }),
);
await pool.end();
end();
