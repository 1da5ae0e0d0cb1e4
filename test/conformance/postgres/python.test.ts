/** psycopg 3, psycopg2 and asyncpg: one program each, whose every line must be the same both ways. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { onEachServer } from "#test/conformance/postgres/ways.ts";
import { clientsOf, show } from "#test/conformance/program.ts";

for (const [driver, scenarios] of [
  ["psycopg", ["rows", "binary", "error", "pipeline", "rest", "copied", "notified", "cancelled"]],
  ["psycopg2", ["rows", "error", "named", "copied", "two-phase", "notified", "cancelled"]],
  ["asyncpg", ["rows", "prepared", "error", "iterated", "copied in", "notified", "timed out", "pool"]],
] as const) {
  onEachServer(driver, [driver], (ways) => {
    test("shows the same, line by line", async () => {
      const { code, stdout, stderr } = await ways().compare(async (way) =>
        show(["/usr/bin/python3", "-B", join(clientsOf("postgres"), `with_${driver}.py`)], { env: await way.env() }),
      );
      assert.equal(code, 0, stderr);
      const lines = stdout.trimEnd().split("\n");
      assert.equal(lines.at(-1), "end");
      for (const scenario of scenarios)
        assert.ok(
          lines.some((line) => line.startsWith(`${scenario}: `)),
          `no line of ${scenario}`,
        );
    });
  });
}
