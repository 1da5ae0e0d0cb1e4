/** Numbers that money moves by: payment cards and international bank accounts. */
import { isOneDigit, luhn, modulo97 } from "./checksums.ts";
import { type Detector, words } from "./detector.ts";

/**
 * Issuers' prefixes with the lengths they use. A number of sixteen digits passes Luhn by chance one time in ten; that it
 * also begins as a card does, and that most of a sample does both, is no chance.
 */
const ISSUERS: readonly RegExp[] = [
  /^4(?:\d{12}|\d{15}|\d{18})$/, // Visa
  /^(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}$/, // Mastercard
  /^3[47]\d{13}$/, // American Express
  /^3(?:0[0-5]|[68]\d|9\d)\d{11}$/, // Diners Club
  /^(?:6011|64[4-9]\d|65\d{2})\d{12,15}$/, // Discover
  /^35(?:2[89]|[3-8]\d)\d{12,15}$/, // JCB
  /^62\d{14,17}$/, // UnionPay
  /^(?:50|5[6-9]|6[37])\d{10,17}$/, // Maestro
];

function isCard(value: string): boolean {
  const written = value.trim();
  if (!/^\d(?:[ -]?\d)*$/.test(written)) return false;
  const digits = written.replace(/\D/g, "");
  return ISSUERS.some((issuer) => issuer.test(digits)) && !isOneDigit(digits) && luhn(digits);
}

export const CARD: Detector = {
  kind: "card",
  what: "payment card numbers",
  of: ["text", "number"],
  fits: isCard,
  named: words(
    "(?:credit|debit|payment|bank)? ?cards?(?: (?:number|no|nr|num))?",
    "c ?c(?: ?(?:number|no|num))?",
    "pan",
    "kreditkarte",
    "tarjeta",
    "carte",
  ),
  alone: 0.5,
  withName: 0.1,
  shaped: true,
};

/** Lengths by country, as the registry of ISO 13616 lists them. */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 " +
    "GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 " +
    "MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 " +
    "TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

function isIban(value: string): boolean {
  const compact = value.replace(/[ -]/g, "").toUpperCase();
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(compact) || IBAN_LENGTHS.get(compact.slice(0, 2)) !== compact.length) return false;
  const turned = compact.slice(4) + compact.slice(0, 4);
  return modulo97(turned.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))) === 1;
}

export const IBAN: Detector = {
  kind: "iban",
  what: "international bank account numbers",
  of: ["text"],
  fits: isIban,
  named: words("iban", "(?:bank )?account (?:number|no|nr)", "konto(?:nummer)?", "cuenta"),
  alone: 0.2,
  withName: 0.05,
  shaped: true,
};
