// Drizzle: its kit reading the whole schema, and queries over masked and open tables by node-postgres.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { end, load, login, ssl, told } from "./cases.mjs";

const folder = mkdtempSync(join(tmpdir(), "drizzle-"));
try {
  symlinkSync(join(process.env.ORMS, "node_modules"), join(folder, "node_modules"));
  writeFileSync(
    join(folder, "drizzle.config.json"),
    JSON.stringify({
      dialect: "postgresql",
      out: "out",
      schemaFilter: ["public", "open"],
      dbCredentials: { ...login, ssl: { ca: ssl.ca } },
    }),
  );
  const kit = (...words) =>
    execFileSync(process.execPath, [join(folder, "node_modules/drizzle-kit/bin.cjs"), ...words, "--config", "drizzle.config.json"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
  await told("introspected", () => {
    kit("introspect");
    const wanted = readdirSync(join(folder, "out"))
      .filter((name) => /\.(sql|ts)$/.test(name))
      .sort();
    return wanted.map((name) => readFileSync(join(folder, "out", name), "utf8").split("\n"));
  });
} finally {
  rmSync(folder, { recursive: true });
}
const { drizzle } = load("drizzle-orm/node-postgres");
const core = load("drizzle-orm/pg-core");
const { asc, count, desc, eq, gt, relations, sql, sum } = load("drizzle-orm");
const customers = core.pgTable("customers", {
  id: core.integer().primaryKey(),
  name: core.text(),
  country: core.char({ length: 2 }),
  email: core.varchar({ length: 60 }),
  balance: core.numeric(),
  tags: core.text().array(),
});
const orders = core.pgTable("orders", {
  id: core.integer().primaryKey(),
  customer: core.integer(),
  status: core.text(),
  total: core.numeric(),
});
const authors = core
  .pgSchema("scratch")
  .table("authors", { id: core.serial().primaryKey(), name: core.text(), email_count: core.integer().default(0) });
const customersRelations = relations(customers, ({ many }) => ({ orders: many(orders) }));
const ordersRelations = relations(orders, ({ one }) => ({
  buyer: one(customers, { fields: [orders.customer], references: [customers.id] }),
}));
const { Pool } = load("pg");
const pool = new Pool({ ...login, ssl, max: 2 });
const db = drizzle(pool, { schema: { customers, orders, customersRelations, ordersRelations } });
await told("masked rows", () => db.select().from(customers).orderBy(asc(customers.id)).limit(20));
await told("relational", () =>
  db.query.customers.findMany({
    with: { orders: { orderBy: (o) => asc(o.id) } },
    columns: { id: true, name: true },
    orderBy: (c) => asc(c.id),
    limit: 5,
  }),
);
await told("relational, back", () =>
  db.query.orders.findMany({ with: { buyer: { columns: { name: true, country: true } } }, orderBy: (o) => asc(o.id), limit: 5 }),
);
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
  .prepare("one");
await told("prepared", async () => [await prepared.execute({ id: 3 }), await prepared.execute({ id: 4 })]);
await told("written", () =>
  db.transaction(async (tx) => {
    const made = await tx
      .insert(authors)
      .values([{ name: "one" }, { name: "two" }])
      .returning();
    await tx
      .insert(authors)
      .values({ id: 2, name: "upserted" })
      .onConflictDoUpdate({ target: authors.id, set: { name: "upserted" } });
    await tx
      .update(authors)
      .set({ email_count: sql`${authors.email_count} + 2` })
      .where(eq(authors.id, 1));
    await tx.delete(authors).where(eq(authors.name, "nobody"));
    return [...made, ...(await tx.select().from(authors).orderBy(authors.id))];
  }),
);
await pool.end();
end();
