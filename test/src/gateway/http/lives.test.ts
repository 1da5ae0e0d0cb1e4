/** How sessions and connections end: tokens that run out, a gateway that drains or gets another configuration, certificates as proof. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import https from "node:https";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";
import { get1, get2, session2 } from "./client.ts";

let target: HttpTarget;
before(async () => {
  target = await startHttpTarget(await makeAuthority());
});
after(() => target?.close());

describe("a gateway that stops", () => {
  test("lets requests end that are under way, takes no more on their connection, and closes idle ones", async () => {
    const gateway = await startGateway({ apis: { crm: target } });
    const authorization = `Bearer ${await gateway.token()}`;
    const agent = new https.Agent({ keepAlive: true });
    assert.equal((await get1(gateway, { path: "/t/crm/echo", headers: { authorization }, agent })).status, 200);
    const session = session2(gateway);
    const running = get2(session, { path: "/t/crm/events?count=20&ms=50", headers: { authorization } });
    await until(() => target.asked.some(({ url }) => url.startsWith("/events?count=20")), "the target was asked");
    const stopped = gateway.stop();
    const got = await running;
    assert.equal(got.body.toString().match(/"token"/g)?.length, 20);
    const begun = performance.now();
    assert.equal(await stopped, 0);
    assert.ok(performance.now() - begun < 8_000, "nothing is waited for");
    agent.destroy();
    session.destroy();
  });
});

describe("another configuration", () => {
  test("is in force for the next request, on connections that were there before too", { timeout: 60_000 }, async () => {
    const gateway = await startGateway({ apis: { crm: target } });
    const authorization = `Bearer ${await gateway.token()}`;
    const session = session2(gateway);
    assert.equal((await get2(session, { path: "/t/crm/echo", headers: { authorization } })).status, 200);
    const closed = once(session, "close");
    await gateway.reconfigure((sections: Sections) => ({ ...sections, access: { rules: [] } }));
    await closed;
    const got = await get1(gateway, { path: "/t/crm/echo", headers: { authorization } });
    assert.equal(got.status, 403);
    await gateway.stop();
  });
});

describe("a client certificate", () => {
  test("proves who asks; another Authorization goes to the target, a token of the gateway's own does not", {
    timeout: 60_000,
  }, async () => {
    const agents = await makeAuthority("agents");
    const client = await agents.client({ commonName: "agent-seven" });
    const folder = await scratchFolder("agents");
    writeFileSync(join(folder, "agents.crt"), agents.ca);
    const gateway = await startGateway({
      apis: { crm: target },
      configure: (sections) => ({
        ...sections,
        tls: { ...(sections["tls"] as object), clientCertificates: { mode: "optional", ca: join(folder, "agents.crt") } },
        identity: { ...(sections["identity"] as object), certificates: { name: "subject-cn" } },
        access: { rules: [{ who: { names: ["agent-seven", "agent"] }, targets: ["crm"], may: ["read"] }] },
      }),
    });
    const token = `Bearer ${await gateway.token()}`;
    const pair = (password: string) => `Basic ${Buffer.from(`anyone:${password}`).toString("base64")}`;
    const ask = async (headers: Record<string, string>) => {
      const options = { host: "127.0.0.1", port: gateway.httpsPort, servername: "localhost", ca: gateway.ca, agent: false } as const;
      const shown = { cert: client.cert, key: client.key.expose() };
      const call = https.get({ ...options, ...shown, path: "/t/crm/echo?by=certificate", headers: { host: "localhost", ...headers } });
      const [response] = await once(call, "response");
      response.resume();
      await once(response, "end");
      return response.statusCode;
    };
    assert.equal(await ask({}), 200);
    assert.equal(await ask({ authorization: "Bearer of-the-target" }), 200);
    assert.equal(new Map(target.asked.at(-1)?.headers).get("authorization"), "Bearer of-the-target");
    assert.equal(await ask({ authorization: token }), 200);
    assert.equal(new Map(target.asked.at(-1)?.headers).get("authorization"), undefined);
    assert.equal(await ask({ authorization: pair("of-the-target") }), 200);
    assert.equal(new Map(target.asked.at(-1)?.headers).get("authorization"), pair("of-the-target"));
    assert.equal(await ask({ authorization: pair(await gateway.token()) }), 200);
    assert.equal(new Map(target.asked.at(-1)?.headers).get("authorization"), undefined, "nor as the password of a pair");
    const asked = target.asked.length;
    for (const value of [await gateway.token(), `Token ${await gateway.token()}`, `X token="${await gateway.token()}"`])
      assert.equal(await ask({ authorization: value }), 401, "nor in another dress");
    assert.equal(target.asked.length, asked);
    const [start] = await recordingOf(gateway, "GET /echo?by=certificate");
    assert.ok(start?.kind === "session-start" && ["agent-seven", "agent"].includes(start.principal.name));
    await gateway.stop();
    await removeFolder(folder);
  });
});
