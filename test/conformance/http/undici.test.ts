/** fetch, as undici has it, over both versions of HTTP: what it gives is the same straight and through the gateway. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Agent, fetch, type RequestInit } from "undici";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { until } from "#test/support/waiting.ts";

let target: HttpTarget;
let gateway: TestGateway;
let token: string;
before(async () => {
  target = await startHttpTarget(await makeAuthority());
  gateway = await startGateway({ apis: { api: { ...target, hosts: ["localhost"] } } });
  token = await gateway.token();
});
after(async () => {
  await gateway?.stop();
  await target?.close();
});

const pieces = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const piece of ["one,", "two,", "three"]) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });

const ASKED: readonly (readonly [name: string, path: string, init: () => RequestInit])[] = [
  ["a document", "/json?body=%7B%22a%22%3A1.10%7D", () => ({})],
  ["a form", "/upload", () => ({ method: "POST", body: new URLSearchParams({ a: "1", b: "ü" }) })],
  ["a stream that goes up", "/upload", () => ({ method: "POST", body: pieces(), duplex: "half" })],
  ["a megabyte", "/bytes/1000000", () => ({})],
  ["what was compressed", "/gzip", () => ({})],
  ["events", "/events?count=3", () => ({ headers: { accept: "text/event-stream" } })],
  ["nothing", "/status/204", () => ({})],
  ["what is not there", "/nothing", () => ({})],
  ["a head", "/bytes/100", () => ({ method: "HEAD" })],
  ["a redirect that is not followed", "/redirect?to=%2Felsewhere", () => ({ redirect: "manual" })],
];

for (const allowH2 of [false, true]) {
  describe(`undici's fetch over HTTP/${allowH2 ? "2" : "1.1"}`, () => {
    const ask = async (base: string, ca: string, path: string, init: RequestInit, bearer: string | null): Promise<unknown> => {
      const dispatcher = new Agent({ allowH2, connect: { ca } });
      try {
        const headers = new Headers(init.headers as Record<string, string>);
        if (bearer !== null) headers.set("authorization", `Bearer ${bearer}`);
        const response = await fetch(`${base}${path}`, { ...init, headers: Object.fromEntries(headers), dispatcher });
        const type = response.headers.get("content-type");
        return {
          status: response.status,
          type,
          location: response.headers.get("location"),
          text: (await response.text()).replace(/"at":\d+/g, '"at":0'),
        };
      } finally {
        await dispatcher.close();
      }
    };

    for (const [name, path, init] of ASKED) {
      test(name, async () => {
        const straight = await ask(`https://localhost:${target.port}`, target.ca, path, init(), null);
        const through = await ask(`https://localhost:${gateway.httpsPort}`, gateway.ca, path, init(), token);
        assert.deepEqual(through, straight);
      });
    }

    test("an abort reaches the target", async () => {
      const dispatcher = new Agent({ allowH2, connect: { ca: gateway.ca } });
      const [before, asked] = [target.aborted.length, target.asked.length];
      const stopping = new AbortController();
      const answer = fetch(`https://localhost:${gateway.httpsPort}/silent`, {
        headers: { authorization: `Bearer ${token}` },
        signal: stopping.signal,
        dispatcher,
      });
      // What is given up before it has come to the target never comes there.
      await until(() => target.asked.length > asked, "the target is asked");
      stopping.abort();
      await assert.rejects(answer, { name: "AbortError" });
      await until(() => target.aborted.length > before, "the target has seen it given up");
      assert.equal(target.aborted.length, before + 1);
      await dispatcher.destroy();
    });
  });
}
