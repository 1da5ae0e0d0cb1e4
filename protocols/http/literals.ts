/**
 * The spellings of a secret that a target may echo: as it is, in base64 at each of its three alignments, percent-encoded,
 * escaped for JSON and HTML, in hex. Each is looked for literally; one that is too short to be told from other text is left out.
 */

/** Shorter ones would blank ordinary words; and a secret of fewer bytes is none. */
const LITERAL_BYTES_MIN = 4;

/** All spellings of header values that carry a credential, longest first. */
export function literalsOf(secrets: readonly string[]): readonly Buffer[] {
  const spelled = secrets.flatMap(parts).flatMap(spellings);
  const distinct = new Set(spelled.filter((text) => Buffer.byteLength(text, "utf8") >= LITERAL_BYTES_MIN));
  return [...distinct].sort((one, other) => other.length - one.length).map((text) => Buffer.from(text, "utf8"));
}

/** What says how a secret is meant, and is none itself: `Bearer` at the end of a chunk is not held back as a beginning. */
const SCHEMES: ReadonlySet<string> = new Set(["apikey", "api-key", "basic", "bearer", "token"]);

/** Of `Bearer abc` abc, of `Basic dXNlcjpwYXNz` its text and the password in it too. */
function parts(secret: string): readonly string[] {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9-]*) +(\S.*)$/.exec(secret) ?? [];
  if (scheme === undefined || rest === undefined) return [secret];
  if (!SCHEMES.has(scheme.toLowerCase())) return [secret, rest];
  if (scheme.toLowerCase() !== "basic") return [rest];
  const pair = Buffer.from(rest, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return [rest, pair, ...(colon === -1 ? [] : [pair.slice(colon + 1)])];
}

function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, "utf8");
  const json = JSON.stringify(secret).slice(1, -1);
  const percent = encodeURIComponent(secret);
  const everything = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
  return [
    secret,
    json,
    json.replaceAll("/", "\\/"),
    // Go's encoding/json and others keep markup out of JSON.
    json.replace(/[<>&+='/]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`),
    json.replace(/[<>&]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`),
    percent,
    percent.replace(/%[0-9A-F]{2}/g, (escaped) => escaped.toLowerCase()),
    percent.replaceAll("%20", "+"),
    secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
    secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&#34;").replaceAll("'", "&#39;"),
    secret
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#x27;")
      .replaceAll("/", "&#x2F;")
      .replaceAll("=", "&#x3D;")
      .replaceAll("+", "&#43;"),
    everything.join(""),
    everything.join("").toUpperCase(),
    ...[0, 1, 2].flatMap((shift) => encodedAt(bytes, shift)),
  ];
}

/** The characters of base64 that depend on the secret alone when it stands `shift` bytes into a larger text. */
function encodedAt(bytes: Buffer, shift: number): readonly string[] {
  const whole = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString("base64")
    .replace(/=+$/, "");
  const from = Math.ceil((shift * 8) / 6);
  const to = Math.floor(((shift + bytes.length) * 8) / 6);
  const inner = whole.slice(from, to);
  // Around the secret's own bytes its neighbours' bits mix in: at the edges one character more is blanked where it is whole.
  return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
}
