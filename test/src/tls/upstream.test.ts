/** The upstream leg's TLS on real sockets: what is verified, and what each failure is called. */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { PassThrough } from "node:stream";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import type { TlsFacts } from "#src/audit/records.ts";
import type { KeyPair, UpstreamTls } from "#src/config/config.ts";
import { peerChain } from "#src/tls/certificates.ts";
import { endPointHash } from "#src/tls/end-point.ts";
import { tlsFacts } from "#src/tls/facts.ts";
import { handshakeReason, type Refusal } from "#src/tls/reasons.ts";
import { publicKeyDigest, type UpstreamVerification, upstreamTls, upstreamVerification } from "#src/tls/upstream.ts";
import { type Authority, lifetime, makeAuthority } from "#test/support/certificates.ts";
import { read, repositoryFiles } from "#test/support/tree.ts";

let authority: Authority;
let good: KeyPair;
const servers: net.Server[] = [];
const accepted = new Set<net.Socket>();

before(async () => {
  authority = await makeAuthority();
  good = await authority.server(["localhost", "127.0.0.1"]);
});

after(() => {
  for (const server of servers) server.close();
  for (const socket of accepted) socket.destroy();
});

interface Database {
  readonly port: number;
  /** Application bytes that the server received. */
  readonly received: Buffer[];
}

async function database(pair: KeyPair, options: tls.TlsOptions = {}): Promise<Database> {
  const received: Buffer[] = [];
  const server = tls.createServer({ cert: pair.cert, key: pair.key.expose(), ...options }, (socket) => {
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    socket.on("error", () => socket.destroy());
    socket.write("x");
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return { port: await listen(server), received };
}

async function listen(server: net.Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: net.Socket) => accepted.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

function config(rest: Partial<UpstreamTls> = {}): UpstreamTls {
  return { ca: authority.ca, serverName: "localhost", pins: [], certificate: null, minVersion: "TLSv1.2", ...rest };
}

type Dialled =
  | { readonly kind: "up"; readonly facts: TlsFacts; readonly verification: UpstreamVerification }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Over a socket of our own, as after SSLRequest; a byte is written as early as possible, to see that it never arrives. */
async function dial(port: number, upstream: UpstreamTls): Promise<Dialled> {
  const raw = net.connect(port, "127.0.0.1");
  await once(raw, "connect");
  const socket = tls.connect({ ...upstreamTls(upstream).options, ALPNProtocols: ["postgresql"], socket: raw });
  try {
    await once(socket, "secureConnect");
    const outcome: Dialled = { kind: "up", facts: tlsFacts(socket), verification: upstreamVerification(socket, upstream) };
    // In TLS 1.3 a server refuses our certificate only after our side is up.
    const closed = once(socket, "close").then(() => Promise.reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
    await Promise.race([once(socket, "data"), closed]);
    closed.catch(() => undefined);
    return outcome;
  } catch (error) {
    return { kind: "refused", refusal: handshakeReason(error, "upstream") };
  } finally {
    socket.destroy();
    raw.destroy();
  }
}

async function refusal(port: number, upstream: UpstreamTls): Promise<string> {
  const outcome = await dial(port, upstream);
  assert.ok(outcome.kind === "refused", "the connection must not come up");
  return outcome.refusal.reason;
}

describe("a verified upstream", () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`${version}: comes up, and the record has its facts and chain`, async () => {
      const chain = { cert: good.cert + authority.ca, key: good.key };
      const { port } = await database(chain, {
        minVersion: version,
        maxVersion: version,
        ALPNProtocols: ["postgresql"],
        ecdhCurve: "P-256",
      });
      const outcome = await dial(port, config());
      assert.ok(outcome.kind === "up");
      const { facts } = outcome;
      assert.deepEqual(outcome.verification, { verified: "ca+name", pinned: null });
      assert.equal(facts.version, version);
      assert.equal(facts.group, "prime256v1");
      assert.equal(facts.groupDerived, false);
      assert.equal(facts.alpn, "postgresql");
      assert.equal(facts.sni, "localhost");
      assert.equal(facts.offeredVersions, null);
      assert.equal(facts.signatureAlgorithm, null);
      assert.deepEqual(
        facts.peer.map((certificate) => certificate.subject),
        ["CN=localhost", "CN=Sallyport test CA"],
      );
    });
  }

  test("agrees on no other group than ours", async () => {
    const { port } = await database(good, { ecdhCurve: "P-521" });
    assert.equal(await refusal(port, config()), "handshake-failure");
  });

  test("asking for the certificate does not use it up: chain, facts and channel binding in any order", async () => {
    const { port } = await database({ cert: good.cert + authority.ca, key: good.key });
    const raw = net.connect(port, "127.0.0.1");
    await once(raw, "connect");
    const socket = tls.connect({ ...upstreamTls(config()).options, socket: raw });
    await once(socket, "secureConnect");
    const expected = createHash("sha256").update(new X509Certificate(good.cert).raw).digest();
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(endPointHash(socket), expected);
      assert.deepEqual(peerChain(socket)[0]?.raw, new X509Certificate(good.cert).raw);
      assert.equal(tlsFacts(socket).peer.length, 2);
    }
    socket.destroy();
    const users = repositoryFiles().filter((path) => /^src\/.*\.ts$/.test(path) && /\.getPeerX509Certificate\(/.test(read(path)));
    assert.deepEqual(users, [], "Node's getPeerX509Certificate takes the certificate away on clients");
  });

  test("an address as server name is checked against the certificate's addresses, without SNI", async () => {
    const { port } = await database(good);
    const outcome = await dial(port, config({ serverName: "127.0.0.1" }));
    assert.ok(outcome.kind === "up");
    assert.equal(outcome.facts.sni, null);
    assert.equal(await refusal(port, config({ serverName: "127.0.0.2" })), "name-mismatch");
  });

  test("our certificate is shown where the target asks for one", async () => {
    const agents = await makeAuthority("Clients");
    const own = await agents.client({ commonName: "sallyport" });
    const { port } = await database(good, { ca: agents.ca, requestCert: true, rejectUnauthorized: true });
    assert.equal((await dial(port, config({ certificate: own }))).kind, "up");
    assert.equal(upstreamTls(config({ certificate: own })).ownCertificate?.length, 64);
    assert.equal(await refusal(port, config()), "client-certificate-required");
  });
});

