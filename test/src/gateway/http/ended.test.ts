/** A session ends with its connection, however the client closes that. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Agent, fetch } from "undici";
import { recordings } from "#test/src/gateway/archive.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { until } from "#test/support/waiting.ts";

let target: HttpTarget;
let gateway: TestGateway;
before(async () => {
  target = await startHttpTarget(await makeAuthority(), "1.1");
  gateway = await startGateway({ apis: { one: target } });
});
after(async () => {
  await gateway?.stop();
  await target?.close();
});

for (const [number, allowH2] of [false, true].entries()) {
  test(`undici over HTTP/${allowH2 ? "2" : "1.1"}: its session is sealed when its pool is closed`, async () => {
    const dispatcher = new Agent({ connect: { ca: gateway.ca }, allowH2 });
    const url = `https://localhost:${gateway.httpsPort}/t/one/echo`;
    const response = await fetch(url, { dispatcher, headers: { authorization: `Bearer ${await gateway.token()}` } });
    assert.equal(response.status, 200);
    await response.text();
    await dispatcher.destroy();
    await until(async () => (await recordings(gateway)).size > number, "the session is sealed");
  });
}
