/**
 * Masks on values that are texts: header fields, parameters, and strings in JSON. The same words as for columns of a
 * database (docs/masking.md): `redact` hides all, `keepLast` the beginning, `email` what stands before the last `@`,
 * `year` all but the year.
 */
import type { Mask } from "#policies/question.ts";

export const REDACTED = "***";

/** What of a longer text a mask looks at; those that need more than its end show nothing of it. */
export const MASK_CHARACTERS_MAX = 4096;

/** Where there is no null, it is the empty text. */
export function maskedText(mask: Mask, value: string): string {
  switch (mask.kind) {
    case "redact":
    // Refused by the configuration: bodies are not hashed.
    case "hash":
      return REDACTED;
    case "null":
      return "";
    case "constant":
      return String(mask.value);
    case "keepLast":
      return keptLast([...value], mask.characters);
    case "email":
      return keptDomain(value);
    case "year":
      return keptYear(value) ?? REDACTED;
  }
}

/** As long as the value; one that is no longer than what would be kept shows stars alone. */
export function keptLast(characters: readonly string[], count: number): string {
  const hidden = characters.length > count ? characters.length - count : characters.length;
  return `${"*".repeat(hidden)}${characters.slice(hidden).join("")}`;
}

/** What follows the last `@`, where that can be a domain. */
export function keptDomain(value: string): string {
  const at = value.lastIndexOf("@");
  const domain = value.slice(at + 1);
  return at === -1 || domain.length > 253 || !/^[\p{L}\p{N}_.:[\]-]+>?$/u.test(domain)
    ? REDACTED
    : `${REDACTED}@${domain.replace(">", "")}`;
}

/** RFC 3339, with the time and the offset left out as they may be. */
const MOMENT =
  /^(?<year>\d{4})-(?<month>0[1-9]|1[0-2])-(?<day>0[1-9]|[12]\d|3[01])(?:(?<parted>[Tt ])(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d)(?::[0-5]\d(?:\.\d{1,9})?)?(?<offset>[Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$/;

/** 1 January of the year in which the moment lies in UTC, written as the value is; undefined where it is none. */
export function keptYear(value: string): string | undefined {
  const groups = MOMENT.exec(value)?.groups;
  if (groups === undefined) return undefined;
  const { month, day, parted, offset } = groups;
  const minutes = Number(groups["hour"] ?? 0) * 60 + Number(groups["minute"] ?? 0) - minutesOf(offset);
  const turned = month === "01" && day === "01" && minutes < 0 ? -1 : month === "12" && day === "31" && minutes >= 1440 ? 1 : 0;
  const year = String(Number(groups["year"]) + turned).padStart(4, "0");
  if (!/^\d{4}$/.test(year)) return undefined;
  if (parted === undefined) return `${year}-01-01`;
  return `${year}-01-01${parted}00:00:00${offset === undefined ? "" : "Z"}`;
}

function minutesOf(offset: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(offset ?? "") ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0));
}
