/**
 * Guardrails through a whole gateway, with real servers and real clients: each kind is refused with its reason, the session
 * and its transaction go on as PostgreSQL's would after an error, and nothing of it reaches the server.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import pg from "pg";
import { show } from "#test/conformance/program.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { ask, errorIn, leave, rows, tags } from "#test/src/gateway/talk.ts";
import { extended, fields, message, password, SYNC, startup, text } from "#test/src/gateway/wire.ts";
import { openWorld, type World } from "#test/src/gateway/world.ts";
import { optional } from "#test/support/optional.ts";
import { runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { DEBIAN_PROGRAMS } from "#test/support/postgres-programs.ts";
import { until } from "#test/support/waiting.ts";

const BIG = 5_000;
const SEED = `
  create table users (id int primary key, name text, ssn text);
  insert into users select n, 'name ' || n, 'ssn ' || n from generate_series(1, 100) n;
  create table events (id int primary key, user_id int, at date);
  insert into events select n, n % 100, now() from generate_series(1, ${BIG}) n;
  create table parts (id int) partition by range (id);
  create table parts_1 partition of parts for values from (0) to (2000);
  create table parts_2 partition of parts for values from (2000) to (5000);
  insert into parts select generate_series(0, 3999);
  create view recent as select * from events;
  create procedure wipe() language sql as 'delete from users';
  analyze`;

const AGENTS = { agent: ["data-agents"], owner: ["dba"], analyst: ["masked"] };
/** Nothing listens there. */
const AWAY = { protocol: "postgres", address: "127.0.0.1:1", credential: { user: "nobody" } };
const RULES = [
  {
    name: "blanket",
    target: "orders",
    deny: ["update-without-where", "delete-without-where", "truncate", "drop", "alter"],
    unless: { groups: ["dba"] },
  },
  { name: "reads", targets: ["orders"], deny: ["unlimited-select", "cross-join"], bigTable: 3_000, unless: { groups: ["dba"] } },
  { name: "away", target: "away", deny: ["unlimited-select"], unless: { groups: ["dba"] } },
  { name: "single", target: "orders", deny: ["multi-statement"], who: { groups: ["data-agents"] } },
];

/** Kind, rule and position of what each text is refused for. */
const REFUSED: readonly (readonly [sql: string, kind: string, rule: string, position: number])[] = [
  ["update users set name = 'x'", "update-without-where", "blanket", 8],
  ["update users set name = 'x' where 1 = 1", "update-without-where", "blanket", 8],
  ["update users set name = 'x' where id is not null", "update-without-where", "blanket", 8],
  ["delete from users", "delete-without-where", "blanket", 13],
  ["with gone as (delete from users returning id) select count(*) from gone", "delete-without-where", "blanket", 27],
  ["explain analyze delete from users", "delete-without-where", "blanket", 29],
  ["prepare p as delete from users", "delete-without-where", "blanket", 26],
  ["copy (delete from users returning id) to stdout", "delete-without-where", "blanket", 19],
  ["truncate users", "truncate", "blanket", 10],
  ["drop table users", "drop", "blanket", 1],
  ["alter table users add column z int", "alter", "blanket", 13],
  ["select * from events", "unlimited-select", "reads", 15],
  ["select * from recent", "unlimited-select", "reads", 15],
  ["select * from parts", "unlimited-select", "reads", 15],
  ["copy events to stdout", "unlimited-select", "reads", 6],
  ["select count(*) from users u, events e", "cross-join", "reads", 31],
  ["select 1; select 2", "multi-statement", "single", 11],
];

const PASSING = [
  "update users set name = 'x' where id = 1",
  "delete from users where id = 99",
  "select * from events limit 10",
  "select count(*) from events",
  "select * from users",
  "select u.name, count(*) from users u join events e on e.user_id = u.id where u.id < 5 group by 1",
  "explain delete from users",
];

