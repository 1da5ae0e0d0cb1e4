/** Parts of a target that databases and APIs share: its TLS, and the limits of any session. */
import { z } from "zod";
import { duration, volume } from "#policies/quantities.ts";
import { checkPair, type Leaves } from "./leaves.ts";
import { count, distinct, minVersion, pin, serverName } from "./values.ts";

/** A working day: a session whose proof lasts for months should still end. */
const SESSION_MS_DEFAULT = 8 * 3_600_000;

export const sessionLimits = {
  statementTimeout: duration.optional(),
  bytesPerSession: volume.optional(),
  statementsPerSession: count.optional(),
  idle: duration.optional(),
  session: duration.default(SESSION_MS_DEFAULT),
};

export function upstreamTlsSchema(leaf: Leaves) {
  return z
    .strictObject({
      ca: leaf.certificates.optional(),
      serverName: serverName.optional(),
      pins: distinct(pin).default([]),
      cert: leaf.certificates.optional(),
      key: leaf.privateKey.optional(),
      minVersion,
    })
    .superRefine(({ cert, key }, context) => {
      if (cert !== undefined && key !== undefined) {
        checkPair({ cert, key }, context);
      } else if (cert !== undefined || key !== undefined) {
        context.addIssue({ code: "custom", message: "cert and key come together", path: [cert === undefined ? "key" : "cert"] });
      }
    });
}
