/** Of each output column its name, as real servers tell it, straight and masked; and the columns of tables that it derives from. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";
import { type TracedMysql, traceMysqlColumns } from "#protocols/sql/mysql/trace.ts";
import type { TracedOrigin } from "#protocols/sql/traced.ts";
import { APP_BENIGN } from "#test/masking/mysql/app/benign.ts";
import { optional } from "#test/support/optional.ts";
import { type Scene, startScene } from "./scene.ts";

/** Behind SELECT, with `FROM users u` behind them. */
const ITEMS: readonly string[] = [
  ...["id", "ID", "`ID`", "(ssn)", "( ( u . Ssn ) )", "app.u.SSN", "ssn AS x", "ssn 'str'", 'ssn AS "dq"', "name n", "1 AS `A b`"],
  ...[
    "UPPER( ssn )",
    "upper( /* c */ name)",
    "id+1",
    "id  +  1",
    "(id+1)",
    "count(*)",
    "count( * )",
    "(select 1)",
    "(SELECT max(id) FROM orders)",
  ],
  ...[
    "1",
    "-1",
    "+1",
    "+ id",
    "1.50",
    "1e3",
    "(1)",
    "'abc'",
    "('a')",
    "'a' 'b'",
    "''",
    "' lead'",
    "'trail '",
    "'line\nbreak'",
    "'ü'",
    "N'nat'",
    "_utf8mb4'intro'",
  ],
  ...[
    "x'41'",
    "0x41",
    "b'1'",
    "null",
    "NULL",
    "true",
    "TRUE",
    "False",
    "not id",
    "@a",
    "@@sql_mode",
    "current_user",
    "current_user()",
    "now()",
    "current_date",
  ],
  ...[
    "exists (select 1)",
    "case when id then 1 end",
    "cast(id as char)",
    "date '2020-01-01'",
    "id in (1, 2)",
    "id IS NULL",
    "concat('a\\'b', ssn)",
    "concat('x''y')",
  ],
  ...[
    "id = 1 -- c\n",
    "row_number() over (order by id)",
    "json_extract('{}', '$')",
    `concat('${"z".repeat(300)}')`,
    "'𝒳' = name",
    "name COLLATE utf8mb4_bin",
  ],
];

const QUERIES: readonly string[] = [
  "SELECT * FROM orders",
  "SELECT *, 1, o.* FROM orders o",
  "SELECT * FROM all_users",
  "SELECT SSN, Id FROM all_users AS z",
  "SELECT Secret_Of FROM renamed",
  "SELECT ID, SSN FROM (SELECT id, ssn FROM users) AS d",
  "SELECT * FROM (SELECT upper(ssn), 1, 'x' FROM users) AS d",
  "SELECT `upper(ssn)` FROM (SELECT upper(ssn) FROM users) AS d",
  "WITH c AS (SELECT id, ssn FROM users) SELECT SSN, iD FROM c",
  "WITH c (A, B) AS (SELECT id, ssn FROM users) SELECT *, a FROM c",
  "SELECT id FROM users UNION SELECT total FROM orders",
  "(SELECT ID FROM users)",
  "SELECT u.*, p.card FROM orders u JOIN payments p USING (id)",
  "SELECT * FROM users u, orders o",
  ...["USING (id)", "USING (ID)"].flatMap((using) => [
    `SELECT * FROM users JOIN payments ${using}`,
    `SELECT *, 1 FROM users RIGHT JOIN payments ${using}`,
    `SELECT * FROM orders LEFT JOIN payments ${using} JOIN user_names ${using}`,
    `SELECT * FROM counters, orders o JOIN (payments p JOIN badges b ON b.id = p.id) ON o.id = p.id`,
    `SELECT * FROM counters, payments RIGHT JOIN (orders JOIN badges ${using}) ${using}`,
  ]),
  "SELECT * FROM users NATURAL JOIN orders",
  "SELECT * FROM orders NATURAL LEFT JOIN users",
  "SELECT * FROM orders NATURAL RIGHT JOIN payments",
  "SELECT * FROM orders NATURAL JOIN counters",
  "SELECT p.*, u.name FROM payments p NATURAL JOIN users u",
  "SELECT * FROM (SELECT id, total FROM orders) a JOIN (SELECT id, card FROM payments) b USING (id)",
];

