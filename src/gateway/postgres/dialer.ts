/** The upstream leg of PostgreSQL: SSLRequest in the clear, and behind verified TLS the start-up and SCRAM. */
import { pbkdf2, randomBytes } from "node:crypto";
import type net from "node:net";
import type tls from "node:tls";
import { promisify } from "node:util";
import {
  type LoginResult,
  SERVER,
  simpleQuery,
  sslRequest,
  startupMessage,
  takeMessage,
  UpstreamLogin,
} from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Secret } from "#protocols/wire/secret.ts";
import { SocketReader } from "#src/gateway/socket-reader.ts";
import { DeclinedError, type Dialer, type Opening, type Upstream } from "#src/gateway/upstream.ts";
import { endPointHash } from "#src/tls/end-point.ts";

const derive = promisify(pbkdf2);
const LOGIN_MESSAGE_BYTES_MAX = 64 * 1024;

/** For a CancelRequest, which is sent before any login. */
export function postgresOpening(): Opening {
  return { negotiation: "sslrequest", alpn: [], agree };
}

export interface PostgresLogin extends LoginResult {
  /** The target itself ends statements that take longer than it was asked to allow. */
  readonly keepsTimeout: boolean;
}

/**
 * @param parameters of the StartupMessage
 * @param statementMs the longest time for one statement; null: as long as the target itself allows
 */
export function postgresDialer(parameters: ReadonlyMap<string, string>, statementMs: number | null = null): Dialer<PostgresLogin> {
  return {
    ...postgresOpening(),
    login: async (socket, upstream) => {
      socket.write(startupMessage(parameters));
      const result = await login(socket, upstream);
      return { ...result, keepsTimeout: statementMs !== null && (await limitStatements(socket, statementMs)) };
    },
  };
}

/** Exactly one byte, `S`: more would be bytes that someone put before TLS (CVE-2021-23222); text before TLS is never relayed. */
async function agree(raw: net.Socket): Promise<void> {
  raw.write(sslRequest());
  const answer = await new SocketReader(raw).more();
  if (answer === null) throw new DeclinedError("the connection was closed where an answer to SSLRequest was expected");
  if (answer.length === 1 && answer[0] === 0x53) return;
  throw new DeclinedError(answer[0] === 0x4e ? "the target does not speak TLS" : "the target answered SSLRequest with something else");
}

async function login(socket: tls.TLSSocket, upstream: Upstream): Promise<LoginResult> {
  const { credential } = upstream.target;
  const nonce = randomBytes(18).toString("base64");
  const machine = new UpstreamLogin({ credential, nonce, endPoint: endPointHash(socket) });
  const reader = new SocketReader(socket);
  let received = Buffer.alloc(0);
  for (;;) {
    const message = takeMessage(received, LOGIN_MESSAGE_BYTES_MAX);
    if (message === undefined) {
      const more = await reader.more();
      if (more === null) throw new Fault("upstream-lost", "the target closed the connection during login");
      received = Buffer.concat([received, more]);
      continue;
    }
    received = Buffer.from(message.rest);
    let effect = machine.onMessage(message.tag, message.body);
    if (effect.kind === "salt") {
      effect = machine.onSalted(await salted(upstream, credential.password, effect.salt, effect.iterations));
    }
    if (effect.kind === "send") socket.write(effect.bytes);
    if (effect.kind === "ready") {
      reader.unread(received);
      return effect.result;
    }
  }
}

/** These come at any time, and are the session's. */
const ITS_OWN: ReadonlySet<number> = new Set([SERVER.noticeResponse, SERVER.notificationResponse, SERVER.parameterStatus]);

/**
 * Has the target keep the limit itself, which it does to the millisecond and without a cancel request; a lower one of its own
 * stays. Whatever the session sets later, the gateway's clock stands behind it.
 *
 * @returns whether it does
 */
async function limitStatements(socket: tls.TLSSocket, limitMs: number): Promise<boolean> {
  const own = "pg_catalog.current_setting('statement_timeout')::pg_catalog.interval";
  const within = `${own} OPERATOR(pg_catalog.>) '0' AND ${own} OPERATOR(pg_catalog.<=) '${limitMs} milliseconds'`;
  socket.write(simpleQuery(`SELECT pg_catalog.set_config('statement_timeout', '${limitMs}', false) WHERE NOT (${within})`));
  const reader = new SocketReader(socket);
  const kept: Buffer[] = [];
  let received = Buffer.alloc(0);
  let done = true;
  for (;;) {
    const message = takeMessage(received, LOGIN_MESSAGE_BYTES_MAX);
    if (message === undefined) {
      const more = await reader.more();
      if (more === null) throw new Fault("upstream-lost", "the target closed the connection during login");
      received = Buffer.concat([received, more]);
      continue;
    }
    if (ITS_OWN.has(message.tag)) kept.push(received.subarray(0, received.length - message.rest.length));
    if (message.tag === SERVER.errorResponse) done = false;
    received = Buffer.from(message.rest);
    if (message.tag !== SERVER.readyForQuery) continue;
    reader.unread(Buffer.concat([...kept, received]));
    return done;
  }
}

/** By target, salt and iterations: PBKDF2 costs 0.7 ms and a server keeps its salt. */
const known = new WeakMap<Upstream, Map<string, Buffer>>();
const SALTS_MAX = 16;

async function salted(upstream: Upstream, password: Secret<string> | null, salt: Buffer, iterations: number): Promise<Buffer> {
  const ofTarget = known.get(upstream) ?? new Map<string, Buffer>();
  known.set(upstream, ofTarget);
  const name = `${iterations}:${salt.toString("base64")}`;
  const found = ofTarget.get(name);
  if (found !== undefined) return found;
  // SASLprep (RFC 4013) of what passwords hold in practice is NFKC; PostgreSQL falls back to the raw bytes likewise.
  const derived = await derive((password?.expose() ?? "").normalize("NFKC"), salt, iterations, 32, "sha256");
  if (ofTarget.size >= SALTS_MAX) ofTarget.clear();
  ofTarget.set(name, derived);
  return derived;
}
