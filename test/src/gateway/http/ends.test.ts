/** Ends that nobody asked for: a token runs out while its request runs, the gateway is killed. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { endOf, problems, recordingOf } from "#test/src/gateway/archive.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { startTestIssuer } from "#test/support/issuer.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";
import { get1, session2 } from "./client.ts";

let target: HttpTarget;
before(async () => {
  target = await startHttpTarget(await makeAuthority());
});
after(() => target?.close());

describe("a token that runs out", () => {
  test("is refused from then on, and what runs by it is broken off", { timeout: 180_000 }, async () => {
    const folder = await scratchFolder("issuer");
    const ca = join(folder, "ca.crt");
    const issuer = await startTestIssuer();
    writeFileSync(ca, issuer.ca);
    const gateway = await startGateway({
      apis: { crm: target },
      configure: (sections) => {
        const { oidc } = sections["identity"] as { readonly oidc: readonly object[] };
        const second = { issuer: issuer.url, audience: issuer.audience, ca, claims: { name: "sub", groups: "groups" } };
        const access = { rules: [{ who: { issuers: [issuer.url] }, targets: ["crm"], may: ["read"] }] };
        return { ...sections, identity: { oidc: [...oidc, second] }, access };
      },
    });
    // Good for eight seconds more: what the clocks may differ by is counted at both ends.
    const authorization = `Bearer ${await issuer.mint({ exp: Math.floor(Date.now() / 1000) - 22 })}`;
    const begun = performance.now();
    await assert.rejects(get1(gateway, { path: "/t/crm/events?count=10000&ms=20", headers: { authorization } }));
    assert.ok(performance.now() - begun < 60_000);
    const got = await get1(gateway, { path: "/t/crm/echo", headers: { authorization } });
    assert.deepEqual([got.status, JSON.parse(got.body.toString()).reason], [401, "identity-expired"]);
    const events = await recordingOf(gateway, "GET /events?count=10000&ms=20");
    assert.ok(events.some((event) => event.kind === "error" && event.fields["C"] === "token-expired"));
    await gateway.stop();
    await issuer.stop();
    await removeFolder(folder);
  });
});

describe("a gateway that is killed", () => {
  test("has on record what was sent on, request by request, and seals it when it starts again", { timeout: 180_000 }, async () => {
    const gateway = await startGateway({ apis: { crm: target }, workers: 2 });
    const authorization = `Bearer ${await gateway.token()}`;
    const sessions = [session2(gateway), session2(gateway), session2(gateway)];
    const paths: string[] = [];
    for (const [index, session] of sessions.entries()) {
      for (const path of [`/echo?killed=${index}`, `/silent?killed=${index}`]) {
        paths.push(path);
        const asked = target.asked.length;
        const stream = session.request({ ":path": `/t/crm${path}`, authorization });
        stream.on("error", () => undefined);
        stream.resume();
        await until(() => target.asked.length > asked, "the target was asked");
      }
    }
    await gateway.kill();
    await gateway.start();
    for (const path of paths) {
      const events = await recordingOf(gateway, `GET ${path}`);
      assert.equal(endOf(events), "recovered");
    }
    assert.deepEqual(await problems(gateway), []);
    for (const session of sessions) session.destroy();
    await gateway.stop();
  });
});
