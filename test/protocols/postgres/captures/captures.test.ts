/**
 * Conversations recorded from real clients and servers, replayed through the two flows: with a judge that allows all, every
 * byte goes on as it came, and at the end nothing is under way; with one that refuses, what a real server made of it.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readFirstMessage } from "#protocols/postgres/startup.ts";
import { takeMessage } from "#protocols/postgres/take-message.ts";
import { type LoginEffect, UpstreamLogin } from "#protocols/postgres/upstream-login.ts";
import { type Capture, type Chunk, formatCapture, parseCapture, readCaptures } from "#test/protocols/postgres/captures/format.ts";
import { refusingConversation } from "#test/protocols/postgres/captures/refusing.ts";
import { SCRIPTS } from "#test/protocols/postgres/captures/scripts.ts";
import { assertTranscript, Conversation } from "#test/protocols/postgres/conversation.ts";

const captures = readCaptures();
const wordOf = (capture: Capture) => SCRIPTS.find((script) => capture.name.endsWith(`-${script.name}`))?.refused;

/** The chunks up to the server's first ReadyForQuery, and those behind it. */
function loginAndSession({ chunks }: Capture): readonly [login: readonly Chunk[], session: readonly Chunk[]] {
  const at = chunks.findIndex(({ side, bytes }) => side === "server" && bytes.subarray(-6).equals(Buffer.from("Z\0\0\0\x05I")));
  return [chunks.slice(0, at + 1), chunks.slice(at + 1)];
}

const sent = (chunks: readonly Chunk[], side: Chunk["side"]) =>
  Buffer.concat(chunks.filter((chunk) => chunk.side === side).map(({ bytes }) => bytes));

function replay(session: Conversation, chunks: readonly Chunk[], sizeMax: number): Conversation {
  for (const { side, bytes } of chunks) {
    for (let at = 0; at < bytes.length; at += sizeMax) session[side](bytes.subarray(at, at + sizeMax));
  }
  return session;
}

describe("the captures", () => {
  test("are those of every script, from both servers", () => {
    const expected = [15, 18].flatMap((version) => SCRIPTS.map(({ name }) => `${version}-${name}`)).toSorted();
    assert.deepEqual(
      captures.map(({ name }) => name),
      expected,
    );
  });

  test("are read as they are written", () => {
    for (const capture of captures) assert.deepEqual(parseCapture(capture.name, formatCapture(capture)), capture);
    assert.throws(() => parseCapture("x", ">>>\nabc\n"), /x:2/);
  });
});

for (const capture of captures) {
  describe(`the capture ${capture.name}`, () => {
    const [login, session] = loginAndSession(capture);

    test("begins with a startup message and a login that are read", () => {
      const first = readFirstMessage(sent(login, "client"));
      assert.ok(first.kind === "startup");
      assert.equal(first.user, "postgres");
      const upstream = new UpstreamLogin({
        credential: { user: "postgres", password: null, allowWeak: false },
        nonce: "x",
        endPoint: null,
      });
      let rest = sent(login, "server");
      let effect: LoginEffect = { kind: "wait" };
      for (let message = takeMessage(rest, 10_000); message !== undefined; message = takeMessage(rest, 10_000)) {
        effect = upstream.onMessage(message.tag, message.body);
        rest = Buffer.from(message.rest);
      }
      assert.ok(effect.kind === "ready");
      assert.equal(effect.result.parameters.get("client_encoding"), "UTF8");
      assert.equal(effect.result.key?.secret.length, 4);
    });

    const word = wordOf(capture);
    const byHand = word !== undefined || /copy-orders|pipeline-errors/.test(capture.name);

    for (const sizeMax of word === undefined ? [Number.MAX_SAFE_INTEGER, 7, 1] : []) {
      test(`goes on byte for byte, in chunks of up to ${sizeMax}`, () => {
        const whole = replay(new Conversation(), session, Number.MAX_SAFE_INTEGER);
        const replayed = replay(new Conversation(), session, sizeMax);
        // By hand, more is sent than a server reads: what it would skip is left out, as the transcript shows.
        assert.ok(replayed.toUpstream.equals(byHand ? whole.toUpstream : sent(session, "client")), "towards the server");
        assert.ok(replayed.toClient.equals(sent(session, "server")), "towards the client");
        replayed.assertIdle();
        assert.equal(replayed.ended, true);
        assert.deepEqual(replayed.events, whole.events);
        assert.ok(replayed.events.length > 3);
      });
    }

    if (byHand) {
      test("is recorded as its transcript shows", (t) => {
        const replayed = replay(word === undefined ? new Conversation() : refusingConversation(word), session, Number.MAX_SAFE_INTEGER);
        replayed.assertIdle();
        if (word !== undefined) {
          assert.doesNotMatch(replayed.toUpstream.toString("latin1"), new RegExp(word));
          assert.doesNotMatch(replayed.toClient.toString("latin1"), /at or near "sallyport"/);
        }
        assertTranscript(t, replayed, `capture-${capture.name}`);
      });
    }
  });
}
