/** Ways to reach a person, or a person's machine: e-mail, telephone, IP address. */
import { isIP } from "node:net";
import { type Detector, words } from "./detector.ts";

/** RFC 5321 bounds a path to 254 characters; quoted local parts and address literals are not what people have. */
const ADDRESS = "[\\p{L}\\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}])?\\.)+\\p{L}{2,24}";
const WHOLE_ADDRESS = new RegExp(`^(?:mailto:)?${ADDRESS}$`, "iu");
const ADDRESS_WITHIN = new RegExp(`(?<![\\p{L}\\p{N}.])${ADDRESS}(?![\\p{L}\\p{N}@:/])`, "iu");

/** Nothing but an address: what the mask `email` is made for. */
export function isEmail(value: string): boolean {
  return value.length <= 254 && WHOLE_ADDRESS.test(value.trim());
}

export const EMAIL: Detector = {
  kind: "email",
  what: "e-mail addresses",
  of: ["text"],
  // Also within a text: a note that holds an address is not to be read either. `user:secret@host` of a URL is no address.
  fits: (value) => isEmail(value) || ADDRESS_WITHIN.test(value.replace(/\w+:\/\/\S*/g, " ")),
  named: words("e ?mails?", "e ?mail addr(?:ess)?", "mail(?: address)?", "courriel", "correo(?: electronico)?"),
  alone: 0.1,
  withName: 0.02,
  shaped: false,
};

/** E.164: up to fifteen digits, the country's code first. */
const INTERNATIONAL = /^(?:\+|00)[1-9][\d ().\-/]{5,22}\d$/;
/** North American Numbering Plan: an area code begins with 2 to 9. */
const NORTH_AMERICAN = /^(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])\d{3}[ .-]\d{4}$/;
const EXTENSION = / ?(?:x|ext\.?|#) ?\d{1,6}$/i;
/** A trunk 0, and the groups that people write: `030 901820`, `(020) 7946 0018`, `01 99 00 12 34`. */
const WITH_TRUNK = /^\(?0\d{1,4}\)?(?:[ /-]\d{2,8}){1,5}$/;
const BARE = /^\d{7,15}$/;

function isPhone(value: string): boolean {
  const written = value.trim().replace(EXTENSION, "");
  if (NORTH_AMERICAN.test(written)) return true;
  const digits = written.replace(/\D/g, "").length;
  return digits >= 8 && digits <= 15 && (INTERNATIONAL.test(written) || (WITH_TRUNK.test(written) && !DATE_LIKE.test(written)));
}

/** `01-02-2024`, `04/11/63`. */
const DATE_LIKE = /^\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}$/;

const PHONE_NAMES = words(
  "(?:tele)?phones?(?: (?:number|no|nr|num))?",
  "mobiles?(?: (?:number|no|phone))?",
  "cell(?: ?(?:phone|number))?",
  "handy(?:nummer)?",
  "fax(?: (?:number|no))?",
  "tel(?:efono?|efon|efoonnummer)?(?: (?:number|no))?",
  "movil",
  "portable",
  "msisdn",
  "whatsapp",
);

export const PHONE: Detector = {
  kind: "phone",
  what: "telephone numbers",
  of: ["text"],
  fits: isPhone,
  named: PHONE_NAMES,
  alone: 0.6,
  withName: 0.2,
  shaped: true,
};

/** Digits alone may be anything: orders, timestamps. Only a name makes them numbers to call. */
export const BARE_PHONE: Detector = {
  ...PHONE,
  of: ["text", "number"],
  fits: (value) => BARE.test(value.replace(/[ ().-]/g, "")) || isPhone(value),
  alone: null,
  withName: 0.5,
};

/** With or without a prefix length. Loopback and unspecified addresses are nobody's. */
function isAddress(value: string): boolean {
  const [address = "", prefix] = value.trim().split("/");
  if (isIP(address) === 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return false;
  return !/^(?:127\.|0\.0\.0\.0$|255\.255\.|::1?$)/.test(address);
}

export const IP_ADDRESS: Detector = {
  kind: "ip-address",
  what: "IP addresses",
  of: ["text", "address"],
  fits: isAddress,
  named: words("ip(?: ?v ?[46])?(?: addr(?:ess)?)?", "remote addr(?:ess)?", "client addr(?:ess)?", "host addr(?:ess)?"),
  alone: 0.6,
  withName: 0.2,
  shaped: false,
};
