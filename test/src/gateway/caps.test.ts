/**
 * Caps through a whole gateway: rows of a result in every protocol and form, stopped at the limit or completed before that,
 * with the transaction's real state; and the cancel request that stops one result never stops what comes next.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import pg from "pg";
import { show } from "#test/conformance/program.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { ask, errorIn, leave, rows, tags } from "#test/src/gateway/talk.ts";
import { extended, type Message, message, type Peer, query, SYNC, text, words } from "#test/src/gateway/wire.ts";
import { openWorld, type World } from "#test/src/gateway/world.ts";
import { optional } from "#test/support/optional.ts";
import { runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { DEBIAN_PROGRAMS } from "#test/support/postgres-programs.ts";
import { until } from "#test/support/waiting.ts";

const CAP = 300;
/** Beyond the cap, and small enough for the server to send in one piece: complete before anybody could stop it. */
const ROWS = 450;
/** More than all buffers on the way hold: the target is at it still when the limit is met. */
const ENDLESS = "select generate_series(1, 1000000000), repeat('x', 200)";
const CANCELLED = "reason=row-limit outcome=cancelled";
const COMPLETED = "reason=row-limit outcome=completed";

let world: World;
let postgres: TestPostgres;
before(async () => {
  postgres = await startPostgres();
  await runSql(postgres, `create table numbers (n int); insert into numbers select generate_series(1, ${ROWS}); create table kept (n int)`);
  world = await openWorld({
    postgres,
    configure: (sections) => {
      const { orders } = Object(sections["targets"]);
      const budget = (limits: object) => ({ ...orders, limits });
      const targets = {
        orders: { ...orders, limits: { rowsPerStatement: CAP } },
        rows: budget({ rowsPerSession: 5 }),
        bytes: budget({ bytesPerSession: "20kB" }),
        statements: budget({ statementsPerSession: 3 }),
      };
      const { rules } = sections["access"] as { readonly rules: readonly object[] };
      return { ...sections, targets, access: { rules: rules.map((rule) => ({ ...rule, targets: Object.keys(targets) })) } };
    },
  });
});
after(async () => {
  await world?.stop();
  await postgres?.stop();
});
afterEach((context) => world.settled(context));

const count = (messages: readonly Message[]): number => messages.filter(({ tag }) => tag === "D").length;
const copied = (messages: readonly Message[]): number => messages.filter(({ tag }) => tag === "d").length;
const status = (messages: readonly Message[]): string => messages.at(-1)?.body.toString() ?? "";

/** Rows that came, the error's code and detail, and the state behind it. */
function told(messages: readonly Message[]) {
  const error = errorIn(messages);
  return [count(messages), error["C"], error["D"], status(messages)];
}

async function all(peer: Peer, ...sent: readonly Buffer[]): Promise<readonly Message[]> {
  peer.send(...sent);
  return peer.upTo("Z");
}

async function isQuiet(sql: string): Promise<void> {
  const active = `select 1 from pg_stat_activity where state = 'active' and query like '${sql.slice(0, 20).replaceAll("'", "''")}%'`;
  await until(async () => (await world.sql(active)).length === 0, "the target has stopped");
}

