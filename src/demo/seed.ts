/** Fills a fresh PostgreSQL with the shop, and makes the one role that the gateway logs in as. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { Secret } from "#protocols/wire/secret.ts";
import type { EmbeddedPostgres } from "#src/demo/embedded.ts";
import { makeShop, type Row, type Shop } from "#src/demo/shop.ts";

export interface SeededDatabase {
  readonly name: "shop";
  /** What the gateway uses; agents never see it. */
  readonly user: "shop_gateway";
  readonly password: Secret<string>;
}

const DATABASE = "shop";
const USER = "shop_gateway";

const SCHEMA = `
  create table users (
    id integer primary key,
    name text not null,
    email text not null unique,
    ssn text not null unique,
    city text not null,
    created_at timestamptz not null
  );
  create table products (
    id integer primary key,
    name text not null,
    category text not null,
    price numeric(10,2) not null
  );
  create table orders (
    id integer primary key,
    user_id integer not null references users,
    status text not null,
    total numeric(10,2) not null,
    placed_at timestamptz not null
  );
  create index on orders (user_id);
  create table order_items (
    order_id integer not null references orders,
    product_id integer not null references products,
    quantity integer not null,
    price numeric(10,2) not null,
    primary key (order_id, product_id)
  );
  create table payments (
    id integer primary key,
    order_id integer not null references orders,
    card varchar(19) not null,
    amount numeric(10,2) not null,
    paid_at timestamptz not null
  );
  create index on payments (order_id);
  create view revenue_by_city as
    select u.city, count(*) as orders, sum(o.total) as revenue
    from orders o join users u on u.id = o.user_id
    where o.status not in ('cancelled', 'refunded')
    group by u.city;
`;

/** @throws Error from the server when a statement fails */
export async function seedShop(server: EmbeddedPostgres, ca: string): Promise<SeededDatabase> {
  const password = new Secret(randomBytes(18).toString("base64url"));
  const admin = await connect(server, ca, "postgres");
  try {
    await admin.query(`create role ${USER} login password ${pg.escapeLiteral(password.expose())} nosuperuser nocreatedb nocreaterole`);
    await admin.query(`create database ${DATABASE}`);
  } finally {
    await admin.end();
  }
  const client = await connect(server, ca, DATABASE);
  try {
    await client.query(SCHEMA);
    await fill(client, makeShop());
    await client.query(`grant select, insert, update, delete on all tables in schema public to ${USER}; analyze`);
  } finally {
    await client.end();
  }
  return { name: DATABASE, user: USER, password };
}

async function connect(server: EmbeddedPostgres, ca: string, database: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: "localhost",
    port: server.port,
    user: server.superuser.name,
    password: server.superuser.password.expose(),
    database,
    ssl: { ca, rejectUnauthorized: true, servername: "localhost" },
  });
  await client.connect();
  return client;
}

async function fill(client: pg.Client, shop: Shop): Promise<void> {
  const tables: readonly (readonly [table: string, rows: readonly Row[]])[] = [
    ["users", shop.users],
    ["products", shop.products],
    ["orders", shop.orders],
    ["order_items", shop.orderItems],
    ["payments", shop.payments],
  ];
  for (const [table, rows] of tables) {
    await client.query(`insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1)`, [JSON.stringify(rows)]);
  }
}
