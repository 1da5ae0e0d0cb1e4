/** A target whose credential is a token that the gateway fetches: from a real token endpoint, through a whole gateway. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { startTestIssuer, type TestIssuer } from "#test/support/issuer.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { type Got, get1 } from "./client.ts";

let folder: string;
let issuer: TestIssuer;
let target: HttpTarget;
let gateway: TestGateway;
let authorization: string;
before(async () => {
  folder = await scratchFolder("oauth");
  issuer = await startTestIssuer({ clients: [{ id: "gateway", secret: "only-for-tests" }], tokenSeconds: 300 });
  writeFileSync(join(folder, "issuer.crt"), issuer.ca);
  target = await startHttpTarget(await makeAuthority());
  const oauth = {
    tokenEndpoint: `${issuer.url}/token`,
    clientId: "gateway",
    clientSecret: { env: "OAUTH_SECRET" },
    ca: join(folder, "issuer.crt"),
  };
  gateway = await startGateway({
    apis: { crm: { ...target, section: { credential: { oauth } } } },
    env: { OAUTH_SECRET: "only-for-tests" },
    configure: (sections) => ({ ...sections, workers: 1 }),
  });
  authorization = `Bearer ${await gateway.token()}`;
});
after(async () => {
  await gateway?.stop();
  await target?.close();
  await issuer?.stop();
  await removeFolder(folder);
});

const ask = (): Promise<Got> => get1(gateway, { path: "/t/crm/echo", headers: { authorization } });
const shown = (): string => target.asked.at(-1)?.headers.find(([name]) => name === "authorization")?.[1] ?? "";
const fetched = (): number => issuer.requests.get("/token") ?? 0;

test("the target sees the gateway's token, fetched once, and neither the caller's nor a client's eye sees that", async () => {
  const answers = [await ask(), await ask(), await ask()];
  for (const { status } of answers) assert.equal(status, 200);
  assert.match(shown(), /^Bearer \S{20,}$/);
  assert.notEqual(shown(), authorization);
  assert.equal(fetched(), 1);
  const token = shown().slice("Bearer ".length);
  for (const { body } of answers) {
    assert.ok(!body.includes(token), "the token came back");
    assert.ok(body.includes("*".repeat(token.length)), "it is blanked, as long as it was");
  }
});

test("a token that the target refuses is not shown to it again", async () => {
  const refused = await get1(gateway, { path: "/t/crm/status/401", headers: { authorization } });
  assert.equal(refused.status, 401);
  const before = { token: shown(), fetched: fetched() };
  assert.equal((await ask()).status, 200);
  assert.equal(fetched(), before.fetched + 1);
  assert.notEqual(shown(), before.token);
});

test("a token endpoint that is away fails requests once the token is needed anew, and none goes out without one", async () => {
  await issuer.stop();
  const asked = target.asked.length;
  const other = await startGateway({
    apis: {
      crm: {
        ...target,
        section: {
          credential: {
            oauth: {
              tokenEndpoint: `${issuer.url}/token`,
              clientId: "gateway",
              clientSecret: { env: "OAUTH_SECRET" },
              ca: join(folder, "issuer.crt"),
            },
          },
        },
      },
    },
    env: { OAUTH_SECRET: "only-for-tests" },
  });
  try {
    const { status, body } = await get1(other, { path: "/t/crm/echo", headers: { authorization: `Bearer ${await other.token()}` } });
    assert.equal(status, 502);
    assert.match(body.toString(), /"reason":"upstream-login-failed"/);
    assert.ok(!body.includes("only-for-tests"));
    assert.equal(target.asked.length, asked);
    assert.equal((await ask()).status, 200, "a token that was fetched before still serves");
  } finally {
    await other.stop();
    await issuer.start();
  }
});
