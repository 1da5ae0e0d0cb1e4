/** The pool of connections to an HTTP target, against Node's own servers over verified TLS, in both versions of HTTP. */
import assert from "node:assert/strict";
import { once } from "node:events";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { before, describe, test } from "node:test";
import { Fault } from "#protocols/wire/fault.ts";
import type { HandshakeRecord } from "#src/audit/records.ts";
import type { HttpTarget } from "#src/config/config.ts";
import { type HeaderPair, resetCodeOf, type UpstreamRequest } from "#src/gateway/http/upstream/exchange.ts";
import { HttpPool } from "#src/gateway/http/upstream/pool.ts";
import type { ToKeeper } from "#src/gateway/ipc.ts";
import { KeeperLink } from "#src/gateway/keeper-link.ts";
import { Upstream } from "#src/gateway/upstream.ts";
import { type Authority, makeAuthority } from "#test/support/certificates.ts";
import { until } from "#test/support/waiting.ts";
import { type Answer, type Server, startServer } from "./pool-server.ts";

const NO_LIMITS: HttpTarget["limits"] = {
  ...{ statementTimeoutMs: null, bytesPerSession: null, statementsPerSession: null, idleMs: null, sessionMs: null },
  ...{ requestBytes: null, responseBytes: null },
};

let authority: Authority;
before(async () => {
  authority = await makeAuthority();
});

interface Pooled {
  readonly pool: HttpPool;
  readonly records: HandshakeRecord[];
}

/** @param keeper what the evidence log answers: null, or why not */
function poolTo(
  port: number,
  versions: HttpTarget["versions"] = "auto",
  changes: Partial<HttpTarget> = {},
  keeper: string | null = null,
): Pooled {
  const target: HttpTarget = {
    ...{ name: "api", protocol: "http", address: { host: "127.0.0.1", port }, basePath: "", hosts: [], versions },
    ...{ credential: { kind: "none" }, mcpPath: null, limits: NO_LIMITS },
    tls: { ca: authority.ca, serverName: "localhost", pins: [], certificate: null, minVersion: "TLSv1.2" },
    ...changes,
  };
  const records: HandshakeRecord[] = [];
  const link: KeeperLink = new KeeperLink((message: ToKeeper) => {
    if (message.type !== "handshake") return;
    records.push(message.record);
    setImmediate(() => link.onAnswer(message.id, keeper));
  });
  return { pool: new HttpPool({ upstream: new Upstream(target, 60_000), link, now: Date.now }), records };
}

function ask(changes: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    ...{ method: "GET", path: "/a?b=c", headers: [["Host", "api.example"]], body: null },
    ...{ trailers: () => [], signal: new AbortController().signal, onInformation: () => undefined },
    ...changes,
  };
}

function isFault(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code;
}