let world: World;
let postgres: TestPostgres;
before(async () => {
  postgres = await startPostgres({ settings: { log_statement: "all" } });
  await runSql(postgres, SEED);
  world = await openWorld({
    postgres,
    agents: AGENTS,
    configure: (sections) => ({
      ...sections,
      targets: { ...Object(sections["targets"]), away: AWAY },
      access: {
        rules: [
          { who: { groups: ["data-agents", "dba", "masked"] }, targets: ["orders", "away"], may: ["read", "write", "schema", "admin"] },
        ],
      },
      guardrails: { rules: RULES },
      masking: { rules: [{ target: "orders", columns: ["public.users.ssn"], with: "redact", unless: { groups: ["data-agents", "dba"] } }] },
    }),
  });
});
after(async () => {
  await world?.stop();
  await postgres?.stop();
});
afterEach((context) => world.settled(context));

const tokenOf = async (agent: string) => (await world.gateway.login(agent)).password;

describe("what a guardrail forbids", () => {
  test("is refused with its reason in both protocols, and the session goes on", async () => {
    const { peer } = await world.session();
    for (const [sql, kind, rule, position] of REFUSED) {
      for (const way of ["simple", "extended"] as const) {
        if (way === "extended" && kind === "multi-statement") continue;
        if (way === "extended") peer.send(extended(sql), SYNC);
        const answer = way === "simple" ? await ask(peer, sql) : await peer.upTo("Z");
        assert.equal(tags(answer), "EZ", `${way}: ${sql}`);
        assert.equal(answer.at(-1)?.body.toString(), "I");
        const error = errorIn(answer);
        assert.equal(error["C"], "42501", sql);
        assert.equal(error["D"], `reason=statement-guarded rule=${rule}`, sql);
        assert.ok(error["M"]?.startsWith(`${kind}: `), error["M"]);
        assert.equal(error["P"], String(position), sql);
        assert.ok((error["H"] ?? "").length > 20, sql);
      }
    }
    assert.deepEqual(rows(await ask(peer, "select count(*) from users")), [["100"]]);
    await leave(peer);
  });

  test("leaves a transaction as an error of the server's own does, and a savepoint brings it back", async () => {
    const { peer } = await world.session();
    for (const [sql] of REFUSED) {
      const inside = [];
      for (const one of ["begin", "savepoint s", sql, "select 1", "rollback to s", "select 'on'", "commit"])
        inside.push(await ask(peer, one));
      assert.deepEqual(
        inside.map((answer) => answer.at(-1)?.body.toString()),
        ["T", "T", "E", "E", "T", "T", "I"],
        sql,
      );
      assert.equal(errorIn(inside[3] ?? [])["C"], "25P02");
    }
    await leave(peer);
  });

  test("never reaches the server", async () => {
    const { peer } = await world.session();
    for (const [sql] of REFUSED) await ask(peer, `${sql} -- unseen`);
    await leave(peer);
    await world.settled();
    assert.ok(!world.postgres.log().includes("-- unseen"), "the server's log holds a refused statement");
  });

  test("skips to the Sync when it is prepared, as an error does", async () => {
    const { peer } = await world.session();
    peer.send(extended("delete from users"), extended("select 'not reached'"), SYNC, extended("select 'reached'"), SYNC);
    assert.equal(tags(await peer.upTo("Z")), "EZ");
    assert.deepEqual(rows(await peer.upTo("Z")), [["reached"]]);
    await leave(peer);
  });

  test("stands in the record as denied, with its rule", async () => {
    const { peer } = await world.session();
    await ask(peer, "delete from users where true");
    await leave(peer);
    const events = await recordingOf(world.gateway, "delete from users where true");
    const denied = events.find((event) => event.kind === "denied");
    assert.ok(denied?.kind === "denied");
    assert.deepEqual([denied.reason, denied.rule], ["statement-guarded", "blanket"]);
    assert.match(denied.message, /^delete-without-where: /);
  });

  test("is nothing else: ordinary work passes", async () => {
    const { peer } = await world.session();
    await ask(peer, "begin");
    for (const sql of PASSING) assert.ok(!tags(await ask(peer, sql)).includes("E"), sql);
    await ask(peer, "rollback");
    await leave(peer);
  });

  test("is allowed to whom the rule spares", async () => {
    const { peer } = await world.session({ token: await tokenOf("owner") });
    await ask(peer, "begin");
    for (const sql of [
      "delete from users",
      "truncate events",
      "call wipe()",
      "do $$ begin perform 1; end $$",
      "select * from recent; select 2",
    ])
      assert.ok(!tags(await ask(peer, sql)).includes("E"), sql);
    await ask(peer, "rollback");
    await leave(peer);
  });
});

