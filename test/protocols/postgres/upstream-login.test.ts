/** The login on the upstream leg, through `onMessage` alone: whoever answers must prove itself, and has no other way in. */
import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { describe, test } from "node:test";
import { takeMessage } from "#protocols/postgres/take-message.ts";
import { type LoginEffect, type LoginMeans, UpstreamLogin } from "#protocols/postgres/upstream-login.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { Secret } from "#protocols/wire/secret.ts";
import { frame } from "#test/protocols/postgres/bytes.ts";
import { authentication, error, fatal, keyData, notice, ready, setting } from "#test/protocols/postgres/server-bytes.ts";
import { isFault } from "#test/support/faults.ts";

const FAILED = isFault("upstream-login-failed");
const PASSWORD = "canary-pencil";
const NONCE = "fixednonce";
const SALT = Buffer.from("0123456789abcdef");

function means(
  overrides: { readonly password?: string | null; readonly allowWeak?: boolean; readonly endPoint?: Buffer | null } = {},
): LoginMeans {
  const { password = PASSWORD, allowWeak = false, endPoint = null } = overrides;
  return { credential: { user: "app", password: password === null ? null : new Secret(password), allowWeak }, nonce: NONCE, endPoint };
}

const OK = authentication(0);
const CLEARTEXT = authentication(3);
const MD5 = authentication(5, "salt");
const sasl = (...mechanisms: readonly string[]) => authentication(10, `${mechanisms.map((name) => `${name}\0`).join("")}\0`);
const CONTINUE = authentication(11, `r=${NONCE}server,s=${SALT.toString("base64")},i=4096`);

function feed(login: UpstreamLogin, bytes: Buffer): LoginEffect {
  const message = takeMessage(bytes, 1 << 20);
  assert.ok(message !== undefined);
  return login.onMessage(message.tag, message.body);
}

function sent(effect: LoginEffect): string {
  assert.ok(effect.kind === "send");
  assert.equal(effect.bytes.toString("latin1", 0, 1), "p");
  assert.equal(effect.bytes.readUInt32BE(1), effect.bytes.length - 1);
  return effect.bytes.toString("utf8", 5);
}

const salted = pbkdf2Sync(PASSWORD, SALT, 4096, 32, "sha256");

/** What a server that knows the password's verifier answers. */
function signature(clientFinal: string): string {
  const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
  const withoutProof = clientFinal.slice(0, clientFinal.indexOf(",p="));
  const auth = `n=,r=${NONCE},r=${NONCE}server,s=${SALT.toString("base64")},i=4096,${withoutProof}`;
  return `v=${hmac(hmac(salted, "Server Key"), auth).toString("base64")}`;
}

/** A login that stands in this phase, and the last thing that it sent. */
type PhaseName = "asked" | "started" | "salting" | "answered" | "proved" | "accepted";
const PHASES: readonly PhaseName[] = ["asked", "started", "salting", "answered", "proved", "accepted"];

function loginIn(phase: PhaseName): { readonly login: UpstreamLogin; readonly final: string } {
  const login = new UpstreamLogin(means());
  let final = "";
  const steps: Record<PhaseName, () => void> = {
    asked: () => undefined,
    started: () => void feed(login, sasl("SCRAM-SHA-256")),
    salting: () => void feed(login, CONTINUE),
    answered: () => {
      final = sent(login.onSalted(salted));
    },
    proved: () => void feed(login, authentication(12, signature(final))),
    accepted: () => void feed(login, OK),
  };
  for (const name of PHASES.slice(0, PHASES.indexOf(phase) + 1)) steps[name]();
  return { login, final };
}

