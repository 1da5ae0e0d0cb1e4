/**
 * One session's two machines over one state, with a scripted judge and a record in memory: what a peer sends goes in as bytes,
 * and what comes of it is handed back packet by packet. As the relay drives them, without its sockets.
 */
import { ClientFlow } from "#protocols/mysql/client-flow.ts";
import type { Outcome } from "#protocols/mysql/command-outcome.ts";
import { CAPABILITY } from "#protocols/mysql/constants.ts";
import type { MysqlJudgement, SessionEffects } from "#protocols/mysql/judge.ts";
import { takePacket } from "#protocols/mysql/packet.ts";
import { unparsedJudgement } from "#protocols/mysql/refusals.ts";
import { ServerFlow } from "#protocols/mysql/server-flow.ts";
import { SessionState, type SessionTerms } from "#protocols/mysql/session.ts";
import type { Settings } from "#protocols/mysql/settings.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { type Caps, NO_CAPS } from "#protocols/wire/caps.ts";
import { noCounts } from "#protocols/wire/counts.ts";
import type { EventBody } from "#protocols/wire/transcript.ts";

/** What both legs speak unless a test says otherwise: EOF packets, no session tracking, no query attributes. */
export const SPOKEN = CAPABILITY.protocol41 | CAPABILITY.multiStatements | CAPABILITY.multiResults;

export interface ConversationOptions extends Partial<Omit<SessionTerms, "caps">> {
  readonly caps?: Partial<Caps>;
  /** What differs from an allowed text that changes nothing. */
  readonly judge?: (sql: string, settings: Settings) => Partial<MysqlJudgement> | Promise<Partial<MysqlJudgement>>;
  readonly effects?: Partial<SessionEffects>;
}

export interface Told {
  readonly sequence: number;
  readonly payload: Buffer;
}

/** What a step has put out, on either side. */
export interface Step {
  readonly upstream: readonly Told[];
  readonly client: readonly Told[];
  /** To the client too, parts of packets included. */
  readonly clientBytes: Buffer;
}

export class MysqlTalk {
  readonly state: SessionState;
  readonly events: EventBody[] = [];
  readonly #client: ClientFlow;
  readonly #server: ServerFlow;
  /** What the client's side has asked to be waited for, in the order in which it did. */
  readonly asked: Promise<Outcome>[] = [];
  nowMs = 1_000;

  constructor(options: ConversationOptions = {}) {
    const { judge = () => ({}), effects, caps, ...terms } = options;
    const all: SessionTerms = {
      ...{ underMask: false, mayPassUnparsed: false, localFiles: false, isProtected: () => false },
      limits: { rowsPerStatement: 100, bytesPerStatement: 10_000 },
      ...{ clientCapabilities: SPOKEN, upstreamCapabilities: SPOKEN, product: "MySQL", preamble: [] },
      ...terms,
      caps: { ...NO_CAPS, ...caps },
    };
    const settings = { database: "app", sqlMode: DEFAULT_SQL_MODE, charset: "utf8mb4" };
    this.state = new SessionState(all, (event) => this.events.push(event) - 1, noCounts(), settings, 2);
    this.#server = new ServerFlow(this.state);
    const made = { kill: () => false, digestOf: (value: Buffer) => `digest of ${value.length}`, ...effects };
    const judged = (sql: string, now: Settings) => {
      const found = judge(sql, now);
      return found instanceof Promise ? found.then((later) => ({ ...allowed(sql), ...later })) : { ...allowed(sql), ...found };
    };
    this.#client = new ClientFlow(this.state, this.#server, judged, made);
  }

  /** The client sends these bytes in one chunk. */
  client(...parts: readonly Buffer[]): Step {
    return this.#step(parts, (chunk, out) => {
      this.#ask(this.#client.push(chunk, this.nowMs, out));
    });
  }

  /** So does the target; where that ends an answer, what the client has sent ahead is read on. */
  server(...parts: readonly Buffer[]): Step {
    return this.#step(parts, (chunk, out) => {
      this.#server.push(chunk, this.nowMs, out.client, out.upstream);
      if (this.state.answer === null && this.#client.holds) this.#ask(this.#client.resume(null, this.nowMs, out));
    });
  }

  /** What was waited for has come. */
  judged(outcome: Outcome): Step {
    return this.#step([], (_, out) => this.#ask(this.#client.resume(outcome, this.nowMs, out)));
  }

  /** The client should not be read. */
  get full(): boolean {
    return this.#client.full;
  }

  /** The client has said COM_QUIT. */
  get ended(): boolean {
    return this.#client.ended;
  }

  of<Kind extends EventBody["kind"]>(kind: Kind): readonly Extract<EventBody, { kind: Kind }>[] {
    return this.events.filter((event): event is Extract<EventBody, { kind: Kind }> => event.kind === kind);
  }

  #ask(asked: Promise<Outcome> | undefined): void {
    if (asked !== undefined) this.asked.push(asked);
  }

  #step(parts: readonly Buffer[], push: (chunk: Buffer, out: { upstream: Buffer[]; client: Buffer[] }) => void): Step {
    // The chunk's memory is lent: what is kept of it must be a copy.
    const chunk = Buffer.concat(parts);
    const out: { upstream: Buffer[]; client: Buffer[] } = { upstream: [], client: [] };
    push(chunk, out);
    const step = { upstream: told(out.upstream), client: told(out.client), clientBytes: Buffer.concat(out.client) };
    chunk.fill(0xee);
    return step;
  }
}

/** Of a text that runs as it is. */
export function allowed(sql: string): MysqlJudgement {
  return { ...unparsedJudgement(Buffer.from(sql), sql.length), recordedSql: sql, reason: null, changesCatalogue: false, mayPrepare: false };
}

function told(parts: readonly Buffer[]): readonly Told[] {
  const found: Told[] = [];
  // A copy: the parts are views of what is lent.
  let rest = Buffer.concat(parts);
  for (let taken = takePacket(rest); taken !== undefined; taken = takePacket(rest)) {
    found.push({ sequence: taken.sequence, payload: taken.payload });
    rest = Buffer.from(taken.rest);
  }
  return found;
}
