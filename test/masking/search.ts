/** Looks for canaries in whatever was received or written, in every dress that a hostile statement could give them. */
import { CANARIES, type Canary } from "./seed.ts";

interface Needle {
  readonly canary: string;
  readonly dress: string;
  readonly bytes: Buffer;
}

/** The first and last characters of base64 mix with what stands beside the value. */
function base64s(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift, "x"), bytes])
      .toString("base64")
      .slice(shift === 0 ? 0 : 4, -4),
  );
}

function dresses({ text, binary }: Canary): readonly (readonly [string, Buffer])[] {
  const bytes = Buffer.from(text, "utf8");
  const hex = bytes.toString("hex");
  const codes = [...bytes].map(String);
  const texts: (readonly [string, string])[] = [
    ["raw", text],
    ["upper case", text.toUpperCase()],
    ["reversed", [...text].reverse().join("")],
    ["hex", hex],
    ["hex in upper case", hex.toUpperCase()],
    ["hex of UTF-16", Buffer.from(text, "utf16le").toString("hex")],
    ["octal", [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")],
    ...base64s(bytes).map((one) => ["base64", one] as const),
    ...[",", " ", "|", "\n", "", ", "].map((separator) => [`codes with ${JSON.stringify(separator)}`, codes.join(separator)] as const),
    ...[",", "\n", " ", '","'].map((separator) => [`characters with ${JSON.stringify(separator)}`, [...text].join(separator)] as const),
  ];
  const found: (readonly [string, Buffer])[] = texts.filter(([, one]) => one.length >= 5).map(([dress, one]) => [dress, Buffer.from(one)]);
  found.push(["UTF-16", Buffer.from(text, "utf16le")]);
  if (binary !== undefined)
    found.push(
      ["binary", Buffer.from(binary, "hex")],
      ["hex of binary", Buffer.from(binary)],
      ["hex of binary in upper case", Buffer.from(binary.toUpperCase())],
    );
  return found;
}

/** Says which canary shows in what was received, and how; undefined when none does. */
export type CanarySearch = (received: Buffer) => string | undefined;

export function searchFor(canaries: readonly Canary[]): CanarySearch {
  const needles = canaries.flatMap((canary): readonly Needle[] =>
    dresses(canary).map(([dress, bytes]) => ({ canary: canary.text, dress, bytes })),
  );
  return (received) => {
    const found = needles.find(({ bytes }) => received.includes(bytes));
    return found === undefined ? undefined : `${found.canary} (${found.dress})`;
  };
}

/** Those of the seed. */
export const canaryIn: CanarySearch = searchFor(CANARIES);

/** Values put together as a client could: by rows, by columns, backwards. */
export function joinedCells(rows: readonly (readonly (string | null)[])[]): Buffer {
  const width = Math.max(0, ...rows.map((row) => row.length));
  const byRow = rows.map((row) => row.map((cell) => cell ?? "").join("")).join("");
  const byColumn = Array.from({ length: width }, (_, index) => rows.map((row) => row[index] ?? "").join("")).join("\n");
  return Buffer.from(
    [
      byRow,
      byColumn,
      byColumn
        .split("\n")
        .map((one) => [...one].reverse().join(""))
        .join("\n"),
    ].join("\n"),
  );
}
