/** Literals blanked across chunk borders, held against plain search; and the spellings in which a secret may come back. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Blanker, blankedText, Literals } from "#protocols/http/blanker.ts";
import { literalsOf } from "#protocols/http/literals.ts";
import { leastCpuMs } from "#test/support/cpu.ts";
import { cut, cuts } from "./json-texts.ts";

function blanked(text: string | Buffer, literals: readonly Buffer[], sizes: readonly number[] = [1 << 20]): Buffer {
  const blanker = new Blanker(new Literals(literals));
  const out = cut(Buffer.from(text), sizes).flatMap((chunk) => {
    const pieces = blanker.write(chunk).map((piece) => Buffer.from(piece));
    chunk.fill(0);
    return pieces;
  });
  return Buffer.concat([...out, ...blanker.end()]);
}

/** Every occurrence of every literal, by search alone. */
function slowlyBlanked(bytes: Buffer, literals: readonly Buffer[]): Buffer {
  const out = Buffer.from(bytes);
  for (const literal of literals) {
    for (let at = bytes.indexOf(literal); literal.length > 0 && at !== -1; at = bytes.indexOf(literal, at + 1))
      out.fill("*", at, at + literal.length);
  }
  return out;
}

const texts = (...all: string[]) => all.map((text) => Buffer.from(text));

describe("blanking literals", () => {
  test("keeps the length, finds every occurrence, and leaves all else", () => {
    assert.equal(blanked("a secret, the Secret, secretsecret", texts("secret")).toString(), "a ******, the Secret, ************");
  });

  test("literals that overlap, begin alike, contain each other or are one", () => {
    const literals = texts("abcd", "bcde", "abcdefgh", "ab", "ab", "efg");
    assert.equal(blanked("xabcdex abcdefgx abcdefghx cdefg", literals, [1]).toString(), "x*****x *******x ********x cd***");
  });

  test("finds them wherever the stream is cut, as plain search does", () => {
    const letter = fc.constantFrom("a", "b", "c");
    const word = fc.array(letter, { minLength: 1, maxLength: 5 }).map((letters) => letters.join(""));
    const haystack = fc.array(letter, { maxLength: 40 }).map((letters) => Buffer.from(letters.join("")));
    fc.assert(
      fc.property(haystack, fc.array(word, { maxLength: 5 }), cuts, (bytes, words, sizes) => {
        assert.equal(blanked(bytes, texts(...words), sizes).toString(), slowlyBlanked(bytes, texts(...words)).toString());
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 3000) },
    );
  });

  test("any bytes, any literals", () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array.map((byte) => byte & 3)));
    fc.assert(
      fc.property(bytes, fc.array(bytes, { maxLength: 4 }), cuts, (text, literals, sizes) => {
        assert.deepEqual(blanked(text, literals, sizes), slowlyBlanked(text, literals));
      }),
    );
  });

  test("hands on what cannot be the beginning of one, and holds no more than that", () => {
    const blanker = new Blanker(new Literals(texts("secret")));
    const shown = (text: string) => Buffer.concat(blanker.write(Buffer.from(text))).toString();
    assert.equal(shown("data: se"), "data: ");
    assert.equal(shown("cre"), "");
    assert.equal(shown("am"), "secream");
    assert.equal(shown("sec"), "");
    assert.equal(Buffer.concat(blanker.end()).toString(), "sec");
  });

  test("what may be the beginning of one goes when nothing follows, and the rest is blanked if it does", () => {
    const blanker = new Blanker(new Literals(texts("secret", "creed")));
    const shown = (pieces: readonly Buffer[]) => Buffer.concat(pieces).toString();
    assert.equal(shown(blanker.write(Buffer.from("question s"))), "question ");
    assert.equal(shown(blanker.pause()), "s");
    assert.equal(shown(blanker.write(Buffer.from("ecre"))), "");
    assert.equal(shown(blanker.pause()), "", "four bytes are not let go");
    assert.equal(shown(blanker.write(Buffer.from("t, secr"))), "*****, ");
    assert.equal(shown(blanker.write(Buffer.from("eed"))), "se*****");
    assert.equal(shown(blanker.end()), "");
  });

  test("a chunk in which nothing is found goes on as the view that it is", () => {
    const chunk = Buffer.from("nothing here");
    assert.equal(new Blanker(new Literals(texts("secret"))).write(chunk)[0], chunk);
  });

  test("takes no longer for literals that almost occur everywhere", () => {
    const near = Buffer.from("a".repeat(2_000_000));
    const literals = texts(`${"a".repeat(2000)}b`, "a".repeat(1999), "aaab");
    const ms = leastCpuMs(3, () => assert.ok(blanked(near, literals, [1 << 16]).every((byte) => byte === 0x2a)), 5_000);
    assert.ok(ms < 5_000, `it took ${ms} ms`);
  });

  test("a header value is blanked as bytes are", () => {
    const literals = new Literals(texts("tök-en"));
    assert.equal(blankedText(`x ${Buffer.from("tök-en").toString("latin1")}`, literals), "x *******");
    assert.equal(blankedText("x", literals), "x");
  });
});

describe("spellings of a secret", () => {
  const secret = 'Bearer s3cr&t/to+k"en<=';
  const token = 's3cr&t/to+k"en<=';
  const literals = literalsOf([secret]);
  const echoes: Readonly<Record<string, string>> = {
    plain: secret,
    "without its scheme": token,
    JSON: JSON.stringify({ a: secret }),
    "JSON with escaped slashes": JSON.stringify(token).replaceAll("/", "\\/"),
    "JSON as Go writes it": JSON.stringify(token).replaceAll("&", "\\u0026").replaceAll("<", "\\u003c"),
    "percent-encoded": encodeURIComponent(token),
    "percent-encoded in small letters": encodeURIComponent(token).toLowerCase(),
    "as a form": new URLSearchParams({ a: secret }).toString(),
    HTML: token.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;"),
    hex: Buffer.from(token).toString("hex"),
    base64: Buffer.from(token).toString("base64"),
    "base64 behind one byte": Buffer.from(`x${token}`).toString("base64"),
    "base64 behind two bytes": Buffer.from(`xy${token}zzz`).toString("base64"),
    base64url: Buffer.from(`user:${token}`).toString("base64url"),
  };
  for (const [how, echo] of Object.entries(echoes)) {
    test(how, () => {
      const out = blanked(`before ${echo} after`, literals, [3]).toString("utf8");
      assert.equal(out.length, `before ${echo} after`.length);
      const left = out
        .replace(/^before |after$/g, "")
        .replace(/\*+/, "")
        .trim();
      // Of base64 the characters at the edges hold bits of the neighbours too.
      assert.ok(left.length <= echo.length - Math.min(16, token.length), `${echo} became ${out}`);
      for (let at = 0; at + 6 <= token.length; at++) assert.ok(!out.includes(token.slice(at, at + 6)), out);
    });
  }

  test("of Basic, the pair and the password too", () => {
    const basic = `Basic ${Buffer.from("app:pässword-1").toString("base64")}`;
    for (const echo of [basic, basic.slice(6), "app:pässword-1", "pässword-1", encodeURIComponent("pässword-1")]) {
      assert.match(blanked(echo, literalsOf([basic])).toString(), /^(Basic )?\*+$/, echo);
    }
  });

  test("what is too short to be told from other text is left alone", () => {
    assert.deepEqual(
      literalsOf(["abc"])
        .map(String)
        .filter((literal) => literal.length < 4),
      [],
    );
  });
});
