/**
 * From a verified token's claims to a principal. Types are checked, never converted: a `groups` claim that is not a
 * list of strings is a refusal, because reading it as "no groups" could lift a mask or a limit.
 */
import type { JWTPayload } from "jose";
import type { Principal } from "#policies/question.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { OidcIssuer } from "#src/config/config.ts";

/** Names go into records and logs of every statement. */
const NAME_CHARACTERS_MAX = 256;
/** Directories put hundreds of groups into a token, seldom more. */
const GROUPS_MAX = 1000;

/** @throws Fault `identity-refused` that names the claim, never its value */
export function principalFrom(claims: JWTPayload, config: OidcIssuer): Principal {
  return {
    issuer: config.issuer,
    name: readName(claims, config.claims.name),
    groups: readGroups(claims, config.claims.groups),
    actor: readActor(claims),
  };
}

function readName(claims: JWTPayload, claim: string): string {
  const value = claimOf(claims, claim);
  if (!isName(value)) {
    throw refused(`token claim ${JSON.stringify(claim)} is not a usable name`);
  }
  return value;
}

function readGroups(claims: JWTPayload, claim: string): readonly string[] {
  const value = claimOf(claims, claim);
  if (value === undefined) {
    return [];
  }
  if (!Array.isArray(value) || value.length > GROUPS_MAX || !value.every(isName)) {
    throw refused(`token claim ${JSON.stringify(claim)} is not a list of group names`);
  }
  return [...value];
}

/** RFC 8693 section 4.1: the outermost `act` is who acts now; what is nested in it is history. */
function readActor(claims: JWTPayload): string | null {
  const act = claimOf(claims, "act");
  if (act === undefined) {
    return null;
  }
  const name: unknown = typeof act === "object" && act !== null && "sub" in act ? act.sub : undefined;
  if (!isName(name)) {
    throw refused('token claim "act" does not name an actor');
  }
  return name;
}

/** Own claims only: `constructor` and its like are no claims. */
function claimOf(claims: JWTPayload, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

/** Printable, so that no name can forge a line of a log or hide in a list. */
export function isName(value: unknown): value is string {
  return (
    typeof value === "string" && value.length > 0 && value.length <= NAME_CHARACTERS_MAX && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(value)
  );
}

function refused(message: string): Fault {
  return new Fault("identity-refused", message);
}