describe("what cannot be seen through", () => {
  for (const sql of ["do $$ begin delete from users; end $$", "call wipe()", "select query_to_xml('select 1', true, true, '')"]) {
    test(`is refused: ${sql}`, async () => {
      const { peer } = await world.session();
      const error = errorIn(await ask(peer, sql));
      assert.deepEqual([error["C"], error["D"]], ["42501", "reason=statement-guarded rule=blanket"]);
      assert.match(error["H"] ?? "", /opaque: allow/);
      await leave(peer);
    });
  }
});

describe("what does not parse", () => {
  test("is refused with its position, though the principal holds every right", async () => {
    const { peer } = await world.session();
    const error = errorIn(await ask(peer, "delete form users"));
    assert.deepEqual([error["C"], error["D"], error["P"]], ["42601", "reason=statement-unparsed rule=blanket", "8"]);
    await leave(peer);
  });

  test("passes for whom no guardrail holds: the server says what is wrong", async () => {
    const { peer } = await world.session({ token: await tokenOf("owner") });
    const error = errorIn(await ask(peer, "delete form users"));
    assert.deepEqual([error["C"], error["D"]], ["42601", undefined]);
    await leave(peer);
  });

  test("is refused unread when it is too large, and streamed where nothing could apply", async () => {
    const large = `select length('${"x".repeat(5 * 1024 * 1024)}')`;
    const [guarded, spared] = [await world.session(), await world.session({ token: await tokenOf("owner") })];
    assert.equal(errorIn(await ask(guarded.peer, large))["D"], "reason=statement-too-large");
    assert.deepEqual(rows(await ask(spared.peer, large)), [[String(5 * 1024 * 1024)]]);
    await leave(guarded.peer, spared.peer);
  });
});

describe("under a mask", () => {
  test("guardrails hold as well, by the client's own text", async () => {
    const { peer } = await world.session({ token: await tokenOf("analyst") });
    assert.deepEqual(rows(await ask(peer, "select ssn from users where id = 1")), [["***"]]);
    const error = errorIn(await ask(peer, "select * from events"));
    assert.equal(error["D"], "reason=statement-guarded rule=reads");
    const joined = errorIn(await ask(peer, "select u.ssn from users u, events e"));
    assert.deepEqual([joined["D"], joined["P"]], ["reason=statement-guarded rule=reads", "28"]);
    await leave(peer);
  });
});

describe("sizes of tables", () => {
  test("follow the catalogue: a new table is unknown, and counts once it was analysed and read again", async () => {
    const { peer } = await world.session({ token: await tokenOf("owner") });
    const guarded = await world.session();
    await ask(peer, `create table grown as select n from generate_series(1, ${BIG}) n`);
    assert.ok(!tags(await ask(guarded.peer, "select * from grown")).includes("E"));
    await ask(peer, "analyze grown");
    // A change to the schema has the catalogue read at once, and sizes with it.
    await ask(peer, "comment on table grown is 'read again'; create table another (a int)");
    const refused = async () => tags(await ask(guarded.peer, "select * from grown")).includes("E");
    await until(refused, "the table's size is taken up");
    await ask(peer, "drop table grown, another");
    await leave(peer, guarded.peer);
  });
});

