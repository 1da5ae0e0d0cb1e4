/** What the clients do while they are recorded: ordinary use, errors in every place, COPY, pipelines, and odd orders. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import postgres from "postgres";
import { startup } from "#test/protocols/postgres/bytes.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

export interface Script {
  readonly name: string;
  readonly about: string;
  readonly run: (port: number) => Promise<void>;
  /** Statements with this in their text are refused by a gateway in between. */
  readonly refused?: string;
}

/** Debian's client 15, its input as given. */
async function program(command: string, args: readonly string[], port: number, input = ""): Promise<void> {
  const env = {
    PATH: process.env["PATH"] ?? "",
    PGHOST: "127.0.0.1",
    PGPORT: String(port),
    PGUSER: "postgres",
    PGDATABASE: "postgres",
    PGSSLMODE: "disable",
    PGGSSENCMODE: "disable",
    LC_ALL: "C",
  };
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(input);
  let shown = "";
  const add = (text: Buffer) => {
    shown += text.toString();
  };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", add);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${shown}`);
}

const psql =
  (input: string, ...args: readonly string[]) =>
  (port: number) =>
    program("psql", ["-X", "-q", ...args], port, input);

/** The script goes through a file, since pgbench opens it anew. */
const pgbench =
  (script: string, ...args: readonly string[]) =>
  async (port: number) => {
    const folder = await scratchFolder("pgbench");
    try {
      const file = join(folder, "script.sql");
      writeFileSync(file, script);
      await program("pgbench", ["-n", "-c", "1", "-t", "2", "--random-seed=1", "-f", file, ...args], port);
    } finally {
      await removeFolder(folder);
    }
  };

/** Bytes written by hand, each step when the server has been silent for a while. */
const byHand =
  (...steps: readonly (readonly Buffer[])[]) =>
  async (port: number) => {
    const socket = net.connect(port, "127.0.0.1");
    let silent: NodeJS.Timeout | undefined;
    const heard = async () =>
      await new Promise<void>((resolve) => {
        const again = () => {
          clearTimeout(silent);
          silent = setTimeout(resolve, 300);
        };
        socket.removeAllListeners("data");
        socket.on("data", again);
        again();
      });
    for (const step of [[startup(["user", "postgres", "database", "postgres"])], ...steps, [c.TERMINATE]]) {
      socket.write(Buffer.concat(step));
      await heard();
    }
    socket.end();
    if (!socket.closed) await once(socket, "close");
  };

async function fails(run: Promise<unknown>): Promise<void> {
  const failed = await run.then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error("a statement that should fail did not");
}

async function nodePg(port: number): Promise<void> {
  const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", database: "postgres" });
  client.on("error", () => undefined);
  await client.connect();
  await client.query(SEED);
  await client.query("select 1 as one; select 'two' as two");
  await client.query("select $1::int as n, $2::text as t, $3::bytea as b", [42, null, Buffer.from([0, 255])]);
  const named = { name: "by-id", text: "select g, repeat('x', g) from generate_series(1, $1) g" };
  await client.query({ ...named, values: [3] });
  await client.query({ ...named, values: [2], rowMode: "array" });
  await client.query({ text: "select g from generate_series(1, 5) g", rows: 2 } as never);
  await fails(client.query("select $1::int", ["not a number"]));
  await fails(client.query("select 1 / $1::int", [0]));
  await fails(client.query("selec 1"));
  await fails(client.query("select no_such_column"));
  await client.query("begin");
  await fails(client.query("insert into people values (1, 'again')"));
  await fails(client.query("select 1"));
  await client.query("rollback");
  await client.query("");
  await client.end();
}

