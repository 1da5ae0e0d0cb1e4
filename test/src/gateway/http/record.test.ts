/** What requests leave on record: the record comes first, holds what was shown, and nothing that lets anybody in. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { RecordedEvent } from "#src/recording/events.ts";
import { endOf, problems, recordingOf } from "#test/src/gateway/archive.ts";
import { childrenOf } from "#test/src/gateway/world.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { ROOT } from "#test/support/tree.ts";
import { get1, get2, session2 } from "./client.ts";

const KEY = "key-of-the-gateway-0123456789";

let target: HttpTarget;
let gateway: TestGateway;
let authorization: string;
before(async () => {
  target = await startHttpTarget(await makeAuthority());
  const section = { credential: { header: "x-key", value: { env: "CRM_KEY" } } };
  gateway = await startGateway({
    apis: { crm: { ...target, section }, limited: { ...target, section: { limits: { statementsPerSession: 2 } } } },
    agents: { agent: ["data-agents"], guest: ["guests"] },
    env: { CRM_KEY: KEY },
    configure: (sections) => ({
      ...sections,
      access: {
        rules: [
          {
            who: { names: ["agent", "guest"] },
            targets: ["crm", "limited"],
            may: ["read", "write"],
            paths: ["/echo", "/json", "/upload", "/bytes/*", "/cut", "/silent", "/events"],
          },
        ],
      },
      masking: {
        rules: [
          {
            name: "pii",
            target: "crm",
            paths: ["/json", "/echo"],
            fields: ["$..ssn"],
            query: ["ssn"],
            with: "redact",
            unless: { names: ["agent"] },
            assign: "values",
          },
        ],
      },
      recording: { ...(sections["recording"] as object), results: { bytesPerStatement: "1KiB" } },
    }),
  });
  authorization = `Bearer ${await gateway.token()}`;
});
after(async () => {
  await gateway?.stop();
  await target?.close();
});

function kinds(events: readonly RecordedEvent[]): readonly string[] {
  return events.map(({ kind }) => kind);
}

test("a request that can't be put on record does not reach the target, nor does anything behind it", async () => {
  const session = session2(gateway);
  const headers = { authorization };
  assert.equal((await get2(session, { path: "/t/crm/echo", headers })).status, 200);
  const workers = childrenOf(gateway.pid);
  const limit = (bytes: string): void => {
    for (const pid of workers) execFileSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:`]);
  };
  const asked = target.asked.length;
  limit("10");
  try {
    const { status, body } = await get2(session, { path: "/t/crm/echo?unrecorded", headers });
    assert.deepEqual([status >= 500, /"reason":"recording-failed"/.test(body.toString())], [true, true]);
    assert.equal(target.asked.length, asked);
  } finally {
    limit("unlimited");
    session.destroy();
  }
});

describe("a session of requests", () => {
  test("holds each with its head, its bodies and its end, in order, and ends with its connection", async () => {
    const session = session2(gateway);
    const headers = {
      authorization,
      "user-agent": "tester/1",
      "content-type": "text/plain",
      "content-length": "5",
      cookie: "sid=secret-cookie",
    };
    const got = await get2(session, { method: "POST", path: "/t/crm/echo?first=1", body: "hello", headers });
    await get2(session, { path: "/t/crm/bytes/5000", headers: { authorization } });
    session.close();
    const events = await recordingOf(gateway, "POST /echo?first=1");
    assert.deepEqual(kinds(events), [
      ...["session-start", "statement", "head", "copy", "head", "copy", "result"],
      ...["statement", "head", "head", "copy", "result", "session-end"],
    ]);
    const [start, statement, request, sent, response, shown, result] = events;
    assert.ok(start?.kind === "session-start" && start.protocol === "http" && start.target === "crm" && start.label === "tester/1");
    assert.ok(statement?.kind === "statement" && statement.verdict === "allow");
    assert.equal(got.headers["x-request-id"], `${start.session}.${statement.seq}`);
    assert.ok(request?.kind === "head" && request.direction === "in" && request.status === null);
    const fields = new Map(request.fields.map(({ name, value }) => [name, value]));
    assert.equal(fields.get("content-type"), "text/plain");
    assert.match(fields.get("cookie") ?? "", /^hmac-sha256:/);
    assert.equal(fields.get("x-key"), undefined);
    assert.ok(sent?.kind === "copy" && sent.direction === "in" && sent.data === "hello" && sent.outcome === "done");
    assert.ok(response?.kind === "head" && response.status === 200);
    assert.ok(shown?.kind === "copy" && shown.direction === "out" && String(shown.data).startsWith('{"method":"POST"'));
    assert.ok(result?.kind === "result" && result.tag === "200 OK");
    const large = events.findLast((event) => event.kind === "copy");
    assert.ok(large?.kind === "copy" && large.beyond?.bytes === 5000 - 1024, "what went over the limit is counted and digested");
    assert.equal(endOf(events), "closed");
  });

  test("is one for each principal and target of a connection, with counts", async () => {
    const session = session2(gateway);
    const guest = `Bearer ${await gateway.token("guest")}`;
    for (const bearer of [authorization, guest, authorization])
      await get2(session, { path: "/t/crm/echo?shared=1", headers: { authorization: bearer } });
    await get2(session, { path: "/t/limited/echo?other=1", headers: { authorization } });
    session.close();
    const own = await recordingOf(gateway, "GET /echo?other=1");
    assert.equal(kinds(own).filter((kind) => kind === "statement").length, 1);
    const shared = await recordingOf(gateway, "GET /echo?shared=1");
    assert.ok([1, 2].includes(kinds(shared).filter((kind) => kind === "statement").length));
  });

  test("holds parameters that let somebody in as digests, whatever their spelling, and the target has them as they were", async () => {
    const session = session2(gateway);
    const query = "page=2&access_token=tok-4471&api%5Fkey=apk-4471&X-Amz-Signature=sig-4471;key=key-4471&body=%7B%7D";
    await get2(session, { path: `/t/crm/json?${query}`, headers: { authorization } });
    await get2(session, { path: "/t/crm/bytes/1?of=parameters", headers: { authorization } });
    session.close();
    assert.ok(target.asked.some(({ url }) => url === `/json?${query}`));
    const events = await recordingOf(gateway, "GET /bytes/1?of=parameters");
    const shown = events.flatMap((event) => (event.kind === "statement" ? [String(event.sql)] : []))[0] ?? "";
    assert.match(
      shown,
      /^GET \/json\?page=2&access_token=hmac-sha256%3A\S+&api%5Fkey=hmac-\S+&X-Amz-Signature=hmac-\S+;key=hmac-\S+&body=%7B%7D$/,
    );
    assert.ok(!JSON.stringify(events).includes("-4471"));
  });

  test("holds what was refused, and why", async () => {
    await get1(gateway, { path: "/t/crm/forbidden?x=1", headers: { authorization } });
    const events = await recordingOf(gateway, "GET /forbidden?x=1");
    const denied = events.find((event) => event.kind === "denied");
    assert.ok(denied?.kind === "denied" && denied.reason === "access-not-granted");
    assert.ok(!kinds(events).includes("head"));
  });

  test("holds what came of an answer that was broken off", async () => {
    await assert.rejects(get1(gateway, { path: "/t/crm/cut?x=1", headers: { authorization } }));
    const events = await recordingOf(gateway, "GET /cut?x=1");
    const cut = events.find((event) => event.kind === "copy");
    assert.ok(cut?.kind === "copy" && cut.outcome === "cut" && cut.data === "half of");
    const error = events.find((event) => event.kind === "error");
    assert.ok(error?.kind === "error" && error.fields["C"] === "upstream-lost" && error.from === "target");
  });

  test("ends when its budget is used up, and does not begin anew on the same connection", async () => {
    const session = session2(gateway);
    const statuses = [];
    for (let count = 0; count < 4; count++)
      statuses.push((await get2(session, { path: "/t/limited/echo?budget=1", headers: { authorization } })).status);
    session.close();
    assert.deepEqual(statuses, [200, 200, 429, 429]);
    assert.equal(endOf(await recordingOf(gateway, "GET /echo?budget=1")), "fault");
  });
});

describe("masked values", () => {
  test("show masked to whom the rule holds for, in body and query, on record too", async () => {
    const guest = `Bearer ${await gateway.token("guest")}`;
    const body = encodeURIComponent('{"ssn":"123-45-6789","name":"Ada", "big": 12345678901234567890.10}');
    const own = await get1(gateway, { path: `/t/crm/json?body=${body}`, headers: { authorization } });
    assert.match(own.body.toString(), /123-45-6789/);
    const shown = await get1(gateway, { path: `/t/crm/json?body=${body}&n=2`, headers: { authorization: guest } });
    assert.doesNotMatch(shown.body.toString(), /123-45-6789/);
    assert.match(shown.body.toString(), /"name":"Ada", "big": 12345678901234567890\.10\}$/);
    const asked = await get1(gateway, { path: "/t/crm/echo?ssn=987-65-4321&n=3", headers: { authorization: guest } });
    assert.doesNotMatch(asked.body.toString(), /987-65-4321/);
  });

  test("in a body that cannot be read are refused before a byte of it is shown", async () => {
    const guest = `Bearer ${await gateway.token("guest")}`;
    const got = await get1(gateway, { path: "/t/crm/json?body=notjson", headers: { authorization: guest } });
    assert.deepEqual([got.status, JSON.parse(got.body.toString()).reason], [502, "masked-body-malformed"]);
    const good = await get1(gateway, { path: "/t/crm/json?body={}", headers: { authorization: guest } });
    assert.deepEqual([good.status, good.body.toString()], [200, "{}"]);
  });
});

describe("the commands of auditors", () => {
  const run = (...words: readonly string[]): string =>
    execFileSync(process.execPath, [join(ROOT, "bin/sallyport.js"), ...words, "--config", gateway.configFile], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], CRM_KEY: KEY },
    });

  test("list sessions of requests, replay one, and show its handshakes", async () => {
    const [start] = await recordingOf(gateway, "POST /echo?first=1");
    const id = start?.kind === "session-start" ? start.session : "";
    const listed = run("sessions", "--json")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const session = listed.find((one) => one.id === id);
    assert.deepEqual(
      [session.protocol, session.target, session.statements, session.label, session.status],
      ["http", "crm", 2, "tester/1", "closed"],
    );
    assert.ok(session.bytes >= 5000);
    const shown = run("replay", id, "--identity", gateway.identityFile);
    for (const part of ["POST /echo?first=1", "response 200", "body to the target, done, 5 B", "200 OK"])
      assert.ok(shown.includes(part), part);
    const legs = run("handshakes", "--json")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ sessionId }) => sessionId === id)
      .map(({ leg }) => leg);
    assert.ok(legs.includes("client"), "the first session of a connection has the id of its handshake");
  });
});

describe("all of it", () => {
  test("verifies, and no secret stands in any file or log", async () => {
    assert.deepEqual(await problems(gateway), []);
    const log = JSON.stringify(gateway.log());
    for (const secret of [authorization.slice(7), KEY, "secret-cookie"]) assert.ok(!log.includes(secret));
    const events = JSON.stringify(await recordingOf(gateway, "POST /echo?first=1"));
    for (const secret of [authorization.slice(7), KEY]) assert.ok(!events.includes(secret));
    for (const name of readdirSync(join(gateway.folder, "evidence"), { recursive: true, withFileTypes: true })) {
      if (name.isFile()) assert.ok(!readFileSync(join(name.parentPath, name.name), "latin1").includes(KEY));
    }
  });
});
