/**
 * The upstream leg up to the login, against targets that refuse, pretend or break: nothing of the start-up goes out before
 * the certificate has been verified, there is no second try in the clear, and no proof goes to who asks for it in another
 * way than is configured. The client is told which leg failed, within a second, and nothing of what lies behind it.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import {
  AUTHENTICATION_OK,
  agree,
  answerClear,
  READY,
  readStartup,
  row,
  type Script,
  startStubTarget,
  welcome,
} from "#test/src/gateway/stub-target.ts";
import { HOST, openStubWorld, SECRET, type StubWorld, type Target } from "#test/src/gateway/stub-world.ts";
import { type Message, message, SSL_REQUEST, text, words } from "#test/src/gateway/wire.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { inTime } from "#test/support/waiting.ts";

let inner: StubWorld;
before(async () => {
  inner = await openStubWorld();
});
after(() => inner?.stop());
afterEach((context) => inner.world.settled(context));

interface Refused {
  readonly said: Readonly<Record<string, string>>;
  /** Of the upstream leg. */
  readonly reason: string | null | undefined;
  readonly outcome: string | undefined;
}

/** What the client is told, and what is on record of the upstream leg. Fails when it takes a second, or tells inner things. */
async function refused(target: Target, script: Script): Promise<Refused> {
  return inTime(1000, async () => {
    const peer = await inner.attempt(target, script);
    const began = performance.now();
    const said = await peer.lastWords();
    const tookMs = performance.now() - began;
    assert.equal(said["S"], "FATAL");
    inner.discreet(said);
    peer.vanish();
    const [own] = await inner.world.handshakes(peer);
    assert.ok(own !== undefined);
    const upstream = await inner.world.upstreamHandshakes(own);
    assert.equal(upstream.length, 1, "one record on the upstream leg");
    assert.equal(upstream[0]?.target, target);
    return [tookMs, { said, reason: upstream[0]?.reason, outcome: upstream[0]?.outcome }];
  });
}

