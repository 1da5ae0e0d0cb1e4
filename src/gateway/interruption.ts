/**
 * One cancel request of the gateway's own, from the moment that it is wanted until it can hit nothing any more. A request
 * goes over a connection of its own and names a session, not a statement: what arrives late stops whatever runs then. So
 * nothing of the client's is sent to the target until the request is known to be done with, or was never sent.
 *
 * libpq waits for the end of the connection for the same reason (fe-cancel.c): the server closes it once it has passed the
 * request on.
 */
import type { Cancelled } from "./front.ts";

/** A result a little beyond its limit ends by itself before this is over, and costs no connection. */
export const PATIENCE_MS = 20;

export interface InterruptionParts {
  readonly patienceMs: number;
  /**
   * Asks the target to stop what it does for the session.
   *
   * @param wanted asked once more before the request itself is sent
   */
  readonly cancel: (wanted: () => boolean) => Promise<Cancelled>;
  /** Before the request goes out. Throws where it can't be recorded. */
  readonly onCancel: () => void;
  /** Nothing can be hit any more; or nobody can know. Called once. */
  readonly onOver: (outcome: "clear" | "unclear") => void;
  readonly onError: (error: unknown) => void;
}

type Request = "waiting" | "under way" | Cancelled;

export class Interruption {
  readonly #parts: InterruptionParts;
  readonly #timer: NodeJS.Timeout;
  #request: Request = "waiting";
  /** What was to be stopped has come to an end, one way or another. */
  #ended = false;
  #over = false;

  constructor(parts: InterruptionParts) {
    this.#parts = parts;
    this.#timer = setTimeout(() => this.#ask(), parts.patienceMs);
  }

  /** The target has said how it ended. May be called again. */
  ended(): void {
    this.#ended = true;
    if (this.#request === "waiting") {
      clearTimeout(this.#timer);
      this.#request = "not-sent";
    }
    this.#settle();
  }

  /** The session is over; whatever is on its way hits nothing that is left. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#over = true;
  }

  #ask(): void {
    const { cancel, onCancel, onError } = this.#parts;
    this.#request = "under way";
    try {
      onCancel();
    } catch (error) {
      onError(error);
      return;
    }
    cancel(() => !this.#ended && !this.#over).then(
      (cancelled) => this.#answered(cancelled),
      // It did not get as far as the request: `cancel` says so itself where it did.
      () => this.#answered("not-sent"),
    );
  }

  #answered(cancelled: Cancelled): void {
    this.#request = cancelled;
    this.#settle();
  }

  #settle(): void {
    if (this.#over || !this.#ended || this.#request === "waiting" || this.#request === "under way") return;
    this.#over = true;
    this.#parts.onOver(this.#request === "unclear" ? "unclear" : "clear");
  }
}
