/** Whom a command speaks of: a principal put together from options, as an issuer's token would prove it. */
import { masksFor } from "#policies/decide.ts";
import type { ActiveMask, Principal } from "#policies/question.ts";
import type { Config } from "#src/config/config.ts";

/** As commander hands them over. */
export interface PrincipalOptions {
  readonly as?: string;
  readonly group: readonly string[];
  readonly issuer?: string;
}

/** Under every mask: no `unless` means it. */
export const NOBODY: Principal = { issuer: "", name: "", groups: [], actor: null };

/** Where one issuer alone is configured, it need not be named. */
export function principalOf(config: Config, { as, group, issuer }: PrincipalOptions): Principal {
  if (as === undefined && group.length === 0 && issuer === undefined) return NOBODY;
  const [only, ...others] = config.identity.oidc;
  const assumed = others.length === 0 ? (only?.issuer ?? "") : "";
  return { issuer: issuer ?? assumed, name: as ?? "", groups: group, actor: null };
}

/** The masks that any of them is under, in the order of the rules. */
export function masksOfAny(config: Config, principals: readonly Principal[], target: string): readonly ActiveMask[] {
  const held = new Set(principals.flatMap((principal) => masksFor(config.policy, principal, target)).map(keyOf));
  return masksFor(config.policy, NOBODY, target).filter((mask) => held.has(keyOf(mask)));
}

function keyOf(mask: ActiveMask): string {
  return JSON.stringify(mask);
}

/** The issuer is told where it could be another. */
export function principalText(config: Config, { name, groups, issuer }: Principal): string {
  const several = config.identity.oidc.length !== 1;
  const of = [groups.length === 0 ? "" : `groups ${groups.join(", ")}`, several ? issuer : ""].filter((part) => part !== "").join("; ");
  const called = name === "" ? "anybody" : name;
  return of === "" ? called : `${called} (${of})`;
}
