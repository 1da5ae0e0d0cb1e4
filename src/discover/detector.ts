/**
 * What a detector is: a question about single values, the words by which people name columns that hold such values, and
 * how large a share of a sample must answer yes. Detectors are pure and know nothing of tables or of masks.
 */

export type Kind = "email" | "phone" | "card" | "iban" | "national-id" | "name" | "birth-date" | "ip-address" | "secret";

/** What a column holds, as far as a detector cares. JSON is taken apart first: its leaves are texts. */
export type ValueClass = "text" | "number" | "date" | "address";

export interface Detector {
  readonly kind: Kind;
  /** In the plural, for people: `e-mail addresses`. */
  readonly what: string;
  readonly of: readonly ValueClass[];
  readonly fits: (value: string) => boolean;
  /** Matched against the words of a column's name, in lower case, with single blanks between them. */
  readonly named: RegExp;
  /**
   * The share of a sample from which on the values speak for themselves; null where they never do, since other things
   * look the same. Well above what chance gives: one number in ten passes a check digit.
   */
  readonly alone: number | null;
  /** The share that is enough where the name says so too. */
  readonly withName: number;
  /** Whether a shape such as `999-99-9999` may be shown: not where it would tell something about a value. */
  readonly shaped: boolean;
}

/** `customerEMail2` → `customer e mail 2`; what is no letter or digit parts words, as a capital behind a small letter does. */
export function wordsOf(name: string): string {
  return name
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .replace(/(\p{L})(\p{N})/gu, "$1 $2")
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** One of these as whole words. */
export function words(...alternatives: readonly string[]): RegExp {
  return new RegExp(`(?:^| )(?:${alternatives.join("|")})(?: |$)`, "u");
}
