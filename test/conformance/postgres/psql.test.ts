/** psql, as people use it: describing, copying, scripting, making mistakes, interrupting. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { onEachServer, underWay, type Way, type Ways } from "#test/conformance/postgres/ways.ts";
import { type Shown, show } from "#test/conformance/program.ts";
import { postgresql18Client } from "#test/support/fetched.ts";
import { DEBIAN_PROGRAMS } from "#test/support/postgres-programs.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";

/** psql's own queries depend on the server's version: an old psql does not know a new server's catalogue. */
function psql({ version }: Ways): readonly [string, ...string[]] {
  const program = version === 15 ? ([join(DEBIAN_PROGRAMS, "psql")] as const) : postgresql18Client().command("psql");
  return [...program, "--no-psqlrc"];
}

const script = (ways: Ways, input: string, ...args: readonly string[]) =>
  ways.compare(async (way: Way): Promise<Shown> => show([...psql(ways), ...args], { env: await way.env(), input }));

const DESCRIBING = String.raw`
\d
\d+ customers
\d purchases
\d+ purchases_2024
\d customers_by_birth
\d spending
\dt *.*
\di+ customers*
\dv+
\dm
\ds
\df+ greet
\dT+
\dn+
\du
\l
\dp customers
\dx
\dconfig work_mem
\sf greet
\sv spending
\dd
\z
\drds
\dRp
\dy
\dA
`;

const STATEMENTS = String.raw`
\pset null '(null)'
select * from customers order by id limit 5;
\x
select * from customers where id = 201;
\x auto
select 1 as a \; select 2 as b; select 3 as c \gx
select 'one' as x \gset
\echo :x
select * from nowhere;
select 1 +;
select nme from customers;
\set VERBOSITY verbose
select fail('way');
\set VERBOSITY default
select warn('this');
insert into customers (name) values ('new') returning id, upper_name;
insert into customers (name, email) values ('twice', 'n1@example.com');
update customers set balance = balance + 1 where id <= 3;
delete from purchases where id < 10;
begin;
insert into audit.log (what) values ('kept?');
select 1/0;
select 'ignored until rollback';
savepoint a;
rollback;
begin;
savepoint a;
select fail('here');
rollback to a;
select count(*) from audit.log where what = 'kept?';
commit;
begin isolation level serializable read only;
insert into audit.log (what) values ('no');
rollback;
call tidy();
select * from customers \gdesc
prepare q(int) as select name from customers where id = $1;
execute q(2);
deallocate q;
declare c cursor for select 1;
begin; declare c cursor for select id from customers order by id; fetch 3 from c; move 5 in c; fetch all in c \g /dev/null
commit;
listen chan;
notify chan, 'payload';
select pg_notify('chan', 'other');
unlisten *;
explain (costs off) select * from customers where id = 1;
set statement_timeout = '40ms';
select pg_sleep(5);
reset statement_timeout;
show server_version_num;
select current_user, current_database(), current_schemas(true);
create table scratch as select * from customers; truncate scratch; drop table scratch, nothing;
vacuum;
do $$ begin raise info 'from a block'; end $$;
select repeat('long ', 40000) as long;
;
-- a comment alone
/* another */ select 'after';
select $$dollar$$ || 'é' || E'\t' || U&'\0441' as odd;
\copy (select id, name, photo from customers where id < 4 order by id) to stdout
\copy (select id, name from customers where id between 200 and 203 order by id) to stdout csv header
copy (select 1 / 0) to stdout;
copy audit.log (what) from stdin;
one
two
\.
copy audit.log (line) from stdin;
not a number
\.
select what from audit.log where what in ('one', 'two');
select 1 / 0 as again;
select 'end';
`;

