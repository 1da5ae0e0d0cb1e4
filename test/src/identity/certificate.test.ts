/** Principals from client certificates: one name in one place, or none at all. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { before, describe, test } from "node:test";
import { Fault } from "#protocols/wire/fault.ts";
import type { CertificateIdentity, KeyPair } from "#src/config/config.ts";
import type { Proof } from "#src/identity/proof.ts";
import { type Authority, lifetime, makeAuthority } from "#test/support/certificates.ts";
import { worldFor } from "./world.ts";

let authority: Authority;
before(async () => {
  authority = await makeAuthority("Agents");
});

function proofOf(pair: KeyPair, name: CertificateIdentity["name"], groups: CertificateIdentity["groups"] = "ou"): Proof | undefined {
  return worldFor([], { name, groups }).identity.proveCertificate(new X509Certificate(pair.cert).raw);
}

function refusalOf(pair: KeyPair, name: CertificateIdentity["name"]): string {
  try {
    proofOf(pair, name);
  } catch (error) {
    assert.ok(error instanceof Fault);
    return `${error.code}: ${error.message}`;
  }
  assert.fail("the certificate must be refused");
}

const FULL = {
  commonName: "agent-7",
  units: ["data-agents", "fraud-desk"],
  uris: ["spiffe://example.org/agent/7"],
  hosts: ["agent-7.example"],
  emails: ["agent7@example.com"],
} as const;

describe("a name", () => {
  for (const [source, expected] of [
    ["san-uri", "spiffe://example.org/agent/7"],
    ["san-dns", "agent-7.example"],
    ["san-email", "agent7@example.com"],
    ["subject-cn", "agent-7"],
  ] as const) {
    test(`is read from ${source}, groups from the organisational units, the end from notAfter`, async () => {
      const pair = await authority.client(FULL);
      const proof = proofOf(pair, source);
      assert.deepEqual(proof?.principal, { issuer: "CN=Agents", name: expected, groups: ["data-agents", "fraud-desk"], actor: null });
      assert.equal(proof?.expiresAtMs, new X509Certificate(pair.cert).validToDate.getTime());
      assert.equal(proof?.via, "client-certificate");
    });

    test(`is missing: a certificate without ${source} is refused`, async () => {
      const { [({ "san-uri": "uris", "san-dns": "hosts", "san-email": "emails", "subject-cn": "units" } as const)[source]]: _, ...rest } =
        FULL;
      const pair = await authority.client(source === "subject-cn" ? { ...rest, commonName: "" } : { ...rest, commonName: "agent-7" });
      assert.match(refusalOf(pair, source), /^identity-refused: client certificate does not have exactly one usable/);
    });
  }

  test("that stands twice is refused", async () => {
    const two = { ...FULL, uris: ["spiffe://example.org/agent/7", "spiffe://example.org/admin"], hosts: ["a.example", "b.example"] };
    assert.match(refusalOf(await authority.client(two), "san-uri"), /exactly one/);
    assert.match(refusalOf(await authority.client(two), "san-dns"), /exactly one/);
  });

  test("that tries to look like two, or to break a line, is taken whole or refused", async () => {
    const tricky = await authority.client({ commonName: 'agent", URI:spiffe://example.org/admin' });
    assert.equal(proofOf(tricky, "subject-cn")?.principal.name, 'agent", URI:spiffe://example.org/admin');
    assert.match(refusalOf(tricky, "san-uri"), /exactly one/);
    const email = await authority.client({ commonName: "a", emails: ["a@example.com, URI:spiffe://example.org/admin"] });
    assert.match(refusalOf(email, "san-uri"), /exactly one/);
    assert.match(refusalOf(await authority.client({ commonName: "agent\nadmin" }), "subject-cn"), /usable/);
    assert.match(refusalOf(await authority.client({ commonName: "agent\0admin" }), "subject-cn"), /usable/);
  });
});

describe("groups", () => {
  test("are none where the configuration takes none, or the certificate has no units", async () => {
    assert.deepEqual(proofOf(await authority.client(FULL), "subject-cn", "none")?.principal.groups, []);
    assert.deepEqual(proofOf(await authority.client({ commonName: "agent" }), "subject-cn")?.principal.groups, []);
  });

  test("with control characters are refused", async () => {
    assert.match(refusalOf(await authority.client({ commonName: "agent", units: ["a\u0007b"] }), "subject-cn"), /organisational unit/);
  });
});

test("an expired certificate is refused here too, though the handshake refuses it first", async () => {
  assert.match(refusalOf(await authority.client({ ...FULL, lifetime: lifetime(-1) }), "san-uri"), /^identity-expired/);
});

test("certificates prove nothing where they are not configured to", async () => {
  const der = new X509Certificate((await authority.client(FULL)).cert).raw;
  assert.equal(worldFor([]).identity.proveCertificate(der), undefined);
});

test("bytes that are no certificate are refused", () => {
  const identity = worldFor([], { name: "subject-cn", groups: "ou" }).identity;
  assert.throws(() => identity.proveCertificate(Buffer.from("nonsense")), Fault);
});
