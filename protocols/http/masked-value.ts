/**
 * Masks on one value of a JSON document, as JSON. Null stays null. A number or a boolean has no room for stars: it shows as
 * null, or as what the rule says; the last digits of a whole number show as a text.
 */
import type { Mask } from "#policies/question.ts";
import { keptLast, maskedText, REDACTED } from "./masked-text.ts";

/** Of a value that a mask has to look at; of a longer one it shows nothing. */
export const MASKED_VALUE_BYTES_MAX = 64 * 1024;

export type Scalar = "string" | "number" | "literal";

/** Whether the mask has to know the value. */
export function looksAt(mask: Mask): boolean {
  return mask.kind === "keepLast" || mask.kind === "email" || mask.kind === "year";
}

/** Whether an object or an array gives way as a whole; else everything in it is masked, value by value. */
export function replacesWhole(mask: Mask): boolean {
  return mask.kind === "null" || mask.kind === "constant";
}

/**
 * @param written the value as it stands in the document, a string with its quotes; null where it was too long to be kept, or
 *   the mask does not look at it
 */
export function maskedValue(mask: Mask, kind: Scalar, written: string | null): string {
  if (mask.kind === "null") return "null";
  if (mask.kind === "constant") return JSON.stringify(mask.value);
  if (kind === "string") return JSON.stringify(maskedString(mask, written));
  if (kind === "number" && mask.kind === "keepLast" && written !== null && /^-?\d+$/.test(written)) {
    return JSON.stringify(keptLast([...written.replace("-", "")], mask.characters));
  }
  return "null";
}

function maskedString(mask: Mask, written: string | null): string {
  const plain: unknown = written === null || !looksAt(mask) ? null : JSON.parse(written);
  return typeof plain === "string" ? maskedText(mask, plain) : REDACTED;
}
