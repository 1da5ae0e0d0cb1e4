/**
 * HTTP/2 as RFC 9113 wants it refused: frames and heads that are wrong, sent to Node's own server and to the gateway, on connections of
 * their own. What Node's server takes for an error, the gateway does too; it may be stricter, never laxer.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { type Authority, makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";

const DATA = 0;
const HEADERS = 1;
const PRIORITY = 2;
const RST_STREAM = 3;
const SETTINGS = 4;
const PUSH_PROMISE = 5;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;
const END_STREAM = 1;
const END_HEADERS = 4;
const BOTH = END_STREAM | END_HEADERS;

function frame(type: number, flags: number, stream: number, payload: Buffer | readonly number[] = []): Buffer {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** RFC 7541 section 6.2.2: literals without indexing, names and values as they are. */
function head(...fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const text = (one: string) => Buffer.concat([Buffer.from([one.length]), Buffer.from(one, "latin1")]);
  return Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])));
}

const PSEUDO: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/"],
  [":authority", "localhost"],
];
const GOOD = head(...PSEUDO);
const POST = head([":method", "POST"], [":scheme", "https"], [":path", "/"], [":authority", "localhost"]);
const without = (name: string) => head(...PSEUDO.filter(([one]) => one !== name));
const withField = (name: string, value: string) => head(...PSEUDO, [name, value]);

