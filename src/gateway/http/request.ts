/**
 * One request from its head to its end: shape, target, proof, session, permission, record, and only then the target. Whatever
 * fails on the way is answered here, once.
 */
import { decide, httpBoundsFor, httpMasksFor } from "#policies/decide.ts";
import type { Denial } from "#policies/decision.ts";
import {
  challenge,
  checkMethod,
  grpcRefusal,
  isGrpc,
  type McpMessage,
  mcpFacts,
  mcpRefusal,
  metadataAskedFor,
  NO_CALLS,
  problem,
  protectedResourceMetadata,
  type RequestedTarget,
  requestedTarget,
  resourceOf,
  valuesOf,
} from "#protocols/http/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { asFault } from "#src/gateway/as-fault.ts";
import { Denied } from "#src/gateway/authorise.ts";
import type { Proof } from "#src/identity/proof.ts";
import { sendAnswer } from "./answers.ts";
import type { Api } from "./apis.ts";
import type { Exchange } from "./exchange.ts";
import { forward } from "./forward.ts";
import type { Forwarding } from "./forwarding.ts";
import { HEADER_FIELDS_MAX, TARGET_BYTES_MAX } from "./limits.ts";
import { gathered, readMessage } from "./mcp.ts";
import type { Place } from "./place.ts";
import type { ProofPlace } from "./proof.ts";
import { Refusal } from "./refusal.ts";
import { RequestRecord } from "./request-record.ts";
import { Stopper } from "./stopper.ts";

const LABEL_CHARACTERS_MAX = 256;

/** What these ask of an MCP server is its stream, or the end of a session. */
const CALLS_NOTHING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE"]);

/** Never throws: what goes wrong is answered. */
export async function serveRequest(exchange: Exchange, place: Place): Promise<void> {
  const attempt = new Attempt(exchange, place);
  try {
    await attempt.run();
  } catch (error) {
    try {
      attempt.refuse(error);
    } catch (defect) {
      // Node has not taken the answer: nobody is to wait for it.
      exchange.fail();
      place.arrival.self.log("error", "failure", { reason: "internal-error", message: asFault(defect).message, stack: stackOf(defect) });
    }
  }
}

class Attempt {
  readonly #exchange: Exchange;
  readonly #place: Place;
  #requestId: string;
  #resource = "";
  #message: McpMessage | null = null;
  #record: RequestRecord | null = null;

  constructor(exchange: Exchange, place: Place) {
    this.#exchange = exchange;
    this.#place = place;
    this.#requestId = place.arrival.self.newId();
  }

