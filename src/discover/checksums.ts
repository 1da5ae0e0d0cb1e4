/** Check digits, each as its standard has it. All take digits alone, separators removed; a wrong alphabet is a no. */

/** ISO/IEC 7812-1, annex B: payment cards, IMEI, Canadian and Swedish numbers. */
export function luhn(digits: string): boolean {
  if (!/^\d+$/.test(digits)) return false;
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]);
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** The number's rest modulo 97, in steps, since it has more digits than a double. */
export function modulo97(digits: string): number {
  let rest = 0;
  for (const digit of digits) rest = (rest * 10 + Number(digit)) % 97;
  return rest;
}

/** ISO/IEC 7064, MOD 11,10: the last digit is the check digit. */
export function mod11And10(digits: string): boolean {
  if (!/^\d{2,}$/.test(digits)) return false;
  let product = 10;
  for (const digit of digits.slice(0, -1)) {
    const sum = (Number(digit) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (11 - product) % 10 === Number(digits.at(-1));
}

/** Sum of digit times weight. */
export function weighted(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, index) => sum + weight * Number(digits[index] ?? 0), 0);
}

/** Multiplication in the dihedral group D5, and the permutation that each place goes through (Verhoeff, 1969). */
const DIHEDRAL = [
  "0123456789",
  "1234067895",
  "2340178956",
  "3401289567",
  "4012395678",
  "5987604321",
  "6598710432",
  "7659821043",
  "8765932104",
  "9876543210",
] as const;
const PERMUTATION = [
  "0123456789",
  "1576283094",
  "5803796142",
  "8916043527",
  "9453126870",
  "4286573901",
  "2793806415",
  "7046913258",
] as const;

export function verhoeff(digits: string): boolean {
  if (!/^\d+$/.test(digits)) return false;
  let state = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]);
    const permuted = Number(PERMUTATION[index % 8]?.[digit]);
    state = Number(DIHEDRAL[state]?.[permuted]);
  }
  return state === 0;
}

/** `111111111`: passes many checks, and is nobody's number. */
export function isOneDigit(digits: string): boolean {
  return /^(\d)\1*$/.test(digits);
}
