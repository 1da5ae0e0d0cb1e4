/** MySQL's own half of a session: the login that the target gets, KILL QUERY there, and what a client is told when it is in. */
import {
  CAPABILITY,
  checkBeginning,
  collationFor,
  type HandshakeResponse,
  okPayload,
  SessionState,
  type SessionTerms,
} from "#protocols/mysql/protocol.ts";
import { capsOf } from "#protocols/wire/caps.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Cancelled, Conversation, Dialled, DialogueParts, DialRequest } from "#src/gateway/front.ts";
import type { MysqlStanding } from "#src/gateway/standing.ts";
import type { Upstream, UpstreamContext } from "#src/gateway/upstream.ts";
import { type DialTerms, type MysqlLogin, mysqlDialer } from "./dialer.ts";
import { MysqlDialogue } from "./dialogue.ts";
import type { Greetings } from "./greetings.ts";
import type { Opening } from "./opening.ts";

/**
 * Makes the server tell of every change of what texts are read by, and tell it once. Sent again after COM_RESET_CONNECTION,
 * which takes it back.
 */
export const PREAMBLE: readonly string[] = [
  "SET SESSION session_track_schema = ON, SESSION session_track_system_variables = 'autocommit,character_set_client,character_set_connection,character_set_results,sql_mode,time_zone'",
  "SET SESSION sql_mode = @@SESSION.sql_mode, SESSION character_set_client = @@SESSION.character_set_client",
];

/** Of the client's choice, what is not handed on: it is between it and us, or nothing that is spoken here. */
const OWN = CAPABILITY.compress | CAPABILITY.zstdCompression | CAPABILITY.canHandleExpiredPasswords | CAPABILITY.multiFactorAuthentication;

interface Wishes {
  readonly database: string;
  readonly mark: string;
  readonly localFiles: boolean;
  readonly underMask: boolean;
}

export class MysqlConversation implements Conversation {
  readonly longCancelKeys = false;
  readonly #response: HandshakeResponse;
  readonly #opening: Opening;
  readonly #greetings: Greetings;

  constructor(response: HandshakeResponse, opening: Opening, greetings: Greetings) {
    this.#response = response;
    this.#opening = opening;
    this.#greetings = greetings;
  }

  get application(): string | null {
    return this.#response.attributes.get("program_name") ?? null;
  }

  get reservedId(): number {
    return this.#opening.greeting.connectionId;
  }

  async dial({ permit, standing, mark, context }: DialRequest): Promise<Dialled> {
    const { upstream, database } = permit;
    if (standing.protocol !== "mysql") throw new Error("broken invariant: a session of another protocol");
    const localFiles = upstream.target.localFiles && !standing.underMask;
    const { underMask } = standing;
    const terms = this.#terms({ database, mark, localFiles, underMask });
    const { socket, login } = await upstream.dial(mysqlDialer(upstream, terms), context);
    this.#greetings.note(upstream.target, login.greeting);
    this.#check(login);
    return {
      socket,
      cancel: killing(upstream, terms, login.greeting.connectionId),
      keepsTimeout: false,
      begin: (parts) => this.#begin(login, { standing, localFiles }, parts),
    };
  }

  #terms({ database, mark, localFiles, underMask }: Wishes): DialTerms {
    const { capabilities, maxPacketBytes, collation: asked } = this.#response;
    const attributes = new Map([
      ["program_name", "sallyport"],
      ["sallyport_session", mark],
    ]);
    const collation = (version: string) => collationFor(asked, { underMask, version });
    const without = localFiles ? OWN : OWN | CAPABILITY.localFiles;
    return { capabilities: (capabilities & ~without) >>> 0, collation, maxPacketBytes, database, attributes, preamble: PREAMBLE };
  }

  /** What changes the form of packets must be the same on both legs, but for what is translated between them. */
  #check({ capabilities, settings }: MysqlLogin): void {
    checkBeginning(settings);
    const forms = CAPABILITY.deprecateEof | CAPABILITY.multiResults | CAPABILITY.psMultiResults | CAPABILITY.optionalResultsetMetadata;
    const missing = this.#response.capabilities & ~capabilities & forms;
    if (missing === 0) return;
    // Another server has taken the place of the one that clients were greeted for, or it is older than what is spoken here.
    throw new Fault("upstream-login-failed", `the target has not what its client was offered (0x${missing.toString(16)})`, {
      hint: "connect again",
    });
  }

  #begin(
    login: MysqlLogin,
    { standing, localFiles }: { readonly standing: MysqlStanding; readonly localFiles: boolean },
    parts: DialogueParts,
  ) {
    const terms: SessionTerms = {
      underMask: standing.underMask,
      mayPassUnparsed: standing.mayPassUnparsed,
      localFiles,
      isProtected: standing.isProtected,
      limits: parts.results,
      caps: capsOf(parts.limits),
      clientCapabilities: this.#response.capabilities,
      product: /mariadb/i.test(login.greeting.version) ? "MariaDB" : "MySQL",
      upstreamCapabilities: login.capabilities,
      preamble: PREAMBLE,
    };
    const state = new SessionState(terms, parts.append, parts.counts, login.settings, login.status);
    const nothing = { affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "", changes: Buffer.alloc(0) };
    const greeting = this.#opening.next(okPayload({ ...nothing, status: login.status }, this.#response.capabilities));
    return { greeting, dialogue: new MysqlDialogue(state, standing.judge, parts) };
  }
}

/** KILL QUERY over a connection of its own, logged in as the session was. */
function killing(upstream: Upstream, terms: DialTerms, connectionId: number) {
  return async (context: UpstreamContext, _closeMs: number, wanted: () => boolean): Promise<Cancelled> => {
    if (!wanted()) return "not-sent";
    const statement = `KILL QUERY ${connectionId}`;
    const { socket } = await upstream.dial(mysqlDialer(upstream, { ...terms, database: null, preamble: [statement] }), context);
    socket.destroySoon();
    return "done";
  };
}
