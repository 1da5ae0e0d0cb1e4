/**
 * What a protocol brings to the steps that all of them share: how a client asks for TLS and logs in, how the target is logged
 * in to, and the two machines between them. Limits, identity, permission, records and sockets are not its business.
 */
import type net from "node:net";
import type tls from "node:tls";
import type { SessionCounts } from "#protocols/wire/counts.ts";
import type { Fault } from "#protocols/wire/fault.ts";
import type { EventBody } from "#protocols/wire/transcript.ts";
import type { HandshakeRecord } from "#src/audit/records.ts";
import type { Config, Protocol, TargetLimits } from "#src/config/config.ts";
import type { Identity, Proof } from "#src/identity/proof.ts";
import type { ClientHello } from "#src/tls/client-hello.ts";
import type { CancelKey } from "./cancels.ts";
import type { Arrival, Occupant, SecureClient } from "./occupant.ts";
import type { SocketReader } from "./socket-reader.ts";
import type { Standing } from "./standing.ts";
import type { Upstream, UpstreamContext } from "./upstream.ts";

/** One for each accepted connection, since what a client can be told depends on what has been said before. */
export interface Front {
  readonly protocol: Protocol;
  /**
   * In the clear, up to where the ClientHello is due.
   *
   * @throws Fault for a client that is refused; `tls-required` when it began without TLS
   */
  negotiate(raw: net.Socket, reader: SocketReader): Promise<Negotiated>;
  /** @throws Fault `alpn-refused` when a ClientHello does not fit what was agreed on */
  checkHello(hello: ClientHello, negotiation: Negotiation): void;
  /** The last message of a connection that has no session yet. */
  farewell(fault: Fault): Buffer;
  /** Inside TLS. */
  occupant(arrival: Arrival): Occupant;
}

/** Of a protocol whose connection is one session. */
export interface LoginFront extends Front {
  /** Never throws for what a client does. */
  login(input: LoginInput, grounds: LoginGrounds): Promise<LoginResult>;
}

export type Negotiation = HandshakeRecord["negotiation"];

export type Negotiated =
  | {
      readonly kind: "tls";
      readonly negotiation: "sslrequest" | "direct";
      /** Of the ClientHello, what has come already. */
      readonly begun: Buffer;
    }
  /** A CancelRequest in clear text: libpq before 17 can send it in no other way. */
  | { readonly kind: "cancel"; readonly key: CancelKey };

export type LoginInput = SecureClient;

/** What a login is judged by. */
export interface LoginGrounds {
  readonly identity: Identity;
  /**
   * What is in force when somebody is proved, who may have begun under what was before.
   *
   * @throws Fault `identity-unavailable` where whom to believe has changed meanwhile
   */
  readonly inForce: () => PermitGrounds;
}

