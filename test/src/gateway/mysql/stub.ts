/**
 * A MySQL server that misbehaves: what a real one would never do is scripted here, on real sockets with real TLS. A stub, and
 * used only where a real server cannot be brought to do it. Left alone it greets, takes any login and answers OK to all.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { CAPABILITY, STATUS } from "#protocols/mysql/constants.ts";
import { greetingPayload } from "#protocols/mysql/greeting.ts";
import { okPayload } from "#protocols/mysql/outcome.ts";
import { packets, takePacket } from "#protocols/mysql/packet.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import type { MysqlServer } from "#test/support/mysql.ts";

export const CAPABILITIES =
  (CAPABILITY.longPassword |
    CAPABILITY.protocol41 |
    CAPABILITY.ssl |
    CAPABILITY.secureConnection |
    CAPABILITY.pluginAuth |
    CAPABILITY.pluginAuthLenencData |
    CAPABILITY.connectWithDatabase |
    CAPABILITY.connectAttributes |
    CAPABILITY.localFiles |
    CAPABILITY.transactions |
    CAPABILITY.multiStatements |
    CAPABILITY.multiResults |
    CAPABILITY.psMultiResults |
    CAPABILITY.sessionTrack |
    CAPABILITY.deprecateEof) >>>
  0;

/** An OK packet's payload without changes. */
export const OK = okPayload(
  { affectedRows: 0n, lastInsertId: 0n, status: STATUS.autocommit, warnings: 0, info: "", changes: Buffer.alloc(0) },
  CAPABILITIES,
);

export const GREETING = packets(
  greetingPayload({
    version: "8.4.9",
    connectionId: 7,
    scramble: Buffer.alloc(20, 0x41),
    capabilities: CAPABILITIES,
    collation: 45,
    status: STATUS.autocommit,
    plugin: "caching_sha2_password",
  }),
  0,
);

/** Where the script says nothing, or returns undefined, the stub behaves. Null: no answer; a buffer: bytes as they go out. */
export interface Script {
  /** In the place of all up to the login. */
  readonly greeting?: (raw: net.Socket) => Buffer | null | undefined;
  /** Another good greeting. */
  readonly version?: () => Buffer;
  readonly login?: (socket: tls.TLSSocket) => Buffer | null | undefined;
  /** In the place of the answer to the gateway's own first statements. */
  readonly preamble?: () => Buffer;
  /** Each packet behind the login; the gateway's own first statements are not shown to it. */
  readonly packet?: (payload: Buffer, sequence: number, socket: tls.TLSSocket) => Buffer | null | undefined;
}

export interface StubMysql extends MysqlServer {
  /** What the next connections meet. */
  play(script: Script): void;
  /** Connections that stand. */
  readonly open: ReadonlySet<net.Socket>;
  stop(): Promise<void>;
}

/** Statements of the gateway's own behind a login. */
const PREAMBLE = /^SET SESSION (session_track|sql_mode = @@)/;

export async function startStubMysql(): Promise<StubMysql> {
  const authority = await makeAuthority("Sallyport stub CA");
  const pair = await authority.server(["localhost", "127.0.0.1"]);
  const secureContext = tls.createSecureContext({ cert: pair.cert, key: pair.key.expose() });
  let script: Script = {};
  const open = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (raw) => {
    open.add(raw);
    raw.on("error", () => undefined).once("close", () => open.delete(raw));
    const greeting = script.greeting?.(raw);
    if (greeting === null) return;
    raw.write(greeting ?? script.version?.() ?? GREETING);
    if (greeting !== undefined) return;
    raw.once("data", (request: Buffer) => {
      // The ClientHello may come with it; while the socket flows it would be lost before TLS reads it.
      raw.pause();
      const taken = takePacket(request);
      if (taken !== undefined && taken.rest.length > 0) raw.unshift(taken.rest);
      serve(new tls.TLSSocket(raw, { isServer: true, secureContext }), script);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the stub has no port");
  return {
    ...{ host: "127.0.0.1", port: address.port, user: "app", password: "test-stub", database: "app", ca: authority.ca },
    open,
    play(next) {
      script = next;
    },
    async stop() {
      for (const raw of open) raw.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function serve(socket: tls.TLSSocket, script: Script): void {
  let received = Buffer.alloc(0);
  let loggedIn = false;
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (let taken = takePacket(received); taken !== undefined; taken = takePacket(received)) {
      received = Buffer.from(taken.rest);
      const next = (taken.sequence + 1) & 0xff;
      const good = loggedIn ? packets(OK, next) : Buffer.concat([packets(Buffer.from([1, 3]), next), packets(OK, next + 1)]);
      const own = loggedIn && PREAMBLE.test(taken.payload.toString("latin1", 1));
      const asked = own ? script.preamble?.() : loggedIn ? script.packet?.(taken.payload, taken.sequence, socket) : script.login?.(socket);
      loggedIn = true;
      const answer = asked === undefined ? good : asked;
      if (answer !== null && !socket.destroyed) socket.write(answer);
    }
  });
}