onEachServer("psql", ["psql", "psql18"], (ways) => {
  test("describes what is there", async () => {
    const { stdout } = await script(ways(), DESCRIBING);
    assert.match(stdout, /customers_by_birth/);
    assert.match(stdout, /Partition key: RANGE \(at\)/);
  });

  test("runs statements, shows errors with their places, and goes on after each", async () => {
    const { stdout, stderr, code } = await script(ways(), STATEMENTS);
    assert.equal(code, 0);
    assert.match(stderr, /LINE 1: select nme from customers;\n +\^/);
    assert.match(stderr, /P0042/);
    assert.match(stdout, /Asynchronous notification "chan" with payload "payload" received from server process with PID n\./);
    assert.match(stdout, /\bend\b/);
  });

  test("stops at the first error when told to, with its exit code", async () => {
    const { code } = await script(ways(), "select 1; select 1/0; select 2;", "-v", "ON_ERROR_STOP=1");
    assert.equal(code, 3);
  });

  test("runs a script as one transaction, all or nothing", async () => {
    const { stdout } = await script(ways(), "insert into audit.log (what) values ('x'); select 1/0;", "--single-transaction");
    assert.match(stdout, /INSERT 0 1/);
    assert.match((await script(ways(), "select count(*) from audit.log where what = 'x'", "-At")).stdout, /^0\n$/);
  });

  test("-c with several statements is one implicit transaction", async () => {
    const shown = await ways().compare(async (way) =>
      show(
        [
          ...psql(ways()),
          "-c",
          "insert into audit.log (what) values ('c'); select 1/0",
          "-c",
          "select count(*) from audit.log where what = 'c'",
        ],
        {
          env: await way.env(),
        },
      ),
    );
    assert.match(shown.stdout, /\n +0\n/);
  });

  test("\\copy brings a large file in and the same out", async () => {
    const rows = Array.from({ length: 60_000 }, (_, n) => `${n}\trow ${n} ${"x".repeat(n % 90)}\n`).join("");
    const input = `create table big (n int, t text);\n\\copy big from pstdin\n${rows}\\.\nselect count(*), sum(length(t)) from big;\n`;
    const { stdout } = await ways().compare(async (way) => {
      const folder = await scratchFolder("copy");
      try {
        const file = join(folder, "out");
        const shown = await show([...psql(ways())], {
          env: await way.env(),
          input: `${input}\\copy (select * from big order by n) to '${file}'\n`,
        });
        return { ...shown, file: readFileSync(file, "utf8") === rows };
      } finally {
        await removeFolder(folder);
      }
    });
    assert.match(stdout, /60000/);
    assert.match(stdout, /COPY 60000/);
  });

  test("interrupted in a script, it cancels the running statement and stops", async () => {
    const begun = performance.now();
    const { stdout, stderr } = await ways().compare(async (way) =>
      show([...psql(ways())], {
        env: await way.env(),
        input: "select 'before';\nselect pg_sleep(60);\nselect 'after';\n",
        meanwhile: (child) => void underWay(ways().server, "pg_sleep(60)").finally(() => child.kill("SIGINT")),
      }),
    );
    assert.match(stderr, /canceling statement due to user request/);
    assert.doesNotMatch(stdout, /after/);
    assert.ok(performance.now() - begun < 60_000);
  });

  test("Ctrl-C at a terminal cancels the running statement, and the session goes on", async () => {
    for (const way of [ways().direct, ways().through]) {
      const terminal = spawn(
        "script",
        ["--quiet", "--command", [...psql(ways()), "--no-readline", "--pset=pager=off"].join(" "), "/dev/null"],
        {
          env: await way.env(),
        },
      );
      const closed = once(terminal, "close");
      let shown = "";
      const saw = (pattern: RegExp) =>
        until(
          () => pattern.test(shown),
          () => `${way.name} shows ${pattern}: ${shown}`,
        );
      terminal.stdout.setEncoding("utf8").on("data", (text: string) => {
        shown += text;
      });
      try {
        terminal.stdin.write("select 'be' || 'fore';\nselect pg_sleep(60);\n");
        await saw(/before/);
        await underWay(ways().server, "pg_sleep(60)");
        terminal.stdin.write("\x03");
        await saw(/canceling statement due to user request/);
        terminal.stdin.write("select 'af' || 'ter';\n\\q\n");
        await saw(/after/);
        await closed;
      } finally {
        terminal.kill();
      }
    }
  });

  test("a session whose backend is terminated is told so", async () => {
    const { stderr, code } = await script(ways(), "select pg_terminate_backend(pg_backend_pid());\nselect 'unreached';\n");
    assert.equal(code, 2);
    assert.match(stderr, /terminating connection due to administrator command/);
  });

  test("a target that is unknown, and a password that is wrong, are refused as psql shows refusals", async () => {
    const env = await ways().through.env();
    const unknown = await show([...psql(ways()), "-c", "select 1"], { env: { ...env, PGDATABASE: "nowhere" } });
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /FATAL/);
    const wrong = await show([...psql(ways()), "-c", "select 1"], { env: { ...env, PGPASSWORD: "wrong" } });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /FATAL/);
  });

  test("without TLS nothing is let in, and psql says why", async () => {
    const env = await ways().through.env();
    const { code, stderr } = await show([...psql(ways()), "-c", "select 1"], { env: { ...env, PGSSLMODE: "disable" } });
    assert.equal(code, 2);
    assert.match(stderr, /FATAL.*TLS/s);
  });
});
