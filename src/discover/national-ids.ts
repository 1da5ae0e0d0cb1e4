/**
 * Numbers by which states know people. Each country has its form, and most have check digits; a form without one counts
 * only where it is odd enough, or where the column's name says what it is.
 */
import { isOneDigit, luhn, mod11And10, modulo97, verhoeff, weighted } from "./checksums.ts";
import { type Detector, type ValueClass, words } from "./detector.ts";

interface Form {
  readonly what: string;
  readonly fits: (compact: string, written: string) => boolean;
  readonly named: readonly string[];
  readonly alone: number | null;
  readonly withName?: number;
  /** Digits alone, so that it may stand in a column of numbers. */
  readonly digits?: true;
}

const ID = "(?: (?:number|no|nr|num|id|code))?";

/** A day that may be in such a number, its century unknown. */
function isDay(month: string, day: string): boolean {
  return Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= 31;
}

function part(digits: string, from: number, length = 2): string {
  return digits.slice(from, from + length);
}

const FORMS: readonly Form[] = [
  {
    what: "US social security numbers",
    // Areas 000 and 666 are never given out; 900 to 999 are taxpayers' numbers of the same form.
    fits: (_, written) => /^(?!000|666)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$/.test(written),
    named: [`ssn${ID}`, `social security${ID}`, "soc sec", `i?tin${ID}`, `tax(?:payer)? id${ID}`],
    alone: 0.5,
    withName: 0.1,
  },
  {
    what: "US social security numbers",
    fits: (compact) => /^(?!000|666)\d{3}(?!00)\d{2}(?!0000)\d{4}$/.test(compact),
    named: [`ssn${ID}`, `social security${ID}`, "soc sec"],
    alone: null,
    digits: true,
  },
  {
    what: "UK national insurance numbers",
    fits: (compact) => /^(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]$/.test(compact),
    named: ["nino", `ni ?(?:number|no)`, `national insurance${ID}`],
    alone: 0.3,
  },
  {
    what: "Spanish DNI and NIE numbers",
    fits: isDni,
    named: ["dni", "nie", "nif", "documento(?: (?:nacional )?(?:de )?identidad)?"],
    alone: 0.3,
  },
  {
    what: "French social security numbers (NIR)",
    fits: isNir,
    named: ["nir", "numero (?:de )?secu(?:rite)?(?: sociale)?", "insee", "secu"],
    alone: 0.3,
    digits: true,
  },
  {
    what: "German tax ids",
    fits: isSteuerId,
    named: ["steuer ?id(?:nr)?", "id ?nr", "tin", "steuer(?:identifikations)?nummer"],
    alone: 0.5,
    digits: true,
  },
  { what: "Italian tax codes", fits: isCodiceFiscale, named: ["codice fiscale", "cod fiscale", "fiscal code", "cf"], alone: 0.3 },
  { what: "Polish PESEL numbers", fits: isPesel, named: ["pesel"], alone: 0.6, digits: true },
  {
    what: "Dutch citizen service numbers (BSN)",
    fits: isBsn,
    named: ["bsn", "burger ?service ?nummer", "sofi(?: ?nummer)?"],
    alone: 0.7,
    digits: true,
  },
  {
    what: "Belgian national register numbers",
    fits: isRrn,
    named: ["rrn", "rijksregister(?:nummer)?", "registre national", "niss", "insz"],
    alone: 0.5,
    digits: true,
  },
  {
    what: "Swedish personal identity numbers",
    fits: isPersonnummer,
    named: ["person ?nummer", "person ?nr", "pnr"],
    alone: 0.6,
    digits: true,
  },
  { what: "Canadian social insurance numbers", fits: isSin, named: [`sin${ID}`, `social insurance${ID}`], alone: 0.7, digits: true },
  {
    what: "Mexican CURP codes",
    fits: (compact) => /^[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[A-Z0-9]\d$/.test(compact),
    named: ["curp"],
    alone: 0.3,
  },
  { what: "Brazilian CPF numbers", fits: isCpf, named: ["cpf"], alone: 0.5, digits: true },
  {
    what: "Indian Aadhaar numbers",
    fits: (compact) => /^[2-9]\d{11}$/.test(compact) && verhoeff(compact),
    named: ["aadh?aar?", "uid(?:ai)?"].map((word) => `${word}${ID}`),
    alone: 0.5,
    digits: true,
  },
  {
    what: "Indian permanent account numbers (PAN)",
    fits: (compact) => /^[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]$/.test(compact),
    named: ["pan", "permanent account"].map((word) => `${word}${ID}`),
    alone: 0.5,
  },
  { what: "Chinese resident identity numbers", fits: isResidentId, named: ["id ?card", "shenfenzheng", "sfz", "resident id"], alone: 0.3 },
];

export const NATIONAL_IDS: readonly Detector[] = FORMS.map(({ what, fits, named, alone, withName = 0.1, digits }) => {
  const of: readonly ValueClass[] = digits === true ? ["text", "number"] : ["text"];
  return {
    kind: "national-id",
    what,
    of,
    fits: (value) => {
      const written = value.trim().toUpperCase();
      return /^[A-Z\d][A-Z\d ./+-]{6,23}$/.test(written) && fits(written.replace(/[ ./-]/g, ""), written);
    },
    named: words(
      ...named,
      "national id(?:entity)?(?: (?:number|no|card))?",
      "id(?:entity)? (?:card|document)(?: (?:number|no))?",
      "personal (?:id|number|code)",
      "citizen id",
    ),
    alone,
    withName: alone === null ? 0.5 : withName,
    shaped: true,
  };
});

const DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE";

function isDni(compact: string): boolean {
  const [, lead = "", digits = "", letter] = /^([XYZ]?)(\d{7,8})([A-Z])$/.exec(compact) ?? [];
  if (digits.length !== (lead === "" ? 8 : 7)) return false;
  const number = lead === "" ? digits : `${"XYZ".indexOf(lead)}${digits}`;
  return DNI_LETTERS[Number(number) % 23] === letter;
}

/** The key is 97 less the rest; Corsica's departments have letters, which stand for 19 and 18. */
function isNir(compact: string): boolean {
  const [, body = "", key] = /^([1-478]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d{2}|2[AB])\d{6})(\d{2})$/.exec(compact) ?? [];
  return key !== undefined && 97 - modulo97(body.replace("2A", "19").replace("2B", "18")) === Number(key);
}

