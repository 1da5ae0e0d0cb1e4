/** The official MCP client against the SDK's own example server: the same through the gateway as straight, and held to rules on tools. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { discoverOAuthProtectedResourceMetadata, extractWWWAuthenticateParams } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { Agent, fetch as undiciFetch } from "undici";
import { recordings } from "#test/src/gateway/archive.ts";
import { type Authority, makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { freePort } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";
import { startTlsFront, type TlsFront } from "./tls-front.ts";

const EXAMPLE = import.meta.resolve("@modelcontextprotocol/sdk/examples/server/simpleStreamableHttp.js");

let server: ChildProcess;
let authority: Authority;
let front: TlsFront;
let gateway: TestGateway;
before(async () => {
  const port = await startExample();
  authority = await makeAuthority();
  front = await startTlsFront(authority, port);
  const everything = { who: { groups: ["data-agents"] }, targets: ["mcp"], may: ["read", "write"] };
  const greeting = { who: { groups: ["greeters"] }, targets: ["mcp"], may: ["read", "write"], paths: ["/mcp"], tools: ["greet"] };
  gateway = await startGateway({
    apis: { mcp: { ...front, hosts: ["mcp.example"], section: { mcp: { path: "/mcp" } } } },
    agents: { agent: ["data-agents"], greeter: ["greeters"] },
    configure: (sections) => ({
      ...sections,
      access: { rules: [everything, greeting] },
      masking: { rules: [{ target: "mcp", fields: ["$..progressToken"], with: "redact", unless: { groups: ["data-agents"] } }] },
    }),
  });
});
after(async () => {
  await gateway?.stop();
  await front?.close();
  server?.kill("SIGKILL");
});

/** @returns its port, which somebody else may have taken before it came to listen: then it ends, and another is tried */
async function startExample(): Promise<number> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const port = await freePort();
    const child = spawn(process.execPath, [fileURLToPath(EXAMPLE)], {
      env: { MCP_PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    server = child;
    const ended = once(child, "exit").then(() => false);
    const listening = new Promise<boolean>((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => line.includes(`listening on port ${port}`) && resolve(true));
    });
    if (await Promise.race([listening, ended])) return port;
  }
  throw new Error("the example server did not start");
}

interface Way {
  readonly client: Client;
  readonly notes: string[];
  close(): Promise<void>;
}

/** A session lasts as long as its connection. */
const agents: Agent[] = [];

function trusting(ca: string): typeof fetch {
  const dispatcher = new Agent({ connect: { ca } });
  agents.push(dispatcher);
  return ((input: string | URL, init: object) => undiciFetch(input, { ...init, dispatcher })) as unknown as typeof fetch;
}

async function connect(url: string, ca: string, token?: string): Promise<Way> {
  const client = new Client({ name: "conformance", version: "1.0.0" });
  const notes: string[] = [];
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    notes.push(JSON.stringify(params));
  });
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL(url), { fetch: trusting(ca), requestInit: { headers } });
  await client.connect(transport as unknown as Parameters<Client["connect"]>[0]);
  return {
    client,
    notes,
    async close() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

const straight = () => connect(`https://127.0.0.1:${front.port}/mcp`, front.ca);
const through = async (agent: string) =>
  connect(`https://localhost:${gateway.httpsPort}/t/mcp/mcp`, gateway.ca, await gateway.token(agent));

/** What a client sees of the server; each step by itself, so that a failure shows as one. */
async function tour({ client, notes }: Way): Promise<readonly (readonly [string, unknown])[]> {
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["version", async () => client.getServerVersion()],
    ["capabilities", async () => client.getServerCapabilities()],
    ["ping", () => client.ping()],
    ["tools", () => client.listTools()],
    ["greet", () => client.callTool({ name: "greet", arguments: { name: "Åsa" } })],
    ["multi-greet", () => client.callTool({ name: "multi-greet", arguments: { name: "Bo" } })],
    ["unknown tool", () => client.callTool({ name: "nothing", arguments: {} })],
    ["prompts", () => client.listPrompts()],
    ["prompt", () => client.getPrompt({ name: "greeting-template", arguments: { name: "Cy" } })],
    ["resources", () => client.listResources()],
    ["resource", () => client.readResource({ uri: "https://example.com/greetings/default" })],
    ["missing resource", () => client.readResource({ uri: "https://example.com/none" })],
  ];
  const seen: (readonly [string, unknown])[] = [];
  for (const [name, step] of steps) {
    seen.push([
      name,
      await step().catch((error: Error) => `failed: ${error.message.replace(/\(HTTP (\d+)\)[\s\S]*"reason":"([a-z-]+)"[\s\S]*/, "$1 $2")}`),
    ]);
  }
  return [...seen, ["notifications", notes]];
}

