/** The login at a target, packet by packet: what a server may ask for, and what gets no answer. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readGreeting } from "#protocols/mysql/greeting.ts";
import { authSwitchPayload } from "#protocols/mysql/login.ts";
import { errorPayload, okPayload } from "#protocols/mysql/outcome.ts";
import { type LoginMeans, UpstreamLogin } from "#protocols/mysql/upstream-login.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { Secret } from "#protocols/wire/secret.ts";
import { CAPABILITIES, GREETING } from "#test/src/gateway/mysql/stub.ts";

const PASSWORD = "pass word";
const OK = okPayload({ affectedRows: 0n, lastInsertId: 0n, status: 2, warnings: 0, info: "", changes: Buffer.alloc(0) }, CAPABILITIES);
const SALT = Buffer.concat([Buffer.from("P"), Buffer.from([2]), Buffer.alloc(18, 9)]);

function begun(credential: Partial<LoginMeans["credential"]> = {}): UpstreamLogin {
  const means: LoginMeans = {
    credential: { user: "app", password: new Secret(PASSWORD), allowWeak: false, ...credential },
    signEd25519: (password, scramble) => Buffer.from(`signed ${password} ${scramble.toString("hex")}`),
    signParsec: (password, scramble, { iterations, salt }) => Buffer.from(`${password} ${scramble.length} ${iterations} ${salt.length}`),
  };
  const login = new UpstreamLogin(means, readGreeting(GREETING.subarray(4)), CAPABILITIES);
  assert.deepEqual(
    [login.first().plugin, login.first().authentication.length],
    ["caching_sha2_password", credential.password === null ? 0 : 32],
  );
  return login;
}

const more = (...data: readonly number[]) => Buffer.from([1, ...data]);
const sent = (login: UpstreamLogin, packet: Buffer): string => {
  const effect = login.onPacket(packet);
  assert.equal(effect.kind, "send");
  return effect.kind === "send" ? effect.payload.toString() : "";
};
const fails = (login: UpstreamLogin, packet: Buffer, message: RegExp): void =>
  assert.throws(
    () => login.onPacket(packet),
    (error) => error instanceof Fault && message.test(error.message) && !error.message.includes(PASSWORD),
  );

describe("a login at a target", () => {
  test("by a password that the target has cached: a digest, and no more", () => {
    const login = begun();
    assert.equal(login.onPacket(more(3)).kind, "wait");
    assert.equal(login.onPacket(OK).kind, "ready");
  });

  test("by one that it has not: the password itself, since TLS is up", () => {
    const login = begun();
    assert.equal(sent(login, more(4)), `${PASSWORD}\0`);
    assert.equal(login.onPacket(OK).kind, "ready");
  });

  test("never by RSA: neither is a key asked for nor is one taken", () => {
    fails(begun(), Buffer.concat([more(), Buffer.from("-----BEGIN PUBLIC KEY-----")]), /RSA/);
  });

  test("by MariaDB's ed25519, over the scramble without the NUL behind it", () => {
    const login = begun();
    const scramble = Buffer.alloc(32, 5);
    assert.equal(
      sent(login, authSwitchPayload("client_ed25519", Buffer.concat([scramble, Buffer.alloc(1)]))),
      `signed ${PASSWORD} ${scramble.toString("hex")}`,
    );
  });

  for (const [name, salt] of [
    ["as MariaDB sends it", SALT],
    ["marked as data of a plugin", Buffer.concat([more(), SALT])],
  ] as const) {
    test(`by PARSEC, the salt ${name}: nothing first, then what both sides chose, signed`, () => {
      const login = begun();
      // A NUL at the end is part of it.
      assert.equal(sent(login, authSwitchPayload("parsec", Buffer.alloc(32))), "");
      assert.equal(sent(login, salt), `${PASSWORD} 32 4096 18`);
      assert.equal(login.onPacket(OK).kind, "ready");
    });
  }

  test("by PARSEC is none before the salt was asked for, after it was given, and where it costs too much", () => {
    fails(begun(), SALT, /nobody asked for/);
    const login = begun();
    sent(login, authSwitchPayload("parsec", Buffer.alloc(32)));
    fails(login, Buffer.from([0x50, 7, 1, 2, 3]), /key derivation/);
    sent(login, SALT);
    fails(login, SALT, /nobody asked for/);
    const accepted = begun();
    sent(accepted, authSwitchPayload("parsec", Buffer.alloc(32)));
    fails(accepted, OK, /without asking for the password/);
  });

  test("in clear text is one only where that is configured", () => {
    const asks = authSwitchPayload("mysql_clear_password", Buffer.alloc(0));
    fails(begun(), asks, /credential\.allowWeak/);
    assert.equal(sent(begun({ allowWeak: true }), asks), `${PASSWORD}\0`);
  });

  test("by another plugin, a second factor, or from before MySQL 4.1, is refused by its name", () => {
    fails(begun(), authSwitchPayload("dialog", Buffer.alloc(20, 1)), /plugin dialog, which is not spoken here/);
    fails(begun(), authSwitchPayload("di\u001b[2Jalog", Buffer.alloc(20, 1)), /unprintable/);
    fails(begun(), Buffer.concat([Buffer.from([2]), Buffer.from("a\0")]), /second factor/);
    fails(begun(), Buffer.from([0xfe]), /before MySQL 4\.1/);
  });

  test("that goes round in circles ends", () => {
    const login = begun();
    const again = authSwitchPayload("mysql_native_password", Buffer.alloc(21, 1));
    for (let times = 0; times < 4; times++) login.onPacket(again);
    fails(login, again, /keeps asking/);
  });

  test("without a configured password sends none, whatever is asked for", () => {
    const login = begun({ password: null });
    fails(login, more(4), /none is configured/);
    assert.equal(sent(begun({ password: null }), authSwitchPayload("mysql_native_password", Buffer.alloc(21, 1))), "");
    assert.equal(begun({ password: null }).onPacket(OK).kind, "ready");
  });

  test("that the target refuses tells its number, and not its sentence", () => {
    const refusal = errorPayload({ errno: 1045, sqlState: "28000", message: "Access denied for user 'app'@'10.0.0.7'" });
    fails(begun(), refusal, /^the target refused the gateway's login \(errno 1045\)$/);
  });

  test("any packets end in an effect or in a fault", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 5 }), (packets) => {
        const login = begun();
        try {
          for (const packet of packets) if (login.onPacket(Buffer.from(packet)).kind === "ready") return;
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
        }
      }),
    );
  });
});
