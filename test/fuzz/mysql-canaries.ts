/**
 * Canaries of one's own for each run, in both databases of the masking corpus for MySQL. The second set differs in whatever a
 * mask hides: in order, in length, and in which rows share a value. It keeps what masks show: domains, years, last characters.
 */
import { MYSQL_CANARIES, MYSQL_SEED } from "#test/masking/mysql/seed.ts";
import type { Canary } from "#test/masking/seed.ts";
import type { Chance } from "./gate-chance.ts";

export interface MysqlSecrets {
  readonly seed: readonly string[];
  readonly canaries: readonly Canary[];
}

/** Labels of types are schema, which is no secret; the cells that hold them are. */
const LABELS = ["moodsecretgrim", "flagcanarypole"];
/** Cells that hold a label, as they are and as they are in the second set. */
const CELLS = [
  ["'lives in Hollowbrook lane', 'grim'", "'lives in Hollowbrook lane', 'calm'"],
  ["900), 'moodsecretgrim', 'a,flagcanarypole'", "900), 'fine', 'a'"],
] as const;
/** Shared by rows, or by parts of the seed that nothing ties together: in the second set each stands alone. */
const ALONE = ["918273645", "73519.25", "vermilion-otter", "c0ffee5eed77aa01", "Hollowbrook"];
/** Of any length. */
const LONGER = ["zoqkmarta", "wyxbjonas", "tangerine-gully", "quagmireplum", "obsidiannorth", "obsidiansouth", "brackenfield"];
/** Of another order, in the second set, as their first digits are exchanged. */
const EXCHANGED: Readonly<Record<string, string>> = { "917-44-2051": "3", "836-52-7719": "7", "605-77-3390": "1" };

/** @param other the second set */
export function freshMysqlSecrets(chance: Chance, other: boolean): MysqlSecrets {
  let seed = MYSQL_SEED.join("\n");
  const replace = (from: string, to: () => string): void => {
    if (!seed.includes(from)) throw new Error(`the seed does not hold ${from}`);
    seed = seed.replaceAll(from, to);
  };
  if (other) for (const [from, to] of CELLS) replace(from, () => to);
  const canaries: Canary[] = [];
  // The longer first: of some the beginning is a canary too.
  for (const { text } of MYSQL_CANARIES.toSorted((a, b) => b.text.length - a.text.length)) {
    if (LABELS.includes(text) || !seed.includes(text)) continue;
    const first = other ? (EXCHANGED[text] ?? text[0] ?? "") : (text[0] ?? "");
    const one = freshText(text, first, chance) + (other && LONGER.includes(text) ? "xx" : "");
    replace(text, () => (other && ALONE.includes(text) ? freshText(text, first, chance) : one));
    canaries.push(binaryOf(one));
  }
  return { seed: seed.split("\n"), canaries };
}

function freshText(text: string, first: string, chance: Chance): string {
  if (text === "-07-29") return `-0${3 + chance.below(7)}-2${chance.below(9)}`;
  if (text === "-11-23") return `-1${chance.below(2)}-2${chance.below(9)}`;
  if (text === "04:41:17") return `0${chance.below(10)}:${10 + chance.below(50)}:${10 + chance.below(50)}`;
  const hex = text === "c0ffee5eed77aa01";
  const fresh = [...text].map((character, at) => {
    if (at === 0) return first;
    if (hex) return chance.pick([..."0123456789abcdef"]);
    if (/[0-9]/.test(character)) return String(chance.below(10));
    if (/[a-z]/.test(character)) return chance.pick([..."bcdfghjkmnpqrstvwxz"]);
    return /[A-Z]/.test(character) ? chance.pick([..."BCDFGHJKMNPQRSTVWXZ"]) : character;
  });
  // `keepLast: 3` shows the end of a code and of a card.
  return /^(QXJ4481VWK|4929770012345678)$/.test(text) ? fresh.slice(0, -3).join("") + text.slice(-3) : fresh.join("");
}

/** An INT as rows of the binary protocol have it. */
function binaryOf(text: string): Canary {
  if (/^[0-9a-f]{16}$/.test(text)) return { text, binary: text };
  if (!/^\d{9}$/.test(text)) return { text };
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(Number(text));
  return { text, binary: bytes.toString("hex") };
}