describe("the MCP client", () => {
  test("sees through the gateway what it sees straight: tools, prompts, resources, notifications while a tool runs", async () => {
    const [one, other] = [await straight(), await through("agent")];
    const [wanted, seen] = [await tour(one), await tour(other)];
    assert.deepEqual(seen, wanted);
    assert.ok(JSON.stringify(wanted).includes("Åsa"));
    assert.ok(wanted.some(([name, notes]) => name === "notifications" && Array.isArray(notes) && notes.length > 0));
    await one.close();
    await other.close();
  });

  test("may call the tools that a rule names, under a mask too, and nothing else that the server has", async () => {
    const way = await through("greeter");
    const seen = new Map(await tour(way));
    await way.close();
    assert.match(JSON.stringify(seen.get("greet")), /Hello, Åsa/);
    for (const name of ["tools", "prompts", "resources", "version"]) assert.equal(typeof seen.get(name), "object", name);
    for (const name of ["multi-greet", "unknown tool", "prompt", "resource", "missing resource"]) {
      assert.match(String(seen.get(name)), /^failed: [\s\S]*(403|access-not-granted)/, name);
    }
    assert.deepEqual(seen.get("notifications"), []);
  });

  test("is refused a whole batch for one call in it, each request answered, and the server sees none", async () => {
    const call = (id: number, name: string) => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: { name: "x" } } });
    const response = await trusting(gateway.ca)(`https://localhost:${gateway.httpsPort}/t/mcp/mcp`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${await gateway.token("greeter")}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify([call(1, "greet"), call(2, "multi-greet")]),
    });
    assert.equal(response.status, 403);
    const answers = (await response.json()) as readonly {
      readonly id: number;
      readonly error: { readonly data: { readonly reason: string } };
    }[];
    assert.deepEqual(
      answers.map(({ id, error }) => [id, error.data.reason]),
      [
        [1, "access-not-granted"],
        [2, "access-not-granted"],
      ],
    );
  });

  test("finds the issuer by itself, when it comes without a token", async () => {
    const url = `https://localhost:${gateway.httpsPort}/t/mcp/mcp`;
    const ask = trusting(gateway.ca);
    const response = await ask(url, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
    assert.equal(response.status, 401);
    const { resourceMetadataUrl } = extractWWWAuthenticateParams(response);
    assert.equal(resourceMetadataUrl?.href, `https://localhost:${gateway.httpsPort}/.well-known/oauth-protected-resource/t/mcp`);
    const metadata = await discoverOAuthProtectedResourceMetadata(url, { resourceMetadataUrl: resourceMetadataUrl?.href ?? "" }, ask);
    assert.deepEqual(metadata.authorization_servers, [gateway.issuer.url]);
    // The client refuses a document that is not for the address that it called, or one that this address lies under.
    assert.ok(url.startsWith(metadata.resource));
  });

  test("leaves its calls on record, by name and with arguments, refused ones as refused", async () => {
    for (const agent of agents) await agent.destroy();
    let calls: readonly string[] = [];
    const complete = async () => {
      const events = [...(await recordings(gateway)).values()].flat();
      calls = events.flatMap((event) => (event.kind === "statement" ? [`${event.verdict} ${event.tables.join()}`] : []));
      const bodies = events.flatMap((event) => (event.kind === "copy" ? [JSON.stringify(event.data)] : []));
      const all = [
        "allow tool:greet",
        "allow tool:multi-greet",
        "mask tool:greet",
        "deny tool:multi-greet",
        "deny tool:greet,tool:multi-greet",
      ].every((one) => calls.includes(one));
      return all && bodies.some((body) => body.includes("Åsa"));
    };
    await until(complete, () => `all is on record: ${JSON.stringify(calls)}`);
  });
});
