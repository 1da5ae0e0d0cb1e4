/** Whom a rule means: every field that is given must match the proved principal; names are compared exactly. */
import { z } from "zod";
import type { Principal } from "./question.ts";

const names = z.array(z.string().min(1)).min(1).readonly();

export const whoSchema = z
  .strictObject({ names: names.optional(), groups: names.optional(), issuers: names.optional() })
  .refine((who) => who.names !== undefined || who.groups !== undefined || who.issuers !== undefined, {
    error: "needs at least one of names, groups, issuers",
  })
  .readonly();

export type Who = z.output<typeof whoSchema>;

export function isMeant(who: Who, principal: Principal): boolean {
  if (who.names !== undefined && !who.names.includes(principal.name)) return false;
  if (who.issuers !== undefined && !who.issuers.includes(principal.issuer)) return false;
  return who.groups === undefined || who.groups.some((group) => principal.groups.includes(group));
}
