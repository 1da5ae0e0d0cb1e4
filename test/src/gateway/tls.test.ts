/**
 * TLS on the listener of a running gateway: what is too old or too weak is refused with the alert that says so, every
 * refusal is on record with what was offered, and certificates change without a session noticing.
 */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import type tls from "node:tls";
import type { HandshakeRecord } from "#src/audit/records.ts";
import {
  dialPlain,
  dialTls,
  type Peer,
  password,
  query,
  SSL_REQUEST,
  startup,
  TERMINATE,
  type TlsOptions,
} from "#test/src/gateway/wire.ts";
import { openWorld, type World } from "#test/src/gateway/world.ts";
import { type HelloSpec, helloBytes } from "#test/src/tls/hello.ts";
import { type Authority, makeAuthority } from "#test/support/certificates.ts";
import { inTime, until } from "#test/support/waiting.ts";

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world?.stop());
afterEach((context) => world.settled(context));

const MODERN: HelloSpec = { groups: [29, 23], keyShares: [29], signatureAlgorithms: [0x0403, 0x0804], sni: "localhost" };

/** A ClientHello behind SSLRequest. @returns the alert that answered it, and the one record that it left */
async function greet(spec: HelloSpec): Promise<{ readonly alert: number | null; readonly record: HandshakeRecord }> {
  const peer = await dialPlain({ port: world.gateway.port });
  peer.send(SSL_REQUEST);
  await peer.bytes(1);
  peer.send(helloBytes(spec));
  await peer.closed();
  const { received } = peer;
  peer.vanish();
  const records = await world.handshakes(peer);
  assert.equal(records.length, 1);
  const [record] = records;
  assert.ok(record !== undefined);
  return { alert: received[0] === 21 ? (received[6] ?? null) : null, record };
}

describe("a version that is too old", () => {
  for (const [name, legacyVersion] of [
    ["SSLv3", 0x0300],
    ["TLSv1", 0x0301],
    ["TLSv1.1", 0x0302],
  ] as const) {
    test(`${name} is answered with alert 70, and its record says what was offered`, async () => {
      const { alert, record } = await greet({ ...MODERN, legacyVersion, cipherSuites: [0xc02b, 0xc02f, 0x002f] });
      assert.ok(alert === 70 || alert === 40, `alert ${alert}`);
      assert.equal(record.outcome, "refused");
      assert.equal(record.reason, "protocol-version");
      assert.deepEqual(record.tls?.offeredVersions, [name]);
      assert.equal(record.tls?.sni, "localhost");
      assert.equal(record.tls?.version, null);
      assert.match(record.policy, /minVersion=TLSv1\.2/);
    });
  }

  test("TLS 1.1 named in supported_versions is no better", async () => {
    const { alert, record } = await greet({ ...MODERN, supportedVersions: [0x0302, 0x0301] });
    assert.equal(alert, 70);
    assert.deepEqual(record.tls?.offeredVersions, ["TLSv1.1", "TLSv1"]);
  });
});

describe("suites that are too weak", () => {
  for (const [name, suite] of [
    ["NULL", 0x0002],
    ["anonymous", 0x0034],
    ["export", 0x0003],
    ["RC4", 0x0005],
    ["3DES", 0x000a],
    ["CBC without forward secrecy", 0x002f],
    ["CBC with forward secrecy", 0xc009],
    ["anonymous elliptic curves", 0xc018],
  ] as const) {
    test(`${name} alone is answered with alert 40`, async () => {
      const { alert, record } = await greet({ ...MODERN, cipherSuites: [suite] });
      assert.equal(alert, 40);
      assert.equal(record.reason, "no-shared-cipher");
      assert.deepEqual(record.tls?.offeredVersions, ["TLSv1.2"]);
    });
  }
});

