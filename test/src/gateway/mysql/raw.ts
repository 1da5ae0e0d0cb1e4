/** MySQL by hand: single packets over a socket, a login without a driver, and bytes glued together that a driver sends apart. */
import type { Socket } from "node:net";
import { createConnection } from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { CAPABILITY } from "#protocols/mysql/constants.ts";
import { handshakeResponsePayload, sslRequestPayload } from "#protocols/mysql/login.ts";
import { packets, takePacket } from "#protocols/mysql/packet.ts";
import type { TestGateway } from "#test/support/gateway.ts";

export const CAPABILITIES =
  CAPABILITY.protocol41 |
  CAPABILITY.ssl |
  CAPABILITY.secureConnection |
  CAPABILITY.pluginAuth |
  CAPABILITY.pluginAuthLenencData |
  CAPABILITY.transactions |
  CAPABILITY.localFiles |
  CAPABILITY.multiStatements |
  CAPABILITY.multiResults;

export const REQUEST = { capabilities: CAPABILITIES, maxPacketBytes: 1 << 24, collation: 45 };

/** The payload of the next packet; what comes behind it stays in the socket. @throws Error when the connection ends first */
export async function packet(socket: Duplex): Promise<Buffer> {
  let received = Buffer.alloc(0);
  for (;;) {
    const taken = takePacket(received);
    if (taken !== undefined) {
      if (taken.rest.length > 0) socket.unshift(taken.rest);
      return taken.payload;
    }
    received = Buffer.concat([received, await chunk(socket)]);
  }
}

function chunk(socket: Duplex): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const read = (): boolean => {
      const bytes: unknown = socket.read();
      if (!(bytes instanceof Buffer)) return false;
      done();
      resolve(bytes);
      return true;
    };
    const gone = (): void => {
      done();
      reject(new Error("the connection ended where a packet was due"));
    };
    const done = (): void => {
      socket.off("readable", read).off("end", gone).off("close", gone).off("error", gone);
    };
    if (read()) return;
    socket.on("readable", read).on("end", gone).on("close", gone).on("error", gone);
  });
}

/** SSLRequest and the ClientHello in one write. */
export function gluedTls(socket: Socket, ca: string): Promise<tls.TLSSocket> {
  let first = true;
  const duplex = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, done) => {
      socket.write(first ? Buffer.concat([packets(sslRequestPayload(REQUEST), 1), bytes]) : bytes, done);
      first = false;
    },
  });
  socket.on("data", (bytes: Buffer) => duplex.push(bytes));
  socket.on("close", () => duplex.push(null));
  return secured(tls.connect({ socket: duplex, ca, servername: "localhost" }));
}

function secured(socket: tls.TLSSocket): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    socket.once("secureConnect", () => resolve(socket)).once("error", reject);
  });
}

/** Logged in with a token, as far as the OK packet. */
export async function rawLogin(gateway: TestGateway, target: string): Promise<tls.TLSSocket> {
  const { host, port, user, password } = await gateway.mysqlLogin(target);
  const raw = createConnection({ host, port });
  await packet(raw);
  raw.write(packets(sslRequestPayload(REQUEST), 1));
  const socket = await secured(tls.connect({ socket: raw, ca: gateway.ca, servername: "localhost" }));
  const login = {
    ...REQUEST,
    user: `${user}@${target}`,
    authentication: Buffer.from(`${password}\0`),
    database: null,
    attributes: new Map<string, string>(),
  };
  socket.write(packets(handshakeResponsePayload({ ...login, plugin: "mysql_clear_password" }), 2));
  const answer = await packet(socket);
  if (answer[0] !== 0) throw new Error(`the login failed: ${answer.toString("latin1")}`);
  return socket;
}
