/**
 * The character set that a session begins in: the client names it by the number of a collation in its login packet, and many clients
 * never say more of it.
 *
 * Source: MySQL source documentation, "Protocol::HandshakeResponse41"; `information_schema.collations`.
 */
import { Fault } from "#protocols/wire/fault.ts";
import { UTF8MB4_COLLATION } from "./constants.ts";
import { isJudgeable, type Settings } from "./settings.ts";

/** MySQL's utf8mb4_0900_ai_ci. MariaDB up to 11.3 does not know it, and begins in a set of its own choice. */
const UTF8MB4_0900 = 255;
/** Numbers of collations of utf8mb3 and utf8mb4, first and last. */
const UTF8: readonly (readonly [number, number])[] = [
  [33, 33],
  [45, 46],
  [83, 83],
  [192, 215],
  [223, 247],
];

/**
 * @param asked of the client
 * @param version as the target's greeting tells it
 * @returns what the target is told: under a mask, where texts are judged as UTF-8, another set gives way to utf8mb4
 */
export function collationFor(asked: number, { underMask, version }: { readonly underMask: boolean; readonly version: string }): number {
  if (!underMask || UTF8.some(([first, last]) => first <= asked && asked <= last)) return asked;
  return asked === UTF8MB4_0900 && !/mariadb/i.test(version) ? asked : UTF8MB4_COLLATION;
}

/** @throws Fault `startup-option-refused`: in the set that the session begins in a byte of a character could be read as a quote */
export function checkBeginning(settings: Settings): void {
  if (isJudgeable(settings.charset)) return;
  throw new Fault("startup-option-refused", "statements can't be judged in the character set that the client asks for", {
    hint: "use utf8mb4: --default-character-set=utf8mb4, or the driver's equal",
  });
}
