/** What was caught, as a fault: anything else than a fault is a defect of ours, and only the record learns more of it. */
import { Fault } from "#protocols/wire/fault.ts";

export function asFault(error: unknown): Fault {
  return error instanceof Fault
    ? error
    : new Fault("internal-error", "the gateway met a defect of its own; the session ends", { cause: error });
}
