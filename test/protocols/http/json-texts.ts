/** JSON texts as odd as the grammar allows, rules that often hit them, and ways to cut a body. */
import fc from "fast-check";

const blanks = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** Few names, so that rules meet them; some need their escapes read. */
const NAMES = ["a", "b", "ssn", "x y", "é", "𝄞", "", '"', "__proto__"];

function spelled(text: string): fc.Arbitrary<string> {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  return fc.array(fc.boolean(), { minLength: units.length, maxLength: units.length }).map((escaped) => {
    const whole = /[\ud800-\udfff]/.test(text) && escaped.some(Boolean);
    const parts = units.map((unit, at) => {
      const plain = String.fromCharCode(unit);
      const must = unit < 0x20 || plain === '"' || plain === "\\";
      return must || whole || escaped[at] ? `\\u${unit.toString(16).padStart(4, "0")}` : plain;
    });
    return `"${parts.join("")}"`;
  });
}

const number = fc.constantFrom("0", "-0", "1", "-12", "1.50", "1e400", "1E-7", "12345678901234567890.000", "4111111111111111");
const string = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 12 }).filter((text) => text.isWellFormed()),
    fc.constantFrom("ann@example.com", "1990-05-17", "1999-12-31T23:30:00-02:00", "no date", ""),
  )
  .chain(spelled);

const { text } = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(number, string, fc.constantFrom("true", "false", "null", '"\\ud800"')),
    fc
      .array(fc.tuple(blanks, tie("text"), blanks), { maxLength: 4 })
      .map((items) => `[${items.map((item) => item.join("")).join(",")}${items.length === 0 ? " " : ""}]`),
    fc
      .array(fc.tuple(blanks, fc.constantFrom(...NAMES).chain(spelled), blanks, blanks, tie("text"), blanks), { maxLength: 4 })
      .map((items) => `{${items.map(([one, name, two, three, value, four]) => `${one}${name}${two}:${three}${value}${four}`).join(",")}}`),
  ),
}));

export const jsonText = fc.tuple(blanks, text, blanks).map((parts) => parts.join(""));

const name = fc.constantFrom(...NAMES).map((one) => `[${JSON.stringify(one)}]`);
const step = fc.oneof(
  { weight: 4, arbitrary: name },
  { weight: 1, arbitrary: fc.constantFrom("[*]", "[0]", "[1]", ".*") },
  { weight: 2, arbitrary: fc.oneof(name, fc.constantFrom("[*]", "[0]")).map((one) => `..${one}`) },
);
const path = fc.array(step, { maxLength: 4 }).map((steps) => `$${steps.join("")}`);

export const rules = fc.array(
  fc.record({
    fields: fc.array(path, { minLength: 1, maxLength: 3 }),
    with: fc.constantFrom<unknown>("redact", "null", "email", "year", { keepLast: 4 }, { constant: "x" }, { constant: 7 }),
  }),
  { minLength: 1, maxLength: 3 },
);

/** Sizes of chunks, over and over. */
export const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });

export function cut(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    // Copied, and spoilt by the reader once it was handed in: what is kept of a chunk has to be kept as a copy.
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}
