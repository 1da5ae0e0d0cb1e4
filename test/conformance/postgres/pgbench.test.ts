/** pgbench in each of its query modes and with a connection for every transaction: same seed, same transactions, same balances. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { onEachServer, type Way } from "#test/conformance/postgres/ways.ts";
import { type Shown, show } from "#test/conformance/program.ts";
import { DEBIAN_PROGRAMS } from "#test/support/postgres-programs.ts";

const PGBENCH = join(DEBIAN_PROGRAMS, "pgbench");
const PSQL = join(DEBIAN_PROGRAMS, "psql");
const CLIENTS = 4;
const TRANSACTIONS = 60;

/** What it reports beside its speed, and what stands in the tables afterwards. */
async function bench(
  way: Way,
  ...args: readonly string[]
): Promise<{ readonly done: readonly string[]; readonly sums: string; readonly code: number | null }> {
  const env = await way.env();
  const filled = await show([PGBENCH, "--initialize", "--quiet", "--init-steps=dtgvp"], { env });
  assert.equal(filled.code, 0, filled.stderr);
  const fixed = ["--no-vacuum", "--random-seed=7", `--client=${CLIENTS}`, "--jobs=2", `--transactions=${TRANSACTIONS}`];
  const run: Shown = await show([PGBENCH, ...fixed, ...args], { env });
  assert.equal(run.stderr.includes("error"), false, run.stderr);
  const sums =
    "select (select sum(abalance) from pgbench_accounts), (select sum(bbalance) from pgbench_branches), count(*) from pgbench_history";
  const { stdout } = await show([PSQL, "-XAtc", sums], { env });
  const done = run.stdout
    .split("\n")
    .filter((line) => /^number of (transactions actually|failed)|^transaction type|^query mode/.test(line));
  return { done, sums: stdout, code: run.code };
}

onEachServer("pgbench", ["pgbench", "psql"], (ways) => {
  for (const mode of ["simple", "extended", "prepared"]) {
    test(`${mode} protocol: every transaction is done, and the balances agree`, async () => {
      const { done, code } = await ways().compare((way) => bench(way, `--protocol=${mode}`));
      assert.equal(code, 0);
      assert.ok(
        done.includes(`number of transactions actually processed: ${CLIENTS * TRANSACTIONS}/${CLIENTS * TRANSACTIONS}`),
        done.join("\n"),
      );
    });
  }

  test("a new connection for every transaction", async () => {
    const { done } = await ways().compare((way) => bench(way, "--connect", "--select-only"));
    assert.ok(
      done.includes(`number of transactions actually processed: ${CLIENTS * TRANSACTIONS}/${CLIENTS * TRANSACTIONS}`),
      done.join("\n"),
    );
  });

  test("pipelines of many statements", async () => {
    const script = `\\startpipeline\n${"insert into audit.log (what) values ('p');\nselect count(*) from customers;\n".repeat(20)}\\endpipeline\n`;
    const { stdout, stderr, code } = await ways().compare(async (way) => {
      const env = await way.env();
      const run = await show([PGBENCH, "--no-vacuum", "--protocol=prepared", "--client=2", "--transactions=10", "--file=-"], {
        env,
        input: script,
      });
      const count = await show([PSQL, "-XAtc", "select count(*) from audit.log where what = 'p'"], { env });
      return { code: run.code, stderr: run.stderr.replace(/.*vacuum.*/g, ""), stdout: count.stdout };
    });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "400\n");
  });
});