/** What is sent behind the preface and our SETTINGS. */
const CASES: readonly (readonly [name: string, bytes: readonly Buffer[]])[] = [
  ["a good request", [frame(HEADERS, BOTH, 1, GOOD)]],
  ["a frame of an unknown type, then a good request", [frame(0x16, 0, 0, [1, 2, 3]), frame(HEADERS, BOTH, 1, GOOD)]],
  ["PRIORITY for a stream not opened, then a good request", [frame(PRIORITY, 0, 3, [0, 0, 0, 1, 16]), frame(HEADERS, BOTH, 1, GOOD)]],
  ["unknown settings, then a good request", [frame(SETTINGS, 0, 0, [0, 0xff, 0, 0, 0, 1]), frame(HEADERS, BOTH, 1, GOOD)]],
  ["HEADERS on stream 0", [frame(HEADERS, BOTH, 0, GOOD)]],
  ["HEADERS on an even stream", [frame(HEADERS, BOTH, 2, GOOD)]],
  ["a stream number lower than one before", [frame(HEADERS, BOTH, 5, GOOD), frame(HEADERS, BOTH, 3, GOOD)]],
  ["HEADERS whose padding is longer than it", [frame(HEADERS, BOTH | 8, 1, Buffer.concat([Buffer.from([200]), GOOD]))]],
  ["a stream that depends on itself", [frame(PRIORITY, 0, 1, [0, 0, 0, 1, 16]), frame(HEADERS, BOTH, 1, GOOD)]],
  ["PRIORITY of four octets", [frame(HEADERS, END_HEADERS, 1, POST), frame(PRIORITY, 0, 1, [0, 0, 0, 0])]],
  ["PRIORITY on stream 0", [frame(PRIORITY, 0, 0, [0, 0, 0, 1, 16])]],
  ["DATA on stream 0", [frame(DATA, 0, 0, [1])]],
  ["DATA on a stream not opened", [frame(DATA, END_STREAM, 1, [1])]],
  ["DATA behind END_STREAM", [frame(HEADERS, BOTH, 1, POST), frame(DATA, END_STREAM, 1, [1])]],
  ["DATA whose padding is longer than it", [frame(HEADERS, END_HEADERS, 1, POST), frame(DATA, 8 | END_STREAM, 1, [10, 1])]],
  ["DATA within a head", [frame(HEADERS, 0, 1, GOOD), frame(DATA, END_STREAM, 1, [1])]],
  ["a head that goes on for another stream", [frame(HEADERS, 0, 1, GOOD), frame(CONTINUATION, END_HEADERS, 3, [])]],
  ["CONTINUATION of nothing", [frame(CONTINUATION, END_HEADERS, 1, GOOD)]],
  ["CONTINUATION behind a whole head", [frame(HEADERS, BOTH, 1, GOOD), frame(CONTINUATION, END_HEADERS, 1, [])]],
  ["CONTINUATION on stream 0", [frame(HEADERS, 0, 1, GOOD), frame(CONTINUATION, END_HEADERS, 0, [])]],
  ["RST_STREAM on stream 0", [frame(RST_STREAM, 0, 0, [0, 0, 0, 8])]],
  ["RST_STREAM for a stream not opened", [frame(RST_STREAM, 0, 1, [0, 0, 0, 8])]],
  ["RST_STREAM of three octets", [frame(HEADERS, END_HEADERS, 1, POST), frame(RST_STREAM, 0, 1, [0, 0, 8])]],
  ["SETTINGS on a stream", [frame(SETTINGS, 0, 1, [])]],
  ["SETTINGS of five octets", [frame(SETTINGS, 0, 0, [0, 3, 0, 0, 0])]],
  ["acknowledged SETTINGS with a body", [frame(SETTINGS, 1, 0, [0, 3, 0, 0, 0, 1])]],
  ["ENABLE_PUSH of 2", [frame(SETTINGS, 0, 0, [0, 2, 0, 0, 0, 2])]],
  ["INITIAL_WINDOW_SIZE of 2^31", [frame(SETTINGS, 0, 0, [0, 4, 0x80, 0, 0, 0])]],
  ["MAX_FRAME_SIZE of 16383", [frame(SETTINGS, 0, 0, [0, 5, 0, 0, 0x3f, 0xff])]],
  ["MAX_FRAME_SIZE of 2^24", [frame(SETTINGS, 0, 0, [0, 5, 1, 0, 0, 0])]],
  ["a client's PUSH_PROMISE", [frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([Buffer.from([0, 0, 0, 2]), GOOD]))]],
  ["PING of seven octets", [frame(PING, 0, 0, [1, 2, 3, 4, 5, 6, 7])]],
  ["PING on a stream", [frame(PING, 0, 1, [1, 2, 3, 4, 5, 6, 7, 8])]],
  ["GOAWAY on a stream", [frame(GOAWAY, 0, 1, [0, 0, 0, 0, 0, 0, 0, 0])]],
  ["WINDOW_UPDATE of nothing", [frame(WINDOW_UPDATE, 0, 0, [0, 0, 0, 0])]],
  ["WINDOW_UPDATE of nothing on a stream", [frame(HEADERS, END_HEADERS, 1, POST), frame(WINDOW_UPDATE, 0, 1, [0, 0, 0, 0])]],
  ["WINDOW_UPDATE of three octets", [frame(WINDOW_UPDATE, 0, 0, [0, 0, 1])]],
  ["WINDOW_UPDATE on a stream not opened", [frame(WINDOW_UPDATE, 0, 1, [0, 0, 0, 1])]],
  ["a window beyond 2^31", [frame(WINDOW_UPDATE, 0, 0, [0x7f, 0xff, 0xff, 0xff])]],
  ["a frame above MAX_FRAME_SIZE", [frame(HEADERS, END_HEADERS, 1, POST), frame(DATA, 0, 1, Buffer.alloc(16_385))]],
  ["a head that is no HPACK", [frame(HEADERS, BOTH, 1, Buffer.alloc(20, 0xff))]],
  ["an HPACK index that is not there", [frame(HEADERS, BOTH, 1, [0xfe])]],
  ["a table larger than agreed", [frame(HEADERS, BOTH, 1, Buffer.concat([Buffer.from([0x3f, 0xe1, 0xff, 0x03]), GOOD]))]],
  ["a name in capitals", [frame(HEADERS, BOTH, 1, withField("X-Name", "y"))]],
  ["an unknown pseudo-header", [frame(HEADERS, BOTH, 1, head(...PSEUDO, [":other", "y"]))]],
  ["a response's pseudo-header", [frame(HEADERS, BOTH, 1, head(...PSEUDO, [":status", "200"]))]],
  ["a pseudo-header behind a field", [frame(HEADERS, BOTH, 1, head(["x-name", "y"], ...PSEUDO))]],
  ["a pseudo-header twice", [frame(HEADERS, BOTH, 1, head(...PSEUDO, [":path", "/b"]))]],
  ["an empty :path", [frame(HEADERS, BOTH, 1, head([":method", "GET"], [":scheme", "https"], [":path", ""], [":authority", "localhost"]))]],
  ["no :method", [frame(HEADERS, BOTH, 1, without(":method"))]],
  ["no :scheme", [frame(HEADERS, BOTH, 1, without(":scheme"))]],
  ["no :path", [frame(HEADERS, BOTH, 1, without(":path"))]],
  ["a connection field", [frame(HEADERS, BOTH, 1, withField("connection", "keep-alive"))]],
  ["te other than trailers", [frame(HEADERS, BOTH, 1, withField("te", "trailers, deflate"))]],
  ["a value with a line break", [frame(HEADERS, BOTH, 1, withField("x-name", "a\r\nb: c"))]],
  ["a value with NUL", [frame(HEADERS, BOTH, 1, withField("x-name", "a\0b"))]],
  [
    "a content length that is not the body's",
    [
      frame(HEADERS, END_HEADERS, 1, head([":method", "POST"], ...PSEUDO.slice(1), ["content-length", "5"])),
      frame(DATA, END_STREAM, 1, [1]),
    ],
  ],
  [
    "trailers with a pseudo-header",
    [frame(HEADERS, END_HEADERS, 1, POST), frame(DATA, 0, 1, [1]), frame(HEADERS, BOTH, 1, head([":path", "/b"]))],
  ],
  ["trailers that do not end the stream", [frame(HEADERS, END_HEADERS, 1, POST), frame(HEADERS, END_HEADERS, 1, head(["x-name", "y"]))]],
];

