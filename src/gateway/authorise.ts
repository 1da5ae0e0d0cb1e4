/** From a proof and a target's name to the permission to dial it: the same step for every protocol. */
import { decide } from "#policies/decide.ts";
import type { Denial } from "#policies/decision.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Protocol } from "#src/config/config.ts";
import type { Proof } from "#src/identity/proof.ts";
import type { Permit, PermitGrounds } from "./front.ts";

/** What a client asks for; `database` null is the target's first. */
export interface RequestedTarget {
  readonly target: string;
  readonly database: string | null;
  readonly label: string;
}

/** Policy has said no. */
export class Denied extends Error {
  readonly denial: Denial;
  constructor(denial: Denial) {
    super(denial.message);
    this.denial = denial;
  }
}

/** @throws Fault `target-unknown`, Denied */
export function authorise(protocol: Protocol, proof: Proof, requested: RequestedTarget, grounds: PermitGrounds): Permit {
  const upstream = grounds.upstreams.get(requested.target);
  if (upstream === undefined || upstream.target.protocol !== protocol) {
    throw new Fault("target-unknown", `no target is named "${requested.target}"`);
  }
  const decision = decide(grounds.config.policy, { kind: "connect", principal: proof.principal, target: requested.target });
  if (decision.verdict === "deny") throw new Denied(decision);
  const { databases } = upstream.target;
  const database = requested.database ?? databases[0];
  if (!databases.includes(database)) {
    throw new Fault("target-unknown", `target "${requested.target}" has no database "${database}"`, {
      hint: `its databases are ${databases.join(", ")}`,
    });
  }
  return { proof, upstream, database, label: requested.label };
}