describe("a result without end", () => {
  test("is stopped at the limit in both protocols, and the session goes on", async () => {
    const { peer } = await world.session();
    assert.deepEqual(told(await ask(peer, ENDLESS)), [CAP, "54000", CANCELLED, "I"]);
    assert.deepEqual(told(await all(peer, extended(ENDLESS), SYNC)), [CAP, "54000", CANCELLED, "I"]);
    await isQuiet(ENDLESS);
    assert.deepEqual(rows(await ask(peer, "select 'still here'")), [["still here"]]);
    await leave(peer);
  });

  test("fails its transaction as any error does", async () => {
    const { peer } = await world.session();
    await ask(peer, "begin");
    assert.deepEqual(told(await ask(peer, ENDLESS)), [CAP, "54000", CANCELLED, "E"]);
    assert.equal(errorIn(await ask(peer, "select 1"))["C"], "25P02");
    await ask(peer, "rollback");
    await leave(peer);
  });

  test("by COPY is capped as well, in every format", async () => {
    const { peer } = await world.session();
    for (const form of ["", "(format csv)", "(format binary)"]) {
      const copy = await ask(peer, `copy (${ENDLESS}) to stdout ${form}`);
      assert.deepEqual([copied(copy), ...told(copy).slice(1)], [CAP, "54000", CANCELLED, "I"], form);
    }
    await leave(peer);
  });

  test("in a text of several ends the text: nothing behind it is run", async () => {
    const { peer } = await world.session();
    const answer = await ask(peer, `select 1; ${ENDLESS}; insert into kept values (1)`);
    assert.deepEqual([tags(answer).slice(0, 4), ...told(answer).slice(1)], ["TDCT", "54000", CANCELLED, "I"]);
    assert.deepEqual(await world.sql("select * from kept"), []);
    await leave(peer);
  });

  test("in a pipeline has the rest of it skipped up to the Sync", async () => {
    const { peer } = await world.session();
    peer.send(extended(ENDLESS), extended("insert into kept values (1)"), SYNC);
    assert.deepEqual(told(await peer.upTo("Z")), [CAP, "54000", CANCELLED, "I"]);
    assert.deepEqual(await world.sql("select * from kept"), []);
    await leave(peer);
  });

  test("is stopped though the Sync comes only when its end is known", async () => {
    const { peer } = await world.session();
    peer.send(extended(ENDLESS), message("H"));
    const answer = await peer.upTo("E");
    assert.equal(count(answer), CAP);
    assert.equal(status(await all(peer, SYNC)), "I");
    await leave(peer);
  });

  test("stands in the record with the gateway's own cancel request", async () => {
    const { peer } = await world.session();
    await ask(peer, `${ENDLESS} -- recorded`);
    await leave(peer);
    const events = await recordingOf(world.gateway, `${ENDLESS} -- recorded`);
    assert.deepEqual(
      events.flatMap((event) => (event.kind === "cancel" ? [event.remote] : [])),
      ["gateway"],
    );
    const error = events.find((event) => event.kind === "error");
    assert.ok(error?.kind === "error" && error.from === "gateway" && error.fields["C"] === "54000");
    assert.equal(
      events.reduce((sum, event) => sum + (event.kind === "rows" ? event.rows.length : 0), 0),
      CAP,
    );
  });
});

