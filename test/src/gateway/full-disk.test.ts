/**
 * A disk that is full: nothing runs that can't be put on record, whoever is there is told, and once there is room again the
 * gateway goes on by itself, with nothing missing from what it says it has. The limit on file sizes stands in for a full
 * disk where none can be mounted: to the program they differ by an error code.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { problems, recordings } from "#test/src/gateway/archive.ts";
import { ask, tags } from "#test/src/gateway/talk.ts";
import { fields, type Peer, query } from "#test/src/gateway/wire.ts";
import { childrenOf, openWorld, type World } from "#test/src/gateway/world.ts";
import type { TestGateway } from "#test/support/gateway.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";

/** Sends statements until the gateway ends the session. @returns how many were answered, and the last words */
async function insertUntilEnded(peer: Peer, name: string): Promise<{ readonly done: number; readonly code: string | undefined }> {
  for (let done = 0; done < 5000; done += 1) {
    peer.send(query(`insert into seen values ('${name}-${done}', '${"x".repeat(2000)}')`));
    const answer = await peer.next();
    if (answer?.tag === "C") {
      await peer.upTo("Z");
      continue;
    }
    return { done, code: answer === null ? undefined : fields(answer)["C"] };
  }
  throw new Error("the disk was never full");
}

/** Every row of the table has its statement on record, once all is sealed. */
async function nothingRanUnrecorded(world: World): Promise<void> {
  const seen = (await world.sql("select what from seen")).map(({ what }) => String(what));
  assert.ok(seen.length > 0);
  let missing: readonly string[] = seen;
  const isAll = async () => {
    const recorded = new Set<string>();
    for (const events of (await recordings(world.gateway)).values()) {
      for (const event of events)
        if (event.kind === "statement" && typeof event.sql === "string") recorded.add(event.sql.slice(0, 40).split("'")[1] ?? "");
    }
    missing = seen.filter((what) => !recorded.has(what));
    return missing.length === 0;
  };
  await until(isAll, () => `all is on record, ${missing.slice(0, 5).join(", ")} and ${missing.length} in all too`);
}

async function served(world: World): Promise<void> {
  const peer = await until(
    () =>
      world.session().then(
        (session) => session.peer,
        () => undefined,
      ),
    "a session is served",
  );
  assert.deepEqual(tags(await ask(peer, "select 1")), "TDCZ");
  peer.vanish();
}

describe("a journal that can't be written", () => {
  let world: World;
  before(async () => {
    world = await openWorld();
    await world.sql("create table seen (what text, filler text)");
  });
  after(() => world?.stop());

  test("ends the session with 58030 before its statement is forwarded; others are served when there is room again", async () => {
    const [worker] = childrenOf(world.gateway.pid);
    const limit = (bytes: number | "unlimited") => execFileSync("prlimit", [`--pid=${worker}`, `--fsize=${bytes}:`]);
    const { peer } = await world.session();
    limit(100_000);
    const { done, code } = await insertUntilEnded(peer, "limit");
    assert.equal(code, "58030");
    assert.ok(done > 10);
    const [count] = await world.sql("select count(*)::int as n from seen");
    assert.equal(count?.["n"], done, "a statement ran that was not on record");
    limit("unlimited");
    await served(world);
    assert.deepEqual(childrenOf(world.gateway.pid), [worker], "the worker lived");
    await world.settled();
    await nothingRanUnrecorded(world);
    assert.deepEqual(await problems(world.gateway), []);
  });

  test("and evidence that can't be written keeps new sessions out, and lets them in again", async () => {
    const limit = (bytes: number | "unlimited") => execFileSync("prlimit", [`--pid=${world.gateway.pid}`, `--fsize=${bytes}:`]);
    const { peer } = await world.session();
    limit(100);
    const refused = await world.session().then(
      () => "served",
      (error: unknown) => String(error),
    );
    assert.match(refused, /58030/);
    assert.equal((await ask(peer, "select 'goes on'")).at(-1)?.tag, "Z");
    limit("unlimited");
    await served(world);
    peer.vanish();
    await world.settled();
    assert.deepEqual(await problems(world.gateway), []);
  });
});

/** A small file system of its own, for root; else why there is none. */
function mountable(folder: string): string | false {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs", folder], { stdio: "pipe" });
    return false;
  } catch (error) {
    return `no file system can be mounted here: ${error instanceof Error ? error.message.split("\n")[0] : error}`;
  }
}

const volume = await scratchFolder("volume");
const skip = mountable(volume);
after(async () => {
  if (skip === false) execFileSync("umount", [volume]);
  await removeFolder(volume);
});

describe("a volume of 3 MB for everything the gateway writes", { skip }, () => {
  let world: World;
  before(async () => {
    for (const name of ["state", "recordings", "evidence"]) mkdirSync(join(volume, name), { mode: 0o700 });
    world = await openWorld({
      configure: (sections) => ({
        ...sections,
        state: { sqlite: join(volume, "state", "state.db") },
        recording: { ...(sections["recording"] as object), directory: join(volume, "recordings") },
        evidence: { ...(sections["evidence"] as object), directory: join(volume, "evidence") },
      }),
    });
    await world.sql("create table seen (what text, filler text)");
  });
  after(() => world?.stop());

  test("fills up: statements stop with 58030, none runs unrecorded, nobody new is let in; and it goes on once there is room", async () => {
    const ballast = join(volume, "ballast");
    const { peer } = await world.session();
    const { bavail, bsize } = statfsSync(volume);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - 200_000));
    const { done, code } = await insertUntilEnded(peer, "volume");
    assert.equal(code, "58030");
    const [count] = await world.sql("select count(*)::int as n from seen");
    assert.equal(count?.["n"], done, "a statement ran that was not on record");
    const refused = await world.session().then(
      () => "served",
      (error: unknown) => String(error),
    );
    assert.match(refused, /58030/);
    rmSync(ballast);
    await served(world);
    const { gateway } = world;
    // A view of it: what it has no listener for is not to be asked for now.
    const view: TestGateway = Object.assign(Object.create(gateway), { folder: volume });
    const moved = { ...world, gateway: view };
    await nothingRanUnrecorded(moved);
    assert.deepEqual(await problems(moved.gateway), []);
  });
});