  async run(): Promise<void> {
    const { runtime, leg } = this.#place.arrival;
    checkShape(this.#exchange);
    const requested = this.#route();
    if (this.#toldMetadata(requested)) return;
    const { proof, place } = await runtime.apis.proofs.prove(this.#exchange.headers, leg.certificate);
    this.#place.authenticate();
    if (requested instanceof Fault) throw requested;
    const api = runtime.apis.byName.get(requested.target);
    if (api === undefined) throw new Fault("target-unknown", "there is no such target");
    await this.#judged(requested, api, proof, place);
  }

  /** @throws Fault `request-ambiguous`, `request-misdirected`. @returns a fault where no target is meant, which only the proved are told */
  #route(): RequestedTarget | Fault {
    const { path, authority, headers } = this.#exchange;
    const { runtime, leg } = this.#place.arrival;
    const hosts = valuesOf(headers, "host");
    const requested = requestedTarget({ path, authority, hosts, sni: leg.sni }, runtime.apis.known);
    if (requested instanceof Fault) {
      if (requested.code !== "target-unknown") throw requested;
      this.#resource = `https://${(authority ?? hosts[0] ?? "").toLowerCase()}`;
    } else this.#resource = resourceOf(requested);
    if (URL.canParse(this.#resource)) return requested;
    this.#resource = "";
    throw new Fault("request-ambiguous", "the request names a host that no address can have");
  }

  /** RFC 9728: whoever has no token learns where to get one. */
  #toldMetadata(requested: RequestedTarget | Fault): boolean {
    const { method, path } = this.#exchange;
    const [plain = ""] = path.split("?");
    const prefix = metadataAskedFor(plain);
    if (prefix === undefined || (method !== "GET" && method !== "HEAD")) return false;
    const { origin } = new URL(this.#resource);
    const named = requested instanceof Fault || prefix !== "" ? `${origin}${prefix}` : this.#resource;
    sendAnswer(this.#exchange, protectedResourceMetadata(named, this.#place.arrival.runtime.apis.issuers, this.#requestId));
    return true;
  }

  async #judged(requested: RequestedTarget, api: Api, proof: Proof, place: ProofPlace): Promise<void> {
    const { arrival, rates } = this.#place;
    const { policy } = arrival.runtime.config;
    const masks = httpMasksFor(policy, proof.principal, api.target.name, requested.path);
    const ahead = await this.#messageAhead(requested, api);
    const session = await this.#place.session(proof, api, this.#label());
    const mcp = ahead === null ? null : ahead.message === null ? NO_CALLS : mcpFacts(ahead.message);
    const facts = { method: this.#exchange.method, path: requested.path, mcp };
    const decision = decide(policy, { kind: "request", principal: proof.principal, target: api.target.name, facts });
    const stopper = new Stopper(this.#exchange, proof.expiresAtMs - arrival.self.clock.now());
    session.enter(stopper);
    try {
      const { method } = this.#exchange;
      this.#record = new RequestRecord({ session, self: arrival.self, method, requested, masks, decision, tools: mcp?.tools ?? [] });
      this.#requestId = this.#record.requestId;
      if (decision.verdict !== "allow" && decision.verdict !== "mask") {
        this.#record.flush();
        throw decision.verdict === "deny" ? new Denied(decision) : new Fault("internal-error", "there is nobody to ask yet");
      }
      const bounds = httpBoundsFor(policy, proof.principal, api.target.name);
      const who = JSON.stringify([api.target.name, proof.principal.issuer, proof.principal.name]);
      const wait = rates.take(bounds.rates, who, arrival.self.clock.monotonicMs());
      if (wait !== null) throw tooOften(wait);
      const record = this.#record;
      const forwarding: Forwarding = {
        exchange: this.#exchange,
        arrival,
        api,
        requested,
        place,
        masks,
        bounds,
        session,
        record,
        stopper,
        ahead: ahead?.body ?? null,
      };
      await forward(forwarding);
    } finally {
      stopper.clear();
      session.leave(stopper);
    }
  }

  /** Of an MCP server's endpoint: what a POST calls must be known before anything is decided. @returns null for everything else */
  async #messageAhead(
    requested: RequestedTarget,
    { target }: Api,
  ): Promise<{ readonly message: McpMessage | null; readonly body: Buffer | null } | null> {
    const { mcpPath } = target;
    if (mcpPath === null || (requested.path !== mcpPath && requested.path !== `${mcpPath}/`)) return null;
    const { method } = this.#exchange;
    // A body elsewhere than in a POST may be read as a message by a server, and is judged as none.
    if (method !== "POST") return CALLS_NOTHING.has(method) && this.#exchange.body === null ? { message: null, body: null } : null;
    const body = await gathered(this.#exchange);
    this.#message = readMessage(this.#exchange.headers, body);
    return { message: this.#message, body };
  }

  #label(): string {
    const [agent = ""] = valuesOf(this.#exchange.headers, "user-agent");
    return agent.slice(0, LABEL_CHARACTERS_MAX);
  }

  refuse(error: unknown): void {
    const told = error instanceof Denied ? error.denial : error instanceof Refusal ? error.fault : asFault(error);
    this.#note(told, error);
    if (this.#exchange.signal.aborted && !(told instanceof Fault && told.code === "token-expired")) {
      this.#exchange.fail();
      return;
    }
    sendAnswer(this.#exchange, this.#answerTo(told, error));
  }

  #note(told: Fault | Denial, error: unknown): void {
    const { id, remote, self } = this.#place.arrival;
    const reason = told instanceof Fault ? told.code : told.reason;
    try {
      if (told instanceof Fault) this.#record?.failed(told);
      else this.#record?.done(told.reason, 0);
    } catch {
      // The journal has failed: the session has ended with that, and it is logged there.
    }
    const fields = { session: id, remote, request: this.#requestId, reason, cause: causeOf(told) };
    if (reason === "internal-error") self.log("error", "failure", { ...fields, stack: stackOf(error) });
    else if (this.#exchange.signal.aborted) self.log("info", "request-abandoned", fields);
    else self.log("warn", "request-refused", fields);
  }

  #answerTo(told: Fault | Denial, error: unknown) {
    const requestId = this.#requestId;
    if (isGrpc(this.#exchange.headers)) return grpcRefusal(told, requestId);
    if (this.#message !== null) return mcpRefusal(told, this.#message.calls, this.#message.batch, requestId);
    const { status, retryAfter } = error instanceof Refusal ? error : { status: undefined, retryAfter: undefined };
    const context = { requestId, ...(status === undefined ? {} : { status }), ...(retryAfter === undefined ? {} : { retryAfter }) };
    const answer = problem(told, context);
    const asked = told instanceof Fault ? challenge(told, this.#resource) : null;
    return asked === null ? answer : { ...answer, headers: [...answer.headers, asked] };
  }
}

/** @throws Refusal, Fault `method-refused` */
function checkShape({ method, path, headers }: Exchange): void {
  if (path.length > TARGET_BYTES_MAX) throw tooLarge(414, "the request's target is too long");
  if (headers.length > HEADER_FIELDS_MAX) throw tooLarge(431, `the request has more than ${HEADER_FIELDS_MAX} header fields`);
  const fault = checkMethod(method);
  if (fault !== undefined) throw fault;
}

function tooLarge(status: number, message: string): Refusal {
  return new Refusal(new Fault("message-too-large", message), { status });
}

function tooOften({ rule, waitMs }: { readonly rule: string; readonly waitMs: number }): Refusal {
  const fault = new Fault("rate-limited", `the rule ${rule} lets no more requests through at the moment`, { hint: "send it again later" });
  return new Refusal(fault, { retryAfter: waitMs / 1000 });
}

function causeOf(told: Fault | Denial): string | undefined {
  return told instanceof Fault && told.cause instanceof Error ? told.cause.message : undefined;
}

function stackOf(error: unknown): string | undefined {
  const cause = error instanceof Fault ? error.cause : error;
  return cause instanceof Error ? cause.stack : undefined;
}
