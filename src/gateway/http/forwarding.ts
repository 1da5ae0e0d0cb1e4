/** A request that may be sent, with all that the steps from here on need to know of it. */
import type { httpBoundsFor } from "#policies/decide.ts";
import type { HttpMask } from "#policies/question.ts";
import type { RequestedTarget } from "#protocols/http/protocol.ts";
import type { Arrival } from "#src/gateway/occupant.ts";
import type { Api } from "./apis.ts";
import type { Exchange } from "./exchange.ts";
import type { ProofPlace } from "./proof.ts";
import type { RequestRecord } from "./request-record.ts";
import type { HttpSession } from "./session.ts";
import type { Stopper } from "./stopper.ts";

export interface Forwarding {
  readonly exchange: Exchange;
  readonly arrival: Arrival;
  readonly api: Api;
  readonly requested: RequestedTarget;
  readonly place: ProofPlace;
  readonly masks: readonly HttpMask[];
  readonly bounds: ReturnType<typeof httpBoundsFor>;
  readonly session: HttpSession;
  readonly record: RequestRecord;
  readonly stopper: Stopper;
  /** The body, where it had to be read to be judged. */
  readonly ahead: Buffer | null;
}