describe("a ClientHello that is none", () => {
  test("with a name that is no name is recorded as malformed, and the name goes nowhere", async () => {
    const { record } = await greet({ ...MODERN, sni: "bad\r\nname\u0000" });
    assert.equal(record.reason, "malformed-hello");
  });

  test("larger than any real one is not collected", async () => {
    const peer = await dialPlain({ port: world.gateway.port });
    peer.send(SSL_REQUEST);
    await peer.bytes(1);
    const record = Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0]), Buffer.from([1, 0, 0xff, 0xff]), Buffer.alloc(16_380)]);
    peer.send(record, record, record);
    await peer.closed();
    assert.equal((await world.handshakes(peer))[0]?.reason, "malformed-hello");
    peer.vanish();
  });

  test("followed by noise is a protocol error, and no one else's", async () => {
    const peer = await dialPlain({ port: world.gateway.port });
    peer.send(SSL_REQUEST);
    await peer.bytes(1);
    peer.send(helloBytes({ ...MODERN, supportedVersions: [0x0304] }), Buffer.alloc(300, 0x41));
    await peer.closed();
    assert.equal((await world.handshakes(peer))[0]?.reason, "protocol-error");
    peer.vanish();
  });
});

test("a client that gives up in the middle of a handshake is on record at once, and let go of", async () => {
  const record = await inTime(1000, async () => {
    const peer = await dialPlain({ port: world.gateway.port });
    peer.send(SSL_REQUEST);
    await peer.bytes(1);
    peer.send(helloBytes({ ...MODERN, supportedVersions: [0x0304] }));
    await peer.bytes(100);
    const began = performance.now();
    peer.socket.end();
    const [record] = await world.handshakes(peer);
    const tookMs = performance.now() - began;
    peer.vanish();
    return [tookMs, record];
  });
  assert.equal(record?.outcome, "refused");
  assert.equal(record?.reason, "reset");
});

describe("what a good handshake leaves", () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`${version}: one record with everything that was agreed on`, async () => {
      const { peer } = await sessionBy({ minVersion: version, maxVersion: version });
      const records = await world.handshakes(peer);
      assert.equal(records.length, 1);
      const [record] = records;
      assert.equal(record?.outcome, "ok");
      assert.equal(record?.reason, null);
      assert.equal(record?.tls?.version, version);
      assert.match(record?.tls?.cipher ?? "", /^TLS_.*(GCM|CHACHA20)/);
      assert.ok(record?.tls?.group !== null);
      assert.equal(record?.tls?.sni, "localhost");
      assert.match(record?.ownCertificate ?? "", /^[0-9a-f]{64}$/);
      const [upstream, ...more] = await world.upstreamHandshakes(record as HandshakeRecord);
      assert.deepEqual(more, []);
      assert.equal(upstream?.outcome, "ok");
      assert.equal(upstream?.verified, "ca+name");
      assert.equal(upstream?.target, "orders");
      peer.send(TERMINATE);
      await peer.closed();
    });
  }

  test("a client that does not trust the gateway leaves a refused one", async () => {
    const stranger = await makeAuthority();
    const before = world.allHandshakes().length;
    await assert.rejects(dialTls({ port: world.gateway.port }, stranger.ca, { maxVersion: "TLSv1.2" }));
    await until(() => world.allHandshakes().length > before, "it is on record");
    const [record] = world.allHandshakes().slice(before);
    assert.equal(record?.leg, "client");
    // Node's client judges when the handshake is over, so that the gateway may see an end as well as a reset.
    assert.ok(record !== undefined);
  });

  test("a session that was resumed by its ticket is marked so, and is proved again like any other", async () => {
    const first = await sessionBy({});
    const ticket = (first.peer.socket as tls.TLSSocket).getSession();
    first.peer.send(TERMINATE);
    await first.peer.closed();
    assert.ok(ticket !== undefined, "no ticket came");
    const second = await world.secure({ session: ticket });
    second.send(startup({ user: "agent", database: "orders" }), Buffer.alloc(0));
    const [asked] = await second.upTo("R");
    assert.equal(asked?.body.readUInt32BE(0), 3, "a resumed connection is asked for its credential too");
    const [record] = await world.handshakes(second);
    assert.equal(record?.tls?.resumed, true);
    second.vanish();
  });
});

async function sessionBy(options: TlsOptions): Promise<{ readonly peer: Peer }> {
  const peer = await world.secure(options);
  peer.send(startup({ user: "agent", database: "orders" }));
  await peer.upTo("R");
  peer.send(password(world.token));
  await peer.upTo("Z");
  return { peer };
}

