// TypeORM over mysql2: what its query runner reads of a schema, what synchronising would change, and repositories at work.
import { end, load, login, ssl, told } from "#test/masking/clients/cases.mjs";

const { DataSource, EntitySchema, In, Not } = load("typeorm");
const number = { type: "int" };
const Customer = new EntitySchema({
  name: "Customer",
  tableName: "customers",
  columns: {
    id: { ...number, primary: true, generated: true },
    name: { type: "varchar", length: 60 },
    country: { type: "char", length: 2, default: "NO" },
    joined: { type: "date" },
    email: { type: "varchar", length: 60, nullable: true },
    profile: { type: "json", nullable: true },
    balance: { type: "decimal", precision: 12, scale: 2 },
  },
  relations: { orders: { type: "one-to-many", target: "Order", inverseSide: "customer" } },
});
const Order = new EntitySchema({
  name: "Order",
  tableName: "orders",
  columns: {
    id: { ...number, primary: true, generated: true },
    status: { type: "varchar", length: 20 },
    total: { type: "decimal", precision: 12, scale: 2 },
    placed: { type: "datetime", precision: 3 },
  },
  relations: { customer: { type: "many-to-one", target: "Customer", joinColumn: { name: "customer" }, inverseSide: "orders" } },
});
const Author = new EntitySchema({
  name: "Author",
  tableName: "authors",
  columns: { id: { ...number, primary: true, generated: true }, name: { type: "varchar", length: 60 }, posts: { ...number, default: 0 } },
});
const source = new DataSource({
  type: "mysql",
  connectorPackage: "mysql2",
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
// The server lists columns in an order of its own.
const described = (table) => ({
  name: table.name,
  indices: table.indices.map((index) => [index.name, index.columnNames, index.isUnique]),
  foreignKeys: table.foreignKeys.map((key) => [key.name, key.columnNames, key.referencedTableName, key.onDelete]),
  columns: [...table.columns]
    .sort(byName)
    .map((column) => [
      column.name,
      column.type,
      column.length,
      column.isNullable,
      column.default,
      column.isPrimary,
      column.isGenerated,
      column.isUnique,
      column.enum,
      column.comment,
      column.asExpression,
    ]),
});
await told("tables", async () => (await runner.getTables()).sort(byName).map(described));
await told("tables by name", async () => (await runner.getTables(["customers", "orders", "books"])).sort(byName).map(described));
await told("views", () => runner.getViews(["order_totals"]));
await told("has", async () => [
  await runner.hasTable("orders"),
  await runner.hasColumn("orders", "status"),
  await runner.hasDatabase(login.database),
  await runner.hasDatabase("nothing"),
]);
await told("current", () => runner.getCurrentDatabase());
await told("what synchronising would do", async () =>
  (await source.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query).sort(),
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
    .orderBy("o.status")
    .getRawMany(),
);
await told("saved", async () => {
  await authors.save([{ name: "one" }, { name: "two" }]);
  await authors.update({ name: "one" }, { posts: 7 });
  await authors.upsert({ id: 2, name: "upserted" }, ["id"]);
  await authors.increment({ id: 2 }, "posts", 3);
  await authors.delete({ name: "nobody" });
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
await told("locked", () =>
  source.transaction((manager) => manager.getRepository("Author").find({ order: { id: "ASC" }, lock: { mode: "pessimistic_write" } })),
);
await told("error", () => source.query("SELECT nothing FROM orders"));
await runner.release();
await source.destroy();
end();
