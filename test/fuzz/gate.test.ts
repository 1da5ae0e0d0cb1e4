/**
 * The gate's fuzzer, for some seconds: of statements made from those of the corpora, nothing that is let through shows or
 * tells what is masked. And that it would find it: each kind of hole is planted, and must be reported.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { fuzzing } from "#test/support/fuzz.ts";
import { GATE_FOUND } from "./gate-found.ts";
import type { Finding, GateFuzzer } from "./gate-fuzzer.ts";
import { judgeBy, type OpenedGate, openGate } from "./gate-opened.ts";

const SEED = 11;
const PLANTED_TRIES_MAX = 5_000;

describe("the gate under mutated statements", () => {
  let gate: OpenedGate;

  before(async () => {
    gate = await openGate(SEED);
  });
  after(() => gate.stop());

  /** What a number of tries finds, up to the first finding that is looked for. */
  async function found(fuzzer: GateFuzzer, tries: number, until: (finding: Finding) => boolean): Promise<readonly Finding[]> {
    const all: Finding[] = [];
    for (let left = tries; left > 0 && !all.some(until); left -= 1) all.push(...(await fuzzer.next()));
    return all;
  }

  /** The view with one column's mask exchanged, or taken away. */
  function holed(table: string, column: string, expression: string | null): MaskingView {
    const relation = gate.view.catalogue.relations.find(({ schema, name }) => schema === "public" && name === table);
    const number = relation?.columns.find(({ name }) => name === column)?.number;
    const attributes = relation === undefined ? undefined : gate.view.protection.columns.get(relation.oid);
    const attribute = number === undefined ? undefined : attributes?.get(number);
    assert.ok(relation !== undefined && attributes !== undefined && number !== undefined && attribute !== undefined);
    const changed = new Map(attributes);
    if (expression === null) changed.delete(number);
    else changed.set(number, { ...attribute, expression });
    return {
      ...gate.view,
      protection: { ...gate.view.protection, columns: new Map(gate.view.protection.columns).set(relation.oid, changed) },
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
    assert.ok(passed > 0.4 * texts && ran > 0.2 * texts && ranMasked > 0.15 * texts, JSON.stringify(fuzzer.counts));
  });

  test("nothing leaks where columns are hashed on their way to the client", async () => {
    const fuzzer = gate.fuzzer(SEED, { hashed: true });
    assert.deepEqual(await found(fuzzer, fuzzing(200).numRuns, () => false), []);
    // True values do come to the gateway: where nobody hashes them, the tripwire ends the session.
    const text = "SELECT ssn FROM users WHERE id = 1";
    assert.deepEqual(await fuzzer.try([text]), []);
    const [unhashed] = await gate.fuzzer(SEED, { judge: gate.hashingJudge }).try([text]);
    assert.match(unhashed?.what ?? "", /tripwire/);
  });

  test("the same seed makes the same statements", async () => {
    const asked = async () => {
      const texts: string[] = [];
      const fuzzer = gate.fuzzer(SEED + 1, { before: (sql) => sql !== "" && texts.push(sql) });
      await found(fuzzer, 60, () => false);
      return texts;
    };
    const texts = await asked();
    assert.ok(new Set(texts).size > 50);
    assert.deepEqual(await asked(), texts);
  });

  test("a column that the judge forgets is found, by its canary", async () => {
    const fuzzer = gate.fuzzer(SEED, { judge: judgeBy(holed("users", "ssn", null)) });
    const findings = await found(fuzzer, PLANTED_TRIES_MAX, ({ kind }) => kind === "canary");
    assert.ok(findings.some(({ kind }) => kind === "canary"));
  });

  test("a mask that tells of the value without showing it is found, by the difference between two secrets", async () => {
    const leaky = `CAST(CASE WHEN "salary" IS NULL THEN NULL ELSE mod("salary" * 4, 97) END AS numeric(12,2))`;
    const fuzzer = gate.fuzzer(SEED, { judge: judgeBy(holed("users", "salary", leaky)) });
    const findings = await found(fuzzer, PLANTED_TRIES_MAX, ({ kind }) => kind === "difference");
    assert.ok(findings.some(({ kind }) => kind === "difference"));
  });

  test("an origin that should have been rewritten is found, by the tripwire that ends the session", async () => {
    const fuzzer = gate.fuzzer(SEED, { judge: judgeBy(holed("users", "ssn", null)) });
    const findings = await found(fuzzer, PLANTED_TRIES_MAX, ({ what }) => what.includes("tripwire"));
    assert.ok(findings.some(({ kind, what }) => kind === "fault" && what.includes("tripwire")));
  });

  test("what a write leaves in a column that is not masked is found", async () => {
    const judge = judgeBy(gate.view);
    const plain = gate.fuzzer(SEED, { judge: (sql) => ({ ...judge(sql), verdict: "allow", upstreamSql: null }) });
    const text = "INSERT INTO inbox SELECT id, ssn FROM users";
    assert.deepEqual(
      (await plain.try([text])).map(({ kind }) => kind),
      ["canary"],
    );
    assert.deepEqual(await gate.fuzzer(SEED).try([text]), []);
  });

  test("a judgement that throws, and one that takes too long, are found", async () => {
    const judge = judgeBy(gate.view);
    const throwing = gate.fuzzer(SEED, {
      judge: (sql) => {
        if (sql.includes("ssn")) throw new Error("planted");
        return judge(sql);
      },
    });
    assert.deepEqual(
      (await throwing.try(["SELECT ssn FROM users", "SELECT 1"])).map(({ kind }) => kind),
      ["exception"],
    );
    const slow = gate.fuzzer(SEED, {
      judgedMsMax: 100,
      judge: (sql) => {
        const until = performance.now() + 110;
        while (performance.now() < until) judge(sql);
        return judge(sql);
      },
    });
    assert.deepEqual(
      (await slow.try(["SELECT 1"])).map(({ kind }) => kind),
      ["hang"],
    );
  });

  for (const hostile of GATE_FOUND) {
    const texts = typeof hostile === "string" ? [hostile] : hostile;
    test(`found once: ${texts.join("; ").slice(0, 160)}`, async () => {
      assert.deepEqual(await gate.fuzzer(SEED).try(texts), []);
      assert.deepEqual(await gate.fuzzer(SEED, { hashed: true }).try(texts), []);
    });
  }
});
