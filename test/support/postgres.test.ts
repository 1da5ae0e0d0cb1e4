/** The servers that every other test stands on: that they come up as promised, and go without leaving anything. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { test } from "node:test";
import pg from "pg";
import { connectPostgres, runSql, startPostgres } from "#test/support/postgres.ts";
import { removeFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";

for (const version of [15, 18] as const) {
  test(`PostgreSQL ${version} comes up with TLS and SCRAM, and goes with its data`, async () => {
    const server = await startPostgres({ version, settings: { log_statement: "all" } });
    try {
      const client = await connectPostgres(server);
      const { rows } = await client.query("select version() as v, ssl, s.version as tls from pg_stat_ssl s where pid = pg_backend_pid()");
      await client.end();
      assert.match(rows[0].v, new RegExp(`^PostgreSQL ${version}\\.`));
      assert.equal(rows[0].ssl, true);
      assert.match(rows[0].tls, /^TLSv1\.3$/);
      await until(() => /statement: select version\(\)/.test(server.log()), "the statement is in the server's log");
      const wrong = new pg.Client({
        host: server.host,
        port: server.port,
        user: "postgres",
        password: "no",
        database: "postgres",
        ssl: { ca: server.ca },
      });
      await assert.rejects(wrong.connect(), { code: "28P01" });
    } finally {
      await server.stop();
    }
    await assert.rejects(runSql(server, "select 1"));
  });
}

test("a server ends when the process that started it is killed", async () => {
  const script = `import { startPostgres } from "#test/support/postgres.ts";
    const { port, caFile } = await startPostgres(); console.log(JSON.stringify({ port, caFile })); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout, "data");
  const { port, caFile } = JSON.parse(String(line));
  const listening = async () => {
    const client = new pg.Client({ host: "127.0.0.1", port: Number(port), user: "postgres", password: "no", database: "postgres" });
    return client.connect().then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== "ECONNREFUSED",
    );
  };
  assert.equal(await listening(), true);
  child.kill("SIGKILL");
  await until(async () => !(await listening()), "the server has ended");
  await removeFolder(dirname(caFile));
});