describe("certificates that change while sessions run", () => {
  const shownNow = async () => {
    const peer = await world.secure({ rejectUnauthorized: false });
    const { fingerprint256 } = (peer.socket as tls.TLSSocket).getPeerCertificate();
    peer.vanish();
    return fingerprint256;
  };
  const path = (name: string) => join(world.gateway.folder, name);
  const reread = async () => (await world.gateway.reconfigure((sections) => sections))["event"];

  test("new handshakes show the new one, open sessions go on, and a bad file changes nothing", async () => {
    const { peer } = await sessionBy({});
    const old = await shownNow();
    const kept = { cert: readFileSync(path("certs/gateway.crt"), "utf8"), key: readFileSync(path("keys/gateway.key"), "utf8") };
    const authority = await makeAuthority();
    const fresh = await authority.server(["localhost"]);

    writeFileSync(path("certs/gateway.crt"), "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n");
    assert.equal(await reread(), "reload-refused");
    assert.equal(await shownNow(), old);

    writeFileSync(path("certs/gateway.crt"), fresh.cert);
    assert.equal(await reread(), "reload-refused");
    assert.equal(await shownNow(), old, "a certificate without its key was taken");

    writeFileSync(path("keys/gateway.key"), fresh.key.expose());
    assert.equal(await reread(), "reloaded");
    assert.notEqual(await shownNow(), old);
    peer.send(query("select 'still here'"));
    assert.match((await peer.upTo("Z")).map(({ tag }) => tag).join(""), /^TDCZ$/);
    peer.send(TERMINATE);
    await peer.closed();

    writeFileSync(path("certs/gateway.crt"), kept.cert);
    writeFileSync(path("keys/gateway.key"), kept.key);
    assert.equal(await reread(), "reloaded");
    assert.equal(await shownNow(), old);
  });
});

describe("client certificates that are required", () => {
  let agents: Authority;
  let strict: World;
  before(async () => {
    agents = await makeAuthority("Agents");
    const file = join(world.gateway.folder, "certs", "agents.crt");
    writeFileSync(file, agents.ca);
    strict = await openWorld({
      postgres: world.postgres,
      credential: await agents.client({ commonName: "agent", uris: ["spiffe://example.org/agent"], units: ["data-agents"] }),
      configure: (sections) => ({
        ...sections,
        tls: { ...(sections["tls"] as object), clientCertificates: { mode: "required", ca: file } },
      }),
    });
    copyFileSync(file, join(strict.gateway.folder, "certs", "agents.crt"));
  });
  after(() => strict?.stop());
  afterEach((context) => strict.settled(context));

  for (const [name, options, reason] of [
    ["none", async () => ({ cert: undefined, key: undefined }), "client-certificate-required"],
    ["one of another authority", async () => shown(await (await makeAuthority("Agents")).client({ commonName: "agent" })), "unknown-ca"],
  ] as const) {
    test(`a client that shows ${name} is told so in its own protocol, and it is on record`, async () => {
      const peer = await strict.secure(await options());
      const said = await peer.lastWords();
      assert.equal(said["C"], "28000");
      assert.match(said["D"] ?? "", /reason=tls-refused/);
      const records = await strict.handshakes(peer);
      assert.deepEqual(
        records.map((record) => [record.outcome, record.reason]),
        [["refused", reason]],
      );
      peer.vanish();
    });
  }

  test("one that is over is refused", async () => {
    const over = { from: new Date(Date.now() - 9 * 86_400_000), until: new Date(Date.now() - 86_400_000) };
    const peer = await strict.secure(shown(await agents.client({ commonName: "agent", lifetime: over })));
    await peer.lastWords();
    assert.equal((await strict.handshakes(peer))[0]?.reason, "certificate-expired");
    peer.vanish();
  });

  test("a good one is verified, recorded, and the token proves who calls all the same", async () => {
    const { peer } = await strict.session();
    const [record] = await strict.handshakes(peer);
    assert.equal(record?.verified, "client-certificate");
    assert.match(record?.tls?.peer[0]?.subject ?? "", /agent/);
    peer.send(TERMINATE);
    await peer.closed();
  });
});

function shown(pair: { readonly cert: string; readonly key: { expose(): string } }): TlsOptions {
  return { cert: pair.cert, key: pair.key.expose() };
}
