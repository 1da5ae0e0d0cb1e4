/** Where a request has come in: a connection, and the sessions on it. */
import type { Arrival } from "#src/gateway/occupant.ts";
import type { Proof } from "#src/identity/proof.ts";
import type { Api } from "./apis.ts";
import type { Rates } from "./rates.ts";
import type { HttpSession } from "./session.ts";

export interface Place {
  readonly arrival: Arrival;
  readonly rates: Rates;
  /** Somebody has proved who they are: the connection may stay. */
  authenticate(): void;
  /**
   * The session of a principal on a target, begun where there is none.
   *
   * @param label what the client calls itself
   * @throws Fault `recording-failed`, `evidence-failed`, `session-budget`, `too-many-connections`; Denied
   */
  session(proof: Proof, api: Api, label: string): Promise<HttpSession>;
}