describe("before TLS", () => {
  test("N to SSLRequest is the end: no second try, no start-up in the clear", async () => {
    const { said, reason } = await refused("proved", (connection) => answerClear(connection, Buffer.from("N")));
    assert.equal(said["C"], "08006");
    assert.match(said["D"] ?? "", /reason=upstream-tls-refused/);
    assert.equal(reason, "upstream-declined-tls");
    assert.equal(inner.stub.connections.length, 1);
    assert.deepEqual(inner.stub.connections[0]?.clear, SSL_REQUEST);
  });

  for (const [name, answer] of [
    ["bytes behind the S", Buffer.from("Sx")],
    ["an error in clear text", message("E", text("SFATAL"), text("C28000"), text(`Mcanary at ${HOST}`), Buffer.alloc(1))],
    ["a whole answer of another protocol", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["one byte that is neither S nor N", Buffer.from("G")],
  ] as const) {
    test(`${name}: refused, and nothing of it reaches the client`, async () => {
      const { said, reason } = await refused("proved", (connection) => answerClear(connection, answer));
      assert.equal(said["C"], "08006");
      assert.equal(reason, "upstream-declined-tls");
      assert.deepEqual(inner.stub.connections[0]?.clear, SSL_REQUEST);
    });
  }

  test("a target that closes at once", async () => {
    const { said } = await refused("proved", ({ raw }) => void raw.destroy());
    assert.match(said["C"] ?? "", /^08/);
  });

  test("a target that is not there", async () => {
    const gone = await startStubTarget();
    await gone.stop();
    // The real target's name is known, its port is not answered: the gateway's own answer is the same for both.
    const { said } = await refused("proved", ({ raw }) => void raw.resetAndDestroy());
    assert.match(said["C"] ?? "", /^08/);
  });
});

describe("the target's certificate", () => {
  for (const [name, pair, expected] of [
    ["of an authority with the same name and another key", "foreign", "unknown-ca"],
    ["of the right authority for another name", "named", "name-mismatch"],
    ["that is over", "expired", "certificate-expired"],
  ] as const) {
    test(`${name} ends the attempt, and not one byte goes out inside TLS`, async () => {
      const { said, reason } = await refused("proved", async (connection) => {
        await agree(connection, inner.papers[pair]).catch(() => undefined);
      });
      assert.equal(said["C"], "08006");
      assert.match(said["D"] ?? "", /reason=upstream-tls-refused/);
      assert.equal(reason, expected);
      assert.equal(inner.stub.connections.length, 1);
      assert.deepEqual(inner.stub.connections[0]?.clear, SSL_REQUEST);
      assert.equal(inner.stub.connections[0]?.secret.length, 0);
    });
  }

  test("self-signed ends the attempt likewise", async () => {
    const alone = await makeAuthority(HOST);
    const { reason } = await refused("proved", async (connection) => {
      await agree(connection, alone.pair).catch(() => undefined);
    });
    // It is unknown, and an authority's besides: which of the two OpenSSL names is its own affair.
    assert.match(String(reason), /^(unknown-ca|certificate-invalid)$/);
    assert.equal(inner.stub.connections[0]?.secret.length, 0);
  });

  test("TLS 1.1 at most is refused", async () => {
    const { said, outcome } = await refused("proved", async (connection) => {
      await agree(connection, inner.papers.good, { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" }).catch(
        () => undefined,
      );
    });
    assert.equal(said["C"], "08006");
    assert.equal(outcome, "refused");
  });
});

describe("the target's login", () => {
  /** TLS and start-up, then these bytes. @returns what the gateway answered inside TLS behind its start-up */
  const after =
    (...bytes: readonly Buffer[]): Script =>
    async (connection) => {
      const peer = await agree(connection, inner.papers.good);
      await readStartup(peer);
      connection.secret = Buffer.alloc(0);
      peer.send(...bytes);
      await peer.closed();
    };

  for (const [name, ask] of [
    ["a clear-text password", message("R", words(3))],
    ["an md5 password", message("R", words(5, 0x01020304))],
    ["GSSAPI", message("R", words(7))],
    ["SSPI", message("R", words(9))],
    ["SASL without a mechanism that is spoken", message("R", words(10), text("SCRAM-SHA-1"), Buffer.alloc(1))],
    ["SASL without any mechanism", message("R", words(10), Buffer.alloc(1))],
    ["a method that does not exist", message("R", words(99))],
  ] as const) {
    test(`that asks for ${name} gets nothing`, async () => {
      const { said } = await refused("proved", after(ask));
      assert.equal(said["C"], "08004");
      assert.match(said["D"] ?? "", /reason=upstream-login-failed/);
      assert.equal(inner.stub.connections[0]?.secret.length, 0);
    });
  }

  test("that is accepted without any proof is not accepted here: who can't show that it knows the password is not the target", async () => {
    const { said } = await refused("proved", after(AUTHENTICATION_OK, READY));
    assert.equal(said["C"], "08004");
  });

  test("that is accepted in the middle of SCRAM is not accepted either", async () => {
    const { said } = await refused("proved", async (connection) => {
      const peer = await agree(connection, inner.papers.good);
      await readStartup(peer);
      peer.send(message("R", words(10), text("SCRAM-SHA-256"), Buffer.alloc(1)));
      await peer.next();
      peer.send(AUTHENTICATION_OK, READY);
      await peer.closed();
    });
    assert.equal(said["C"], "08004");
  });

  for (const [name, answer] of [
    ["another nonce", () => "r=stranger,s=c2FsdHNhbHQ=,i=4096"],
    ["the nonce alone, not continued", (nonce: string) => `r=${nonce},s=c2FsdHNhbHQ=,i=4096`],
    ["a thousand million iterations", (nonce: string) => `r=${nonce}x,s=c2FsdHNhbHQ=,i=1000000000`],
    ["no iterations", (nonce: string) => `r=${nonce}x,s=c2FsdHNhbHQ=,i=0`],
    ["something else altogether", () => "e=other-error"],
  ] as const) {
    test(`whose SCRAM challenge has ${name} fails, and no proof goes out`, async () => {
      let proof: Message | null = null;
      const { said } = await refused("proved", async (connection) => {
        const peer = await agree(connection, inner.papers.good);
        await readStartup(peer);
        peer.send(message("R", words(10), text("SCRAM-SHA-256"), Buffer.alloc(1)));
        const first = await peer.next();
        const nonce = /r=([^,]+)$/.exec(first?.body.toString("latin1") ?? "")?.[1] ?? "";
        peer.send(message("R", words(11), Buffer.from(answer(nonce))));
        proof = await peer.next();
      });
      assert.equal(said["C"], "08004");
      assert.equal(proof, null);
    });
  }

  test("whose SCRAM signature is wrong fails after all", async () => {
    const { said } = await refused("proved", async (connection) => {
      const peer = await agree(connection, inner.papers.good);
      await readStartup(peer);
      peer.send(message("R", words(10), text("SCRAM-SHA-256"), Buffer.alloc(1)));
      const first = await peer.next();
      const nonce = /r=([^,]+)$/.exec(first?.body.toString("latin1") ?? "")?.[1] ?? "";
      peer.send(message("R", words(11), Buffer.from(`r=${nonce}x,s=c2FsdHNhbHQ=,i=4096`)));
      await peer.next();
      peer.send(message("R", words(12), Buffer.from(`v=${Buffer.alloc(32, 1).toString("base64")}`)), AUTHENTICATION_OK, READY);
      await peer.closed();
    });
    assert.equal(said["C"], "08004");
  });

  for (const [name, bytes] of [
    ["a length of 3", Buffer.concat([Buffer.from("R"), words(3)])],
    ["a negative length", Buffer.concat([Buffer.from("R"), words(0x80000008)])],
    ["an announcement of 3 GiB", Buffer.concat([Buffer.from("R"), words(0xc0000000)])],
    ["an authentication request without a code", message("R")],
    ["an error without a SQLSTATE", message("E", text("SFATAL"), text(`Mcanary at ${HOST}`), Buffer.alloc(1))],
    ["an error without any field", message("E", Buffer.alloc(1))],
    ["an error that does not end", message("E", Buffer.from("SFATAL"))],
    ["a row before any login", row("1")],
    ["ReadyForQuery before any login", READY],
    ["NegotiateProtocolVersion, since 3.0 was asked for", message("v", words(0x30000, 0))],
    [
      "a password's refusal that names inner things",
      message(
        "E",
        text("SFATAL"),
        text("C28P01"),
        text(`Mpassword authentication failed for user "inner_user" at ${HOST}`),
        Buffer.alloc(1),
      ),
    ],
  ] as const) {
    test(`that answers with ${name} ends that attempt, and tells the client nothing inner`, async () => {
      const { said } = await refused("proved", after(bytes));
      assert.match(said["C"] ?? "", /^08/);
    });
  }

  test("where weak methods are configured they are used, and only then", async () => {
    let sent: Message | null = null;
    const peer = await inner.attempt("weak", async (connection) => {
      const target = await agree(connection, inner.papers.good);
      await readStartup(target);
      target.send(message("R", words(3)));
      sent = await target.next();
      target.send(AUTHENTICATION_OK, READY);
    });
    await peer.upTo("Z");
    assert.deepEqual(sent, { tag: "p", body: text(SECRET) });
    peer.reset();
  });

  test("a target without a cancel key still gives the client one of its own, never an empty one", async () => {
    const peer = await inner.attempt("open", async (connection) => void (await welcome(connection, inner.papers.good)));
    const greeting = await peer.upTo("Z");
    const key = greeting.find(({ tag }) => tag === "K");
    assert.equal(key?.body.length, 8);
    peer.reset();
  });

  test("a session in which text can be read in two ways is not begun", async () => {
    for (const [name, value] of [
      ["client_encoding", "SJIS"],
      ["standard_conforming_strings", "off"],
    ] as const) {
      const { said } = await refused("open", async (connection) => {
        const peer = await agree(connection, inner.papers.good);
        await readStartup(peer);
        peer.send(AUTHENTICATION_OK, message("S", text(name), text(value)), READY);
        await peer.closed();
      });
      assert.equal(said["C"], "08P01");
    }
  });
});