/** What a permission is judged by. */
export interface PermitGrounds {
  readonly config: Config;
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

export type LoginResult =
  | { readonly kind: "authorised"; readonly authorised: Authorised }
  | { readonly kind: "cancel"; readonly key: CancelKey }
  /** Answered already, or the client is gone. */
  | { readonly kind: "refused"; readonly reason: string };

/** Who may reach which target: only `authorise` makes one, and dialling asks for it. */
export interface Authorised extends Permit {
  readonly conversation: Conversation;
  /** What the client pipelined behind its proof. */
  readonly rest: Buffer;
}

export interface Permit {
  readonly proof: Proof;
  readonly upstream: Upstream;
  /** One of the target's databases. */
  readonly database: string;
  readonly label: string;
}

/** The protocol's own half of a session. */
export interface Conversation {
  /** What the client calls itself, for the record. */
  readonly application: string | null;
  /** Minor version of PostgreSQL's protocol, which decides how long a cancel key is. */
  readonly longCancelKeys: boolean;
  /** Taken from `Cancels.take` before the login; null: one is given out when the session begins. */
  readonly reservedId: number | null;
  /** Logs in at the target. @throws Fault as `Upstream.dial` does */
  dial(request: DialRequest): Promise<Dialled>;
}

export interface DialRequest {
  readonly permit: Permit;
  readonly standing: Standing;
  /** Carried to the target where its protocol has a place for it: session and principal. */
  readonly mark: string;
  readonly context: UpstreamContext;
}

export interface Dialled {
  readonly socket: tls.TLSSocket;
  /** Asks the target to stop what it does for this session; null where it offers no way. */
  readonly cancel: Cancelling | null;
  /** The target itself keeps `limits.statementTimeout`; the gateway's clock stands behind it. */
  readonly keepsTimeout: boolean;
  begin(parts: DialogueParts): { readonly greeting: Buffer; readonly dialogue: Dialogue };
}

/**
 * @param closeMs how long the target may take to close the connection that asks it
 * @param wanted asked before the request itself is sent, on a connection that is ready
 * @throws only before the request was sent
 */
export type Cancelling = (context: UpstreamContext, closeMs: number, wanted: () => boolean) => Promise<Cancelled>;

/** `done`: it can hit nothing any more that begins now. `unclear`: it was sent, and may be on its way still. */
export type Cancelled = "not-sent" | "done" | "unclear";

export interface DialogueParts {
  /** Of each statement's result, what is written down. */
  readonly results: Config["recording"]["results"];
  readonly limits: TargetLimits;
  readonly counts: SessionCounts;
  /** @returns the event's sequence number */
  readonly append: (event: EventBody) => number;
  readonly digestOf: (value: Buffer) => string;
  /** Names this session to whoever may cancel it. */
  readonly key: CancelKey;
  /**
   * Stops what another session of the same principal runs, or ends it.
   *
   * @param processId as its key names it
   * @returns false where it is known that there is none
   */
  readonly kill: (processId: number, connection: boolean) => boolean;
}

/** Where bytes go: views, valid until they are written. */
export interface Outlets {
  readonly upstream: Buffer[];
  readonly client: Buffer[];
}

/** Resolves to how to go on. */
export type Asked = Promise<GoOn>;
export type GoOn = (nowMs: number, out: Outlets) => Asked | undefined;

/** A session under way: bytes in, bytes out, nothing else. Any method may throw a Fault, which ends the session. */
export interface Dialogue {
  /** The target owes an answer. */
  readonly busy: boolean;
  /** Nothing is under way: the session could end here without losing anything. */
  readonly quiet: boolean;
  /** The target has said that it ends the session. */
  readonly fatal: boolean;
  /** The client has said good-bye; what comes behind it is not read. */
  readonly clientEnded: boolean;
  /** The client has sent more ahead than is kept: it is not to be read now. */
  readonly clientFull: boolean;
  /** A message of our own may go to the target. */
  readonly upstreamAtBoundary: boolean;
  /** A message of our own may go to the client. */
  readonly clientAtBoundary: boolean;
  /** What says good-bye to the target. */
  readonly goodbye: Buffer;
  /** Changes with each answer that completes something: a statement's time runs from there. */
  readonly progress: number;
  /** The target is to be cancelled, and nothing is to be sent to it until that is done with. */
  readonly interrupts: boolean;
  /** What runs has taken longer than it may. @returns whether it is the caller's to cancel it; else `interrupts` says so */
  overtime(): boolean;
  /** True once for each statement that may have changed the catalogue, when its effect can be seen. */
  takeCatalogueChange(): boolean;
  /** @returns what to wait for; nothing of the client's may be handed in before */
  fromClient(chunk: Buffer, nowMs: number, out: Outlets): Asked | undefined;
  /** As `fromClient`: an answer's end may let a command go on that was held. */
  fromUpstream(chunk: Buffer, nowMs: number, out: Outlets): Asked | undefined;
  /** The target is gone: what had come of an answer is kept. */
  cut(): void;
  farewell(fault: Fault): Buffer;
}