for (const [version, versions] of [
  ["1.1", "1.1"],
  ["2", "auto"],
] as const) {
  describe(`the pool over HTTP/${version}`, () => {
    const withServer = async (
      options: Parameters<typeof startServer>[1],
      work: (pooled: Pooled, server: Server) => Promise<void>,
    ): Promise<void> => {
      const server = await startServer(authority, options);
      const pooled = poolTo(server.port, versions);
      try {
        await work(pooled, server);
      } finally {
        pooled.pool.close();
        await server.close();
      }
    };

    test("heads arrive as they were given, doubled names too, and the answer's come back", () =>
      withServer({}, async ({ pool }, { seen }) => {
        const headers: HeaderPair[] = [
          ["Host", "api.example"],
          ["X-A", "1"],
          ["X-A", "2"],
        ];
        const response = await pool.request(ask({ headers }), "s1");
        assert.equal(response.status, 200);
        assert.equal(response.httpVersion, version);
        assert.equal(await text(response.body), "nothing");
        assert.deepEqual(
          response.headers.filter(([name]) => name.toLowerCase() === "x-kind").map(([, value]) => value),
          ["one", "two"],
        );
        const raw = seen[0]?.raw.map((part) => part.toLowerCase()) ?? [];
        assert.equal(raw[raw.indexOf(version === "2" ? ":authority" : "host") + 1], "api.example");
        assert.equal(raw.filter((part) => part === "x-a").length, 2);
        assert.equal(seen[0]?.path, "/a?b=c");
      }));

    test("a body streams, with its length or without; one that is empty is said to be", () =>
      withServer({}, async ({ pool }, { seen }) => {
        const parts = ["one,", "two,", "three"];
        const streamed = await pool.request(ask({ method: "POST", body: Readable.from(parts.map((part) => Buffer.from(part))) }), "s1");
        assert.equal(await text(streamed.body), "one,two,three");
        const known: HeaderPair[] = [
          ["Host", "h"],
          ["Content-Length", "5"],
        ];
        const told = await pool.request(ask({ method: "DELETE", headers: known, body: Readable.from([Buffer.from("12345")]) }), "s1");
        assert.equal(await text(told.body), "12345");
        const bare = await pool.request(ask({ method: "DELETE", body: Readable.from([Buffer.from("unmeasured")]) }), "s1");
        assert.equal(await text(bare.body), "unmeasured");
        await text((await pool.request(ask({ method: "POST" }), "s1")).body);
        assert.equal(seen.length, 4);
      }));

    test("connections are shared, and each has one record before anything goes over it", () =>
      withServer({}, async ({ pool, records }, { sockets }) => {
        for (let count = 0; count < 5; count++) await text((await pool.request(ask(), `s${count}`)).body);
        assert.equal(sockets.size, 1);
        assert.equal(records.length, 1);
        const { outcome, negotiation, sessionId, tls, verified } = records[0] ?? {};
        assert.deepEqual([outcome, negotiation, sessionId, verified], ["ok", "direct", "s0", "ca+name"]);
        assert.equal(tls?.alpn, version === "2" ? "h2" : "http/1.1");
      }));

    test("two hundred requests at the same time are all answered, each with its own", () =>
      withServer({ settings: { maxConcurrentStreams: 50 } }, async ({ pool }) => {
        const bodies = Array.from({ length: 200 }, (_, index) => `body ${index}`);
        const answers = await Promise.all(
          bodies.map(async (body) =>
            text((await pool.request(ask({ method: "POST", body: Readable.from([Buffer.from(body)]) }), "s")).body),
          ),
        );
        assert.deepEqual(answers, bodies);
      }));

    test("an answer may come before the request is at its end, and both go on", () => {
      const answer: Answer = (request, response) => {
        response.writeHead(200);
        request.on("data", (chunk: Buffer) => response.write(`seen ${chunk.toString()};`));
        request.on("end", () => response.end("end"));
      };
      return withServer({ answer }, async ({ pool }) => {
        const body = new Readable({ read: () => undefined });
        body.push(Buffer.from("1"));
        const response = await pool.request(ask({ method: "POST", body }), "s");
        const [first] = (await once(response.body, "data")) as [Buffer];
        assert.equal(first.toString(), "seen 1;");
        body.push(Buffer.from("2"));
        body.push(null);
        assert.equal(await text(response.body), "seen 2;end");
      });
    });

    test("trailers go and come", () => {
      const answer: Answer = (request, response) => {
        request.resume().on("end", () => {
          response.setHeader("Trailer", "X-Sum");
          response.write("body");
          response.addTrailers({ "X-Sum": request.trailers["x-asked"] ?? "none" } as Record<string, string>);
          response.end();
        });
      };
      return withServer({ answer }, async ({ pool }) => {
        const request = ask({ method: "POST", body: Readable.from([Buffer.from("x")]), trailers: () => [["X-Asked", "42"]] });
        const response = await pool.request(request, "s");
        assert.equal(await text(response.body), "body");
        assert.deepEqual(
          response.trailers().map(([name, value]) => [name.toLowerCase(), value]),
          [["x-sum", "42"]],
        );
      });
    });

    test("informational answers are handed on before the final one", () => {
      const answer: Answer = (_request, response) => {
        response.writeEarlyHints({ link: "</a.css>; rel=preload" });
        setTimeout(() => response.end("done"), 20);
      };
      return withServer({ answer }, async ({ pool }) => {
        const informed: number[] = [];
        const response = await pool.request(ask({ onInformation: (status) => informed.push(status) }), "s");
        assert.equal(await text(response.body), "done");
        assert.deepEqual(informed, [103]);
      });
    });

    test("aborting reaches the target, before an answer and amid one, and throws what it was aborted with", () => {
      let closed = 0;
      const arrived = Promise.withResolvers<void>();
      const answer: Answer = (request, response) => {
        response.on("close", () => closed++);
        if (request.url === "/silent") arrived.resolve();
        else response.write("first");
      };
      return withServer({ answer }, async ({ pool }) => {
        const early = new AbortController();
        const waiting = pool.request(ask({ path: "/silent", signal: early.signal }), "s");
        void arrived.promise.then(() => early.abort(new Fault("statement-timeout", "late")));
        await assert.rejects(waiting, isFault("statement-timeout"));
        const amid = new AbortController();
        const response = await pool.request(ask({ signal: amid.signal }), "s");
        await once(response.body, "data");
        const broken = new Promise((resolve) => response.body.once("close", resolve).on("error", () => undefined));
        amid.abort();
        await broken;
        await until(() => closed === 2, "the target has heard of both");
      });
    });

    test("a target that breaks off amid its answer is noticed by who reads it", () => {
      const answer: Answer = (_request, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write("some");
        setTimeout(() => (version === "2" ? response.stream.close(2) : (response as unknown as { socket: Socket }).socket.destroy()), 20);
      };
      return withServer({ answer }, async ({ pool }) => {
        const response = await pool.request(ask(), "s");
        await assert.rejects(buffer(response.body), (error) => version === "1.1" || resetCodeOf(error) === 2);
      });
    });

    test("connections that the target has closed meanwhile are not used again", () =>
      withServer({}, async ({ pool }, { sockets }) => {
        await text((await pool.request(ask(), "s")).body);
        for (const socket of sockets) socket.destroy();
        const again = await pool.request(ask(), "s");
        assert.equal(await text(again.body), "nothing");
      }));

    test("ten thousand requests at sixty-four at a time lose none", () =>
      withServer({}, async ({ pool }, { sockets }) => {
        let asked = 0;
        let answered = 0;
        const work = async (): Promise<void> => {
          while (asked < 10_000) {
            const mine = String(asked++);
            const response = await pool.request(ask({ method: "POST", body: Readable.from([Buffer.from(mine)]) }), "s");
            if ((await text(response.body)) === mine) answered++;
          }
        };
        await Promise.all(Array.from({ length: 64 }, work));
        assert.equal(answered, 10_000);
        assert.ok(sockets.size <= 64);
      }));
  });
}

