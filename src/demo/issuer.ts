/**
 * A local OpenID provider for the demo: https with the demo's authority, and two agents that log in with client
 * credentials. It runs the same protocol as any company's provider (discovery, JWKS, JWT access tokens, RFC 9068), so
 * the gateway is configured for it as for a real one.
 */
import { generateKeyPairSync, type JsonWebKey, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { type Adapter, type AdapterPayload, type JWK, Provider } from "oidc-provider";
import { Secret } from "#protocols/wire/secret.ts";

/** One agent: the client it logs in as, and the groups that its tokens carry. */
export interface Agent {
  readonly name: string;
  readonly secret: Secret<string>;
  readonly groups: readonly string[];
}

export interface IssuerOptions {
  /** PEM, for `localhost`. */
  readonly certificate: string;
  readonly key: Secret<string>;
  readonly audience: string;
  readonly agents: readonly Agent[];
}

export interface Issuer {
  /** As in `iss`: `https://localhost:…`. */
  readonly url: string;
  /** A fresh access token for the agent, as the provider would issue it to the agent itself. */
  tokenFor(agent: Agent, ca: string): Promise<Secret<string>>;
  stop(): Promise<void>;
}

/** RFC 8707: the resource that tokens are for when a client names none. */
const RESOURCE = "urn:sallyport:gateway";
const TOKEN_SECONDS = 3600;

export async function startIssuer(options: IssuerOptions): Promise<Issuer> {
  const server = createServer({ cert: options.certificate, key: options.key.expose(), minVersion: "TLSv1.2" });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `https://localhost:${port}`;
  const handle = makeProvider(url, options).callback();
  server.on("request", (request, response) => void handle(request, response));
  return {
    url,
    tokenFor: (agent, ca) => fetchToken(port, agent, ca),
    stop: () => stop(server),
  };
}

function makeProvider(url: string, options: IssuerOptions): Provider {
  const groups = new Map(options.agents.map((agent) => [agent.name, agent.groups]));
  return new Provider(url, {
    adapter: MemoryAdapter,
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    clients: options.agents.map((agent) => ({
      client_id: agent.name,
      client_secret: agent.secret.expose(),
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "client_secret_basic",
      id_token_signed_response_alg: "ES256", // it gets none, but the default needs an RSA key
    })),
    ttl: { ClientCredentials: TOKEN_SECONDS },
    extraTokenClaims: (_ctx, token) => ({ groups: groups.get(token.clientId ?? "") ?? [] }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        getResourceServerInfo: () => ({
          audience: options.audience,
          scope: "",
          accessTokenFormat: "jwt",
          accessTokenTTL: TOKEN_SECONDS,
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  });
}

function signingKey(): JWK {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { kty, crv, x, y, d }: JsonWebKey = privateKey.export({ format: "jwk" });
  return { kty: kty ?? "EC", crv, x, y, d, use: "sig", alg: "ES256", kid: randomBytes(8).toString("hex") } as JWK;
}

/** RFC 6749 section 4.4, over the demo's own authority. */
async function fetchToken(port: number, agent: Agent, ca: string): Promise<Secret<string>> {
  const { request } = await import("node:https");
  const body = "grant_type=client_credentials";
  const authorization = `Basic ${Buffer.from(`${agent.name}:${agent.secret.expose()}`).toString("base64")}`;
  const answer = await new Promise<string>((resolve, reject) => {
    const call = request(
      {
        host: "127.0.0.1",
        port,
        servername: "localhost",
        ca,
        path: "/token",
        method: "POST",
        headers: { authorization, "content-type": "application/x-www-form-urlencoded", host: `localhost:${port}` },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
      },
    );
    call.once("error", reject);
    call.end(body);
  });
  const parsed: unknown = JSON.parse(answer);
  if (typeof parsed === "object" && parsed !== null && "access_token" in parsed && typeof parsed.access_token === "string") {
    return new Secret(parsed.access_token);
  }
  throw new Error(`the demo's issuer gave no token to ${agent.name}`);
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** oidc-provider's store. Nothing of a client-credentials login has to outlive it, so this remembers and never expires by itself. */
class MemoryAdapter implements Adapter {
  readonly #entries = new Map<string, AdapterPayload>();

  async upsert(id: string, payload: AdapterPayload): Promise<void> {
    if (this.#entries.size >= ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value ?? "");
    this.#entries.set(id, payload);
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#entries.get(id);
  }

  async findByUserCode(): Promise<undefined> {
    return undefined;
  }

  async findByUid(): Promise<undefined> {
    return undefined;
  }

  async consume(): Promise<void> {
    // Marks one-time codes as used; client credentials have none.
  }

  async destroy(id: string): Promise<void> {
    this.#entries.delete(id);
  }

  async revokeByGrantId(): Promise<void> {
    // Grants belong to people who log in; agents have none.
  }
}

/** A demo issues a handful of tokens; the oldest entry goes beyond this. */
const ENTRIES_MAX = 10_000;
