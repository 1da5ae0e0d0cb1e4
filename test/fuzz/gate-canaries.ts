/**
 * Canaries of one's own for each run: the masking corpus' database with other values in its protected cells, of the same
 * shape. No statement can hold one by accident, and two databases made so differ in nothing but what is masked.
 */
import { CANARIES, type Canary, SEED } from "#test/masking/seed.ts";
import type { Chance } from "./gate-chance.ts";

export interface Secrets {
  readonly seed: string;
  readonly canaries: readonly Canary[];
}

/** A label of a type is schema, which is no secret: docs/masking.md, "What it does not cover". The cells that hold it are. */
const LABEL = "moodsecretgrim";

/**
 * @param other a second set, for comparison: cells that hold a label hold another
 */
export function freshSecrets(chance: Chance, other: boolean): Secrets {
  let seed = SEED;
  const canaries: Canary[] = [];
  for (const { text, binary } of CANARIES) {
    if (text === LABEL) continue;
    const fresh = freshText(text, chance);
    if (!seed.includes(text)) throw new Error(`the seed does not hold ${text}`);
    seed = seed.replaceAll(text, fresh);
    canaries.push(binary === undefined ? { text: fresh } : { text: fresh, binary: binaryOf(fresh) });
  }
  const cell = `b}', '${LABEL}'`;
  if (!seed.includes(cell)) throw new Error("the seed does not hold the cell of an enum");
  return { seed: other ? seed.replace(cell, "b}', 'fine'") : seed, canaries };
}

/** The first character stays, and the last two: views of the seed tell ranges apart, and `keepLast: 2` shows those. */
function freshText(text: string, chance: Chance): string {
  if (text === "-07-29") return `-0${3 + chance.below(7)}-2${chance.below(9)}`;
  if (text === "04:41:17") return `0${chance.below(10)}:${10 + chance.below(50)}:${10 + chance.below(50)}`;
  const hex = /^[0-9a-f-]{16,}$/.test(text) && /[a-f]/.test(text);
  const fresh = [...text].map((character, at) => {
    if (at === 0 || at >= text.length - 2) return character;
    if (hex && character !== "-") return chance.pick([..."0123456789abcdef"]);
    if (/[0-9]/.test(character)) return String(chance.below(10));
    if (/[a-z]/.test(character)) return chance.pick([..."bcdfghjkmnpqrstvwxz"]);
    return /[A-Z]/.test(character) ? chance.pick([..."BCDFGHJKMNPQRSTVWXZ"]) : character;
  });
  return fresh.join("");
}

/** Hex digits, as the server sends a value of these types in the binary format. */
function binaryOf(text: string): string {
  if (text.length === 36) return text.replaceAll("-", "");
  const [whole = "", fraction] = text.split(".");
  if (fraction === undefined) return Number(whole).toString(16).padStart(8, "0");
  // numeric: how many groups of four digits, the weight of the first, sign, scale, groups; the seed has two decimals.
  const groups = [whole.slice(0, -4), whole.slice(-4), fraction.padEnd(4, "0")];
  return groups.map((group) => Number(group).toString(16).padStart(4, "0")).join("");
}
