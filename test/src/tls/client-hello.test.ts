/** The ClientHello parser: real hellos of Node and OpenSSL, hand-made ones, and anything at all. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import net from "node:net";
import { describe, test } from "node:test";
import tls from "node:tls";
import fc from "fast-check";
import { type ClientHello, HELLO_BYTES_MAX, parseClientHello } from "#src/tls/client-hello.ts";
import { helloBytes, helloMessage, intoRecords, u16, vector16 } from "./hello.ts";

const MODERN = {
  supportedVersions: [0x2a2a, 0x0304, 0x0303],
  cipherSuites: [0x3a3a, 0x1302, 0xc02c],
  sni: "orders.gateway.example",
  alpn: ["postgresql", "h2"],
  groups: [0x4a4a, 0x11ec, 0x001d, 0x0017],
  keyShares: [0x001d],
  signatureAlgorithms: [0x0403, 0x0804],
} as const;

const MODERN_HELLO: ClientHello = {
  versions: ["TLSv1.3", "TLSv1.2"],
  sni: "orders.gateway.example",
  alpn: ["postgresql", "h2"],
  cipherSuites: ["TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  groups: ["X25519MLKEM768", "X25519", "prime256v1"],
  keyShares: ["X25519"],
  signatureAlgorithms: ["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"],
};

function helloOf(bytes: Uint8Array): ClientHello {
  const result = parseClientHello(bytes);
  assert.equal(result.kind, "hello", JSON.stringify(result));
  assert.ok(result.kind === "hello");
  return result.hello;
}

function malformedMessage(bytes: Uint8Array): string {
  const result = parseClientHello(bytes);
  assert.equal(result.kind, "malformed");
  return result.kind === "malformed" ? result.message : "";
}

/** What a real client sends first to a listener that never answers. */
async function firstBytes(dial: (port: number) => () => void): Promise<Buffer> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const arrived = new Promise<Buffer>((resolve, reject) => {
    server.once("connection", (socket) => {
      const chunks: Buffer[] = [];
      socket.on("error", reject);
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (parseClientHello(Buffer.concat(chunks)).kind !== "incomplete") {
          resolve(Buffer.concat(chunks));
          socket.destroy();
        }
      });
    });
  });
  const stop = dial(address.port);
  try {
    return await arrived;
  } finally {
    stop();
    server.close();
  }
}

function node(options: tls.ConnectionOptions): Promise<Buffer> {
  return firstBytes((port) => {
    const socket = tls.connect({ ...options, host: "127.0.0.1", port });
    socket.on("error", () => socket.destroy());
    return () => socket.destroy();
  });
}

function openssl(...args: readonly string[]): Promise<Buffer> {
  return firstBytes((port) => {
    const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...args], { stdio: "ignore" });
    return () => child.kill();
  });
}

describe("real clients", () => {
  test("Node offers what it was told to", async () => {
    const bytes = await node({ servername: "db.example", ALPNProtocols: ["postgresql"], minVersion: "TLSv1.2" });
    const hello = helloOf(bytes);
    assert.deepEqual(hello.versions, ["TLSv1.3", "TLSv1.2"]);
    assert.equal(hello.sni, "db.example");
    assert.deepEqual(hello.alpn, ["postgresql"]);
    assert.ok(hello.groups.includes("X25519"));
    assert.ok(hello.keyShares.length > 0 && hello.keyShares.every((group) => hello.groups.includes(group)));
    assert.ok(hello.cipherSuites.includes("TLS_AES_256_GCM_SHA384"));
    assert.ok(hello.signatureAlgorithms.includes("ecdsa_secp256r1_sha256"));
  });

  test("Node limited to TLS 1.2 offers that alone, without key shares", async () => {
    const hello = helloOf(await node({ maxVersion: "TLSv1.2" }));
    assert.deepEqual(hello.versions, ["TLSv1.2"]);
    assert.deepEqual(hello.keyShares, []);
    assert.equal(hello.sni, null);
  });

  test("openssl s_client with chosen groups, name and ALPN", async () => {
    const hello = helloOf(await openssl("-servername", "a.example", "-groups", "P-256:X25519", "-alpn", "postgresql,h2"));
    assert.deepEqual(hello.groups, ["prime256v1", "X25519"]);
    assert.deepEqual(hello.keyShares, ["prime256v1"]);
    assert.equal(hello.sni, "a.example");
    assert.deepEqual(hello.alpn, ["postgresql", "h2"]);
  });

  test("openssl s_client with TLS 1.2 only", async () => {
    assert.deepEqual(helloOf(await openssl("-tls1_2", "-noservername")).versions, ["TLSv1.2"]);
  });
});

