/**
 * The gate's fuzzer on MySQL and MariaDB, for some seconds: of statements made from those of the corpus, nothing that is let
 * through shows or tells what is masked. And that it would find it: each kind of hole is planted, and must be reported.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { MysqlMaskingView } from "#protocols/sql/mysql/protection.ts";
import { fuzzing } from "#test/support/fuzz.ts";
import type { MysqlFlavour } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import type { Finding, GateFuzzer } from "./gate-fuzzer.ts";
import { MYSQL_FOUND } from "./mysql-found.ts";
import { mysqlJudgeBy, type OpenedMysqlGate, openMysqlGate } from "./mysql-opened.ts";
import type { MysqlSent } from "./mysql-session.ts";

const SEED = 11;
/** The rarest of the planted holes shows in one of some 250 tries. */
const PLANTED_TRIES_MAX = 5_000;
const FLAVOURS: readonly MysqlFlavour[] = ["mysql9", "mariadb10"];

for (const flavour of FLAVOURS) {
  describe(`the gate of ${flavour} under mutated statements`, { skip: flavour === "mysql9" ? optional("mysql9") : false }, () => {
    let gate: OpenedMysqlGate;

    before(async () => {
      gate = await openMysqlGate(flavour, SEED);
    });
    after(() => gate?.stop());

    /** What a number of tries finds, up to the first finding that is looked for. */
    async function found(fuzzer: GateFuzzer<MysqlSent>, tries: number, until: (finding: Finding) => boolean): Promise<readonly Finding[]> {
      const all: Finding[] = [];
      for (let left = tries; left > 0 && !all.some(until); left -= 1) all.push(...(await fuzzer.next()));
      return all;
    }

    /** The view with one column's mask exchanged, or taken away. */
    function holed(database: string, name: string, column: string, expression: string | null): MysqlMaskingView {
      const table = gate.view.catalogue.tables.find((one) => one.database === database && one.name === name);
      const columns = table === undefined ? undefined : gate.view.protection.columns.get(table);
      const masked = columns?.get(column);
      assert.ok(table !== undefined && columns !== undefined && masked !== undefined);
      const changed = new Map(columns);
      if (expression === null) changed.delete(column);
      else changed.set(column, { ...masked, expression });
      return {
        ...gate.view,
        protection: { ...gate.view.protection, columns: new Map(gate.view.protection.columns).set(table, changed) },
      };
    }

    test("nothing leaks, throws or hangs", async (t) => {
      const { numRuns, seed = SEED } = fuzzing(500);
      const fuzzer = gate.fuzzer(seed);
      const findings = await found(fuzzer, numRuns, () => false);
      t.diagnostic(JSON.stringify(fuzzer.counts));
      assert.deepEqual(findings, []);
      const { texts, passed, ran, ranMasked } = fuzzer.counts;
      // Where little is let through, or little of it runs, little has been tried.
      assert.ok(passed > 0.4 * texts && ran > 0.2 * texts && ranMasked > 0.1 * texts, JSON.stringify(fuzzer.counts));
    });

    test("the same seed makes the same statements", async () => {
      const asked = async () => {
        const texts: string[] = [];
        await found(gate.fuzzer(SEED, { before: (sql) => texts.push(sql) }), 40, () => false);
        return texts;
      };
      const texts = await asked();
      assert.ok(new Set(texts).size > 40);
      assert.deepEqual(await asked(), texts);
    });

    test("a column that judge and tripwire forget is found, by its canary", async () => {
      const view = holed("shop", "users", "ssn", null);
      const fuzzer = gate.fuzzer(SEED, { judge: mysqlJudgeBy(view), view });
      const findings = await found(fuzzer, PLANTED_TRIES_MAX, ({ kind }) => kind === "canary");
      assert.ok(findings.some(({ kind }) => kind === "canary"));
    });

    test("a mask that tells of the value without showing it is found, by the difference between two secrets", async () => {
      const leaky = "IF(`salary` IS NULL, `salary`, CAST(MOD(`salary` * 4, 97) AS DECIMAL(10,2)))";
      const fuzzer = gate.fuzzer(SEED, { judge: mysqlJudgeBy(holed("app", "users", "salary", leaky)) });
      const findings = await found(fuzzer, PLANTED_TRIES_MAX, ({ kind }) => kind === "difference");
      assert.ok(findings.some(({ kind }) => kind === "difference"));
    });

    test("an origin that should have been rewritten is found, by the tripwire that ends the session", async () => {
      const fuzzer = gate.fuzzer(SEED, { judge: mysqlJudgeBy(holed("shop", "users", "ssn", null)) });
      const findings = await found(fuzzer, PLANTED_TRIES_MAX, ({ what }) => what.includes("tripwire"));
      assert.ok(findings.some(({ kind, what }) => kind === "fault" && what.includes("tripwire")));
    });

    test("what a write leaves in a column that is not masked, and what an error's number tells, are found", async () => {
      const judge = mysqlJudgeBy(gate.view);
      const plain = gate.fuzzer(SEED, {
        judge: (sql, settings) => ({ ...judge(sql, settings), verdict: "allow", denial: null, upstreamSql: null, instead: null }),
      });
      for (const [kind, text] of [
        ["canary", "INSERT INTO inbox (id, note) SELECT id + 10, ssn FROM users"],
        ["difference", "UPDATE inbox SET note = (SELECT LENGTH(hidden) FROM users WHERE id = 1)"],
        ["difference", "SELECT IF((SELECT ssn FROM users WHERE id = 1) > '6', (SELECT id FROM users), 1)"],
        ["difference", "SELECT id FROM users ORDER BY ssn"],
        ["difference", "SELECT COUNT(*) FROM users WHERE pin = (SELECT MAX(pin) FROM users)"],
      ] as const) {
        assert.deepEqual(
          (await plain.try([text])).map((finding) => finding.kind),
          [kind],
          text,
        );
        assert.deepEqual(await gate.fuzzer(SEED).try([text]), [], text);
      }
    });

    for (const hostile of MYSQL_FOUND) {
      test(`found once: ${[hostile].flat().join("; ").slice(0, 160)}`, async () => {
        for (const way of ["text", "prepared", "cursor"] as const)
          assert.deepEqual(await gate.fuzzer(SEED, { way }).try([hostile].flat()), []);
      });
    }
  });
}
