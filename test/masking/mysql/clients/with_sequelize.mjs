// Sequelize over mysql2: its query interface's questions about the schema, and models at work.
import { end, load, login, ssl, told } from "#test/masking/clients/cases.mjs";

const { DataTypes, Op, QueryTypes, Sequelize, Transaction } = load("sequelize");
const sequelize = new Sequelize({
  dialect: "mysql",
  ...login,
  username: login.user,
  dialectOptions: { ssl },
  logging: false,
  define: { timestamps: false },
});
await told("authenticate", () => sequelize.authenticate());
await told("version", async () => (await sequelize.databaseVersion()).split(".")[0]);
const schema = sequelize.getQueryInterface();
await told("schemas", async () => (await schema.showAllSchemas()).map((one) => one.SCHEMA_NAME ?? one));
await told("tables", async () => (await schema.showAllTables()).map((table) => table.tableName ?? table).sort());
for (const table of ["customers", "orders", "items", "payments", "products", "books"]) {
  await told(`description of ${table}`, () => schema.describeTable(table));
  await told(`indexes of ${table}`, () => schema.showIndex(table));
  await told(`constraints of ${table}`, () => schema.showConstraint(table));
  await told(`foreign keys of ${table}`, () => schema.getForeignKeyReferencesForTable(table));
}
const number = { type: DataTypes.INTEGER, primaryKey: true };
const Customer = sequelize.define(
  "Customer",
  {
    id: number,
    name: DataTypes.STRING,
    country: DataTypes.CHAR(2),
    email: DataTypes.STRING,
    profile: DataTypes.JSON,
    balance: DataTypes.DECIMAL,
    joined: DataTypes.DATEONLY,
  },
  { tableName: "customers" },
);
const Order = sequelize.define(
  "Order",
  { id: number, status: DataTypes.STRING, total: DataTypes.DECIMAL, placed: DataTypes.DATE },
  { tableName: "orders" },
);
Customer.hasMany(Order, { foreignKey: "customer", as: "orders" });
Order.belongsTo(Customer, { foreignKey: "customer", as: "buyer" });
const Author = sequelize.define(
  "Author",
  { id: { ...number, autoIncrement: true }, name: DataTypes.STRING, posts: { type: DataTypes.INTEGER, defaultValue: 0 } },
  { tableName: "authors" },
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
await told(
  "included, limited",
  async () => rows(await Customer.findAll({ include: [{ model: Order, as: "orders" }], order: ["id"], limit: 2 })).length,
);
await told("belongs to", async () =>
  rows(await Order.findAll({ include: [{ model: Customer, as: "buyer", attributes: ["name", "email"] }], order: ["id"], limit: 5 })),
);
await told("counted", () =>
  Customer.findAndCountAll({ where: { country: "NO", name: { [Op.like]: "%1%" } }, order: ["id"], limit: 3 }).then(
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
  await Author.update({ posts: sequelize.literal("posts + 5") }, { where: { name: "one" } });
  await Author.increment("posts", { where: { name: "one" } });
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
await told("locked", () =>
  sequelize.transaction(async (transaction) => rows(await Author.findAll({ lock: true, transaction, order: ["id"] }))),
);
await told("raw", () =>
  sequelize.query("SELECT id, name FROM customers WHERE id IN (:ids) ORDER BY id", {
    replacements: { ids: [1, 2] },
    type: QueryTypes.SELECT,
  }),
);
await told("bound", () => sequelize.query("SELECT id, name FROM customers WHERE id = $1", { bind: [3], type: QueryTypes.SELECT }));
await told("error", () => sequelize.query("SELECT nothing FROM orders"));
await told("synchronised", () => Author.sync().then(() => "done"));
await sequelize.close();
end();
