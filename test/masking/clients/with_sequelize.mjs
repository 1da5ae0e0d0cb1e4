// Sequelize: its query interface's questions about the schema, and models at work.
import { end, load, login, ssl, told } from "./cases.mjs";

const { DataTypes, Op, QueryTypes, Sequelize, Transaction } = load("sequelize");
const sequelize = new Sequelize({
  dialect: "postgres",
  ...login,
  username: login.user,
  dialectOptions: { ssl },
  logging: false,
  define: { timestamps: false },
});
await told("authenticate", () => sequelize.authenticate());
await told("version", () => sequelize.databaseVersion());
const schema = sequelize.getQueryInterface();
await told("schemas", () => schema.showAllSchemas());
await told("tables", async () => (await schema.showAllTables()).map((table) => table.tableName ?? table).sort());
for (const table of ["customers", "orders", "items", "payments", "products", { tableName: "shelves", schema: "open" }]) {
  const name = table.tableName ?? table;
  await told(`description of ${name}`, () => schema.describeTable(table));
  await told(`indexes of ${name}`, () => schema.showIndex(table));
  await told(`constraints of ${name}`, () => schema.showConstraint(table));
  await told(`foreign keys of ${name}`, () => schema.getForeignKeyReferencesForTable(table));
}
const Customer = sequelize.define(
  "Customer",
  {
    id: { type: DataTypes.INTEGER, primaryKey: true },
    name: DataTypes.TEXT,
    country: DataTypes.CHAR(2),
    email: DataTypes.STRING,
    balance: DataTypes.DECIMAL,
    tags: DataTypes.ARRAY(DataTypes.TEXT),
    joined: DataTypes.DATEONLY,
  },
  { tableName: "customers" },
);
const Order = sequelize.define(
  "Order",
  { id: { type: DataTypes.INTEGER, primaryKey: true }, status: DataTypes.TEXT, total: DataTypes.DECIMAL, placed: DataTypes.DATE },
  { tableName: "orders" },
);
Customer.hasMany(Order, { foreignKey: "customer", as: "orders" });
Order.belongsTo(Customer, { foreignKey: "customer", as: "buyer" });
const Author = sequelize.define(
  "Author",
  {
    id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
    name: DataTypes.TEXT,
    email_count: { type: DataTypes.INTEGER, defaultValue: 0 },
  },
  { tableName: "authors", schema: "scratch" },
);
const rows = (list) => list.map((one) => one.get({ plain: true }));
await told("masked rows", async () => rows(await Customer.findAll({ order: ["id"], limit: 20 })));
await told("included", async () =>
  rows(
    await Customer.findAll({
      include: [{ model: Order, as: "orders" }],
      where: { id: { [Op.lte]: 3 } },
      order: ["id", ["orders", "id", "ASC"]],
    }),
  ),
);
await told("belongs to", async () =>
  rows(await Order.findAll({ include: [{ model: Customer, as: "buyer", attributes: ["name", "email"] }], order: ["id"], limit: 5 })),
);
await told("counted", () =>
  Customer.findAndCountAll({ where: { country: "NO", name: { [Op.iLike]: "%1%" } }, order: ["id"], limit: 3 }).then(
    ({ count, rows: some }) => [count, rows(some)],
  ),
);
await told("grouped", () =>
  Order.findAll({
    attributes: ["status", [sequelize.fn("SUM", sequelize.col("total")), "sum"]],
    group: ["status"],
    order: ["status"],
    raw: true,
  }),
);
await told("written", async () => {
  await Author.bulkCreate([{ name: "one" }, { name: "two" }]);
  await Author.upsert({ id: 2, name: "upserted" });
  await Author.update({ email_count: sequelize.literal("email_count + 5") }, { where: { name: "one" } });
  await Author.increment("email_count", { where: { name: "one" } });
  await Author.destroy({ where: { name: "nobody" } });
  return rows(await Author.findAll({ order: ["id"] }));
});
await told("rolled back", async () => {
  await sequelize
    .transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE }, async (transaction) => {
      await Author.create({ name: "gone" }, { transaction });
      throw new Error("on purpose");
    })
    .catch(() => undefined);
  return Author.count();
});
await told("find or create", async () => (await Author.findOrCreate({ where: { name: "three" } }))[1]);
await told("raw", () =>
  sequelize.query("SELECT id, name FROM customers WHERE id IN (:ids) ORDER BY id", {
    replacements: { ids: [1, 2] },
    type: QueryTypes.SELECT,
  }),
);
await told("bound", () => sequelize.query("SELECT id, name FROM customers WHERE id = $1", { bind: [3], type: QueryTypes.SELECT }));
await told("error", () => sequelize.query("SELECT nothing FROM orders"));
await sequelize.close();
end();
