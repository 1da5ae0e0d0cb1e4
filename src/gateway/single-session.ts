/** The occupant of a connection that logs in once: the protocol's login, then the one session. */
import { Fault } from "#protocols/wire/fault.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import type { LoginFront } from "./front.ts";
import type { Arrival, Occupant } from "./occupant.ts";
import type { Runtime } from "./runtime.ts";
import { Session } from "./session.ts";

export class SingleSession implements Occupant {
  readonly #arrival: Arrival;
  readonly #front: LoginFront;
  #session: Session | null = null;

  constructor(front: LoginFront, arrival: Arrival) {
    this.#front = front;
    this.#arrival = arrival;
  }

  get authenticated(): boolean {
    return this.#session !== null;
  }

  get summaries(): readonly SessionSummary[] {
    const summary = this.#session?.summary ?? null;
    return summary === null ? [] : [summary];
  }

  late(fault: Fault): void {
    this.#arrival.leg.socket.write(this.#front.farewell(fault));
  }

  drain(): void {
    this.#session?.drain();
  }

  end(fault: Fault): void {
    this.#session?.end(fault);
  }

  superseded(): void {
    // A session keeps what it began with.
  }

  async run(): Promise<void> {
    const { id, remote, leg, self, debts, deadline } = this.#arrival;
    let { runtime } = this.#arrival;
    const inForce = (): Runtime => {
      runtime = this.#inForce();
      return runtime;
    };
    const result = await this.#front.login(leg, { identity: runtime.identity, inForce });
    if (result.kind === "cancel") {
      self.cancel(result.key, remote);
      return;
    }
    if (result.kind === "refused") {
      self.log("warn", "login-refused", { session: id, remote, reason: result.reason });
      return;
    }
    this.#session = new Session({ id, remote, client: leg.socket, authorised: result.authorised, self, runtime, debts });
    await this.#session.run(deadline);
  }

  /** A client may take its time to log in: what it then gets is by what holds then. @throws Fault `identity-unavailable` */
  #inForce(): Runtime {
    const { runtime, newest } = this.#arrival;
    const inForce = newest();
    if (inForce === runtime || (inForce.identity === runtime.identity && inForce.admitsAs(runtime))) return inForce;
    throw new Fault("identity-unavailable", "whom the gateway believes has changed since the login began", { hint: "connect again" });
  }
}
