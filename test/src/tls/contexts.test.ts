/** The client leg's TLS on real sockets: versions, suites, SNI, client certificates, tickets. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import type { ClientTls, KeyPair } from "#src/config/config.ts";
import { tlsServers } from "#src/tls/contexts.ts";
import { type Authority, lifetime, makeAuthority } from "#test/support/certificates.ts";
import { clientTls, dial, type Gate, type GateOptions, type Outcome, openGate } from "./gate.ts";
import { helloBytes } from "./hello.ts";

let authority: Authority;
let agents: Authority;
let server: KeyPair;
let rsa: KeyPair;
const gates: Gate[] = [];

before(async () => {
  authority = await makeAuthority();
  agents = await makeAuthority("Agents");
  server = await authority.server(["localhost"]);
  rsa = await authority.server(["localhost"], { key: "rsa" });
});

after(() => {
  for (const gate of gates) gate.close();
});

async function gateFor(config: ClientTls, options: GateOptions = {}): Promise<Gate> {
  const gate = await openGate(config, options);
  gates.push(gate);
  return gate;
}

function refusalOf(outcome: Outcome): string {
  assert.equal(outcome.kind, "refused");
  return outcome.kind === "refused" ? outcome.refusal.reason : "";
}

function secure(outcome: Outcome): Extract<Outcome, { kind: "secure" }> {
  assert.ok(outcome.kind === "secure", JSON.stringify(outcome));
  return outcome;
}

/** The alert that answers raw bytes: its description, RFC 8446 section 6.2. */
async function alertFor(port: number, bytes: Buffer): Promise<number> {
  const socket = net.connect(port, "127.0.0.1");
  socket.write(bytes);
  const [answer] = await once(socket, "data");
  socket.destroy();
  assert.ok(answer instanceof Buffer);
  assert.equal(answer.readUInt8(0), 21, "an alert record");
  return answer.readUInt8(6);
}

/** Node's client finishes the handshake before it judges; OpenSSL's judges in the middle, as libpq does. */
function openssl(port: number): ChildProcess {
  const args = ["s_client", "-connect", `127.0.0.1:${port}`, "-verify_return_error", "-tls1_2"];
  return spawn("openssl", args, { stdio: "ignore" });
}

const PROTOCOL_VERSION = 70;
const HANDSHAKE_FAILURE = 40;

describe("versions", () => {
  test("SSL 3.0, TLS 1.0 and TLS 1.1 get the protocol_version alert", async () => {
    const gate = await gateFor(clientTls([server]));
    for (const legacyVersion of [0x0300, 0x0301, 0x0302]) {
      const alert = await alertFor(gate.port, helloBytes({ legacyVersion, cipherSuites: [0xc02b, 0xc013, 0x002f] }));
      assert.ok(alert === PROTOCOL_VERSION || alert === HANDSHAKE_FAILURE, `alert ${alert}`);
      assert.equal(refusalOf(await gate.next()), "protocol-version");
    }
  });

  test("minVersion TLSv1.3 refuses a TLS 1.2 client and says what it offered", async () => {
    const gate = await gateFor(clientTls([server], { minVersion: "TLSv1.3" }));
    const client = await dial(gate.port, { ca: authority.ca, servername: "localhost", maxVersion: "TLSv1.2" });
    assert.equal(client.ok, false);
    const outcome = await gate.next();
    assert.equal(refusalOf(outcome), "protocol-version");
    assert.deepEqual(outcome.hello?.versions, ["TLSv1.2"]);
    assert.equal(outcome.hello?.sni, "localhost");
  });

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`${version} connects, and the record has its facts`, async () => {
      const gate = await gateFor(clientTls([server]));
      const client = await dial(gate.port, { ca: authority.ca, servername: "localhost", minVersion: version, maxVersion: version });
      assert.equal(client.text, "hello");
      const { facts, own } = secure(await gate.next());
      assert.equal(facts.version, version);
      assert.equal(facts.cipher, version === "TLSv1.3" ? "TLS_AES_256_GCM_SHA384" : "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
      assert.equal(facts.alpn, "postgresql");
      assert.equal(facts.sni, "localhost");
      assert.equal(facts.group, client.group);
      assert.equal(facts.groupDerived, true);
      assert.equal(facts.signatureAlgorithm, "ecdsa_secp256r1_sha256");
      assert.deepEqual(facts.offeredVersions, [version]);
      assert.deepEqual(facts.peer, []);
      assert.equal(facts.resumed, false);
      assert.equal(own, new X509Certificate(server.cert).fingerprint256.replaceAll(":", "").toLowerCase());
    });
  }
});

