/** SCRAM as RFC 7677 shows it, and servers that are not what they claim. */
import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { describe, test } from "node:test";
import { checkServerFinal, readChallenge, type ScramFirst, scramFinal, scramFirst } from "#protocols/postgres/scram.ts";
import { isFault } from "#test/support/faults.ts";

const FAILED = isFault("upstream-login-failed");

/** RFC 7677, section 3: user "user", password "pencil". PostgreSQL leaves the user name empty, so the first message is put together here. */
const nonce = "rOprNGfwEbeRWgbNEkqO";
const bare = `n=user,r=${nonce}`;
const vector: ScramFirst = { mechanism: "SCRAM-SHA-256", message: `n,,${bare}`, bare, nonce, binding: "biws" };
const challengeText = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

function finalOf(password: string) {
  const challenge = readChallenge(vector, challengeText);
  return scramFinal(vector, challenge, pbkdf2Sync(password, challenge.salt, challenge.iterations, 32, "sha256"));
}

describe("the exchange of RFC 7677", () => {
  test("reads the challenge", () => {
    const challenge = readChallenge(vector, challengeText);
    assert.equal(challenge.iterations, 4096);
    assert.equal(challenge.nonce, "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    assert.equal(challenge.salt.toString("base64"), "W22ZaJ0SNY7soEsUEjb6gQ==");
  });

  test("proves the password with the RFC's own bytes", () => {
    assert.equal(
      finalOf("pencil").message,
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    );
  });

  test("accepts the server's signature, and no other", () => {
    const final = finalOf("pencil");
    checkServerFinal(final, serverFinal);
    checkServerFinal(final, `${serverFinal},x=extension`);
    for (const wrong of [
      "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl9",
      `v=${Buffer.alloc(32).toString("base64")}`,
      "v=",
      "v",
      "",
      "e=invalid-proof",
      `x=1,${serverFinal}`,
      ` ${serverFinal}`,
      `${serverFinal}x`,
    ]) {
      assert.throws(() => checkServerFinal(final, wrong), FAILED, wrong);
    }
  });

  test("does not accept the signature of a server with another verifier", () => {
    assert.throws(() => checkServerFinal(finalOf("pencils"), serverFinal), FAILED);
  });
});

describe("the first message", () => {
  const endPoint = Buffer.from("00112233", "hex");

  test("binds the channel, and the binding goes into the proof", () => {
    const first = scramFirst("SCRAM-SHA-256-PLUS", "abc", endPoint, true);
    assert.equal(first.message, "p=tls-server-end-point,,n=,r=abc");
    assert.deepEqual(Buffer.from(first.binding, "base64"), Buffer.concat([Buffer.from("p=tls-server-end-point,,"), endPoint]));
  });

  test("says that it could bind, where the server does not offer it: a server that does offer it sees the downgrade", () => {
    const first = scramFirst("SCRAM-SHA-256", "abc", endPoint, true);
    assert.equal(first.message, "y,,n=,r=abc");
    assert.equal(Buffer.from(first.binding, "base64").toString(), "y,,");
  });

  test("says that it can't bind", () => {
    const first = scramFirst("SCRAM-SHA-256", "abc", null, false);
    assert.equal(first.message, "n,,n=,r=abc");
    assert.equal(first.binding, "biws");
  });
});

describe("a challenge", () => {
  const good = `r=${nonce}more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;

  test("is refused when its nonce does not continue ours", () => {
    for (const other of [nonce, "", "x", `x${nonce}`, nonce.slice(1), `${nonce.toLowerCase()}more`]) {
      assert.throws(() => readChallenge(vector, good.replace(`${nonce}more`, other)), FAILED, other);
    }
  });

  test("may not ask for years of hashing", () => {
    assert.equal(readChallenge(vector, good.replace("4096", "1000000")).iterations, 1_000_000);
    for (const count of ["1000001", "4294967295", "9999999999", "99999999999999999999", "0", "-1", "1e3", "4096.5", "", "04096", " 4096"]) {
      assert.throws(() => readChallenge(vector, good.replace("4096", count)), FAILED, count);
    }
  });

  test("is refused when it is malformed", () => {
    for (const text of [
      "",
      "r=",
      `m=1,${good}`,
      `${good},x=1`,
      `${good},`,
      `${good}\n`,
      `\n${good}`,
      good.replace("s=W22", "s=W-2"),
      good.replace(/s=[^,]*/, "s="),
      good.replace(/,s=[^,]*/, ""),
      good.replace(",i=", ",j="),
      good.split(",").reverse().join(","),
      good.replace("more", "mo re"),
      good.replace("more", "moré"),
    ]) {
      assert.throws(() => readChallenge(vector, text), FAILED, JSON.stringify(text));
    }
  });
});
