/**
 * How sessions and the gateway itself end: told to, killed, or out of time. What runs is finished or ended with a word, what
 * was forwarded is on record, and `verify` has nothing to say against it afterwards.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { endOf, problems, recordingOf, recordings } from "#test/src/gateway/archive.ts";
import { HASTY } from "#test/src/gateway/hasty.ts";
import { ask, errorIn, tags } from "#test/src/gateway/talk.ts";
import { dialTls, query, values } from "#test/src/gateway/wire.ts";
import { childrenOf, login, openWorld, type Session, type World } from "#test/src/gateway/world.ts";
import { startTestIssuer, type TestIssuer } from "#test/support/issuer.ts";
import { startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { startRelay } from "#test/support/relay.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";

async function untilServed(world: World): Promise<void> {
  await until(
    () =>
      world.session().then(
        ({ peer }) => {
          peer.vanish();
          return true;
        },
        () => false,
      ),
    "a session is served",
  );
}

let postgres: TestPostgres;
before(async () => {
  postgres = await startPostgres();
});
after(() => postgres?.stop());

describe("SIGTERM", () => {
  let world: World;
  before(async () => {
    world = await openWorld({ postgres, program: join(import.meta.dirname, "hasty.ts") });
  });
  after(() => world?.stop());

  test("ends idle sessions with 57P01, lets a statement finish, cuts off what takes too long, and exits with 0", async () => {
    const idle = await world.session();
    const short = await world.session();
    const long = await world.session();
    const open = await world.session();
    await ask(open.peer, "begin");
    await world.sql("select pg_advisory_lock(1)");
    short.peer.send(query("select 'finished' from pg_advisory_lock(1)"));
    long.peer.send(query("select 'cut off' from pg_sleep(300)"));
    const unproved = await world.secure();
    const running = "select 1 from pg_stat_activity where state = 'active' and application_name like '%sp:%'";
    await until(async () => (await world.sql(running)).length === 2, "both statements run");
    const began = performance.now();
    process.kill(world.gateway.pid, "SIGTERM");
    const toldTo = async ({ peer }: Session) => {
      const said = errorIn(await peer.rest());
      assert.equal(said["C"], "57P01");
      assert.match(said["D"] ?? "", /reason=shutting-down/);
    };
    await toldTo(idle);
    await world.sql("select pg_advisory_unlock(1)");
    const done = await short.peer.rest();
    assert.deepEqual(tags(done), "TDCZE");
    assert.deepEqual(done.filter(({ tag }) => tag === "D").map(values), [["finished"]]);
    for (const one of [long, open]) await toldTo(one);
    await unproved.closed();
    await assert.rejects(dialTls({ port: world.gateway.port }, world.gateway.ca));
    assert.equal(await world.gateway.stop(), 0);
    assert.ok(performance.now() - began < HASTY.drainMs + 30_000, "the exit is bounded");
    const left = "select 1 from pg_stat_activity where application_name like '%sp:%'";
    await until(async () => (await world.sql(left)).length === 0, "no backend is left");
  });
});

describe("killed", () => {
  let world: World;
  before(async () => {
    world = await openWorld({ postgres, workers: 2, killsWorkers: true });
    await world.sql("create table seen (what text)");
  });
  after(() => world?.stop());

  /** Statements that have run before something is killed. */
  const ENOUGH = 40;

  test("a worker under load: its sessions end, the other's go on, it comes back, and everything the server saw is on record", async () => {
    const sessions = await world.sessionsOnEach(8);
    const [victim] = childrenOf(world.gateway.pid);
    assert.ok(victim !== undefined);
    let ran = 0;
    const loads = sessions.map(async ({ peer }, index) => {
      try {
        for (let round = 0; round < 1000; round += 1, ran += 1) await ask(peer, `insert into seen values ('worker ${index}-${round}')`);
        return "ended";
      } catch {
        // The session's worker was killed.
        return "killed";
      }
    });
    await until(() => ran > ENOUGH, "enough has run");
    process.kill(victim, "SIGKILL");
    await Promise.race(loads);
    await untilServed(world);
    for (const { peer } of sessions) peer.reset();
    const outcomes = await Promise.all(loads);
    assert.ok(outcomes.includes("killed"));
    await until(() => childrenOf(world.gateway.pid).length === 2, "the worker is back");
    await onRecord(world, "worker");
    assert.ok([...(await recordings(world.gateway)).values()].some((events) => endOf(events) === "recovered"));
  });

  test("the whole gateway under load: after the next start everything the server saw is on record, and verifies", async () => {
    const sessions = await Promise.all(Array.from({ length: 4 }, () => world.session()));
    let ran = 0;
    const loads = sessions.map(async ({ peer }, index) => {
      try {
        for (let round = 0; ; round += 1, ran += 1) await ask(peer, `insert into seen values ('gateway ${index}-${round}')`);
      } catch {
        // The gateway was killed.
      }
    });
    await until(() => ran > ENOUGH, "enough has run");
    const workers = childrenOf(world.gateway.pid);
    await world.gateway.kill();
    await Promise.all(loads);
    // No worker outlives its keeper.
    await until(() => !workers.some(runs), "the workers have ended");
    await world.gateway.start();
    await untilServed(world);
    await onRecord(world, "gateway");
  });

  function runs(pid: number): boolean {
    try {
      // A zombie has ended; it waits for a parent that is gone.
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  }

  async function onRecord({ gateway, sql }: World, prefix: string): Promise<void> {
    const seen = (await sql(`select what from seen where what like '${prefix}%'`)).map(({ what }) => String(what));
    assert.ok(seen.length >= ENOUGH, `only ${seen.length} statements ran`);
    let missing: readonly string[] = seen;
    const isAll = async () => {
      const recorded = new Set<string>();
      for (const events of (await recordings(gateway)).values()) {
        for (const event of events) if (event.kind === "statement" && typeof event.sql === "string") recorded.add(event.sql);
      }
      missing = seen.filter((what) => !recorded.has(`insert into seen values ('${what}')`));
      return missing.length === 0;
    };
    await until(isAll, () => `all is on record, ${missing.slice(0, 5).join(", ")} and ${missing.length} in all too`);
    assert.deepEqual(await problems(gateway), []);
  }
});

