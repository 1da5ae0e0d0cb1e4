/** Content types (RFC 9110 section 8.3.1), read strictly: where two readers could take one for different types, it is none. */

export interface MediaType {
  /** `application/json`, in lower case. */
  readonly name: string;
  /** In lower case; null where none is given. */
  readonly charset: string | null;
}

const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
const TYPE = new RegExp(`^(${TOKEN}/${TOKEN})((?:[ \\t]*;[ \\t]*(?:${TOKEN}=(?:${TOKEN}|"[^"\\\\]*"))?)*)[ \\t]*$`);

/** Undefined for what is no single type. A comma makes two of it, as does a charset given twice. */
export function readMediaType(value: string): MediaType | undefined {
  const [, name, parameters = ""] = TYPE.exec(value.trim()) ?? [];
  if (name === undefined) return undefined;
  const charsets = [...parameters.matchAll(/;[ \t]*([^=;]+)=("[^"]*"|[^;\s]*)/g)]
    .filter(([, key]) => key?.toLowerCase() === "charset")
    .map(([, , charset = ""]) => charset.replaceAll('"', "").toLowerCase());
  const [charset = null] = charsets;
  return charsets.length > 1 ? undefined : { name: name.toLowerCase(), charset };
}

/** ASCII is a part of UTF-8; what bytes beyond it would mean is checked where they come. */
export function isUtf8Charset({ charset }: MediaType): boolean {
  return charset === null || charset === "utf-8" || charset === "utf8" || charset === "us-ascii";
}

export type BodyKind = "json" | "lines" | "records" | "events" | "form";

const KINDS: Readonly<Record<string, BodyKind>> = {
  "application/json": "json",
  "text/json": "json",
  "application/x-ndjson": "lines",
  "application/ndjson": "lines",
  "application/jsonl": "lines",
  "application/jsonlines": "lines",
  "application/x-jsonlines": "lines",
  "application/json-lines": "lines",
  "application/json-seq": "records",
  "application/geo+json-seq": "records",
  "text/event-stream": "events",
  "application/x-www-form-urlencoded": "form",
};

/** How a body of that type can be read for masks; undefined: it can't. RFC 6839: a type that ends in `+json` is JSON. */
export function bodyKind({ name }: MediaType): BodyKind | undefined {
  // Whoever asks names the fields of such an answer, so that rules by name mean nothing.
  if (name.startsWith("application/graphql")) return undefined;
  return Object.hasOwn(KINDS, name) ? KINDS[name] : name.endsWith("+json") ? "json" : undefined;
}