describe("a result that is complete before it can be stopped", () => {
  const SHORT = "select n from numbers";

  test("ends in the error all the same, and its transaction goes on as the target says", async () => {
    const { peer } = await world.session();
    assert.deepEqual(told(await ask(peer, SHORT)), [CAP, "54000", COMPLETED, "I"]);
    await ask(peer, "begin");
    assert.deepEqual(told(await all(peer, extended(SHORT), SYNC)), [CAP, "54000", COMPLETED, "T"]);
    assert.deepEqual(rows(await ask(peer, "select 'in it'")), [["in it"]]);
    await ask(peer, "commit");
    await leave(peer);
  });

  test("and changed something says so: RETURNING", async () => {
    const { peer } = await world.session();
    await ask(peer, "create temp table t as select n from numbers");
    const answer = await ask(peer, "update t set n = n + 1 returning n");
    assert.deepEqual(told(answer), [CAP, "54000", COMPLETED, "I"]);
    assert.match(errorIn(answer)["M"] ?? "", /what it changed stands/);
    assert.deepEqual(rows(await ask(peer, "select min(n) from t")), [["2"]]);
    await leave(peer);
  });

  test("with a write behind it in the same text ends the session, which knows of no error's meaning that", async () => {
    const { peer } = await world.session();
    await ask(peer, "create temp table t (n int)");
    peer.send(query(`${SHORT}; insert into t values (1)`));
    const rest = await peer.rest();
    const last = rest.at(-1);
    assert.ok(last !== undefined);
    assert.deepEqual([last.tag, errorIn([last])["C"], errorIn([last])["D"]], ["E", "08007", "reason=outcome-unknown"]);
    peer.vanish();
  });

  test("of exactly as many rows as the limit passes", async () => {
    const { peer } = await world.session();
    for (const sql of [
      `${SHORT} limit ${CAP}`,
      `copy (${SHORT} limit ${CAP}) to stdout`,
      `copy (${SHORT} limit ${CAP}) to stdout (format binary)`,
    ]) {
      const answer = await ask(peer, sql);
      assert.ok(!tags(answer).includes("E"), sql);
    }
    await leave(peer);
  });

  test("in parts of a portal counts over all of them", async () => {
    const { peer } = await world.session();
    await ask(peer, "begin");
    const int16 = Buffer.alloc(2);
    const portal = text("p");
    const part = message("E", portal, words(120));
    peer.send(message("P", text(""), text(SHORT), int16), message("B", portal, text(""), int16, int16, int16), part, SYNC);
    assert.equal(count(await peer.upTo("Z")), 120);
    assert.equal(count(await all(peer, part, SYNC)), 120);
    assert.deepEqual(told(await all(peer, part, SYNC)), [60, "54000", COMPLETED, "T"]);
    await ask(peer, "rollback");
    await leave(peer);
  });

  test("by a cursor counts each FETCH by itself, and by EXECUTE each of those", async () => {
    const { peer } = await world.session();
    await ask(peer, `begin; declare c cursor for ${SHORT}`);
    for (const expected of [180, 180, 90]) assert.equal(count(await ask(peer, "fetch 180 from c")), expected);
    await ask(peer, "move absolute 0 in c");
    assert.deepEqual(told(await ask(peer, "fetch all from c")), [CAP, "54000", COMPLETED, "T"]);
    await ask(peer, "commit");
    await ask(peer, `prepare p as ${SHORT}`);
    assert.deepEqual(told(await ask(peer, "execute p")), [CAP, "54000", COMPLETED, "I"]);
    await leave(peer);
  });

  test("with others under way behind it holds none of them up", async () => {
    const { peer } = await world.session();
    peer.send(extended(SHORT), SYNC, extended("select 'second'"), SYNC, query("select 'third'"));
    assert.deepEqual(told(await peer.upTo("Z")), [CAP, "54000", COMPLETED, "I"]);
    assert.deepEqual(rows(await peer.upTo("Z")), [["second"]]);
    assert.deepEqual(rows(await peer.upTo("Z")), [["third"]]);
    await leave(peer);
  });
});

test("a cancel request never hits what comes next, whenever the result ends by itself", async () => {
  const { peer } = await world.session();
  const outcomes = new Set<string>();
  // From ended at once to not ended by far, around the moment at which the request goes out; on a slow machine that comes late.
  for (let round = 0; round < 60 || (outcomes.size < 2 && round < 600); round += 1) {
    const slow = `select generate_series(1, ${CAP + 50}), repeat('x', 300) union all select count(pg_sleep(0.002))::int, '' from generate_series(1, ${round})`;
    peer.send(query(slow));
    const first = await peer.upTo("Z");
    outcomes.add(errorIn(first)["D"] ?? "");
    const next = await all(peer, query(`select ${round} from pg_sleep(0.03)`));
    assert.deepEqual(rows(next), [[String(round)]], `after ${errorIn(first)["D"]}`);
  }
  // Nor does one for what has come in one piece, if none of those had.
  outcomes.add(errorIn(await ask(peer, "select n from numbers"))["D"] ?? "");
  assert.deepEqual([...outcomes].sort(), [CANCELLED, COMPLETED], "both ends were met");
  await leave(peer);
});