describe("cipher suites", () => {
  for (const [what, codes] of [
    ["NULL", [0x003b, 0xc006]],
    ["anonymous", [0x00a6, 0xc018]],
    ["export, RC4, 3DES", [0x0003, 0x0005, 0x000a, 0xc008]],
    ["RSA key exchange", [0x009c, 0x009d, 0x002f]],
    ["CBC", [0xc023, 0xc024, 0xc009, 0xc00a]],
  ] as const) {
    test(`${what} suites alone get handshake_failure and the reason no-shared-cipher`, async () => {
      const gate = await gateFor(clientTls([server]));
      const hello = { cipherSuites: codes, groups: [0x001d, 0x0017], signatureAlgorithms: [0x0403, 0x0401] };
      assert.equal(await alertFor(gate.port, helloBytes(hello)), HANDSHAKE_FAILURE);
      assert.equal(refusalOf(await gate.next()), "no-shared-cipher");
    });
  }

  test("a configured list narrows: what is left out is refused, what is in is used", async () => {
    const gate = await gateFor(clientTls([server], { cipherSuites: ["TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"] }));
    const client = { ca: authority.ca, servername: "localhost" };
    assert.equal((await dial(gate.port, client)).ok, true);
    assert.equal(secure(await gate.next()).facts.cipher, "TLS_AES_128_GCM_SHA256");
    const other = await dial(gate.port, { ...client, maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" });
    assert.equal(other.ok, false);
    assert.equal(refusalOf(await gate.next()), "no-shared-cipher");
  });

  test("ALPN that is offered without postgresql is refused", async () => {
    const gate = await gateFor(clientTls([server]));
    const client = await dial(gate.port, { ca: authority.ca, servername: "localhost", ALPNProtocols: ["h2"] });
    assert.equal(client.ok, false);
    assert.equal(refusalOf(await gate.next()), "no-shared-alpn");
  });
});

describe("key-exchange groups", () => {
  for (const groups of [
    "X25519MLKEM768:X25519",
    "X25519:P-256",
    "P-256:X25519",
    "P-384:P-256",
    "P-384",
    "P-521:P-384:X25519",
    "ffdhe2048:P-256",
    "X448:X25519MLKEM768:X25519",
  ]) {
    for (const version of ["TLSv1.3", "TLSv1.2"] as const) {
      test(`the derived group is the client's for ${groups} over ${version}`, async () => {
        // A TLS 1.2 client that does not know the ECDSA key's curve needs the RSA certificate.
        const gate = await gateFor(clientTls([server, rsa]));
        const client = await dial(gate.port, {
          ...{ ca: authority.ca, servername: "localhost", minVersion: version, maxVersion: version },
          ecdhCurve: groups,
        });
        assert.equal(client.ok, true, client.code);
        const { facts } = secure(await gate.next());
        assert.ok(client.group !== null);
        assert.equal(facts.group, client.group);
      });
    }
  }

  test("no group in common is refused", async () => {
    const gate = await gateFor(clientTls([server]));
    const client = await dial(gate.port, { ca: authority.ca, servername: "localhost", minVersion: "TLSv1.3", ecdhCurve: "X448" });
    assert.equal(client.ok, false);
    assert.equal(refusalOf(await gate.next()), "no-shared-group");
  });
});

describe("SNI and several certificates", () => {
  test("the certificate follows the name; the first answers for unknown names and none", async () => {
    const other = await authority.server(["other.example", "*.wild.example"]);
    const gate = await gateFor(clientTls([server, other]));
    for (const [servername, expected] of [
      ["localhost", "CN=localhost"],
      ["other.example", "CN=other.example"],
      ["OTHER.example", "CN=other.example"],
      ["a.wild.example", "CN=other.example"],
      ["a.b.wild.example", "CN=localhost"],
      ["unknown.example", "CN=localhost"],
      ["", "CN=localhost"],
    ] as const) {
      const client = await dial(gate.port, { ca: authority.ca, servername, checkServerIdentity: () => undefined });
      assert.equal(client.subject, expected, servername);
      assert.equal(secure(await gate.next()).facts.sni, servername === "" ? null : servername);
    }
  });

  test("RSA and ECDSA stand side by side for one name", async () => {
    const gate = await gateFor(clientTls([server, rsa]));
    const client = { ca: authority.ca, servername: "localhost", maxVersion: "TLSv1.2" } as const;
    await dial(gate.port, { ...client, ciphers: "ECDHE-RSA-AES128-GCM-SHA256" });
    const withRsa = secure(await gate.next());
    assert.equal(withRsa.facts.cipher, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert.equal(withRsa.facts.signatureAlgorithm, "rsa_pss_rsae_sha256");
    await dial(gate.port, client);
    assert.equal(secure(await gate.next()).facts.cipher, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    await dial(gate.port, { ...client, maxVersion: "TLSv1.3", sigalgs: "rsa_pss_rsae_sha384:ecdsa_secp384r1_sha384" });
    assert.equal(secure(await gate.next()).facts.signatureAlgorithm, "rsa_pss_rsae_sha384");
  });

  test("the server that SNI chooses still asks for client certificates", async () => {
    const other = await authority.server(["other.example"]);
    const config = clientTls([server, other], { clientCertificates: { mode: "required", ca: agents.ca } });
    const gate = await gateFor(config);
    const agent = await agents.client({ commonName: "agent" });
    const client = await dial(gate.port, { ca: authority.ca, servername: "other.example", cert: agent.cert, key: agent.key.expose() });
    assert.equal(client.text, "hello");
    assert.equal(secure(await gate.next()).verdict.kind, "accepted");
  });
});

describe("client certificates", () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const verdictFor = async (mode: "none" | "optional" | "required", shown: KeyPair | null) => {
      const gate = await gateFor(clientTls([server], { clientCertificates: mode === "none" ? { mode } : { mode, ca: agents.ca } }));
      await dial(gate.port, {
        ...{ ca: authority.ca, servername: "localhost", minVersion: version, maxVersion: version },
        ...(shown === null ? {} : { cert: shown.cert, key: shown.key.expose() }),
      });
      return secure(await gate.next());
    };
    const reason = ({ verdict }: Awaited<ReturnType<typeof verdictFor>>) => (verdict.kind === "refused" ? verdict.reason : "accepted");

    test(`${version}: mode none takes no certificate from anyone`, async () => {
      const outcome = await verdictFor("none", await agents.client({ commonName: "agent" }));
      assert.deepEqual(outcome.verdict, { kind: "accepted", certificate: null });
    });

    test(`${version}: optional and required accept a good one, with its chain in the facts`, async () => {
      for (const mode of ["optional", "required"] as const) {
        const agent = await agents.client({ commonName: "agent", units: ["data-agents"] });
        const { verdict, facts } = await verdictFor(mode, agent);
        assert.ok(verdict.kind === "accepted" && verdict.certificate !== null);
        assert.equal(verdict.certificate.fingerprint256, new X509Certificate(agent.cert).fingerprint256);
        assert.equal(facts.peer[0]?.subject, "OU=data-agents, CN=agent");
        assert.equal(facts.peer[0]?.issuer, "CN=Agents");
        assert.equal(facts.peer[0]?.sha256, new X509Certificate(agent.cert).fingerprint256.replaceAll(":", "").toLowerCase());
      }
    });

    test(`${version}: without one, optional accepts and required refuses`, async () => {
      assert.equal(reason(await verdictFor("optional", null)), "accepted");
      assert.equal(reason(await verdictFor("required", null)), "client-certificate-required");
    });

    test(`${version}: one of another authority, expired, or for servers is refused in both modes`, async () => {
      const bad = [
        [await authority.client({ commonName: "agent" }), "unknown-ca"],
        [await agents.client({ commonName: "agent", lifetime: lifetime(-1) }), "certificate-expired"],
        [await agents.server(["agent"]), "certificate-invalid"],
      ] as const;
      for (const [shown, expected] of bad) {
        assert.equal(reason(await verdictFor("optional", shown)), expected);
        assert.equal(reason(await verdictFor("required", shown)), expected);
      }
    });
  }
});

describe("session tickets", () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const client = { servername: "localhost", minVersion: version, maxVersion: version } as const;

    test(`${version}: a ticket of one worker resumes at another with the same keys`, async () => {
      const ticketKeys = randomBytes(48);
      const [one, two] = [await gateFor(clientTls([server]), { ticketKeys }), await gateFor(clientTls([server]), { ticketKeys })];
      const { session } = await dial(one.port, { ...client, ca: authority.ca });
      assert.ok(session !== null);
      await dial(two.port, { ...client, ca: authority.ca, session });
      const { facts } = secure(await two.next());
      assert.equal(facts.resumed, true);
      assert.equal(facts.signatureAlgorithm, null);
      assert.equal(facts.group === null, version === "TLSv1.2");
    });

    test(`${version}: it does not resume with other keys, nor under another configuration`, async () => {
      const ticketKeys = randomBytes(48);
      const one = await gateFor(clientTls([server]), { ticketKeys });
      const { session } = await dial(one.port, { ...client, ca: authority.ca });
      assert.ok(session !== null);
      const stricter = clientTls([server], { cipherSuites: ["TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"] });
      for (const gate of [await gateFor(clientTls([server])), await gateFor(stricter, { ticketKeys })]) {
        await dial(gate.port, { ...client, ca: authority.ca, session });
        assert.equal(secure(await gate.next()).facts.resumed, false);
      }
    });

    test(`${version}: nothing resumes where client certificates are asked for`, async () => {
      const ticketKeys = randomBytes(48);
      const config = clientTls([server], { clientCertificates: { mode: "optional", ca: agents.ca } });
      const gate = await gateFor(config, { ticketKeys });
      const agent = await agents.client({ commonName: "agent" });
      const shown = { ...client, ca: authority.ca, cert: agent.cert, key: agent.key.expose() };
      const { session } = await dial(gate.port, shown);
      await gate.next();
      await dial(gate.port, session === null ? shown : { ...shown, session });
      assert.equal(secure(await gate.next()).facts.resumed, false);
    });
  }
});

