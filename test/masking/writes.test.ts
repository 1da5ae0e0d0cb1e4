/**
 * Writes to tables with masked columns through a whole gateway, on real servers: failures that would quote a row tell
 * nothing of it, honest work ends as it does under no mask, and what goes into masked columns is on no record.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { recordingOf, recordings } from "#test/src/gateway/archive.ts";
import { message, query, SYNC } from "#test/src/gateway/wire.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { until } from "#test/support/waiting.ts";
import { SHOWN_MASKED } from "./benign.ts";
import { type Answer, Attacker, bindMessage, executeMessage, extended, parseMessage, type Way } from "./client.ts";
import { canaryIn } from "./search.ts";
import { PROBES, SEED } from "./seed.ts";
import { FAILING, LEDGER, PROBED, WORKING, WRITERS, withWriters } from "./write-cases.ts";

const LAST_WORDS = "SELECT 'that was all'";

/** What others change in the catalogue is seen within a second, on a machine that has nothing else to do. */
const seen = (holds: () => Promise<boolean>) => until(holds, "the change was seen");

function openCells({ names, rows }: Answer): readonly (readonly (string | null)[])[] {
  return rows.map((row) => {
    const own = names.find((some) => some.length === row.length) ?? [];
    return row.filter((_, at) => !SHOWN_MASKED.has(own[at] ?? ""));
  });
}

