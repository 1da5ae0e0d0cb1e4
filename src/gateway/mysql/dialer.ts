/**
 * The upstream leg of MySQL: greeting and SSLRequest in the clear, and behind verified TLS the login and the statements that
 * make the session tell of its settings.
 */
import type net from "node:net";
import type tls from "node:tls";
import {
  applyChanges,
  CAPABILITY,
  COMMAND,
  DEFAULT_SQL_MODE,
  type Greeting,
  handshakeResponsePayload,
  packets,
  readError,
  readGreeting,
  readOk,
  type Settings,
  sslRequestPayload,
  takePacket,
  UpstreamLogin,
} from "#protocols/mysql/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { ed25519Answer } from "#src/gateway/mariadb-ed25519.ts";
import { parsecAnswer } from "#src/gateway/mariadb-parsec.ts";
import { SocketReader } from "#src/gateway/socket-reader.ts";
import { DeclinedError, type Dialer, type Upstream } from "#src/gateway/upstream.ts";

export interface MysqlLogin {
  readonly greeting: Greeting;
  /** Agreed on with the target. */
  readonly capabilities: number;
  readonly status: number;
  readonly settings: Settings;
}

export interface DialTerms {
  /** Wanted; what the target lacks is left out. */
  readonly capabilities: number;
  /** The character set that the session begins in. @param version of the target, from its greeting */
  readonly collation: (version: string) => number;
  readonly maxPacketBytes: number;
  readonly database: string | null;
  readonly attributes: ReadonlyMap<string, string>;
  /** Statements of the gateway's own, run before the session is handed over. */
  readonly preamble: readonly string[];
}

/** What every login needs; a target without one of these is older than what is spoken here. */
const NEEDED =
  CAPABILITY.protocol41 |
  CAPABILITY.ssl |
  CAPABILITY.secureConnection |
  CAPABILITY.pluginAuth |
  CAPABILITY.sessionTrack |
  CAPABILITY.transactions;
const GREETING_BYTES_MAX = 1024;
const LOGIN_BYTES_MAX = 64 * 1024;

export function mysqlDialer(upstream: Upstream, terms: DialTerms): Dialer<MysqlLogin> {
  let greeting: Greeting | null = null;
  return {
    negotiation: "sslrequest",
    alpn: [],
    async agree(raw) {
      greeting = await readFirst(raw);
      raw.write(packets(sslRequestPayload(beginning(terms, greeting)), 1));
    },
    login(socket) {
      if (greeting === null) throw new Error("broken invariant: logged in without a greeting");
      return new Attempt(socket, terms, greeting).run(upstream);
    },
  };
}

/** One packet and nothing behind it: more would be bytes that someone put before TLS. */
async function readFirst(raw: net.Socket): Promise<Greeting> {
  const reader = new SocketReader(raw);
  let received = Buffer.alloc(0);
  for (;;) {
    const packet = takePacket(received);
    if (packet !== undefined) {
      if (packet.rest.length > 0) throw new DeclinedError("the target sent more than a greeting before TLS was up");
      if (packet.sequence !== 0) throw new DeclinedError("the target's greeting is not the first packet");
      const greeting = readGreeting(packet.payload);
      if ((greeting.capabilities & CAPABILITY.ssl) === 0) throw new DeclinedError("the target does not offer TLS");
      if ((greeting.capabilities & NEEDED) !== NEEDED) throw new DeclinedError("the target is older than what is spoken here");
      return greeting;
    }
    if (received.length > GREETING_BYTES_MAX) throw new DeclinedError("the target's greeting is too large");
    const more = await reader.more();
    if (more === null) throw new DeclinedError("the connection was closed where a greeting was expected");
    received = Buffer.concat([received, more]);
  }
}

function beginning(terms: DialTerms, greeting: Greeting) {
  const { collation, maxPacketBytes } = terms;
  return { capabilities: agreed(terms, greeting), maxPacketBytes, collation: collation(greeting.version) };
}

function agreed({ capabilities, database }: DialTerms, greeting: Greeting): number {
  const named = database === null ? 0 : CAPABILITY.connectWithDatabase;
  const wanted =
    (capabilities & ~CAPABILITY.connectWithDatabase) | named | NEEDED | CAPABILITY.connectAttributes | CAPABILITY.pluginAuthLenencData;
  return (wanted & greeting.capabilities) >>> 0;
}

class Attempt {
  readonly #socket: tls.TLSSocket;
  readonly #terms: DialTerms;
  readonly #greeting: Greeting;
  readonly #reader: SocketReader;
  #received = Buffer.alloc(0);
  #sequence = 2;

  constructor(socket: tls.TLSSocket, terms: DialTerms, greeting: Greeting) {
    this.#socket = socket;
    this.#terms = terms;
    this.#greeting = greeting;
    this.#reader = new SocketReader(socket);
  }

  async run({ target }: Upstream): Promise<MysqlLogin> {
    const capabilities = agreed(this.#terms, this.#greeting);
    const means = { credential: target.credential, signEd25519: ed25519Answer, signParsec: parsecAnswer };
    const machine = new UpstreamLogin(means, this.#greeting, capabilities);
    const { database, attributes } = this.#terms;
    const response = { ...beginning(this.#terms, this.#greeting), ...machine.first(), user: target.credential.user, database, attributes };
    this.#send(handshakeResponsePayload(response));
    for (;;) {
      const effect = machine.onPacket(await this.#packet());
      if (effect.kind === "send") this.#send(effect.payload);
      if (effect.kind !== "ready") continue;
      const unknown: Settings = { database, sqlMode: DEFAULT_SQL_MODE, charset: "utf8mb4" };
      return { greeting: this.#greeting, capabilities, ...(await this.#prepared(unknown, effect.ok.status, capabilities)) };
    }
  }

  /** The preamble, statement by statement. @throws Fault `upstream-login-failed` when the target refuses one */
  async #prepared(settings: Settings, status: number, capabilities: number): Promise<{ status: number; settings: Settings }> {
    let now = { settings, status };
    for (const sql of this.#terms.preamble) {
      const attributes = (capabilities & CAPABILITY.queryAttributes) === 0 ? Buffer.alloc(0) : Buffer.from([0, 1]);
      this.#sequence = 0;
      this.#send(Buffer.concat([Buffer.from([COMMAND.query]), attributes, Buffer.from(sql)]));
      const answer = await this.#packet();
      if (answer[0] !== 0) {
        throw new Fault(
          "upstream-login-failed",
          `the target refused a setting of the gateway's (errno ${readError(answer, capabilities).errno})`,
        );
      }
      const ok = readOk(answer, capabilities);
      now = { status: ok.status, settings: ok.changes.length === 0 ? now.settings : applyChanges(now.settings, ok.changes) };
    }
    return now;
  }

  #send(payload: Buffer): void {
    this.#socket.write(packets(payload, this.#sequence));
    this.#sequence++;
  }

  async #packet(): Promise<Buffer> {
    for (;;) {
      const packet = takePacket(this.#received);
      if (packet !== undefined) {
        this.#received = Buffer.from(packet.rest);
        if (packet.sequence !== (this.#sequence & 0xff))
          throw new Fault("upstream-out-of-step", "the target's packets are out of order during login");
        this.#sequence++;
        return packet.payload;
      }
      if (this.#received.length > LOGIN_BYTES_MAX)
        throw new Fault("upstream-out-of-step", "the target sent too large a packet during login");
      const more = await this.#reader.more();
      if (more === null) throw new Fault("upstream-lost", "the target closed the connection during login");
      this.#received = Buffer.concat([this.#received, more]);
    }
  }
}
