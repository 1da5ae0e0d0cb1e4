/**
 * A real OpenID provider for tests, on https with a test authority: discovery, JWKS, client credentials. It can be
 * stopped, started again on its port, and given new keys; and it signs whatever a test wants to forge.
 */
import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { once } from "node:events";
import https from "node:https";
import type net from "node:net";
import { exportJWK, type JWTPayload, SignJWT } from "jose";
import { type Adapter, type AdapterPayload, type JWK, Provider } from "oidc-provider";
import { type Authority, makeAuthority } from "#test/support/certificates.ts";

export type SigningAlgorithm = "ES256" | "RS256" | "PS256" | "EdDSA";

export interface TestClient {
  readonly id: string;
  readonly secret: string;
  readonly groups?: readonly string[];
}

export interface MintOptions {
  readonly alg?: SigningAlgorithm;
  /** Null leaves the header out. */
  readonly typ?: string | null;
  readonly kid?: string | null;
  /** Signs with this key instead of the issuer's. */
  readonly key?: KeyObject;
}

export interface TestIssuer {
  readonly url: string;
  /** PEM of the authority of its https certificate. */
  readonly ca: string;
  readonly audience: string;
  /** Requests that reached it, by path. */
  readonly requests: ReadonlyMap<string, number>;
  /** A token as this issuer would make it, with claims changed; `undefined` removes one. Valid for ten minutes. */
  mint(claims?: Record<string, unknown>, options?: MintOptions): Promise<string>;
  /** The public key of the current key set, as anyone can read it. */
  publicKey(alg: SigningAlgorithm): KeyObject;
  /** Replaces all keys: tokens signed before no longer verify once the new set has been read. */
  rotate(): Promise<void>;
  /** From now on answers wait until what this gives is called. */
  hold(): () => void;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface IssuerOptions {
  readonly clients?: readonly TestClient[];
  readonly audience?: string;
  readonly tokenSeconds?: number;
  readonly authority?: Authority;
  readonly clientAuthMethods?: readonly ("client_secret_basic" | "client_secret_post")[];
}

interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export async function startTestIssuer(options: IssuerOptions = {}): Promise<TestIssuer> {
  const audience = options.audience ?? "sallyport";
  const authority = options.authority ?? (await makeAuthority("Test issuer CA"));
  const pair = await authority.server(["localhost", "127.0.0.1"]);
  const requests = new Map<string, number>();
  const sockets = new Set<net.Socket>();
  const server = https.createServer({ cert: pair.cert, key: pair.key.expose() });
  server.on("secureConnection", (socket) => sockets.add(socket.once("close", () => sockets.delete(socket))));
  const listen = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the test issuer has no port");
    return address.port;
  };
  const port = await listen(0);
  const url = `https://localhost:${port}`;
  let keys: readonly SigningKey[] = [];
  let handle: ReturnType<Provider["callback"]> = () => Promise.resolve();
  const rotate = async (): Promise<void> => {
    keys = makeKeys();
    handle = (await makeProvider(url, keys, audience, options)).callback();
  };
  await rotate();
  let held = Promise.resolve();
  server.on("request", (request, response) => {
    const path = new URL(request.url ?? "/", url).pathname;
    requests.set(path, (requests.get(path) ?? 0) + 1);
    void held.then(() => handle(request, response));
  });
  return {
    ...{ url, ca: authority.ca, audience, requests, rotate },
    mint: (claims = {}, minted = {}) => mint(keys, { iss: url, aud: audience, sub: "agent-1", ...claims }, minted),
    publicKey: (alg) => keyFor(keys, alg).publicKey,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    start: async () => {
      await listen(port);
    },
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function makeKeys(): readonly SigningKey[] {
  const key = (alg: SigningAlgorithm, pair: { publicKey: KeyObject; privateKey: KeyObject }) => ({
    ...pair,
    alg,
    kid: randomBytes(6).toString("hex"),
  });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return [
    key("ES256", generateKeyPairSync("ec", { namedCurve: "P-256" })),
    key("RS256", rsa),
    key("PS256", generateKeyPairSync("rsa", { modulusLength: 2048 })),
    key("EdDSA", generateKeyPairSync("ed25519")),
  ];
}

function keyFor(keys: readonly SigningKey[], alg: SigningAlgorithm): SigningKey {
  const key = keys.find((one) => one.alg === alg);
  if (key === undefined) throw new Error(`no key for ${alg}`);
  return key;
}

async function mint(keys: readonly SigningKey[], claims: Record<string, unknown>, options: MintOptions): Promise<string> {
  const alg = options.alg ?? "ES256";
  const key = keyFor(keys, alg);
  const now = Math.floor(Date.now() / 1000);
  const payload: JWTPayload = { iat: now, exp: now + 600, jti: randomBytes(6).toString("hex"), ...claims };
  const typ = options.typ === undefined ? "at+jwt" : options.typ;
  const kid = options.kid === undefined ? key.kid : options.kid;
  return new SignJWT(payload)
    .setProtectedHeader({ alg, ...(typ === null ? {} : { typ }), ...(kid === null ? {} : { kid }) })
    .sign(options.key ?? key.privateKey);
}

async function makeProvider(url: string, keys: readonly SigningKey[], audience: string, options: IssuerOptions): Promise<Provider> {
  const clients = options.clients ?? [];
  const groups = new Map(clients.map((client) => [client.id, client.groups ?? []]));
  const tokenSeconds = options.tokenSeconds ?? 600;
  const methods = options.clientAuthMethods ?? ["client_secret_basic"];
  const jwks = await Promise.all(
    keys.map(async ({ kid, alg, privateKey }) => ({ ...(await exportJWK(privateKey)), kid, alg, use: "sig" })),
  );
  return new Provider(url, {
    adapter: Forgetful,
    jwks: { keys: jwks as JWK[] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    clientAuthMethods: [...methods],
    clients: clients.map(({ id, secret }) => ({
      ...{ client_id: id, client_secret: secret, redirect_uris: [], response_types: [], grant_types: ["client_credentials"] },
      ...{ token_endpoint_auth_method: methods[0] ?? "client_secret_basic", id_token_signed_response_alg: "ES256" },
    })),
    ttl: { ClientCredentials: tokenSeconds },
    extraTokenClaims: (_context, token) => ({ groups: groups.get(token.clientId ?? "") ?? [] }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:test:gateway",
        getResourceServerInfo: () => ({
          ...{ audience, scope: "", accessTokenFormat: "jwt", accessTokenTTL: tokenSeconds },
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  });
}

/** oidc-provider's store. Client credentials with JWT tokens need none, and its own default warns. */
class Forgetful implements Adapter {
  async upsert(): Promise<void> {
    // Nothing that is stored is asked for again.
  }

  async find(): Promise<AdapterPayload | undefined> {
    return undefined;
  }

  async findByUserCode(): Promise<undefined> {
    return undefined;
  }

  async findByUid(): Promise<undefined> {
    return undefined;
  }

  async consume(): Promise<void> {
    // No one-time codes here.
  }

  async destroy(): Promise<void> {
    // Nothing is kept.
  }

  async revokeByGrantId(): Promise<void> {
    // Nothing is kept.
  }
}
