/** The misbehaving relay does to real connections what it says, and nothing when it is asked for nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Relay, startRelay } from "#test/support/relay.ts";
import { inTime } from "#test/support/waiting.ts";

describe("the relay", () => {
  let echo: Server;
  let target: { host: string; port: number };
  before(async () => {
    echo = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => socket.destroy());
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    const address = echo.address();
    assert.ok(address !== null && typeof address === "object");
    target = { host: "127.0.0.1", port: address.port };
  });
  after(() => echo.close());

  const talk = async (relay: Relay, message: Buffer): Promise<{ chunks: Buffer[]; error: string | undefined }> => {
    const socket: Socket = createConnection({ host: relay.host, port: relay.port });
    const chunks: Buffer[] = [];
    let error: string | undefined;
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (failure: NodeJS.ErrnoException) => {
      error = failure.code;
    });
    socket.end(message);
    await new Promise((resolve) => socket.once("close", resolve));
    return { chunks, error };
  };

  test("passes bytes and half-closes unchanged when nothing is asked", async () => {
    const relay = await startRelay(target);
    const message = Buffer.alloc(3_000_000, "abc");
    const { chunks } = await talk(relay, message);
    assert.ok(Buffer.concat(chunks).equals(message));
    assert.deepEqual(
      { ...relay.passed, accepted: relay.accepted, open: relay.open },
      { toServer: 3_000_000, toClient: 3_000_000, accepted: 1, open: 0 },
    );
    await relay.stop();
  });

  test("byte by byte, the same bytes arrive in many pieces", async () => {
    const relay = await startRelay(target, { toClient: { slice: 1 } });
    const { chunks } = await talk(relay, Buffer.from("one byte at a time"));
    assert.equal(Buffer.concat(chunks).toString(), "one byte at a time");
    assert.ok(chunks.length > 5, `${chunks.length} pieces`);
    await relay.stop();
  });

  test("latency and bandwidth take their time", async () => {
    const relay = await startRelay(target, { toServer: { latencyMs: 60 }, toClient: { bytesPerSecond: 100_000 } });
    await inTime(1500, async () => {
      const begun = performance.now();
      await talk(relay, Buffer.alloc(10_000));
      const took = performance.now() - begun;
      assert.ok(took >= 150, `${took} ms`);
      return [took, undefined];
    });
    await relay.stop();
  });

  test("a cut ends a connection after exactly so many bytes, by reset or by close", async () => {
    for (const how of ["reset", "end"] as const) {
      const relay = await startRelay(target, { toClient: { cut: { afterBytes: 7, how } } });
      const { chunks, error } = await talk(relay, Buffer.from("0123456789"));
      if (how === "end") assert.equal(Buffer.concat(chunks).toString(), "0123456");
      assert.equal(error, how === "reset" ? "ECONNRESET" : undefined);
      assert.equal(relay.passed.toClient, 7);
      await relay.stop();
    }
  });

  test("frozen, nothing passes and nothing closes; thawed, everything arrives", async () => {
    const relay = await startRelay(target);
    relay.freeze();
    const socket = createConnection({ host: relay.host, port: relay.port });
    let got = "";
    socket.on("data", (chunk) => {
      got += chunk;
    });
    socket.end("late");
    await pause(80);
    assert.deepEqual([got, socket.destroyed], ["", false]);
    relay.thaw();
    await once(socket, "close");
    assert.equal(got, "late");
    await relay.stop();
  });
});
