/**
 * Who lives on a connection once TLS is up: one session, or as many as there are requests of others. The connection knows only
 * whether anyone has authenticated, what to list, and how to ask them to leave.
 */
import type { X509Certificate } from "node:crypto";
import type tls from "node:tls";
import type { Fault } from "#protocols/wire/fault.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import type { Deadline } from "./deadline.ts";
import type { Debts } from "./debts.ts";
import type { Runtime } from "./runtime.ts";
import type { WorkerSelf } from "./worker-self.ts";

export interface Occupant {
  /** Somebody has: the connection does not give way to newer ones any more. */
  readonly authenticated: boolean;
  /** Counts of the open sessions as they stand. */
  readonly summaries: readonly SessionSummary[];
  /** Nobody has authenticated in time: says so where it can be said. The connection is closed after it. */
  late(fault: Fault): void;
  /** Finishes what runs and takes nothing new. */
  drain(): void;
  end(fault: Fault): void;
  /** Another configuration is in force: what begins from now on is to go by that. */
  superseded(): void;
  /** Runs until all is over. @throws Fault when the client is to be told and then closed */
  run(): Promise<void>;
}

/** A client behind TLS, of whom only what TLS has shown is known. */
export interface SecureClient {
  readonly socket: tls.TLSSocket;
  readonly sni: string | null;
  /** Verified; null when none was shown or asked for. */
  readonly certificate: X509Certificate | null;
}

/** A connection with TLS up, as its occupant finds it. */
export interface Arrival {
  readonly id: string;
  readonly remote: string;
  readonly leg: SecureClient;
  readonly self: WorkerSelf;
  /** In force when TLS was up. */
  readonly runtime: Runtime;
  /** In force at the time of the call. */
  readonly newest: () => Runtime;
  /** What must be durable before anything is served: the handshake so far. */
  readonly debts: Debts;
  /** Of the login; to be cleared when somebody has authenticated. */
  readonly deadline: Deadline;
}