/** From the laxest to the strictest. */
const REACTIONS = ["nothing", "answered", "stream error", "connection error"] as const;
type Reaction = (typeof REACTIONS)[number];

const PREFACE = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(SETTINGS, 0, 0)]);
const QUIET_MS = 400;
const REACTION_MS = 30_000;

/** The strictest reaction within a while, which ends only when there was one of `atLeast`: an answer may take its time. */
async function reactionOf(
  place: { readonly port: number; readonly ca: string },
  bytes: readonly Buffer[],
  atLeast: Reaction = "nothing",
): Promise<Reaction> {
  const socket = tls.connect({ host: "127.0.0.1", port: place.port, servername: "localhost", ca: place.ca, ALPNProtocols: ["h2"] });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    let worst = 0;
    let seen = false;
    let quiet: NodeJS.Timeout | undefined;
    const done = (): void => {
      clearTimeout(quiet);
      clearTimeout(late);
      socket.destroy();
      resolve(REACTIONS[worst] ?? "nothing");
    };
    const late = setTimeout(done, REACTION_MS);
    const settle = (): void => {
      if (seen && worst >= REACTIONS.indexOf(atLeast)) quiet ??= setTimeout(done, QUIET_MS);
    };
    const note = (reaction: Reaction): void => {
      worst = Math.max(worst, REACTIONS.indexOf(reaction));
      if (reaction === "connection error") done();
      else settle();
    };
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
        const type = received[3];
        const length = received.readUIntBE(0, 3);
        if (type === GOAWAY && received.readUInt32BE(13) !== 0) note("connection error");
        if (type === RST_STREAM) note("stream error");
        if (type === HEADERS) note("answered");
        // Whatever was sent before it has been looked at once this comes back.
        if (type === PING && (received[4] ?? 0) === 1) {
          seen = true;
          settle();
        }
        received = received.subarray(9 + length);
      }
    });
    socket.on("close", () => note("connection error"));
    socket.write(Buffer.concat([PREFACE, ...bytes, frame(PING, 0, 0, Buffer.from("are you?"))]));
  });
}

describe("HTTP/2 that is wrong", () => {
  let authority: Authority;
  let bare: http2.Http2SecureServer;
  let target: HttpTarget;
  let gateway: TestGateway;
  const sockets = new Set<Socket>();
  before(async () => {
    authority = await makeAuthority();
    const { cert, key } = await authority.server(["localhost"]);
    bare = http2.createSecureServer({ cert, key: key.expose() }, (request, response) => {
      request.on("error", () => undefined).resume();
      response.end("here");
    });
    bare.on("sessionError", () => undefined);
    bare.on("secureConnection", (socket: Socket) => sockets.add(socket.on("error", () => undefined)));
    bare.listen(0, "127.0.0.1");
    await once(bare, "listening");
    target = await startHttpTarget(authority);
    gateway = await startGateway({ apis: { api: { ...target, hosts: ["localhost"] } } });
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    bare?.close();
    await gateway?.stop();
    await target?.close();
  });

  for (const [name, bytes] of CASES) {
    test(name, async (context) => {
      const good = name.endsWith("good request");
      const bareOne = { port: (bare.address() as AddressInfo).port, ca: authority.ca };
      const node = await reactionOf(bareOne, bytes, good ? "answered" : "nothing");
      const ours = await reactionOf({ port: gateway.httpsPort, ca: gateway.ca }, bytes, node);
      if (node !== ours) context.diagnostic(`Node: ${node}, gateway: ${ours}`);
      assert.ok(REACTIONS.indexOf(ours) >= REACTIONS.indexOf(node), `Node: ${node}, gateway: ${ours}`);
      if (good) assert.equal(ours, "answered");
    });
  }

  test("nothing of it has reached the target", () => assert.deepEqual(target.asked, []));
});
