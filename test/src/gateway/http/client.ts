/** Clients for tests of the HTTP front: Node's own, in both versions, and raw bytes over TLS. */
import { once } from "node:events";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { buffer } from "node:stream/consumers";
import tls from "node:tls";
import type { TestGateway } from "#test/support/gateway.ts";

/** Of a connection that the gateway closes by itself. */
const QUIET_MS = 60_000;

export interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly raw: readonly string[];
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly agent?: https.Agent;
  /** Under which name; `localhost` when left out. */
  readonly host?: string;
}

export function get1(gateway: TestGateway, ask: Ask): Promise<Got> {
  const { method = "GET", path, headers = {}, body, host = "localhost", agent } = ask;
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: gateway.httpsPort,
      servername: host,
      ca: gateway.ca,
      method,
      path,
      agent: agent ?? false,
    } as const;
    const call = https.request(
      { ...options, headers: { host: `${host}:${gateway.httpsPort}`, ...lengthOf(body), ...headers } },
      async (response) => {
        try {
          const read = await buffer(response);
          const { statusCode = 0, rawHeaders, trailers } = response;
          resolve({ status: statusCode, headers: response.headers, raw: rawHeaders, body: read, trailers });
        } catch (error) {
          reject(error);
        }
      },
    );
    call.once("error", reject);
    call.end(body);
  });
}

function lengthOf(body: string | Buffer | undefined): Record<string, string> {
  return body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
}

export function session2(gateway: TestGateway, host = "localhost"): http2.ClientHttp2Session {
  const session = http2.connect(`https://${host}:${gateway.httpsPort}`, {
    ca: gateway.ca,
    createConnection: () =>
      tls.connect({ host: "127.0.0.1", port: gateway.httpsPort, servername: host, ca: gateway.ca, ALPNProtocols: ["h2"] }),
  });
  session.on("error", () => undefined);
  return session;
}

export async function get2(session: http2.ClientHttp2Session, { method = "GET", path, headers = {}, body }: Ask): Promise<Got> {
  const stream = session.request({ ":method": method, ":path": path, ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  let trailers: Got["trailers"] = {};
  stream.on("trailers", (fields) => {
    trailers = fields;
  });
  const [fields] = await once(stream, "response");
  const read = await buffer(stream);
  return { status: Number(fields[":status"]), headers: fields, raw: [], body: read, trailers };
}

/** What comes back to raw bytes, until the gateway closes, or `quietMs` pass without any. */
export async function raw(
  gateway: TestGateway,
  text: string | Buffer,
  { alpn = "http/1.1", quietMs = QUIET_MS, servername = "localhost" } = {},
): Promise<Buffer> {
  const socket = tls.connect({ host: "127.0.0.1", port: gateway.httpsPort, servername, ca: gateway.ca, ALPNProtocols: [alpn] });
  await once(socket, "secureConnect");
  return answerTo(socket, text, quietMs);
}

/** The same in clear text. @param from where the connection comes from; any of 127.0.0.0/8 */
export async function clear(port: number, text: string | Buffer, from = "127.0.0.1"): Promise<Buffer> {
  const socket = net.connect({ host: "127.0.0.1", port, localAddress: from });
  await once(socket, "connect");
  return answerTo(socket, text, QUIET_MS);
}

function answerTo(socket: net.Socket, text: string | Buffer, quietMs: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    const timer = setTimeout(end, quietMs);
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      timer.refresh();
    });
    socket.on("error", end);
    socket.on("close", end);
    socket.on("end", end);
    socket.write(text);
  });
}
