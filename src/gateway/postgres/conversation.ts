/** PostgreSQL's own half of a session: the start-up that the target gets, cancelling there, and what a client is greeted with. */
import {
  authenticationOk,
  backendKeyData,
  cancelRequest,
  checkSetting,
  type LoginResult,
  parameterStatus,
  readyForQuery,
  SessionState,
  type Startup,
  toldUnderMask,
  upstreamParameters,
} from "#protocols/postgres/protocol.ts";
import { capsOf } from "#protocols/wire/caps.ts";
import type { CancelKey } from "#src/gateway/cancels.ts";
import type { Cancelled, Cancelling, Conversation, Dialled, DialogueParts, DialRequest } from "#src/gateway/front.ts";
import type { PostgresStanding } from "#src/gateway/standing.ts";
import type { Upstream } from "#src/gateway/upstream.ts";
import { postgresDialer, postgresOpening } from "./dialer.ts";
import { PostgresDialogue } from "./dialogue.ts";

export class PostgresConversation implements Conversation {
  readonly reservedId = null;
  readonly #startup: Startup;

  constructor(startup: Startup) {
    this.#startup = startup;
  }

  get application(): string | null {
    return this.#startup.parameters.get("application_name") ?? null;
  }

  get longCancelKeys(): boolean {
    return this.#startup.minor === 2;
  }

  async dial({ permit, standing, mark, context }: DialRequest): Promise<Dialled> {
    if (standing.protocol !== "postgres") throw new Error("broken invariant: a session of another protocol");
    const { upstream, database } = permit;
    const { underMask, searchPath } = standing;
    const own = { user: upstream.target.credential.user, database, mark, searchPath };
    const parameters = upstreamParameters(this.#startup.parameters, own, underMask);
    const { statementTimeoutMs } = upstream.target.limits;
    const { socket, login } = await upstream.dial(postgresDialer(parameters, statementTimeoutMs), context);
    return {
      socket,
      cancel: login.key === null ? null : cancelling(upstream, login.key),
      keepsTimeout: login.keepsTimeout,
      begin: (parts) => this.#begin(login, standing, parts),
    };
  }

  #begin(login: LoginResult, standing: PostgresStanding, parts: DialogueParts) {
    const { underMask, mayPassUnparsed, isProtected, hashOf } = standing;
    const terms = { underMask, mayPassUnparsed, isProtected, hashOf, limits: parts.results, caps: capsOf(parts.limits) };
    const state = new SessionState(terms, parts.append, parts.counts);
    return {
      greeting: this.#greeting(login, parts.key, underMask),
      dialogue: new PostgresDialogue(state, standing.judge, parts.digestOf),
    };
  }

  /** What follows a good login: the target's own parameters, our cancel key, its transaction status. */
  #greeting(login: LoginResult, key: CancelKey, underMask: boolean): Buffer {
    const parts = [authenticationOk()];
    for (const [name, value] of login.parameters) {
      checkSetting(name, value);
      if (underMask && !toldUnderMask(name)) continue;
      // The client's own application_name, not the one that carries the session's mark.
      parts.push(parameterStatus(name, name === "application_name" ? (this.application ?? "") : value));
    }
    parts.push(backendKeyData(key), readyForQuery("I"));
    return Buffer.concat(parts);
  }
}

/**
 * A CancelRequest goes over a connection of its own, before any login (protocol-flow-canceling-requests). The server closes it
 * once the request has been passed on; there is no other answer.
 */
function cancelling(upstream: Upstream, key: CancelKey): Cancelling {
  return async (context, closeMs, wanted) => {
    const socket = await upstream.secureConnection(postgresOpening(), context);
    if (!wanted()) {
      socket.destroy();
      return "not-sent";
    }
    return new Promise((resolve) => {
      let outcome: Cancelled = "done";
      const timer = setTimeout(() => {
        outcome = "unclear";
        socket.destroy();
      }, closeMs).unref();
      socket.once("close", () => {
        clearTimeout(timer);
        resolve(outcome);
      });
      socket.resume();
      socket.write(cancelRequest(key));
    });
  };
}
