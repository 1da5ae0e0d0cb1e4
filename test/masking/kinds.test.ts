/**
 * Masked columns in statements other than a SELECT by itself, through a whole gateway on real servers: each answer is
 * compared with that to a principal under no mask, cell by cell outside the masked columns.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SYNC } from "#test/src/gateway/wire.ts";
import { SHOWN_MASKED } from "./benign.ts";
import { besideTheBoss, openCells } from "./beside.ts";
import { type Answer, Attacker, bindMessage, executeMessage, parseMessage, type Way } from "./client.ts";
import { copiedCells, copiedData } from "./copied.ts";
import { canaryIn } from "./search.ts";

const MASKED_CELL = "(masked)";
const WAYS: readonly Way[] = ["simple", "extended", "binary"];

besideTheBoss("kinds of statements under masks", (world) => {
  describe("COPY", () => {
    const columns = (table: string) =>
      world()
        .other.query<{ name: string }>(
          "SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND attgenerated = '' ORDER BY attnum",
          [table],
        )
        .then(({ rows }) => rows.map(({ name }) => name));
    const compared = async (sql: string, names: readonly string[], binary: boolean): Promise<void> => {
      const open = (rows: readonly (readonly (string | null)[])[]) =>
        rows.map((row) => row.map((cell, at) => (SHOWN_MASKED.has(names[at] ?? "") ? MASKED_CELL : cell)));
      for (const way of ["simple", "extended"] as const) {
        const [masked, bare] = await world().both(sql, way);
        assert.deepEqual([masked.tags, masked.completed], [bare.tags, bare.completed]);
        assert.deepEqual(open(copiedCells(masked.bytes, binary)), open(copiedCells(bare.bytes, binary)));
      }
    };

    for (const table of ["users", "payments", "people", '"Back Office"."User ""Data"""', "public.orders"]) {
      test(`of ${table} by its name sends the columns that COPY sends, masked`, async () => {
        const names = await columns(table);
        await compared(`COPY ${table} TO STDOUT`, names, false);
        await compared(`COPY ${table} TO STDOUT (FORMAT binary)`, names, true);
        const [masked, bare] = await world().both(`COPY ${table} TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE *)`);
        const header = (answer: Answer) => copiedData(answer.bytes).toString("utf8").split("\n")[0];
        assert.equal(header(masked), header(bare));
      });
    }

    test("with a list of columns, in its order, and options of before 9.0", async () => {
      const [masked] = await world().both("COPY public.users (ssn, id, \"name\", email) TO STDOUT WITH DELIMITER '|' NULL 'none'");
      assert.equal(copiedData(masked.bytes).toString(), "***|1|Marta|***@example.com\n***|2|Jonas|***@example.org\nnone|3|Nobody|none\n");
    });

    test("of a query over masked columns, in each format", async () => {
      const sql = "COPY (SELECT id, ssn, lower(email) AS e, name FROM users WHERE id < 3 ORDER BY id) TO STDOUT";
      const [text] = await world().both(sql);
      assert.equal(copiedData(text.bytes).toString(), "1\t***\t***@example.com\tMarta\n2\t***\t***@example.org\tJonas\n");
      const [csv] = await world().both(`${sql} (FORMAT csv, HEADER)`);
      assert.equal(copiedData(csv.bytes).toString(), "id,ssn,e,name\n1,***,***@example.com,Marta\n2,***,***@example.org,Jonas\n");
      const [binary] = await world().both(`${sql} (FORMAT binary)`, "extended");
      assert.deepEqual(
        copiedCells(binary.bytes, true).map((row) => row.slice(1).map((cell) => Buffer.from(cell ?? "", "hex").toString())),
        [
          ["***", "***@example.com", "Marta"],
          ["***", "***@example.org", "Jonas"],
        ],
      );
    });

    test("takes the rows of the table alone, as without a mask, not those of its children", async () => {
      const [masked] = await world().both("COPY people TO STDOUT");
      assert.equal(copiedData(masked.bytes).length, 0);
    });

    test("of columns that there are not, gets the server's own error", async () => {
      for (const sql of ["COPY users (id, nothing) TO STDOUT", "COPY users (ctid) TO STDOUT", "COPY users (users, copied) TO STDOUT"]) {
        const [masked, bare] = [await world().owner.ask(sql), await world().boss.ask(sql)];
        assert.deepEqual([masked.error?.get("C"), bare.error?.get("C")], ["42703", "42703"], sql);
      }
    });

    test("of what the server does not copy by its name is refused with the query that may be copied", async () => {
      const answer = await world().refused("COPY events TO STDOUT", "masked-statement-kind");
      assert.match(answer.error?.get("H") ?? "", /COPY \(SELECT … FROM public\.events\) TO STDOUT/);
      await world().refused("COPY users (id, tail) TO STDOUT", "masked-statement-kind");
      await world().refused("COPY users (id, id) TO STDOUT", "masked-statement-kind");
      await world().refused("COPY BINARY users TO STDOUT", "masked-statement-kind");
      await world().refused("COPY users TO STDOUT USING DELIMITERS '|'", "masked-unresolved");
      await world().both("COPY (SELECT * FROM events ORDER BY id) TO STDOUT");
    });
  });

  describe("cursors", () => {
    const SCRIPTS: readonly (readonly string[])[] = [
      ["BEGIN", "DECLARE c CURSOR FOR SELECT * FROM users ORDER BY id", "FETCH 2 FROM c", "MOVE 1 IN c", "FETCH c", "CLOSE c", "COMMIT"],
      [
        "BEGIN",
        "DECLARE c SCROLL CURSOR FOR TABLE payments",
        "FETCH LAST FROM c",
        "FETCH PRIOR c",
        "FETCH ABSOLUTE 1 FROM c",
        "MOVE BACKWARD ALL IN c",
        "FETCH ALL c",
        "ROLLBACK",
      ],
      ["DECLARE c CURSOR WITH HOLD FOR SELECT id, ssn, name FROM users ORDER BY id", "FETCH FORWARD 2 FROM c", "FETCH ALL c", "CLOSE c"],
      ["BEGIN", "DECLARE c BINARY CURSOR FOR SELECT id, name, email, salary FROM users ORDER BY id", "FETCH ALL FROM c", "COMMIT"],
      [
        "BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT u.id, o.total FROM users u JOIN orders o ON o.user_id = u.id ORDER BY o.id; FETCH 3 FROM c; COMMIT",
      ],
    ];
    for (const script of SCRIPTS) {
      test(`answer as without a mask, their masked cells apart: ${script.join("; ").slice(0, 120)}`, async () => {
        for (const way of WAYS) {
          if (script.length === 1 && way !== "simple") continue;
          for (const sql of script) {
            const [masked, bare] = await world().both(sql, way);
            assert.deepEqual([masked.tags, masked.names, masked.completed], [bare.tags, bare.names, bare.completed], sql);
            assert.deepEqual(openCells(masked), openCells(bare), sql);
          }
        }
      });
    }

    test("are no place to change masked rows from, nor to lock them", async () => {
      await world().owner.ask("BEGIN");
      await world().refused("DECLARE c CURSOR FOR SELECT id FROM users FOR UPDATE", "masked-unsupported");
      await world().owner.ask("ROLLBACK");
      await world().owner.ask("BEGIN; DECLARE c CURSOR FOR SELECT id, city FROM users");
      for (const sql of ["UPDATE users SET city = 'x' WHERE CURRENT OF c", "DELETE FROM users WHERE CURRENT OF c"]) {
        const { reason } = await world().owner.ask(sql);
        assert.match(reason ?? "", /^masked-(write|unsupported)$/, sql);
      }
      await world().owner.ask("ROLLBACK");
    });
  });

  describe("prepared statements in SQL", () => {
    const SCRIPTS: readonly (readonly string[])[] = [
      ["PREPARE p AS SELECT * FROM users ORDER BY id", "EXECUTE p", "EXECUTE p", "DEALLOCATE p"],
      [
        "PREPARE p (int) AS SELECT id, ssn, name FROM users WHERE id = $1",
        "EXECUTE p (1)",
        "EXECUTE p (1 + 1)",
        "EXECUTE p (NULL)",
        "DEALLOCATE PREPARE p",
      ],
      ["PREPARE p (text, int) AS SELECT count(*) FROM orders WHERE status = $1 AND id > $2", "EXECUTE p ('open', 3)", "DEALLOCATE ALL"],
      ["PREPARE p AS SELECT card, id FROM payments WHERE id = $1", "EXECUTE p ('1')", "DISCARD ALL"],
      ["PREPARE a AS TABLE payments; PREPARE b AS SELECT id FROM orders ORDER BY id LIMIT 2; EXECUTE a; EXECUTE b; DEALLOCATE ALL"],
      [
        'PREPARE "Odd; name" AS INSERT INTO inbox VALUES ($1, $2) RETURNING id, note',
        `EXECUTE "Odd; name" (77, 'x')`,
        'DEALLOCATE "Odd; name"',
      ],
    ];
    for (const script of SCRIPTS) {
      test(`answer as without a mask, their masked cells apart: ${script.join("; ").slice(0, 120)}`, async () => {
        for (const way of WAYS) {
          if (script.length === 1 && way !== "simple") continue;
          for (const sql of script) {
            const [masked, bare] = await world().both(sql, way);
            assert.deepEqual([masked.tags, masked.names, masked.completed], [bare.tags, bare.names, bare.completed], sql);
            assert.deepEqual(openCells(masked), openCells(bare), sql);
          }
        }
      });
    }

    test("may be bound by the protocol, and ones of the protocol executed by SQL, in either format", async () => {
      for (const binary of [false, true]) {
        await world().both("PREPARE p (int) AS SELECT id, ssn, name FROM users WHERE id = $1");
        for (const client of [world().owner, world().boss]) client.send(bindMessage("", "p", binary, ["1"]), executeMessage(""), SYNC);
        const [masked, bare] = [await world().owner.answer(), await world().boss.answer()];
        assert.equal(canaryIn(masked.bytes), undefined);
        assert.deepEqual([masked.tags, masked.completed, masked.rows[0]?.[1]], [bare.tags, bare.completed, "***"]);
        await world().both("DEALLOCATE p");
        for (const client of [world().owner, world().boss]) client.send(parseMessage("q", "SELECT ssn, id FROM users WHERE id = 2"), SYNC);
        await Promise.all([world().owner.answer(), world().boss.answer()]);
        const [executed] = await world().both("EXECUTE q", binary ? "binary" : "simple");
        assert.equal(executed.rows[0]?.[0], "***");
        await world().both("DEALLOCATE ALL");
      }
    });

    test("that there are not, are the server's error", async () => {
      for (const sql of ["EXECUTE nothing", "DEALLOCATE nothing"]) {
        const [masked, bare] = [await world().owner.ask(sql), await world().boss.ask(sql)];
        assert.deepEqual(
          [...(masked.error ?? [])].filter(([field]) => field === "C"),
          [["C", "26000"]],
          sql,
        );
        assert.equal(bare.error?.get("C"), "26000");
      }
    });

    test("are not executed once what they read has become something else, however they came to their name", async () => {
      const client = await Attacker.login(world().gateway, "owner");
      const sent = async (...bytes: readonly Buffer[]) => {
        client.send(...bytes);
        return client.answer();
      };
      const prepared = [
        await client.ask("PREPARE text AS SELECT note FROM inbox"),
        await client.ask("BEGIN; PREPARE rolled_back AS SELECT note FROM inbox; ROLLBACK"),
        await client.ask("PREPARE taken AS SELECT note FROM inbox"),
        await sent(parseMessage("protocol", "SELECT note FROM inbox"), parseMessage("by_protocol", "EXECUTE text"), SYNC),
        await client.ask("EXECUTE text"),
      ];
      for (const { error } of prepared) assert.equal(error, null);
      // Fails, so that the name stands for what it did, which the gateway can't be sure of.
      assert.equal((await client.ask("PREPARE taken AS SELECT 1")).error?.get("C"), "42P05");
      await world().gateway.changed(() =>
        world().other.query("ALTER TABLE inbox RENAME TO inbox_kept; CREATE VIEW inbox AS SELECT id, ssn::text AS note FROM users"),
      );
      for (const name of ["text", "rolled_back", "taken", "protocol"]) {
        const answer = await client.ask(`EXECUTE ${name}`);
        assert.equal(answer.reason, "masked-unresolved", name);
      }
      const bound = await sent(bindMessage("", "by_protocol"), executeMessage(""), SYNC);
      assert.equal(bound.reason, "masked-unresolved");
      assert.equal((await sent(bindMessage("", "text"), executeMessage(""), SYNC)).reason, "masked-unresolved");
      assert.equal((await client.ask("DEALLOCATE ALL")).error, null);
      assert.equal((await client.ask("EXECUTE text")).error?.get("C"), "26000");
      await world().gateway.changed(() => world().other.query("DROP VIEW inbox; ALTER TABLE inbox_kept RENAME TO inbox"));
      assert.equal(canaryIn(client.everything), undefined);
      client.end();
    });

    test("are refused in other statements, under names that two parsers may read differently, and with what may not be read", async () => {
      await world().both("PREPARE p AS SELECT id FROM orders");
      for (const sql of [
        "EXPLAIN EXECUTE p",
        "EXPLAIN ANALYZE EXECUTE p",
        "CREATE TABLE copied AS EXECUTE p",
        "CREATE TEMP TABLE copied AS EXECUTE p",
      ])
        await world().refused(sql, "masked-statement-kind");
      await world().refused("PREPARE größe AS SELECT 1", "masked-statement-kind");
      await world().refused("EXECUTE größe", "masked-statement-kind");
      await world().refused("PREPARE r AS SELECT user_ssn(1)", "masked-function");
      await world().refused("EXECUTE p (user_ssn(1))", "masked-function");
      await world().refused("PREPARE r (known_ssn) AS SELECT 1", "masked-function");
      await world().both("DEALLOCATE ALL");
    });
  });
});