describe("hand-made hellos", () => {
  test("every field is read, GREASE is left out, order is kept", () => {
    assert.deepEqual(helloOf(helloBytes(MODERN)), MODERN_HELLO);
  });

  test("a TLS 1.0 hello without extensions offers TLS 1.0", () => {
    const hello = helloOf(helloBytes({ legacyVersion: 0x0301, cipherSuites: [0x000a], bare: true }));
    assert.deepEqual(hello.versions, ["TLSv1"]);
    assert.deepEqual(hello.cipherSuites, ["0x000a"]);
    assert.equal(hello.sni, null);
  });

  test("a legacy version above TLS 1.2 without supported_versions counts as TLS 1.2", () => {
    assert.deepEqual(helloOf(helloBytes({ legacyVersion: 0x0304 })).versions, ["TLSv1.2"]);
  });

  test("the hello is the same whole, cut at every offset, and byte by byte, with incomplete before", () => {
    const bytes = helloBytes(MODERN);
    for (let at = 1; at < bytes.length; at += 1) {
      assert.deepEqual(parseClientHello(bytes.subarray(0, at)), { kind: "incomplete" }, `first ${at} bytes`);
    }
    assert.deepEqual(helloOf(bytes), MODERN_HELLO);
    assert.deepEqual(helloOf(Buffer.concat([bytes, Buffer.from([20, 3, 3, 0, 1, 1])])), MODERN_HELLO);
  });

  test("a message in two records reads the same wherever it is cut", () => {
    const message = helloMessage(MODERN);
    for (let at = 1; at < message.length; at += 1) {
      assert.deepEqual(helloOf(intoRecords(message, [at])), MODERN_HELLO, `cut at ${at}`);
    }
    assert.deepEqual(helloOf(intoRecords(message, [1, 2, 3, 4, 5, 6])), MODERN_HELLO);
  });

  test("bytes that sit inside a larger buffer are read from their own beginning", () => {
    const bytes = helloBytes(MODERN);
    const padded = Buffer.concat([Buffer.from("padding"), bytes]);
    assert.deepEqual(helloOf(padded.subarray(7)), MODERN_HELLO);
  });
});

describe("what must be refused", () => {
  for (const [what, bytes] of [
    ["a PostgreSQL start-up message", Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])],
    ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\n")],
    ["an SSL 2 hello", Buffer.from([0x80, 0x2e, 1, 0, 2])],
    ["an alert", Buffer.from([21, 3, 3, 0, 2, 2, 40])],
    ["a record of an unknown major version", Buffer.from([22, 2, 0, 0, 4])],
  ] as const) {
    test(`${what} is not TLS`, () => assert.deepEqual(parseClientHello(bytes), { kind: "not-tls" }));
  }

  test("an empty record", () => assert.match(malformedMessage(Buffer.from([22, 3, 1, 0, 0])), /record length/));
  test("a record above 16 KiB", () => assert.match(malformedMessage(Buffer.from([22, 3, 1, 0x40, 1])), /record length/));
  test("a server's hello", () => assert.match(malformedMessage(Buffer.from([22, 3, 3, 0, 4, 2, 0, 0, 0])), /not a client hello/));

  test("a hello that announces 16 MiB is refused at its header", () => {
    assert.match(malformedMessage(Buffer.from([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff])), /longer/);
  });

  test("a hello cut into hundreds of records", () => {
    const message = helloMessage({ ...MODERN, extra: [[21, Buffer.alloc(200)]] });
    const cuts = Array.from({ length: 200 }, (_, index) => index + 1);
    assert.match(malformedMessage(intoRecords(message, cuts)), /longer, or in more records/);
  });

  test("another record type inside the hello", () => {
    const message = helloMessage(MODERN);
    const first = intoRecords(message.subarray(0, 20));
    assert.match(malformedMessage(Buffer.concat([first, Buffer.from([23, 3, 3, 0, 1])])), /another record type/);
  });

  test("an extension that occurs twice", () => {
    assert.match(malformedMessage(helloBytes({ ...MODERN, extra: [[16, vector16(Buffer.from([2, 104, 50]))]] })), /twice/);
  });

  test("a server name with NUL, a blank, or of another type", () => {
    for (const sni of ["a\0b.example", "a b", ""]) {
      const entry = Buffer.concat([Buffer.from([0]), vector16(Buffer.from(sni, "latin1"))]);
      assert.equal(parseClientHello(helloBytes({ extra: [[0, vector16(entry)]] })).kind, "malformed", JSON.stringify(sni));
    }
    const typed = Buffer.concat([Buffer.from([1]), vector16(Buffer.from("a.example"))]);
    assert.equal(parseClientHello(helloBytes({ extra: [[0, vector16(typed)]] })).kind, "malformed");
  });

  test("lengths that reach too far or not far enough", () => {
    for (const body of [u16(9), Buffer.from([0, 2, 0]), Buffer.from([0, 3, 0, 29, 0]), Buffer.from([0, 2, 0, 29, 0])]) {
      assert.equal(parseClientHello(helloBytes({ extra: [[10, body]] })).kind, "malformed", body.toString("hex"));
    }
  });
});

describe("anything at all", () => {
  const runs = Number(process.env["FUZZ_RUNS"] ?? 300);

  test("random bytes give one of the four results and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const framed = Buffer.concat([Buffer.from([22, 3, 1, bytes.length >> 8, bytes.length & 0xff, 1, 0, bytes.length >> 8]), bytes]);
        for (const input of [bytes, framed])
          assert.ok(["incomplete", "not-tls", "malformed", "hello"].includes(parseClientHello(input).kind));
      }),
      { numRuns: runs },
    );
  });

  test("a good hello with any byte changed never throws and always ends", () => {
    const bytes = helloBytes(MODERN);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        assert.ok(parseClientHello(changed).kind.length > 0);
      }),
      { numRuns: runs },
    );
  });

  test("however much arrives without an end, the answer comes by the limit", () => {
    const flood = Buffer.concat(Array.from({ length: 40 }, () => Buffer.concat([Buffer.from([22, 3, 1, 4, 0]), Buffer.alloc(1024, 1)])));
    assert.ok(flood.length > HELLO_BYTES_MAX);
    assert.notEqual(parseClientHello(flood).kind, "incomplete");
  });
});
