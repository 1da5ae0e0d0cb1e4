/** Good conversations made bad: bytes flipped, lengths changed, pieces left out, put in twice or in another order. */
import fc from "fast-check";

interface Mutation {
  readonly kind: "flip" | "insert" | "remove" | "repeat" | "move" | "length";
  readonly at: number;
  readonly size: number;
  readonly byte: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom("flip", "insert", "remove", "repeat", "move", "length"),
  at: fc.nat({ max: 0xffff }),
  size: fc.integer({ min: 1, max: 24 }),
  byte: fc.nat({ max: 255 }),
});

/** The bytes of some of these messages, in any order, with some mutations. */
export function mutated(messages: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const chosen = fc.array(fc.constantFrom(...messages), { minLength: 1, maxLength: 14 });
  return fc.tuple(chosen, fc.array(mutation, { maxLength: 4 })).map(([list, mutations]) => mutations.reduce(mutate, Buffer.concat(list)));
}

function mutate(bytes: Buffer, { kind, at: anywhere, size, byte }: Mutation): Buffer {
  const at = bytes.length === 0 ? 0 : anywhere % bytes.length;
  const [before, piece, after] = [bytes.subarray(0, at), bytes.subarray(at, at + size), bytes.subarray(at + size)];
  switch (kind) {
    case "flip":
      return Buffer.concat([before, piece.map((value) => value ^ byte), after]);
    case "insert":
      return Buffer.concat([before, Buffer.alloc(size, byte), piece, after]);
    case "remove":
      return Buffer.concat([before, after]);
    case "repeat":
      return Buffer.concat([before, piece, piece, after]);
    case "move":
      return Buffer.concat([piece, before, after]);
    case "length":
      return Buffer.concat([before, Buffer.from([0, 0, byte & 1, byte]), bytes.subarray(at + 4)]);
  }
}

export const someBytes = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));

/** Where to cut; `cutAt` takes what lies within. */
export const cuts = fc.array(fc.nat({ max: 600 }), { maxLength: 6 });
