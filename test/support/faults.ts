/** Checks for `assert.throws`: the fault's stable code, and its sentence where the test is about that. */
import { Fault, type FaultCode } from "#protocols/wire/fault.ts";

/** @returns true for a Fault with this code whose message matches; anything else fails the assertion. */
export function isFault(code: FaultCode, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code && message.test(error.message);
}