for (const version of [18, 15] as const) {
  describe(`writes under masks on PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let gateway: TestGateway;
    let other: pg.Client;
    let owner: Attacker;
    let clerk: Attacker;
    let boss: Attacker;

    before(async () => {
      postgres = await startPostgres({ version });
      other = await connectPostgres(postgres);
      await other.query(SEED + LEDGER);
      gateway = await startGateway({ postgres, agents: WRITERS, configure: withWriters });
      owner = await Attacker.login(gateway, "owner");
      clerk = await Attacker.login(gateway, "clerk");
      boss = await Attacker.login(gateway, "boss");
    });
    after(async () => {
      for (const client of [owner, boss]) client.end();
      await other.end();
      await gateway.stop();
      await postgres.stop();
    });

    const undone = async (client: Attacker, sql: string, way: Way = "simple", parameters: readonly (string | null)[] = []) => {
      await client.ask("BEGIN");
      const answer = await client.ask(sql, way, parameters);
      await client.ask("ROLLBACK");
      return answer;
    };

    describe("failures", () => {
      for (const [sql, code, constraint] of FAILING) {
        test(`keep their code and names, and quote nothing: ${sql.slice(0, 120)}`, async () => {
          for (const way of ["simple", "extended"] as const) {
            const deferred = constraint === "ledger_late_key";
            const begun = await owner.ask("BEGIN");
            const answers = [begun, await owner.ask(sql, way), await owner.ask("COMMIT")];
            const failed = answers.find(({ error }) => error !== null) ?? begun;
            assert.equal(failed, answers[deferred ? 2 : 1], "fails where the server finds out");
            assert.equal(failed.reason, "text-withheld", [...(failed.error ?? [])].join(" "));
            assert.deepEqual([failed.error?.get("C"), failed.error?.get("n")], [code, constraint]);
            assert.equal(canaryIn(Buffer.concat(answers.map(({ bytes }) => bytes))), undefined);
          }
        });
      }

      test("quote rows where nobody is masked, so that there is something to withhold", async () => {
        const quoting = [];
        for (const [sql] of FAILING) {
          const answer = await undone(boss, sql);
          if (canaryIn(answer.bytes) !== undefined) quoting.push(sql);
        }
        assert.ok(quoting.length >= 6, quoting.join("\n"));
      });
    });

    for (const [sql, parameters = []] of WORKING) {
      test(`as under no mask: ${sql.slice(0, 140)}`, async () => {
        const ways: readonly Way[] = parameters.length > 0 ? ["extended", "binary"] : ["simple", "extended", "binary"];
        for (const way of ways) {
          const [masked, bare] = [await undone(owner, sql, way, parameters), await undone(boss, sql, way, parameters)];
          assert.deepEqual([masked.error, bare.error], [null, null], `${[...(masked.error ?? [])].join(" ")}`);
          assert.deepEqual([masked.tags, masked.names, masked.completed], [bare.tags, bare.names, bare.completed]);
          assert.deepEqual(openCells(masked), openCells(bare));
          assert.equal(canaryIn(masked.bytes), undefined);
        }
      });
    }

    describe("COPY FROM", () => {
      /** Copies it in and takes it back. @returns the answer and what then stands in the table */
      const copied = async (client: Attacker, sql: string, data: readonly string[], look: string, way: Way = "simple") => {
        await client.ask("BEGIN");
        client.send(way === "simple" ? query(sql) : extended(sql, false));
        const begun = await client.answer();
        if (begun.error !== null) {
          await client.ask("ROLLBACK");
          return { answer: begun, rows: [] };
        }
        client.send(...data.map((part) => message("d", Buffer.from(part))), message("c"), ...(way === "simple" ? [] : [SYNC]));
        const answer = await client.answer();
        const { rows } = await client.ask(look);
        await client.ask("ROLLBACK");
        return { answer, rows };
      };

      test("brings rows in by columns that are not masked", async () => {
        for (const way of ["simple", "extended"] as const)
          for (const client of [owner, clerk, boss]) {
            const { answer, rows } = await copied(
              client,
              "COPY ledger (id, name, n) FROM STDIN",
              ["50\ta\t50\n", "51\tb\t51\n"],
              "SELECT id, name, n FROM ledger WHERE id > 49 ORDER BY id",
              way,
            );
            assert.deepEqual(
              [answer.error, rows],
              [
                null,
                [
                  ["50", "a", "50"],
                  ["51", "b", "51"],
                ],
              ],
            );
          }
      });

      test("brings none into masked ones without permission", async () => {
        for (const sql of [
          "COPY ledger FROM STDIN",
          "COPY ledger (id, name, secret) FROM STDIN",
          "COPY ledger (id, name) FROM STDIN WHERE secret IS NULL",
        ]) {
          const { answer } = await copied(owner, sql, [], "SELECT 1");
          assert.equal(answer.reason, "masked-write", sql);
        }
      });

      test("whose line is wrong does not show other rows", async () => {
        for (const data of ["1\tdouble\t1\n", "60\tx\t-1\n", "60\tx\tmany\n", "60\n"]) {
          const { answer } = await copied(owner, "COPY ledger (id, name, n) FROM STDIN", [data], "SELECT 1");
          assert.equal(answer.reason, "text-withheld", data);
          assert.equal(canaryIn(answer.bytes), undefined);
        }
      });

      test("of masked values is permitted by the rule", async () => {
        const { answer } = await copied(clerk, "COPY cards (id, name, secret) FROM STDIN", [`70\ta\t${PROBES[0]}\n`], "SELECT 1");
        assert.equal(answer.error, null);
      });
    });

    test("prepared in SQL they work as under no mask", async () => {
      const script = [
        "PREPARE p (int, text) AS UPDATE ledger SET name = $2 WHERE id = $1 RETURNING id, name, secret",
        "EXECUTE p (1, 'x')",
        "EXECUTE p (2, 'y')",
        "DEALLOCATE p",
      ];
      const played = async (client: Attacker) => {
        const answers = [await client.ask("BEGIN")];
        for (const sql of script) answers.push(await client.ask(sql));
        await client.ask("ROLLBACK");
        for (const { error } of answers) assert.equal(error, null, [...(error ?? [])].join(" "));
        return answers;
      };
      const [masked, bare] = [await played(owner), await played(boss)];
      const open = (answers: readonly Answer[]) =>
        answers.map((answer) => [answer.tags, answer.names, answer.completed, openCells(answer)]);
      assert.deepEqual(open(masked), open(bare));
      assert.equal(canaryIn(Buffer.concat(masked.map(({ bytes }) => bytes))), undefined);
    });

    test("a statement that was prepared is refused once a check has come that would tell of a masked column", async () => {
      const prepared = "UPDATE ledger SET name = $1 WHERE id = 3";
      const client = await Attacker.login(gateway, "owner");
      const bound = async (value: string) => {
        client.send(bindMessage("", "late", false, [value]), executeMessage(""), SYNC);
        return client.answer();
      };
      client.send(parseMessage("late", prepared), SYNC);
      assert.equal((await client.answer()).error, null);
      assert.equal((await bound("c")).error, null);
      await other.query("ALTER TABLE ledger ADD CONSTRAINT telling CHECK (name <> secret)");
      await seen(async () => (await bound("c")).reason !== null);
      assert.equal((await client.ask("UPDATE ledger SET name = 'zoqk' || 'marta' WHERE id = 2")).reason, "masked-write");
      await other.query("ALTER TABLE ledger DROP CONSTRAINT telling");
      await seen(async () => (await bound("c")).error === null);
      client.end();
    });

    test("a table that becomes a view under a prepared write is no target any more", async () => {
      const client = await Attacker.login(gateway, "owner");
      client.send(parseMessage("moved", "UPDATE drawer SET note = 'x' WHERE id = 1"), SYNC);
      assert.equal((await client.answer()).error, null);
      await other.query(
        "DROP VIEW checked_drawer; ALTER TABLE drawer RENAME TO old_drawer; CREATE VIEW drawer AS SELECT id, name AS note FROM ledger",
      );
      await seen(async () => {
        client.send(bindMessage("", "moved"), executeMessage(""), SYNC);
        return (await client.answer()).reason !== null;
      });
      assert.match((await client.ask("UPDATE drawer SET note = 'x' WHERE id = 1")).reason ?? "", /^masked-(write|view)$/);
      client.end();
    });

    test("what goes into masked columns is on no record, and what is asked of them neither", async () => {
      for (const probe of PROBES)
        for (const [sql, parameters = []] of PROBED) {
          const texts = [sql, ...parameters].map((text) => text.replaceAll("'P'", `'${probe}'`).replaceAll('"P"', `"${probe}"`));
          const [text = "", ...values] = texts.map((one) => (one === "P" ? probe : one));
          for (const way of parameters.length > 0 || text.includes(";")
            ? ([parameters.length > 0 ? "extended" : "simple"] as const)
            : (["simple", "extended"] as const)) {
            const answer = await undone(clerk, text, way, values);
            assert.equal(
              answer.reason === null || answer.reason === "text-withheld" || answer.reason === "masked-write",
              true,
              `${text}: ${answer.reason}`,
            );
            assert.equal(canaryIn(answer.bytes), undefined);
            await owner.ask("BEGIN");
            await owner.ask(text, way, values);
            await owner.ask("ROLLBACK");
          }
        }
      await clerk.ask(LAST_WORDS);
      clerk.end();
      await recordingOf(gateway, LAST_WORDS);
      const sealed = await recordings(gateway);
      const lines = () => [...sealed.values()].flatMap((events) => events.map(({ at: _, prev: __, ...event }) => JSON.stringify(event)));
      const shown = lines().filter((line) => PROBES.some((probe) => line.includes(probe)) || canaryIn(Buffer.from(line)) !== undefined);
      assert.deepEqual(shown, []);
      assert.ok(
        lines().some((line) => line.includes('"kind":"copy"') && line.includes("hmac-sha256:")),
        "a digest of what was copied in",
      );
      assert.ok(lines().filter((line) => line.includes("hmac-sha256:")).length > PROBED.length, "digests of what was assigned");
    });
  });
}