const CASES: Readonly<Record<string, readonly string[] | null>> = {
  "SELECT id, ssn AS n FROM users": ["id is users.id", "n is users.ssn redact (masked)"],
  "SELECT id + salary AS x, (ssn) FROM users": ["x from users.id, users.salary null (masked)", "ssn is users.ssn redact (masked)"],
  "SELECT * FROM payments": ["id is payments.id", "order_id is payments.order_id", "card is payments.card keepLast (masked)"],
  "WITH c (a) AS (SELECT ssn FROM users) SELECT a, concat(a, 'x') AS b FROM c": [
    "a is users.ssn redact (masked)",
    "b from users.ssn redact (masked)",
  ],
  "SELECT name FROM users UNION SELECT status FROM orders": ["name from orders.status, users.name"],
  "SELECT ssn FROM users UNION SELECT ssn FROM users": ["ssn is users.ssn redact (masked)"],
  "SELECT count(*) AS n, 1 AS one FROM users": ["n from ", "one from "],
  // Through a view that has masked columns below, as it will run; others count as what they are called.
  "SELECT secret_of, number FROM renamed": ["secret_of is users.ssn redact (masked)", "number is users.id"],
  "SELECT n, least FROM counted": ["n from ", "least from users.ssn redact (masked)"],
  // A rule names the column of that view too.
  "SELECT * FROM both_ways": ["id from payments.id, users.id", "ssn is both_ways.ssn redact (masked)"],
  "SELECT total FROM open_orders": ["total is open_orders.total"],
  "WITH RECURSIVE c AS (SELECT id, ssn FROM users UNION ALL SELECT id + 1, ssn FROM c WHERE id < 9) SELECT * FROM c": [
    "id from users.id",
    "ssn is users.ssn redact (masked)",
  ],
  "SELECT EXISTS (SELECT * FROM payments) AS e": ["e from payments.card keepLast, payments.id, payments.order_id (masked)"],
  "SELECT nothing FROM users": ["nothing from  and more"],
  "SELECT * FROM payments JOIN user_names USING (id)": [
    ...["id is payments.id", "order_id is payments.order_id", "card is payments.card keepLast (masked)", "name is users.name"],
  ],
  "SELECT * FROM user_names NATURAL RIGHT JOIN payments": [
    ...["id is payments.id", "order_id is payments.order_id", "card is payments.card keepLast (masked)", "name is users.name"],
  ],
  "SELECT * FROM payments JOIN user_names USING (nothing)": null,
  "SELECT * FROM payments p JOIN user_names u JOIN orders o USING (id)": null,
  "SELECT * FROM payments p JOIN user_names u JOIN orders o USING (id) USING (id)": null,
  "SELECT * FROM nowhere": null,
  "VALUES ROW(1, 'x')": null,
  "UPDATE orders SET total = 1": [],
  "PREPARE s FROM 'SELECT ssn FROM users'": [],
  "EXECUTE IMMEDIATE 'SELECT ssn FROM users'": ["ssn is users.ssn redact (masked)"],
  "DEALLOCATE PREPARE s": [],
  "INSERT INTO orders (id, total, status) VALUES (1, 2, 'x') RETURNING id, upper(status)": [
    "id is orders.id",
    "upper(status) from orders.status",
  ],
};

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`trace of columns on ${flavour}`, { skip: flavour === "mysql9" ? optional("mysql9") : false }, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene(flavour);
    });
    after(() => scene.stop());

    function traced(sql: string, masked = true): TracedMysql | undefined {
      const { view } = scene;
      const [statement] = traceMysqlColumns(sql, {
        ...{ catalogue: view.catalogue, view: masked ? view : null, sqlMode: readSqlMode(""), database: "app", executes: null },
      });
      return statement;
    }

    /** MySQL puts the blank behind some words to the name. */
    const evened = (name: string): string => (flavour === "mysql9" ? name.replace(/ $/, "") : name);

    async function compare(sql: string): Promise<void> {
      const { columns } = await scene.run(sql);
      const told = columns.map(([name]) => evened(name));
      for (const masked of [true, false]) {
        const names = traced(sql, masked)?.outputs?.map(({ name }) => evened(name));
        assert.deepEqual(names, told, masked ? "under a mask" : "under none");
      }
    }

    for (const item of ITEMS) test(`SELECT ${item.slice(0, 60)} bears the server's name`, () => compare(`SELECT ${item} FROM users u`));
    for (const sql of QUERIES) test(`${sql} bears the server's names`, () => compare(sql));

    test("under a mask the names of honest queries are those that come with the rewritten text, and masked ones are those that count as masked", async () => {
      for (const sql of APP_BENIGN) {
        const statement = traced(sql);
        const form = scene.masked(sql);
        // Of the server's own tables nothing is known.
        if (statement?.outputs == null || form.kind !== "rewritten" || statement.outputs.some(({ vague }) => vague)) continue;
        const { columns } = await scene.run(form.text);
        assert.deepEqual(
          statement.outputs.map(({ name }) => evened(name)),
          columns.map(([name]) => evened(name)),
          sql,
        );
        if (form.outputMasked.length === 0) continue;
        assert.deepEqual(
          statement.outputs.map(({ masked }) => masked),
          form.outputMasked,
          sql,
        );
      }
    });

    const words = (origins: readonly TracedOrigin[]): string =>
      origins.map(({ table, column, mask }) => `${table}.${column}${mask === null ? "" : ` ${mask.kind}`}`).join(", ");

    for (const [sql, expected] of Object.entries(CASES)) {
      test(sql, () => {
        const outputs = traced(sql)?.outputs?.map(
          ({ name, origins, direct, masked, vague }) =>
            `${name} ${direct ? "is" : "from"} ${words(origins)}${vague ? " and more" : ""}${masked ? " (masked)" : ""}`,
        );
        assert.deepEqual(outputs ?? null, expected);
      });
    }

    test("what a statement refers to is told, in conditions and orders too; null where something is not found", () => {
      const reads = (sql: string): string | null => {
        const found = traced(sql)?.reads;
        return found == null ? null : words(found);
      };
      assert.equal(reads("SELECT 1 FROM users WHERE ssn = 'x' ORDER BY name"), "users.name, users.ssn redact");
      assert.equal(reads("SELECT 1 FROM orders o JOIN payments p USING (id)"), "orders.id, payments.id");
      assert.equal(
        reads("DELETE FROM orders WHERE user_id IN (SELECT id FROM users WHERE pin = 1)"),
        "orders.user_id, users.id, users.pin constant",
      );
      assert.equal(reads("PREPARE s FROM 'SELECT id FROM users WHERE ssn = ?'"), "users.id, users.ssn redact");
      assert.equal(reads("SELECT nothing FROM users"), null);
    });

    test("what is neither query nor write, or is not read here, is not traced", () => {
      for (const sql of ["SHOW TABLES", "SET @a = 1", "EXPLAIN SELECT 1", "SELECT 1 INTO @a", "SELECT (", "EXECUTE s", ""])
        assert.equal(traced(sql), undefined, sql);
      assert.deepEqual(
        traceMysqlColumns("SELECT 1; SHOW TABLES; SELECT id FROM users", {
          ...{ catalogue: scene.view.catalogue, view: null, sqlMode: readSqlMode(""), database: "app", executes: null },
        }).map((one) => one?.outputs?.length),
        [1, undefined, 1],
      );
    });
  });
}
