/** Looks for canaries in whatever a client received, in every dress that a hostile statement could give them. */
import { createHash } from "node:crypto";
import { CANARIES } from "./seed.ts";

function dresses(value: string): readonly string[] {
  const bytes = Buffer.from(value, "utf8");
  const shifted = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift, "x"), bytes]).toString("base64");
    // The first and last characters mix with what stands beside the value.
    return encoded.slice(shift === 0 ? 0 : 4, -4);
  });
  const codes = [...bytes].map(String);
  return [
    value,
    [...value].reverse().join(""),
    bytes.toString("hex"),
    Buffer.from(value, "utf16le").toString("hex"),
    ...shifted,
    codes.join(""),
    ...[",", " ", "|", "\n"].map((separator) => codes.join(separator)),
    [...value].join(","),
    [...value].join("\n"),
    ...["md5", "sha1", "sha256"].map((kind) => createHash(kind).update(value).digest("hex")),
  ];
}

/** A half is as bad as a whole one; of a date the year may show. Five characters, as of `52.91`, are some time of day. */
function parts(canary: string): readonly string[] {
  const half = Math.max(6, Math.ceil(canary.length * 0.6));
  return /^\d{4}-/.test(canary) ? [canary, canary.slice(4)] : [canary, canary.slice(0, half), canary.slice(-half)];
}

const NEEDLES = CANARIES.flatMap((canary) =>
  parts(canary).flatMap((part) => dresses(part).map((dress) => ({ canary, dress: dress.toLowerCase() }))),
).filter(({ dress }) => dress.length >= 5);

/** The canary that shows, and how; undefined when none does. */
export function canaryIn(received: string): string | undefined {
  const lower = received.toLowerCase();
  const found = NEEDLES.find(({ dress }) => lower.includes(dress));
  return found === undefined ? undefined : `${found.canary} as ${found.dress}`;
}