describe("real clients", () => {
  const env = async () => {
    const { host, port, user, password, database } = await world.gateway.login();
    return {
      PATH: process.env["PATH"],
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: world.gateway.caFile,
    };
  };
  const singles = REFUSED.filter(([, kind]) => kind !== "multi-statement");

  test("psql shows reason, rule and hint, and goes on", { skip: optional("postgres15") }, async () => {
    const input = `\\set VERBOSITY verbose\n${REFUSED.map(([sql]) => `${sql.replace("; ", " \\; ")};`).join("\n")}\nselect 'still here';\n`;
    const { stdout, stderr, code } = await show([join(DEBIAN_PROGRAMS, "psql"), "-X", "-At"], { env: await env(), input });
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim(), "still here");
    assert.equal(stderr.match(/ERROR: {2}42501: /g)?.length, REFUSED.length, stderr);
    for (const rule of ["blanket", "reads", "single"]) assert.ok(stderr.includes(`DETAIL:  reason=statement-guarded rule=${rule}`), rule);
    assert.ok(stderr.includes("HINT:  add a WHERE that names the rows, e.g. by primary key"));
  });

  test("node-postgres gets an error object per statement, and keeps its connection", async () => {
    const { ca } = world.gateway;
    const client = new pg.Client({ ...(await world.gateway.login()), ssl: { ca, servername: "localhost" } });
    await client.connect();
    for (const [sql, kind, rule, position] of singles) {
      await client.query("begin");
      const error: unknown = await client.query(sql, []).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      assert.ok(error instanceof pg.DatabaseError, sql);
      assert.deepEqual([error.code, error.detail, error.position], ["42501", `reason=statement-guarded rule=${rule}`, String(position)]);
      assert.ok(error.message.startsWith(kind));
      await client.query("rollback");
    }
    assert.deepEqual((await client.query("select 1 as one where 1 = $1", [1])).rows, [{ one: 1 }]);
    await client.end();
  });

  test("psycopg sees the server's transaction states", { skip: optional("psycopg") }, async () => {
    const input = JSON.stringify([...singles.map(([sql]) => sql), PASSING[2]]);
    const program = join(import.meta.dirname, "clients", "guarded.py");
    const { stdout, stderr, code } = await show(["/usr/bin/python3", "-B", program], { env: await env(), input });
    assert.equal(code, 0, stderr);
    const said = JSON.parse(stdout);
    for (const [index, [sql, , rule, position]] of singles.entries()) {
      const { alone, inside, status } = said[index];
      assert.deepEqual(
        [alone.code, alone.detail, alone.position],
        ["42501", `reason=statement-guarded rule=${rule}`, String(position)],
        sql,
      );
      assert.deepEqual([inside.code, status], ["42501", "INERROR"], sql);
    }
    assert.deepEqual(said.at(-2).alone, { rows: 10 });
    assert.deepEqual([said.at(-2).status, said.at(-1).after], ["INTRANS", { rows: 1 }]);
  });
});

test("a target whose tables are not known yet serves nobody for whom their size matters", async () => {
  const told = async (agent: string) => {
    const peer = await world.secure();
    peer.send(startup({ user: agent, database: "away" }));
    await peer.upTo("R");
    peer.send(password(await tokenOf(agent)));
    const { C, D } = await peer.lastWords();
    peer.vanish();
    return [C, D];
  };
  assert.deepEqual(await told("agent"), ["57P03", "reason=catalogue-unavailable"]);
  assert.deepEqual(await told("owner"), ["08001", "reason=upstream-unreachable"]);
});

test("a statement that was refused is not there afterwards", async () => {
  const { peer } = await world.session();
  peer.send(message("P", text("s"), text("truncate users"), Buffer.alloc(2)), message("D", Buffer.from("S"), text("s")), SYNC);
  assert.equal(tags(await peer.upTo("Z")), "EZ");
  peer.send(message("D", Buffer.from("S"), text("s")), SYNC);
  const answer = await peer.upTo("Z");
  assert.equal(fields(answer[0] ?? assert.fail("no answer"))["C"], "26000");
  await leave(peer);
});