/** Among the first ten digits one stands twice or three times, no other more than once. */
function isSteuerId(compact: string): boolean {
  if (!/^[1-9]\d{10}$/.test(compact)) return false;
  const counts = [..."0123456789"].map((digit) => compact.slice(0, 10).split(digit).length - 1);
  const repeated = counts.filter((count) => count > 1);
  return repeated.length === 1 && (repeated[0] ?? 0) <= 3 && mod11And10(compact);
}

/** What a letter or digit counts in an odd place (first, third …): the table of the decree of 23 December 1976. */
const ODD_VALUES = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

function isCodiceFiscale(compact: string): boolean {
  const digit = "[\\dLMNPQRSTUV]";
  if (!new RegExp(`^[A-Z]{6}${digit}{2}[ABCDEHLMPRST]${digit}{2}[A-Z]${digit}{3}[A-Z]$`).test(compact)) return false;
  const values = [...compact.slice(0, 15)].map((sign, index) => {
    const value = /\d/.test(sign) ? Number(sign) : sign.charCodeAt(0) - 65;
    return index % 2 === 0 ? (ODD_VALUES[value] ?? 0) : value;
  });
  return String.fromCharCode(65 + (values.reduce((sum, value) => sum + value, 0) % 26)) === compact[15];
}

/** The month carries the century: 80, 0, 20, 40 or 60 is added to it. */
function isPesel(compact: string): boolean {
  if (!/^\d{11}$/.test(compact) || !isDay(String(Number(part(compact, 2)) % 20), part(compact, 4))) return false;
  return weighted(compact, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0;
}

function isBsn(compact: string): boolean {
  return /^(?!00)\d{9}$/.test(compact) && !isOneDigit(compact) && weighted(compact, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0;
}

/** Of those born since 2000 a 2 stands before the nine digits when the key is made. */
function isRrn(compact: string): boolean {
  if (!/^\d{11}$/.test(compact) || !isDay(String(Number(part(compact, 2)) % 20), part(compact, 4))) return false;
  const [body, key] = [compact.slice(0, 9), Number(compact.slice(9))];
  return 97 - modulo97(body) === key || 97 - modulo97(`2${body}`) === key;
}

/** A `+` in place of the `-` means a hundred years or more; coordination numbers add 60 to the day. */
function isPersonnummer(compact: string): boolean {
  const digits = compact.replace("+", "").replace(/^(?:18|19|20)(?=\d{10}$)/, "");
  return /^\d{10}$/.test(digits) && isDay(part(digits, 2), String(Number(part(digits, 4)) % 60)) && luhn(digits);
}

function isSin(compact: string): boolean {
  return /^[1-79]\d{8}$/.test(compact) && !isOneDigit(compact) && luhn(compact);
}

function isCpf(compact: string): boolean {
  if (!/^\d{11}$/.test(compact) || isOneDigit(compact)) return false;
  const check = (length: number): number => {
    const weights = Array.from({ length }, (_, index) => length + 1 - index);
    return ((weighted(compact, weights) * 10) % 11) % 10;
  };
  return check(9) === Number(compact[9]) && check(10) === Number(compact[10]);
}

/** GB 11643: ISO/IEC 7064, MOD 11-2. */
function isResidentId(compact: string): boolean {
  if (!/^[1-9]\d{5}(?:19|20)\d{9}[\dX]$/.test(compact) || !isDay(part(compact, 10), part(compact, 12))) return false;
  const sum = weighted(compact, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
  return "10X98765432"[sum % 11] === compact[17];
}
