/**
 * What opens something: password hashes, keys and tokens whose form their makers gave away, private keys, and random
 * texts where the column's name says what they are for. UUIDs, digests of files and times are none.
 */
import { type Detector, words } from "./detector.ts";

/** Formats of `crypt(3)` and of frameworks, all recognised by how they begin. */
const PASSWORD_HASHES: readonly RegExp[] = [
  /^\$2[abxy]?\$\d{2}\$[./A-Za-z0-9]{53}$/, // bcrypt
  /^\$argon2(?:id|i|d)\$/,
  /^\$(?:1|5|6|y|gy|7|scrypt|sha1|md5|apr1|P|H)\$[^\s]{8,}$/, // crypt(3), phpass
  /^\$?pbkdf2[_-]?(?:sha\d+)?[$:]/i,
  /^(?:bcrypt|scrypt|argon2)(?:_sha256)?\$/, // Django
  /^(?:scrypt|pbkdf2):[\w:]+\$/, // Werkzeug
  /^\{(?:S?SHA(?:\d{3})?|S?MD5|CRYPT|bcrypt|argon2|pbkdf2|noop)\}/i, // RFC 2307, Spring
  /^SCRAM-SHA-(?:1|256)\$\d+:/,
  /^md5[0-9a-f]{32}$/, // PostgreSQL
];

/** Prefixes that makers of keys publish so that searches such as this one find them. */
const KEYS: readonly string[] = [
  "(?:AKIA|ASIA|AROA|AIDA)[A-Z2-7]{16}(?![A-Z0-9])", // AWS
  "gh[pousr]_[A-Za-z0-9]{36}",
  "github_pat_[A-Za-z0-9_]{40}",
  "gl(?:pat|dt|rt|soat)-[\\w-]{20}",
  "[srp]k_(?:live|test)_[A-Za-z0-9]{16}",
  "whsec_[A-Za-z0-9+/]{24}",
  "sk-(?:proj-|ant-|or-)?[\\w-]{32}",
  "xox[abeoprs]-[\\w-]{20}",
  "AIza[\\w-]{35}",
  "ya29\\.[\\w-]{30}",
  "SG\\.[\\w-]{16,}\\.[\\w-]{16}",
  "npm_[A-Za-z0-9]{36}",
  "pypi-[\\w-]{50}",
  "hf_[A-Za-z0-9]{30}",
  "do[opr]_v1_[0-9a-f]{64}",
  "shp(?:at|ca|pa|ss)_[0-9a-f]{32}",
  "hv[sbr]\\.[\\w-]{24}",
  "AGE-SECRET-KEY-1[A-Z0-9]{58}",
  "eyJ[\\w-]{8,}\\.eyJ[\\w-]{8,}\\.[\\w-]*", // JSON Web Token (RFC 7519)
  "-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
  "\\w+://[^\\s:/@]+:[^\\s:/@]{3,}@\\S", // a password in a URL
];
const KEY = new RegExp(`(?<![A-Za-z0-9])(?:${KEYS.join("|")})`);

export const KNOWN_SECRET: Detector = {
  kind: "secret",
  what: "password hashes, keys or tokens",
  of: ["text"],
  fits: (value) => PASSWORD_HASHES.some((hash) => hash.test(value)) || KEY.test(value),
  named: /(?!)/u,
  alone: 0.02,
  withName: 0.02,
  shaped: false,
};

const UUID = /^\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?$/i;
const TIME = /^\d{4}-\d{2}-\d{2}|^\d+(?:\.\d+)?$/;

/** Shannon's entropy of the text's own signs, in bits a sign: English has about 4.1, with its repeated letters; random base64 of 32 signs 4.6. */
function entropy(value: string): number {
  const counts = new Map<string, number>();
  for (const sign of value) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / value.length) * Math.log2(count / value.length), 0);
}

/** One long word of letters and digits mixed. */
function isRandom(value: string): boolean {
  if (!/^[\w+/=.~-]{20,}$/.test(value) || UUID.test(value) || TIME.test(value)) return false;
  const mixed = /\d/.test(value) && /[A-Za-z]/.test(value);
  return mixed && entropy(value) >= (/^[0-9a-f]+$/i.test(value) ? 3 : 3.7);
}

/** Random texts are told from keys of rows, cursors and digests by the name alone. */
export const NAMED_SECRET: Detector = {
  kind: "secret",
  what: "tokens and keys",
  of: ["text"],
  fits: (value) => isRandom(value.trim()),
  named: words(
    "(?:api|access|secret|private|encryption|signing|auth|session|refresh|service|webhook) ?(?:key|token|secret)s?",
    "(?:[a-z]+ )?secrets?",
    "(?:[a-z]+ )?tokens?",
    "credentials?",
    "passw(?:or)?d (?:hash|digest)",
    "salt",
    "bearer",
    "jwt",
  ),
  alone: null,
  withName: 0.5,
  shaped: false,
};

/** Whatever stands in a column of passwords, as far as it can be one. */
export const PASSWORD: Detector = {
  kind: "secret",
  what: "passwords",
  of: ["text"],
  fits: (value) => /^\S{4,}$/.test(value) && !TIME.test(value) && !/^(?:true|false|null|none|never|yes|active|expired)$/i.test(value),
  named:
    /^(?:(?:user|login|account|db|database|admin|root|old|new|current|encrypted|hashed|plain|clear) )?(?:passw(?:or)?d|pwd|passphrase|mot de passe|contrasena|passwort|kennwort)(?: ?(?:hash|digest|crypt|enc|salt|text|plain))?$/u,
  alone: null,
  withName: 0.5,
  shaped: false,
};

export const SECURITY_CODE: Detector = {
  kind: "secret",
  what: "card security codes and PINs",
  of: ["text", "number"],
  fits: (value) => /^\d{3,8}$/.test(value.trim()),
  named: words(
    "cv[vc](?: ?2)?",
    "card (?:verification|security)(?: (?:code|value|number))?",
    "security code",
    "pin(?! code)(?: (?:number|hash))?",
    "otp(?: code)?",
  ),
  alone: null,
  withName: 0.6,
  shaped: false,
};