describe("real clients", () => {
  const env = async () => {
    const { host, port, user, password, database } = await world.gateway.login();
    return {
      ...{ PATH: process.env["PATH"], PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database },
      ...{ PGSSLMODE: "verify-full", PGSSLROOTCERT: world.gateway.caFile },
    };
  };

  test("psql shows the error and goes on; in parts it reads all", { skip: optional("postgres15") }, async () => {
    const input = `${ENDLESS};\n\\copy numbers to '/dev/null'\n\\set FETCH_COUNT 210\nselect n from numbers;\nselect 'end';\n`;
    const { stdout, stderr } = await show([join(DEBIAN_PROGRAMS, "psql"), "-X", "-At"], { env: await env(), input });
    const lines = stdout.trim().split("\n");
    assert.deepEqual([lines.filter((line) => /^\d+$/.test(line)).length, lines.at(-1)], [ROWS, "end"]);
    assert.equal(stderr.match(/the result has more than 300 rows/g)?.length, 2, stderr);
    assert.match(stderr, /HINT: {2}add LIMIT or a narrower WHERE/);
  });

  test("node-postgres gets an error object, and keeps its connection", async () => {
    const client = new pg.Client({ ...(await world.gateway.login()), ssl: { ca: world.gateway.ca, servername: "localhost" } });
    await client.connect();
    for (const parameters of [undefined, [1]]) {
      const sql = `${ENDLESS}${parameters === undefined ? "" : " where $1 = 1"}`;
      const error: unknown = await client.query(sql, parameters).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      assert.ok(error instanceof pg.DatabaseError);
      assert.deepEqual([error.code, error.detail], ["54000", CANCELLED]);
    }
    assert.equal((await client.query("select n from numbers limit 5")).rowCount, 5);
    await client.end();
  });

  test("psycopg sees real transaction states; its cursors, COPY and pipelines behave", { skip: optional("psycopg") }, async () => {
    const program = join(import.meta.dirname, "clients", "capped.py");
    const { stdout, stderr, code } = await show(["/usr/bin/python3", "-B", program], { env: await env() });
    assert.equal(code, 0, stderr);
    const said = new Map(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
        .map(({ name, ...rest }) => [name, rest]),
    );
    assert.deepEqual(said.get("plain"), { code: "54000", detail: COMPLETED, status: "INTRANS" });
    assert.deepEqual(said.get("cursor"), { rows: ROWS });
    assert.deepEqual(said.get("copy"), { code: "54000", detail: COMPLETED, rows: CAP });
    assert.deepEqual(said.get("after"), { rows: 10 });
    assert.deepEqual(said.get("pipeline"), { code: "54000", detail: COMPLETED, "goes on": false });
  });
});

describe("what a session may use up", () => {
  const end = async (database: string, ...sent: readonly Buffer[]) => {
    const { peer } = await world.session({ parameters: { database } });
    peer.send(...sent);
    const rest = await peer.rest();
    const last = rest.at(-1);
    assert.ok(last !== undefined && last.tag === "E");
    const { S, C, D } = errorIn([last]);
    peer.vanish();
    return { said: [S, C, D], rest };
  };
  const BUDGET = ["FATAL", "54000", "reason=session-budget"];

  test("is rows", async () => {
    const { said, rest } = await end("rows", query("select generate_series(1, 3)"), query("select generate_series(1, 3)"));
    assert.deepEqual([said, count(rest)], [BUDGET, 5]);
  });

  test("is bytes", async () => {
    const { said, rest } = await end("bytes", query("select repeat('x', 1000) from generate_series(1, 100)"));
    assert.deepEqual(said, BUDGET);
    assert.ok(count(rest) > 15 && count(rest) < 20, String(count(rest)));
  });

  test("is statements", async () => {
    const { said, rest } = await end("statements", ...Array.from({ length: 5 }, (_, index) => query(`select ${index}`)));
    assert.deepEqual(said, BUDGET);
    assert.ok(count(rest) <= 3);
  });
});
