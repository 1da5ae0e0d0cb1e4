/**
 * Many requests and large bodies: none is lost, and memory stays flat, however much passes. `HTTP_VOLUME` says how many megabytes
 * go each way; by hand it was run with 5000.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import https from "node:https";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { get1, get2, session2 } from "./client.ts";

const REQUESTS = 10_000;
const CONNECTIONS = 64;
const VOLUME_BYTES = Number(process.env["HTTP_VOLUME"] ?? "100") * 1_000_000;
/** What a worker may take more than before while it passes on. */
const GROWTH_BYTES_MAX = 150_000_000;

let target: HttpTarget;
let gateway: TestGateway;
let authorization: string;
before(async () => {
  target = await startHttpTarget(await makeAuthority());
  const keyed = { credential: { header: "x-key", value: { env: "CRM_KEY" } } };
  gateway = await startGateway({
    apis: { crm: target, keyed: { ...target, section: keyed } },
    env: { CRM_KEY: "a-secret-that-is-looked-for" },
  });
  authorization = `Bearer ${await gateway.token()}`;
});
after(async () => {
  await gateway?.stop();
  await target?.close();
});

/** Resident memory of the gateway's workers. */
function resident(): number {
  const workers = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, "utf8").trim().split(" ");
  return workers.reduce((sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024, 0);
}

/** The most that workers grow by while `work` runs. */
async function growth(work: () => Promise<void>): Promise<number> {
  const before = resident();
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, resident() - before);
  }, 100);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return most;
}

describe("many requests", () => {
  test(`${REQUESTS} at ${CONNECTIONS} connections: each has its own answer`, { timeout: 180_000 }, async () => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: CONNECTIONS / 2 });
    const sessions = Array.from({ length: CONNECTIONS / 2 }, () => session2(gateway));
    const headers = { authorization };
    let next = 0;
    let answered = 0;
    const run = async (over: (path: string) => Promise<{ readonly status: number; readonly body: Buffer }>): Promise<void> => {
      while (next < REQUESTS) {
        const mark = next++;
        const got = await over(`/t/crm/json?body=${mark}`);
        assert.equal(got.status, 200, got.body.toString());
        assert.equal(got.body.toString(), String(mark));
        answered++;
      }
    };
    await Promise.all([
      ...sessions.map((session) => run((path) => get2(session, { path, headers }))),
      ...sessions.map(() => run((path) => get1(gateway, { path, headers, agent }))),
    ]);
    agent.destroy();
    for (const session of sessions) session.close();
    assert.equal(answered, REQUESTS);
  });
});

describe(`${VOLUME_BYTES / 1_000_000} MB`, () => {
  const piece = Buffer.alloc(64 * 1024, "y");
  function* pieces(): Generator<Buffer> {
    for (let left = VOLUME_BYTES; left > 0; left -= piece.length) yield left < piece.length ? piece.subarray(0, left) : piece;
  }

  for (const name of ["crm", "keyed"]) {
    test(`down from ${name === "crm" ? "a target" : "a target whose answers are searched for a credential"}, over HTTP/1.1`, {
      timeout: 900_000,
    }, async () => {
      const most = await growth(async () => {
        const options = { host: "127.0.0.1", port: gateway.httpsPort, servername: "localhost", ca: gateway.ca, agent: false } as const;
        const call = https.get({ ...options, path: `/t/${name}/bytes/${VOLUME_BYTES}`, headers: { host: "localhost", authorization } });
        const [response] = await once(call, "response");
        let bytes = 0;
        for await (const chunk of response) bytes += chunk.length;
        assert.equal(bytes, VOLUME_BYTES);
      });
      assert.ok(most < GROWTH_BYTES_MAX, `the workers grew by ${most} bytes`);
    });
  }

  test("up, over HTTP/2", { timeout: 900_000 }, async () => {
    const session = session2(gateway);
    const most = await growth(async () => {
      const stream = session.request({ ":method": "POST", ":path": "/t/crm/upload", authorization });
      Readable.from(pieces()).pipe(stream);
      let body = "";
      for await (const chunk of stream) body += chunk;
      assert.equal(JSON.parse(body).length, VOLUME_BYTES);
    });
    session.close();
    assert.ok(most < GROWTH_BYTES_MAX, `the workers grew by ${most} bytes`);
  });

  test("a client that does not read holds the target back, not the gateway's memory", { timeout: 60_000 }, async () => {
    const most = await growth(async () => {
      const options = { host: "127.0.0.1", port: gateway.httpsPort, servername: "localhost", ca: gateway.ca, agent: false } as const;
      const call = https.get({ ...options, path: `/t/crm/bytes/${2 * 10 ** 9}`, headers: { host: "localhost", authorization } });
      const [response] = await once(call, "response");
      response.pause();
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      response.destroy();
    });
    assert.ok(most < GROWTH_BYTES_MAX / 3, `the workers grew by ${most} bytes`);
  });
});
