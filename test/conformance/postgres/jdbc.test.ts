/** pgjdbc, as one source file that the Java launcher compiles by itself; every line must be the same both ways. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { onEachServer } from "#test/conformance/postgres/ways.ts";
import { clientsOf, show } from "#test/conformance/program.ts";

const JAR = "/usr/share/java/postgresql.jar";

onEachServer("JDBC", ["java", "jdbc"], (ways) => {
  test("shows the same, line by line", async () => {
    const { code, stdout, stderr } = await ways().compare(async (way) =>
      show(["java", "-Duser.timezone=UTC", "-Dfile.encoding=UTF-8", "-cp", JAR, join(clientsOf("postgres"), "Jdbc.java")], {
        env: await way.env(),
      }),
    );
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.at(-1), "end");
    for (const scenario of [
      "rows",
      "prepared",
      "tables",
      "error",
      "batch",
      "fetched",
      "copied in",
      "notified",
      "cancelled",
      "timed out",
      "simple mode",
    ]) {
      assert.ok(
        lines.some((line) => line.startsWith(`${scenario}: `)),
        `no line of ${scenario}`,
      );
    }
  });
});
