import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { parseRecipients } from "#src/recording/recipients.ts";

async function someone(): Promise<{ identity: string; recipient: string }> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

describe("recipients", () => {
  test("wrap file keys that the library unwraps, differently every time", async () => {
    const { identity, recipient } = await someone();
    const recipients = parseRecipients([recipient]);
    assert.ok(recipients.kind === "age");
    const [first, second] = [await recipients.encrypter.encrypt("hello"), await recipients.encrypter.encrypt("hello")];
    assert.notDeepEqual(first, second);
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    assert.equal(await decrypter.decrypt(first, "text"), "hello");
    assert.equal(await decrypter.decrypt(second, "text"), "hello");
  });

  test("are refused by their place when they are none", async () => {
    const { identity, recipient } = await someone();
    const last = recipient.at(-1) === "q" ? "p" : "q";
    const wrong = [
      `${recipient.slice(0, -1)}${last}`,
      recipient.slice(0, -1),
      recipient.toUpperCase(),
      `${recipient} `,
      `age2${recipient.slice(4)}`,
      identity,
      "ssh-ed25519 AAAA",
      "",
      "age1",
      `age1${"q".repeat(58)}`,
    ];
    for (const bad of wrong) assert.throws(() => parseRecipients([recipient, bad]), /^Error: recipient 2 is not an age public key$/, bad);
  });

  test("must be somebody, unless it is spelled out that there is none", () => {
    assert.throws(() => parseRecipients([]), /no recipient/);
    assert.equal(parseRecipients("none").kind, "none");
  });

  test("are refused when every secret with them would be the same", async () => {
    // The all-zero point, with a correct Bech32 checksum: an X25519 key of small order (RFC 7748, section 6.1).
    const { bech32 } = await import("@scure/base");
    const zero = bech32.encodeFromBytes("age", new Uint8Array(32));
    await assert.rejects(async () => {
      const recipients = parseRecipients([zero]);
      assert.ok(recipients.kind === "age");
      await recipients.encrypter.encrypt("hello");
    });
  });
});