describe("a SCRAM login", () => {
  test("goes through its steps and yields parameters and key", () => {
    const login = new UpstreamLogin(means());
    assert.equal(sent(feed(login, sasl("SCRAM-SHA-256"))), `SCRAM-SHA-256\0\0\0\0\x12n,,n=,r=${NONCE}`);
    const salt = feed(login, CONTINUE);
    assert.deepEqual(salt, { kind: "salt", salt: SALT, iterations: 4096 });
    const final = sent(login.onSalted(salted));
    assert.match(final, /^c=biws,r=fixednonceserver,p=/);
    assert.deepEqual(feed(login, authentication(12, signature(final))), { kind: "wait" });
    assert.deepEqual(feed(login, OK), { kind: "wait" });
    feed(login, notice("welcome"));
    feed(login, setting("server_version", "18.0"));
    feed(login, setting("__proto__", "x"));
    feed(login, keyData(4_000_000_000, Buffer.from([1, 2, 3, 4])));
    const effect = feed(login, ready());
    assert.ok(effect.kind === "ready");
    assert.deepEqual(
      [...effect.result.parameters],
      [
        ["server_version", "18.0"],
        ["__proto__", "x"],
      ],
    );
    assert.deepEqual(effect.result.key, { processId: 4_000_000_000, secret: Buffer.from([1, 2, 3, 4]) });
    assert.equal(effect.result.status, "I");
  });

  test("has no key where the server gives none, or an empty one", () => {
    for (const last of [[], [keyData(7, Buffer.alloc(0))]]) {
      const { login } = loginIn("accepted");
      for (const bytes of last) feed(login, bytes);
      const effect = feed(login, ready());
      assert.ok(effect.kind === "ready" && effect.result.key === null);
    }
  });

  test("takes a key of 256 bytes, not of 257", () => {
    feed(loginIn("accepted").login, keyData(7, Buffer.alloc(256)));
    assert.throws(() => feed(loginIn("accepted").login, keyData(7, Buffer.alloc(257))), isFault("upstream-out-of-step"));
  });

  test("binds the channel where the server offers it and the certificate has a hash", () => {
    const endPoint = Buffer.alloc(32, 5);
    const both = ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"];
    assert.match(sent(feed(new UpstreamLogin(means({ endPoint })), sasl(...both))), /^SCRAM-SHA-256-PLUS\0.{4}p=tls-server-end-point,,/s);
    assert.match(sent(feed(new UpstreamLogin(means({ endPoint })), sasl("SCRAM-SHA-256"))), /^SCRAM-SHA-256\0.{4}y,,/s);
    assert.match(sent(feed(new UpstreamLogin(means()), sasl(...both))), /^SCRAM-SHA-256\0.{4}n,,/s);
    assert.throws(() => feed(new UpstreamLogin(means()), sasl("SCRAM-SHA-256-PLUS")), FAILED);
  });

  test("is refused when the server offers no mechanism that is spoken", () => {
    for (const names of [[], ["PLAIN"], ["SCRAM-SHA-1", "OAUTHBEARER"], ["scram-sha-256"]]) {
      assert.throws(() => feed(new UpstreamLogin(means()), sasl(...names)), FAILED);
    }
  });

  test("takes the wrong signature for a server that does not know the password", () => {
    const { login, final } = loginIn("answered");
    const wrong = signature(final).replace(/^v=./, (start) => (start === "v=A" ? "v=B" : "v=A"));
    assert.throws(() => feed(login, authentication(12, wrong)), FAILED);
  });
});

describe("AuthenticationOk", () => {
  for (const phase of PHASES.filter((name) => name !== "proved")) {
    test(`is a failure while the server has proved nothing: ${phase}`, () => {
      assert.throws(() => feed(loginIn(phase).login, OK), FAILED);
    });
  }

  test("at once is right where no password is configured, and only there", () => {
    const login = new UpstreamLogin(means({ password: null }));
    assert.deepEqual(feed(login, OK), { kind: "wait" });
    assert.equal(feed(login, ready()).kind, "ready");
    assert.throws(() => feed(new UpstreamLogin(means({ allowWeak: true })), OK), FAILED);
  });
});

describe("weak methods", () => {
  test("are refused unless the credential allows them, and nothing of the password is sent", () => {
    for (const asked of [CLEARTEXT, MD5]) {
      assert.throws(() => feed(new UpstreamLogin(means()), asked), FAILED);
      assert.throws(() => feed(new UpstreamLogin(means({ password: null, allowWeak: true })), asked), FAILED);
    }
  });

  test("are answered where they are allowed", () => {
    const login = new UpstreamLogin(means({ allowWeak: true }));
    assert.equal(sent(feed(login, CLEARTEXT)), `${PASSWORD}\0`);
    assert.deepEqual(feed(login, OK), { kind: "wait" });
    const md5 = (text: string | Buffer) => createHash("md5").update(text).digest("hex");
    const answer = sent(feed(new UpstreamLogin(means({ allowWeak: true })), MD5));
    assert.equal(answer, `md5${md5(`${md5(`${PASSWORD}app`)}salt`)}\0`);
  });

  test("are answered once, and never behind a SCRAM exchange", () => {
    const login = new UpstreamLogin(means({ allowWeak: true }));
    feed(login, MD5);
    for (const asked of [CLEARTEXT, MD5, sasl("SCRAM-SHA-256")]) assert.throws(() => feed(login, asked), FAILED);
    const scram = new UpstreamLogin(means({ allowWeak: true }));
    feed(scram, sasl("SCRAM-SHA-256"));
    for (const asked of [CLEARTEXT, MD5]) assert.throws(() => feed(scram, asked), FAILED);
  });

  test("of other kinds are never answered: Kerberos, GSSAPI, SSPI, unknown ones", () => {
    for (const code of [2, 7, 8, 9, 13, 0x7fffffff, 0xffffffff]) {
      assert.throws(() => feed(new UpstreamLogin(means({ allowWeak: true })), authentication(code)), FAILED, String(code));
    }
  });

  test("ask for a password where none is configured: a failure, nothing is sent", () => {
    assert.throws(() => feed(new UpstreamLogin(means({ password: null })), sasl("SCRAM-SHA-256")), FAILED);
  });
});