describe("pins", () => {
  test("a pin is the SHA-256 of the SubjectPublicKeyInfo; one of several is enough", async () => {
    const { port } = await database(good);
    const spki = new X509Certificate(good.cert).publicKey.export({ type: "spki", format: "der" });
    const pin = createHash("sha256").update(spki).digest("hex");
    assert.equal(publicKeyDigest(good.cert), pin);
    const outcome = await dial(port, config({ pins: ["00".repeat(32), pin] }));
    assert.ok(outcome.kind === "up");
    assert.deepEqual(outcome.verification, { verified: "ca+name+pin", pinned: true });
  });

  test("another key of the right authority and name is refused, and nothing was sent", async () => {
    const { port, received } = await database(await authority.server(["localhost"]));
    assert.equal(await refusal(port, config({ pins: [publicKeyDigest(good.cert)] })), "pin-mismatch");
    assert.equal(Buffer.concat(received).length, 0);
  });

  test("a pin does not stand in for the name or the authority", async () => {
    const other = await (await makeAuthority("Another")).server(["localhost"]);
    const { port } = await database(other);
    assert.equal(await refusal(port, config({ pins: [publicKeyDigest(other.cert)] })), "unknown-ca");
    const named = await authority.server(["elsewhere.example"]);
    const second = await database(named);
    assert.equal(await refusal(second.port, config({ pins: [publicKeyDigest(named.cert)] })), "name-mismatch");
  });
});

describe("what must be refused", () => {
  test("an authority that is not the configured one", async () => {
    const { port, received } = await database(await (await makeAuthority("Another")).server(["localhost"]));
    assert.equal(await refusal(port, config()), "unknown-ca");
    assert.equal(Buffer.concat(received).length, 0);
  });

  test("a private authority where the system's store decides", async () => {
    const { port } = await database(good);
    assert.equal(await refusal(port, config({ ca: null })), "unknown-ca");
  });

  test("another host name", async () => {
    const { port } = await database(await authority.server(["db.example"]));
    assert.equal(await refusal(port, config()), "name-mismatch");
  });

  test("a name that is only the common name's, when alternative names say otherwise", async () => {
    const { port } = await database(await authority.server(["db.example"]));
    assert.equal(await refusal(port, config({ serverName: "DNS:db.example" })), "name-mismatch");
  });

  test("an expired certificate", async () => {
    const { port } = await database(await authority.server(["localhost"], { lifetime: lifetime(-1) }));
    assert.equal(await refusal(port, config()), "certificate-expired");
  });

  test("one that is not valid yet", async () => {
    const day = 86_400_000;
    const future = { from: new Date(Date.now() + day), until: new Date(Date.now() + 2 * day) };
    const { port } = await database(await authority.server(["localhost"], { lifetime: future }));
    assert.equal(await refusal(port, config()), "certificate-not-yet-valid");
  });

  test("a client's certificate", async () => {
    const { port } = await database(await authority.client({ commonName: "localhost", hosts: ["localhost"] }));
    assert.equal(await refusal(port, config()), "certificate-invalid");
  });

  test("TLS 1.1, and TLS 1.2 where 1.3 is the minimum", async () => {
    const old = await database(good, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" });
    assert.equal(await refusal(old.port, config()), "protocol-version");
    const previous = await database(good, { maxVersion: "TLSv1.2" });
    assert.equal(await refusal(previous.port, config({ minVersion: "TLSv1.3" })), "protocol-version");
  });

  test("a server that has only suites without forward secrecy or AEAD", async () => {
    const rsa = await authority.server(["localhost"], { key: "rsa" });
    for (const ciphers of ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256"]) {
      const { port } = await database(rsa, { maxVersion: "TLSv1.2", ciphers });
      assert.equal(await refusal(port, config()), "handshake-failure", ciphers);
    }
  });

  test("a server that rejects our certificate", async () => {
    const { port } = await database(good, { ca: authority.ca, requestCert: true, rejectUnauthorized: true });
    const own = await (await makeAuthority("Another")).client({ commonName: "sallyport" });
    // Node's server says nothing but closes; OpenSSL's alerts are tested in reasons.test.ts.
    assert.equal(await refusal(port, config({ certificate: own })), "reset");
  });

  test("a server that hangs up, and one that speaks something else", async () => {
    const rude = net.createServer((socket) => socket.on("error", () => socket.destroy()).destroy());
    const plain = net.createServer((socket) => socket.on("error", () => socket.destroy()).end("N"));
    for (const [server, expected] of [
      [rude, ["reset"]],
      [plain, ["protocol-error", "reset"]],
    ] as const) {
      const reason = await refusal(await listen(server), config());
      assert.ok(
        expected.some((one) => one === reason),
        reason,
      );
    }
  });

  test("a socket that was not verified is not vouched for", () => {
    const socket = new tls.TLSSocket(new PassThrough());
    assert.throws(() => upstreamVerification(socket, config()), /without having been verified/);
    socket.destroy();
  });
});