describe("the pool", () => {
  test("a target that speaks HTTP/1.1 alone gets its first request over the connection that found it out", async () => {
    const server = await startServer(authority, { h2: false });
    const { pool, records } = poolTo(server.port);
    try {
      for (let count = 0; count < 3; count++) assert.equal(await text((await pool.request(ask(), "s")).body), "nothing");
      assert.equal(records.length, 1);
    } finally {
      pool.close();
      await server.close();
    }
  });

  test("where HTTP/2 is asked for, nothing less does", async () => {
    const server = await startServer(authority, { h2: false });
    const { pool } = poolTo(server.port, "2");
    try {
      await assert.rejects(pool.request(ask(), "s"), (error) => error instanceof Fault && error.code.startsWith("upstream-"));
      assert.equal(server.seen.length, 0);
    } finally {
      pool.close();
      await server.close();
    }
  });

  test("a certificate of another name, or a record that is not written, and not a byte of the request goes out", async () => {
    const server = await startServer(authority);
    const tls = { ca: authority.ca, serverName: "other.example", pins: [], certificate: null, minVersion: "TLSv1.2" } as const;
    const wrong = poolTo(server.port, "auto", { tls });
    const unrecorded = poolTo(server.port, "auto", {}, "the disk is full");
    try {
      await assert.rejects(wrong.pool.request(ask(), "s"), isFault("upstream-tls-refused"));
      assert.equal(wrong.records[0]?.outcome, "refused");
      await assert.rejects(unrecorded.pool.request(ask(), "s"), isFault("evidence-failed"));
      assert.equal(server.seen.length, 0);
    } finally {
      wrong.pool.close();
      unrecorded.pool.close();
      await server.close();
    }
  });

  test("a target that is not there is said to be unreachable", async () => {
    const server = await startServer(authority);
    await server.close();
    const { pool } = poolTo(server.port);
    await assert.rejects(pool.request(ask(), "s"), isFault("upstream-unreachable"));
    pool.close();
  });

  test("a switch of protocols hands over the connection, a refusal its answer", async () => {
    const { cert, key } = await authority.server(["localhost"]);
    const server = https.createServer({ cert, key: key.expose() }, (_request, response) => response.writeHead(403).end("no"));
    server.on("upgrade", (request, socket) => {
      if (request.url === "/no") return socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello");
      socket.on("data", (chunk: Buffer) => socket.write(chunk));
      return undefined;
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { pool } = poolTo((server.address() as AddressInfo).port);
    try {
      const headers: HeaderPair[] = [
        ["Host", "h"],
        ["Connection", "Upgrade"],
        ["Upgrade", "websocket"],
      ];
      const result = await pool.upgrade(ask({ headers }), "s");
      assert.equal(result.kind, "switched");
      if (result.kind !== "switched") return;
      let seen = result.head.toString();
      result.socket.on("data", (chunk: Buffer) => {
        seen += chunk.toString();
      });
      result.socket.write("ping");
      await until(
        () => seen === "helloping",
        () => `all has come back: ${seen}`,
      );
      result.socket.destroy();
      const refused = await pool.upgrade(ask({ path: "/no", headers }), "s");
      assert.equal(refused.kind === "response" && refused.response.status, 403);
      if (refused.kind === "response") assert.equal(await text(refused.response.body), "no");
    } finally {
      pool.close();
      server.close();
    }
  });
});
