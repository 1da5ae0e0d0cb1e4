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
import type { CancelKey } from "#src/gateway/cancels.ts";
import type { Conversation, Dialled, DialogueParts, DialRequest } from "#src/gateway/front.ts";
import type { Standing } from "#src/gateway/standing.ts";
import type { Upstream, UpstreamContext } from "#src/gateway/upstream.ts";
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
    const { upstream, database } = permit;
    const { underMask, searchPath } = standing;
    const own = { user: upstream.target.credential.user, database, mark, searchPath };
    const parameters = upstreamParameters(this.#startup.parameters, own, underMask);
    const { socket, login } = await upstream.dial(postgresDialer(parameters), context);
    return {
      socket,
      cancel: login.key === null ? null : cancelling(upstream, login.key),
      begin: (parts) => this.#begin(login, standing, parts),
    };
  }

  #begin(login: LoginResult, standing: Standing, parts: DialogueParts) {
    const { underMask, mayPassUnparsed, isProtected } = standing;
    const terms = { underMask, mayPassUnparsed, isProtected, limits: parts.results };
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

/** A CancelRequest goes over a connection of its own, before any login (protocol-flow-canceling-requests). */
function cancelling(upstream: Upstream, key: CancelKey) {
  return async (context: UpstreamContext, closeMs: number): Promise<void> => {
    const socket = await upstream.secureConnection(postgresOpening(), context);
    socket.end(cancelRequest(key));
    socket.resume();
    setTimeout(() => socket.destroy(), closeMs).unref();
    await new Promise((resolve) => socket.once("close", resolve));
  };
}