test("a client that asks for the keys anew within TLS 1.2 is not heard", async () => {
  const { all } = tlsServers(clientTls([server]), { alpn: ["postgresql"], ticketKeys: randomBytes(48), handshakeTimeoutMs: 5000 });
  const listener = net.createServer((raw) => all[0]?.emit("connection", raw));
  for (const one of all) one.on("secureConnection", (socket: tls.TLSSocket) => socket.on("error", () => socket.destroy()).resume());
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  assert.ok(address !== null && typeof address === "object");
  const options = { host: "127.0.0.1", port: address.port, ca: authority.ca, servername: "localhost", ALPNProtocols: ["postgresql"] };
  const socket = tls.connect({ ...options, maxVersion: "TLSv1.2" });
  try {
    await once(socket, "secureConnect");
    const asked = new Promise<Error | null>((resolve) => {
      socket.once("error", resolve);
      assert.equal(socket.renegotiate({ rejectUnauthorized: true }, resolve), true);
    });
    assert.match(String(await asked), /no.renegotiation/i);
  } finally {
    socket.destroy();
    listener.close();
  }
});

describe("clients that do not finish", () => {
  test("a client that leaves in the middle is recorded as reset", async () => {
    const gate = await gateFor(clientTls([server]));
    const socket = net.connect(gate.port, "127.0.0.1");
    const hello = helloBytes({
      ...{ supportedVersions: [0x0303], cipherSuites: [0xc02b], groups: [0x001d, 0x0017], signatureAlgorithms: [0x0403] },
      sni: "localhost",
    });
    socket.write(hello);
    await once(socket, "data");
    socket.destroy();
    assert.equal(refusalOf(await gate.next()), "reset");
  });

  test("a client that stalls is recorded as timeout", async () => {
    const gate = await gateFor(clientTls([server]), { handshakeTimeoutMs: 200 });
    const socket = net.connect(gate.port, "127.0.0.1");
    socket.write(
      helloBytes({ supportedVersions: [0x0303], cipherSuites: [0xc02b], groups: [0x001d, 0x0017], signatureAlgorithms: [0x0403] }),
    );
    const outcome = await gate.next();
    socket.destroy();
    assert.equal(refusalOf(outcome), "timeout");
  });

  test("a client that does not trust the certificate is recorded as having rejected it", async () => {
    const gate = await gateFor(clientTls([server]));
    const client = openssl(gate.port);
    assert.equal(refusalOf(await gate.next()), "client-rejected-certificate");
    client.kill();
  });
});