async function postgresJs(port: number): Promise<void> {
  const sql = postgres({
    host: "127.0.0.1",
    port,
    user: "postgres",
    database: "postgres",
    max: 1,
    ssl: false,
    fetch_types: false,
    onnotice: () => undefined,
  });
  await sql`select ${1}::int as n, ${"text"} as t`;
  await Promise.all([sql`select ${1}::int as n`, fails(sql`select ${"x"}::int`), sql`select ${3}::int as n`]);
  for await (const rows of sql`select g from generate_series(1, 5) g`.cursor(2)) if (rows.length > 2) throw new Error("too many rows");
  await sql.begin(async (tx) => {
    await tx`insert into people values (20, ${"ä"})`;
    await fails(tx.savepoint((nested) => nested`insert into people values (20, 'again')`));
  });
  await pipeline(Readable.from(["30\tthirty\n", "31\tthirty-one\n"]), await sql`copy people from stdin`.writable());
  for await (const chunk of await sql`copy people to stdout`.readable()) if (chunk.length === 0) throw new Error("an empty chunk");
  await sql.unsafe("select 1; select 2");
  await sql.end();
}

const SEED =
  "drop table if exists people, child, guarded cascade; create table people (id int primary key, name text); insert into people values (1, 'one'), (2, 'two')";

const PSQL = `
select * from people order by id;
select 1 as a\\; select 2 as b;
select no_such_column;
begin;
insert into people values (1, 'again');
select 1;
rollback;
\\copy people from stdin
10	ten
11	eleven
\\.
\\copy people to stdout
copy (select 1 where false) to stdout;
\\copy people from stdin
bad line
12	twelve
\\.
do $$ begin raise notice 'noticed %', 1; raise warning 'warned'; end $$;
listen jobs;
notify jobs, 'payload';
set timezone = 'UTC';
\\set FETCH_COUNT 2
select g from generate_series(1, 5) g;
\\d people
select;
;
`;

const COPY_EXTENDED = [c.parse("", "copy people from stdin"), c.bind(), c.execute(), c.SYNC];