describe("every message in every phase is a step or a fault", () => {
  const messages: Readonly<Record<string, Buffer>> = {
    "R ok": OK,
    "R cleartext": CLEARTEXT,
    "R md5": MD5,
    "R sasl": sasl("SCRAM-SHA-256"),
    "R continue": CONTINUE,
    "R final": authentication(12, `v=${Buffer.alloc(32).toString("base64")}`),
    "S setting": setting("a", "b"),
    "K key": keyData(1, Buffer.alloc(4)),
    "Z ready": ready(),
    "N notice": notice("hello"),
  };
  const allowed: Readonly<Record<PhaseName, readonly string[]>> = {
    asked: ["R sasl"],
    started: ["R continue"],
    salting: [],
    answered: [],
    proved: ["R ok"],
    accepted: ["S setting", "K key", "Z ready"],
  };
  for (const phase of PHASES) {
    for (const [name, bytes] of Object.entries(messages)) {
      const fine = allowed[phase].includes(name) || name === "N notice";
      test(`${phase}: ${name} is ${fine ? "a step" : "a fault"}`, () => {
        const { login } = loginIn(phase);
        if (fine) feed(login, bytes);
        else assert.throws(() => feed(login, bytes), FAILED);
      });
    }
    test(`${phase}: every other tag is out of step`, () => {
      for (let tag = 0; tag < 256; tag++) {
        if ("RSKZNE".includes(String.fromCharCode(tag))) continue;
        assert.throws(() => loginIn(phase).login.onMessage(tag, Buffer.alloc(0)), isFault("upstream-out-of-step"), String(tag));
      }
    });
    test(`${phase}: an error ends the login with its code, not its words`, () => {
      const told = (thrown: unknown) => {
        assert.ok(thrown instanceof Fault);
        assert.equal(thrown.code, "upstream-login-failed");
        assert.match(thrown.message, /\(28P01\)/);
        assert.doesNotMatch(thrown.message + thrown.hint, /inner/);
        return true;
      };
      assert.throws(() => feed(loginIn(phase).login, fatal("28P01", 'password authentication failed for user "inner"')), told);
    });
  }
});

describe("malformed messages of a login", () => {
  const malformed: readonly (readonly [string, PhaseName, Buffer])[] = [
    ["an empty Authentication", "asked", frame("R")],
    ["a short Authentication", "asked", frame("R", "\0\0")],
    ["AuthenticationOk with a tail", "proved", authentication(0, "x")],
    ["a SASL list without end", "asked", authentication(10, "SCRAM-SHA-256\0")],
    ["a SASL list with a tail", "asked", authentication(10, "SCRAM-SHA-256\0\0x")],
    ["a ParameterStatus without value", "accepted", frame("S", "name\0")],
    ["a ParameterStatus with a tail", "accepted", frame("S", "name\0value\0x")],
    ["a BackendKeyData of 3 bytes", "accepted", frame("K", "abc")],
    ["an error without end", "asked", frame("E", "SFATAL\0")],
    ["an empty error", "asked", frame("E")],
  ];
  for (const [name, phase, bytes] of malformed) {
    test(`are faults: ${name}`, () => {
      assert.throws(() => feed(loginIn(phase).login, bytes), isFault("malformed-message"));
    });
  }

  test("an md5 request with a salt of another length", () => {
    for (const salt of ["", "abc", "abcde"]) {
      assert.throws(() => feed(new UpstreamLogin(means({ allowWeak: true })), authentication(5, salt)), isFault("malformed-message"));
    }
  });

  test("an error without SQLSTATE, or with one that is none, still ends the login", () => {
    for (const code of ["", "x", "<script>", "123456"]) {
      assert.throws(() => feed(new UpstreamLogin(means()), error(code)), isFault("upstream-login-failed", /no SQLSTATE/));
    }
  });

  test("a ReadyForQuery that is not idle", () => {
    for (const status of ["T", "E", "", "II", "x"]) {
      assert.throws(() => feed(loginIn("accepted").login, frame("Z", status)), isFault("upstream-out-of-step"));
    }
  });

  test("more settings than any server has", () => {
    const { login } = loginIn("accepted");
    for (let index = 0; index < 256; index++) feed(login, setting(`s${index}`, "x"));
    assert.throws(() => feed(login, setting("one more", "x")), isFault("upstream-out-of-step"));
  });

  test("salting out of turn is a defect of ours, not a step", () => {
    for (const phase of PHASES.filter((name) => name !== "salting")) {
      assert.throws(() => loginIn(phase).login.onSalted(salted), /broken invariant/);
    }
  });
});
