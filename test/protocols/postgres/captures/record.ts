/**
 * Records the captures anew: `node test/protocols/postgres/captures/record.ts [name...]`. Each script runs against PostgreSQL 15 and 18 on
 * this machine; the files that it leaves are to be read before they are committed.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CAPTURES, formatCapture } from "#test/protocols/postgres/captures/format.ts";
import { record } from "#test/protocols/postgres/captures/recorder.ts";
import { runRefusing } from "#test/protocols/postgres/captures/refusing.ts";
import { SCRIPTS } from "#test/protocols/postgres/captures/scripts.ts";
import { runSql, startPostgres } from "#test/support/postgres.ts";

const named = process.argv.slice(2);

for (const version of [15, 18] as const) {
  const server = await startPostgres({ version, hba: ["hostnossl all all all trust"] });
  try {
    const [result] = await runSql(server, "show server_version");
    const shown = String(result?.rows[0]?.["server_version"]).split(" ")[0];
    for (const { name, about, run, refused } of SCRIPTS.filter((script) => named.length === 0 || named.includes(script.name))) {
      const connections = await record(server, run, refused === undefined ? undefined : () => runRefusing(refused));
      // pgbench and psql look around on connections of their own first.
      const chunks = connections.at(-1) ?? [];
      const text = formatCapture({ name, about: [`${name}, PostgreSQL ${shown}: ${about}`], chunks });
      writeFileSync(join(CAPTURES, `${version}-${name}.txt`), text);
      process.stdout.write(`${version}-${name}: ${connections.length} connections, ${chunks.length} chunks\n`);
    }
  } finally {
    await server.stop();
  }
}
