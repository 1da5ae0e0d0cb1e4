// TypeORM: what its query runner reads of a schema, what synchronising would change, and repositories at work.
import { end, load, login, ssl, told } from "./cases.mjs";

const { DataSource, EntitySchema, In, Not, TableColumn } = load("typeorm");
const number = { type: "int" };
const Customer = new EntitySchema({
  name: "Customer",
  tableName: "customers",
  columns: {
    id: { ...number, primary: true, generated: "identity", generatedIdentity: "ALWAYS" },
    name: { type: "text" },
    country: { type: "char", length: 2, default: "NO" },
    joined: { type: "date" },
    email: { type: "varchar", length: 60, nullable: true },
    balance: { type: "numeric" },
    tags: { type: "text", array: true },
  },
  relations: { orders: { type: "one-to-many", target: "Order", inverseSide: "customer" } },
});
const Order = new EntitySchema({
  name: "Order",
  tableName: "orders",
  columns: { id: { ...number, primary: true }, status: { type: "text" }, total: { type: "numeric" }, placed: { type: "timestamptz" } },
  relations: { customer: { type: "many-to-one", target: "Customer", joinColumn: { name: "customer" }, inverseSide: "orders" } },
});
const Author = new EntitySchema({
  name: "Author",
  tableName: "authors",
  schema: "scratch",
  columns: { id: { ...number, primary: true, generated: true }, name: { type: "text" }, email_count: { ...number, default: 0 } },
});
const source = new DataSource({
  type: "postgres",
  ...login,
  username: login.user,
  ssl,
  entities: [Customer, Order, Author],
  logging: false,
  poolSize: 2,
});
await source.initialize();
const runner = source.createQueryRunner();
const byName = (one, other) => (one.name < other.name ? -1 : 1);
const described = (table) => ({
  ...table,
  columns: table.columns.map(({ name, type, isNullable, default: value, isPrimary, isGenerated, enum: values }) => [
    name,
    type,
    isNullable,
    value,
    isPrimary,
    isGenerated,
    values,
  ]),
});
await told("tables", async () => (await runner.getTables()).sort(byName).map(described));
await told("tables by name", async () =>
  (await runner.getTables(["customers", "orders", "open.shelves", "open.boxes"])).sort(byName).map(described),
);
await told("views", () => runner.getViews(["order_totals"]));
await told("has", async () => [
  await runner.hasTable("orders"),
  await runner.hasColumn("orders", "status"),
  await runner.hasSchema("open"),
  await runner.hasDatabase("nothing"),
]);
await told("current", async () => [await runner.getCurrentSchema(), (await runner.getSchemas?.("shop").catch(() => [])) ?? []]);
await told("what synchronising would do", async () =>
  (await source.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query),
);
await told("pending migrations", () => source.showMigrations());
const customers = source.getRepository("Customer");
const orders = source.getRepository("Order");
const authors = source.getRepository("Author");
await told("masked rows", () => customers.find({ order: { id: "ASC" }, take: 20 }));
await told("relations", () =>
  customers.find({ relations: { orders: true }, where: { id: In([1, 2, 3]) }, order: { id: "ASC", orders: { id: "ASC" } } }),
);
await told("joined", () =>
  orders
    .createQueryBuilder("o")
    .leftJoinAndSelect("o.customer", "c")
    .where("c.country = :country", { country: "NO" })
    .orderBy("o.id")
    .take(5)
    .getMany(),
);
await told("counted", () => customers.findAndCount({ where: { country: Not("NO") }, order: { id: "DESC" }, skip: 3, take: 3 }));
await told("grouped", () =>
  orders
    .createQueryBuilder("o")
    .select("o.status", "status")
    .addSelect("SUM(o.total)", "sum")
    .groupBy("o.status")
    .orderBy("1")
    .getRawMany(),
);
await told("saved", async () => {
  const saved = await authors.save([{ name: "one" }, { name: "two" }]);
  await authors.update({ name: "one" }, { email_count: 7 });
  await authors.upsert({ id: 2, name: "upserted" }, ["id"]);
  await authors.increment({ id: 2 }, "email_count", 3);
  await authors.delete({ name: "nobody" });
  await authors.remove(saved.filter(({ name }) => name === "nobody"));
  return authors.find({ order: { id: "ASC" } });
});
await told("rolled back", async () => {
  await source
    .transaction("SERIALIZABLE", async (manager) => {
      await manager.insert("Author", { name: "gone" });
      throw Object.assign(new Error("on purpose"), { code: "on purpose" });
    })
    .catch(({ code }) => code);
  return authors.count();
});
await told("streamed", async () => customers.createQueryBuilder("c").select("c.id").orderBy("c.id").limit(3).getRawMany());
await told("column definition", () => new TableColumn({ name: "x", type: "int" }).type);
await told("error", () => source.query("SELECT nothing FROM orders"));
await runner.release();
await source.destroy();
end();
