/** pg_dump of a database under no mask: the same dump both ways, and one that can be restored through the gateway. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { firstDifference } from "#test/conformance/difference.ts";
import { onEachServer, type Ways } from "#test/conformance/postgres/ways.ts";
import { show } from "#test/conformance/program.ts";
import { postgresql18Client } from "#test/support/fetched.ts";
import { DEBIAN_PROGRAMS } from "#test/support/postgres-programs.ts";

/** pg_dump refuses servers newer than itself. */
function program({ version }: Ways, name: "pg_dump" | "psql"): readonly [string, ...string[]] {
  return version === 15 ? [join(DEBIAN_PROGRAMS, name)] : postgresql18Client().command(name);
}

/** Everything of the seed but schema public, whose owner and comment a dump treats in its own way. */
const EMPTY = `
set client_min_messages = warning;
drop schema audit cascade;
drop table customers, purchases cascade;
drop function greet, warn, fail, note cascade;
drop procedure tidy;
drop sequence counter;
drop domain positive;
drop type mood;
`;

onEachServer("pg_dump", ["pg_dump", "psql", "psql18"], (ways) => {
  for (const args of [
    [],
    ["--inserts", "--rows-per-insert=50"],
    ["--schema-only"],
    ["--data-only", "--table=customers"],
    ["--clean", "--if-exists"],
  ]) {
    test(`a plain dump${args.length === 0 ? "" : ` with ${args.join(" ")}`} is the same`, async () => {
      const { code, stdout } = await ways().compare(async (way) =>
        show([...program(ways(), "pg_dump"), ...args], { env: await way.env() }),
      );
      assert.equal(code, 0);
      assert.match(stdout, /PostgreSQL database dump complete/);
    });
  }

  test("a dump restored through the gateway dumps the same again", async () => {
    const { first, again, errors } = await ways().compare(async (way) => {
      const env = await way.env();
      const dump = () => show(program(ways(), "pg_dump"), { env });
      const before = await dump();
      const input = EMPTY + before.stdout.replace(/^\\(un)?restrict key$/gm, "");
      const restored = await show([...program(ways(), "psql"), "-Xq", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"], { env, input });
      return { first: before.stdout, again: (await dump()).stdout, errors: restored.stderr };
    });
    assert.equal(errors, "");
    assert.equal(firstDifference(again, first), undefined);
  });
});
