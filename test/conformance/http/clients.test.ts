/** curl, requests and httpx: programs whose every line must be the same straight and through the gateway. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { clientsOf, type Shown, show } from "#test/conformance/program.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

let target: HttpTarget;
let gateway: TestGateway;
let folder: string;
let token: string;
before(async () => {
  target = await startHttpTarget(await makeAuthority());
  gateway = await startGateway({ apis: { api: { ...target, hosts: ["localhost"] } } });
  token = await gateway.token();
  folder = await scratchFolder("clients");
  writeFileSync(join(folder, "target.crt"), target.ca);
});
after(async () => {
  await gateway?.stop();
  await target?.close();
  await removeFolder(folder);
});

interface Way {
  readonly base: string;
  readonly ca: string;
  readonly token: string | null;
}

const straight = (): Way => ({ base: `https://localhost:${target.port}`, ca: join(folder, "target.crt"), token: null });
const through = (): Way => ({ base: `https://localhost:${gateway.httpsPort}`, ca: gateway.caFile, token });

async function compared(run: (way: Way) => Promise<Shown>): Promise<string> {
  const [wanted, seen] = [await run(straight()), await run(through())];
  assert.equal(wanted.code, 0, wanted.stderr);
  assert.deepEqual(seen, wanted);
  return wanted.stdout;
}

for (const [name, scenarios] of [
  ["requests", ["get", "post", "form", "chunks up", "head", "gzip", "stream", "range", "events", "redirect", "missing", "cut"]],
  ["httpx", ["get 1.1", "get 2", "post 2", "chunks up 2", "stream 2", "gzip 2", "events 2", "missing 2", "cut 2"]],
] as const) {
  test(`${name} shows the same, line by line`, async () => {
    const stdout = await compared(({ base, ca, token: bearer }) =>
      show(["/usr/bin/python3", "-B", join(clientsOf("http"), `with_${name}.py`)], {
        env: { BASE: base, CA: ca, ...(bearer === null ? {} : { TOKEN: bearer }) },
      }),
    );
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.at(-1), "end");
    for (const scenario of scenarios)
      assert.ok(
        lines.some((line) => line.startsWith(`${scenario}: `)),
        `no line of ${scenario}`,
      );
  });
}

describe("curl", () => {
  for (const version of ["--http1.1", "--http2"]) {
    const commands: readonly (readonly string[])[] = [
      ["-w", "%{http_code} %{http_version} %{content_type}\n", "/json?body=%7B%22a%22%3A1.0%7D"],
      ["-w", "%{http_code}\n", "-d", "a=1", "-o", "/dev/null", "/upload"],
      ["-T", "-", "-w", "%{http_code}\n", "/upload"],
      ["-I", "-o", "/dev/null", "-w", "%{http_code} %{size_download}\n", "/bytes/100"],
      ["--compressed", "/gzip"],
      ["-r", "0-4", "-w", "%{http_code}\n", "/bytes/100"],
      ["-w", "%{http_code} %{redirect_url}\n", "/status/304"],
      ["-H", "Expect: 100-continue", "-d", "@-", "-w", "%{http_code}\n", "/upload"],
      ["-N", "/trailers"],
      ["-f", "/nothing"],
    ];
    for (const command of commands) {
      test(`${version} ${command.join(" ")}`, async () => {
        const path = command.at(-1) ?? "";
        const codes = await Promise.all(
          [straight(), through()].map(({ base, ca, token: bearer }) => {
            const header = bearer === null ? [] : ["-H", `Authorization: Bearer ${bearer}`];
            return show(["curl", "-s", version, "--cacert", ca, ...header, ...command.slice(0, -1), `${base}${path}`], {
              env: { PATH: process.env["PATH"] },
              input: "x".repeat(5000),
            });
          }),
        );
        assert.deepEqual(codes[1], codes[0]);
        assert.ok(path === "/nothing" || codes[0]?.code === 0, codes[0]?.stderr);
      });
    }
  }
});