export const SCRIPTS: readonly Script[] = [
  {
    name: "psql",
    about: "queries, errors, a transaction, COPY both ways and a bad line, notices, a notification, a cursor, the catalogue",
    run: psql(SEED + PSQL),
  },
  {
    name: "node-pg",
    about: "simple, parameterised and named queries, a portal in parts, errors at Parse, Bind and Execute, a failed transaction",
    run: nodePg,
  },
  { name: "postgres-js", about: "prepared statements in a pipeline with an error, a cursor, a savepoint, COPY both ways", run: postgresJs },
  {
    name: "pgbench-prepared",
    about: "a prepared transaction, twice",
    run: pgbench(
      "\\set id 7\nbegin;\nselect name from people where id = :id;\nupdate people set name = 'x' where id = :id;\nend;\n",
      "--protocol=prepared",
    ),
  },
  {
    name: "pgbench-pipeline",
    about: "a pipeline, twice",
    run: pgbench("\\startpipeline\nselect 1;\nselect id from people;\nselect 3;\n\\endpipeline\n", "--protocol=extended"),
  },
  {
    name: "pipeline-errors",
    about: "by hand: errors at Parse, Bind, Execute and Sync in pipelines, a Query that is skipped, names that are taken",
    run: byHand(
      [c.query(`${SEED}; create table child (id int references people deferrable initially deferred)`)],
      [
        c.parse("s", "select 1"),
        c.bind("s"),
        c.execute(),
        c.parse("", "selec"),
        c.bind(),
        c.execute(),
        c.SYNC,
        c.parse("t", "select 2"),
        c.bind("t"),
        c.execute(),
        c.SYNC,
      ],
      [
        c.parse("s", "select 'taken'"),
        c.SYNC,
        c.closeStatement("s"),
        c.parse("s", "select 'anew'"),
        c.SYNC,
        c.bind("s"),
        c.execute(),
        c.SYNC,
      ],
      [c.bind("no such"), c.execute(), c.query("select 'skipped'"), c.SYNC, c.query("select 'run'")],
      [c.parse("", "select 1 / $1::int"), c.bind("", ["0"]), c.execute(), c.closeStatement("s"), c.SYNC, c.describeStatement("s"), c.SYNC],
      [c.parse("", "insert into child values (99)"), c.bind(), c.execute(), c.SYNC, c.query("select 'after a failed commit'")],
      [c.parse("", "selec"), c.FLUSH],
      [c.bind(), c.execute(), c.SYNC],
      [
        c.query("prepare q as select 5"),
        c.bind("q"),
        c.execute(),
        c.SYNC,
        c.query("prepare q as select 6"),
        c.query("deallocate q"),
        c.bind("q"),
        c.SYNC,
      ],
      [
        c.query("begin"),
        c.parse("", "select g from generate_series(1, 5) g"),
        c.bind("", [], "p"),
        c.execute("p", 2),
        c.execute("p", 2),
        c.execute("p", 2),
        c.execute("p", 2),
        c.closePortal("p"),
        c.SYNC,
        c.query("end"),
      ],
      [c.parse("", ""), c.bind(), c.describePortal(), c.execute(), c.SYNC],
    ),
  },
  {
    name: "copy-orders",
    about: "by hand: COPY with data ahead of the answer, Syncs inside, failures before and behind them, CopyFail, strays",
    run: byHand(
      [
        c.query(
          `${SEED}; create or replace function fails() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$; create table guarded (id int); create trigger guard before insert on guarded execute function fails()`,
        ),
      ],
      [c.query("copy people from stdin"), c.copyData("10\tten\n"), c.copyData("11\televen\n"), c.COPY_DONE, c.query("select 'after'")],
      COPY_EXTENDED,
      [c.copyData("12\ttwelve\n"), c.COPY_DONE, c.SYNC],
      [...COPY_EXTENDED, c.copyData("13\tthirteen\n"), c.SYNC, c.FLUSH, c.COPY_DONE, c.SYNC, c.query("select 'after Syncs inside'")],
      COPY_EXTENDED,
      [c.copyData("bad\n"), c.copyData("14\tfourteen\n"), c.COPY_DONE, c.SYNC],
      [...COPY_EXTENDED, c.copyData("bad\n"), c.COPY_DONE, c.SYNC, c.query("select 'after a bad line'"), c.query("select 'and one more'")],
      [...COPY_EXTENDED.slice(0, 3), c.copyFail("no more"), c.SYNC],
      [c.parse("", "copy guarded from stdin"), c.bind(), c.execute(), c.SYNC],
      [c.query("select 'after a trigger failed in front of the Sync'")],
      [c.query("copy people from stdin; copy people from stdin"), c.copyData("20\tx\n"), c.COPY_DONE, c.copyData("21\tx\n"), c.COPY_DONE],
      [c.copyData("stray\n"), c.COPY_DONE, c.copyFail("stray"), c.query("select 'after strays'")],
      [
        c.query("copy people to stdout; copy people to stdout"),
        c.query("copy (select 1 / (2 - g) from generate_series(1, 3) g) to stdout"),
      ],
      [c.parse("", "copy people to stdout"), c.bind(), c.execute(), c.SYNC],
    ),
  },
  {
    name: "refusals",
    about: "by hand, with a gateway in between that refuses texts with REFUSE: in a query, a transaction, pipelines, as a function call",
    refused: "REFUSE",
    run: byHand(
      [c.query(SEED), c.query("select 'REFUSE'"), c.query("select 'after'")],
      [c.query("begin"), c.query("select 'REFUSE'"), c.query("select 'in a failed transaction'"), c.query("rollback")],
      [c.parse("", "select 1"), c.bind(), c.execute(), c.parse("", "select 'REFUSE'"), c.bind(), c.describePortal(), c.execute(), c.SYNC],
      [c.parse("s", "select 'kept'"), c.SYNC, c.parse("s", "select 'REFUSE'"), c.SYNC, c.bind("s"), c.execute(), c.SYNC],
      [c.parse("", "select 'unnamed'"), c.SYNC, c.parse("", "select 'REFUSE'"), c.SYNC, c.bind(), c.execute(), c.SYNC],
      [c.parse("", "selec"), c.parse("", "select 'REFUSE'"), c.SYNC, c.query("select 'after'")],
      [c.query("begin"), c.parse("", "select 'REFUSE'"), c.SYNC, c.parse("", "rollback"), c.bind(), c.execute(), c.SYNC],
      [c.functionCall(), c.query("select 'after a function call'")],
      [c.parse("", "select 'REFUSE'"), c.FLUSH],
      [c.bind(), c.execute(), c.query("select 'skipped'"), c.SYNC, c.query("select 'after'")],
    ),
  },
];
