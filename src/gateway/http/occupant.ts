/**
 * The occupant of an HTTP connection: it carries requests of whoever proves who they are, each with a token of its own, and
 * has one session for each principal and target among them.
 */

import { setTimeout as pause } from "node:timers/promises";
import { decide } from "#policies/decide.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import { Denied } from "#src/gateway/authorise.ts";
import type { Arrival, Occupant } from "#src/gateway/occupant.ts";
import type { Proof } from "#src/identity/proof.ts";
import type { Api } from "./apis.ts";
import type { Exchange } from "./exchange.ts";
import type { Place } from "./place.ts";
import type { Rates } from "./rates.ts";
import { serveRequest } from "./request.ts";
import type { Served } from "./served.ts";
import type { HttpServers } from "./servers.ts";
import { type Ending, HttpSession } from "./session.ts";

/** Sessions of one connection: more principals than this behind one connection is no client that is known. */
const SESSIONS_MAX = 1000;

/** How long requests may take to end once their connection is gone. */
const LAST_WORDS_MS = 5_000;

export class HttpOccupant implements Occupant, Place {
  readonly arrival: Arrival;
  readonly #servers: HttpServers;
  readonly #sessions = new Map<string, HttpSession>();
  readonly #requests = new Set<Promise<void>>();
  #served: Served | null = null;
  #authenticated = false;
  #finishing = false;
  #named = false;

  constructor(arrival: Arrival, servers: HttpServers) {
    this.arrival = arrival;
    this.#servers = servers;
  }

  get authenticated(): boolean {
    return this.#authenticated;
  }

  get summaries(): readonly SessionSummary[] {
    return [...this.#sessions.values()].flatMap(({ summary }) => summary ?? []);
  }

  get rates(): Rates {
    return this.#servers.rates;
  }

  late(): void {
    this.#cut();
  }

  drain(): void {
    this.#finishing = true;
    this.#served?.finish();
  }

  superseded(): void {
    this.drain();
  }

  end(fault: Fault): void {
    for (const session of this.#sessions.values()) session.end(endingOf(fault), fault);
    this.#cut();
  }

  async run(): Promise<void> {
    const { leg, debts, runtime } = this.arrival;
    await debts.paid();
    if (leg.socket.destroyed) return;
    runtime.apis.enter();
    try {
      const gone = new Promise<void>((resolve) => leg.socket.once("close", () => resolve()));
      this.#served = this.#servers.serve(leg.socket, (exchange) => this.#receive(exchange));
      if (this.#finishing) this.#served.finish();
      await gone;
    } finally {
      const lost = new Set([...this.#sessions.values()].filter(({ abandoned }) => abandoned));
      // What they have to say of their end belongs on record.
      await Promise.race([Promise.all(this.#requests), pause(LAST_WORDS_MS)]);
      for (const session of this.#sessions.values()) session.end({ status: lost.has(session) ? "client-lost" : "closed", reason: null });
      runtime.apis.leave();
    }
  }

  authenticate(): void {
    this.#authenticated = true;
    this.arrival.deadline.clear();
  }

  async session(proof: Proof, api: Api, label: string): Promise<HttpSession> {
    const { principal } = proof;
    const key = JSON.stringify([principal.issuer, principal.name, principal.groups, principal.actor, api.target.name]);
    const known = this.#sessions.get(key);
    if (known?.spent) throw known.spent;
    if (known !== undefined && !known.over) {
      await known.ready;
      return known;
    }
    const { runtime } = this.arrival;
    const decision = decide(runtime.config.policy, { kind: "connect", principal, target: api.target.name });
    if (decision.verdict === "deny") throw new Denied(decision);
    if (this.#sessions.size >= SESSIONS_MAX) throw new Fault("too-many-connections", "too many sessions on one connection");
    const { results } = runtime.config.recording;
    // What has used up its budget stays, so that it does not begin anew with the next request.
    const onEnd = (over: HttpSession): void => {
      if (this.#sessions.get(key) === over && over.spent === null) this.#sessions.delete(key);
    };
    // The first has the connection's own id, by which its handshake is on record.
    const id = this.#named ? this.arrival.self.newId() : this.arrival.id;
    this.#named = true;
    const session = new HttpSession({ id, arrival: this.arrival, proof, target: api.target, label, results, onEnd });
    this.#sessions.set(key, session);
    await session.ready;
    return session;
  }

  #receive(exchange: Exchange): Promise<void> {
    const request = serveRequest(exchange, this);
    this.#requests.add(request);
    return request.finally(() => this.#requests.delete(request));
  }

  #cut(): void {
    if (this.#served === null) this.arrival.leg.socket.destroy();
    else this.#served.cut();
  }
}

function endingOf(fault: Fault): Ending {
  return { status: fault.code === "shutting-down" ? "shutdown" : "fault", reason: fault.code };
}
