/** The one place where a `Proof` comes into being. Only the verifiers of this folder call it, after they verified. */
import type { Principal } from "#policies/question.ts";
import type { Proof } from "./proof.ts";

export function proved(principal: Principal, via: Proof["via"], expiresAtMs: number): Proof {
  const proof: Omit<Proof, typeof brand> = { principal, expiresAtMs, via };
  return proof as Proof;
}

/** The brand of `Proof` exists for the compiler only; no value carries it. */
declare const brand: Exclude<keyof Proof, "principal" | "expiresAtMs" | "via">;
