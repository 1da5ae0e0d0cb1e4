/** Much data both ways: it arrives whole, and no process of the gateway grows with it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { onEachServer } from "#test/conformance/postgres/ways.ts";
import { costOf } from "#test/support/cost.ts";
import { DEBIAN_PROGRAMS } from "#test/support/postgres-programs.ts";

const PSQL = [join(DEBIAN_PROGRAMS, "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"] as const;
const PEAK_BYTES_MAX = 200e6;
const ROWS = 1_000_000;
const COPY_BYTES = 500e6;

onEachServer("much data", ["psql"], (ways) => {
  /** psql writes what it reads; the input is written as fast as it is taken. @returns SHA-256 of its output */
  async function run(env: NodeJS.ProcessEnv, sql: string, input: Iterable<Buffer> = []): Promise<string> {
    const [program, ...args] = [...PSQL, "-c", sql];
    const child = spawn(String(program), args, { env, stdio: ["pipe", "pipe", "inherit"] });
    const digest = createHash("sha256");
    child.stdout.on("data", (chunk) => digest.update(chunk));
    const closed = once(child, "close");
    for (const chunk of input) if (!child.stdin.write(chunk)) await once(child.stdin, "drain");
    child.stdin.end();
    assert.deepEqual(await closed, [0, null]);
    return digest.digest("hex");
  }

  const peak = () => Math.round(costOf(ways().gateway.pid).peakBytes / 1e6);

  test(`${ROWS} rows come whole, and every process stays below ${PEAK_BYTES_MAX / 1e6} MB`, async (context) => {
    await ways().compare(async (way) => run(await way.env(), `select n, md5(n::text), n * 1.5 from generate_series(1, ${ROWS}) n`));
    context.diagnostic(`peak of the largest process: ${peak()} MB`);
    assert.ok(peak() * 1e6 < PEAK_BYTES_MAX, `${peak()} MB`);
  });

  test(`a COPY of ${COPY_BYTES / 1e6} MB goes in whole, and every process stays below ${PEAK_BYTES_MAX / 1e6} MB`, async (context) => {
    const line = `${"copied text ".repeat(80)}\n`;
    const block = Buffer.from(line.repeat(64));
    function* blocks(): Iterable<Buffer> {
      for (let sent = 0; sent < COPY_BYTES; sent += block.length) yield block;
    }
    const env = await ways().through.env();
    await run(env, "create unlogged table sink (text text)");
    await run(env, "copy sink from stdin", blocks());
    const rows = Math.ceil(COPY_BYTES / block.length) * 64;
    const expected = createHash("sha256")
      .update(`${rows}|${rows * (line.length - 1)}\n`)
      .digest("hex");
    assert.equal(await run(env, "select count(*), sum(length(text)) from sink"), expected);
    context.diagnostic(`peak of the largest process: ${peak()} MB`);
    assert.ok(peak() * 1e6 < PEAK_BYTES_MAX, `${peak()} MB`);
  });
});
