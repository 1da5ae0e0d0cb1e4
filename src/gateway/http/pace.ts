/** Cuts off bodies that trickle: whoever has said how long a body is has it, and sends it at some rate. */
import { BODY_BYTES_PER_SECOND_MIN, BODY_GRACE_MS } from "./limits.ts";

export class Pace {
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  /** @param held whether it is the reader that is slow at the moment */
  constructor(tooSlow: () => void, held: () => boolean) {
    this.#timer = setInterval(() => {
      if (!held() && this.#bytes < (BODY_BYTES_PER_SECOND_MIN * BODY_GRACE_MS) / 1000) tooSlow();
      this.#bytes = 0;
    }, BODY_GRACE_MS).unref();
  }

  came(bytes: number): void {
    this.#bytes += bytes;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