describe("a worker that dies while the configuration on disk is broken", () => {
  let world: World;
  before(async () => {
    world = await openWorld({ postgres, killsWorkers: true });
  });
  after(() => world?.stop());

  test("comes back when the file does; until then the gateway says that it is not ready", async () => {
    const [victim] = childrenOf(world.gateway.pid);
    assert.ok(victim !== undefined);
    const ready = async () => (await fetch(`http://${world.gateway.addresses["admin"]}/readyz`)).status;
    assert.equal(await ready(), 200);
    const whole = readFileSync(world.gateway.configFile, "utf8");
    writeFileSync(world.gateway.configFile, "broken: [");
    process.kill(victim, "SIGKILL");
    await until(() => world.gateway.log().some(({ event }) => event === "worker-failed"), "another one could not start");
    assert.equal(await ready(), 503);
    writeFileSync(world.gateway.configFile, whole);
    await untilServed(world);
    assert.equal(await ready(), 200);
  });
});

describe("a target that goes", () => {
  let world: World;
  before(async () => {
    world = await openWorld({ postgres });
  });
  after(() => world?.stop());

  test("in the middle of a transaction: an error and the end, and no second connection is made behind the client's back", async () => {
    const { gateway } = world;
    const relay = await startRelay(postgres);
    await gateway.reconfigure((sections) => {
      const { orders } = sections["targets"] as { readonly orders: object };
      return { ...sections, targets: { orders: { ...orders, address: `${relay.host}:${relay.port}` } } };
    });
    await world.sql("create table half (a int)");
    const { peer } = await world.session();
    await ask(peer, "begin");
    await ask(peer, "insert into half values (1)");
    const before = relay.accepted;
    relay.reset();
    peer.send(query("commit"));
    const all = await peer.rest();
    assert.deepEqual(tags(all), "E");
    assert.match(errorIn(all)["C"] ?? "", /^(08|57)/);
    assert.equal(relay.accepted, before, "the gateway dialled again");
    assert.deepEqual(await world.sql("select a from half"), []);
    assert.equal(endOf(await recordingOf(gateway, "begin")), "upstream-lost");
    peer.vanish();
    await relay.stop();
  });
});

describe("a token that expires", () => {
  let world: World;
  let issuer: TestIssuer;
  let folder: string;
  before(async () => {
    issuer = await startTestIssuer();
    folder = await scratchFolder("issuer");
    const ca = join(folder, "ca.crt");
    writeFileSync(ca, issuer.ca);
    world = await openWorld({
      postgres,
      configure: (sections) => {
        const { oidc } = sections["identity"] as { readonly oidc: readonly object[] };
        const { rules } = sections["access"] as { readonly rules: readonly object[] };
        const second = { issuer: issuer.url, audience: issuer.audience, ca, claims: { name: "sub", groups: "groups" } };
        const theirs = rules.map((rule) => ({ ...rule, who: { issuers: [issuer.url] } }));
        return { ...sections, identity: { oidc: [...oidc, second] }, access: { rules: [...rules, ...theirs] } };
      },
    });
  });
  after(async () => {
    await world?.stop();
    await issuer?.stop();
    await removeFolder(folder);
  });

  const GOOD_S = 7;
  /** Good for that long: what the clocks may differ by is counted at both ends. */
  const shortLived = () => issuer.mint({ exp: Math.floor(Date.now() / 1000) - 30 + GOOD_S });

  test("ends an idle session, a busy one and one in a transaction with 57P01, within a minute of its exp", async () => {
    const began = performance.now();
    const token = await shortLived();
    const sessions = await Promise.all([0, 1, 2].map(async () => login(await world.secure(), token)));
    const [idle, busy, open] = sessions.map(({ peer }) => peer);
    assert.ok(idle !== undefined && busy !== undefined && open !== undefined);
    busy.send(query("select pg_sleep(300)"));
    await ask(open, "begin");
    for (const peer of [idle, busy, open]) {
      const said = errorIn(await peer.rest());
      assert.equal(said["C"], "57P01");
      assert.match(said["D"] ?? "", /reason=token-expired/);
      peer.vanish();
    }
    assert.ok(performance.now() - began < GOOD_S * 1000 + 30_000);
    await world.settled();
    assert.equal(endOf(await recordingOf(world.gateway, "select pg_sleep(300)")), "token-expired");
  });

  test("and opens no new one", async () => {
    const token = await issuer.mint({ exp: Math.floor(Date.now() / 1000) - 60 });
    await assert.rejects(world.session({ token }), /28P01/);
  });
});
