/** All detectors. Of two that a column answers equally well, the first counts. */
import { BARE_PHONE, EMAIL, IP_ADDRESS, PHONE } from "./contacts.ts";
import type { Detector } from "./detector.ts";
import { NATIONAL_IDS } from "./national-ids.ts";
import { CARD, IBAN } from "./payments.ts";
import { BIRTH_DATE, PERSON_NAME } from "./persons.ts";
import { KNOWN_SECRET, NAMED_SECRET, PASSWORD, SECURITY_CODE } from "./secrets.ts";

export const DETECTORS: readonly Detector[] = [
  KNOWN_SECRET,
  PASSWORD,
  SECURITY_CODE,
  NAMED_SECRET,
  CARD,
  IBAN,
  ...NATIONAL_IDS,
  EMAIL,
  PHONE,
  BARE_PHONE,
  IP_ADDRESS,
  BIRTH_DATE,
  PERSON_NAME,
];
