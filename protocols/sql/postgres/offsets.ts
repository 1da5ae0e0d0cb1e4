/**
 * The grammar counts bytes of UTF-8; strings here count UTF-16 units; PostgreSQL's error positions count characters.
 * For text that is all ASCII, the usual case, the three agree and nothing is computed.
 */

export interface Offsets {
  /** Index into the string for a byte offset. */
  toIndex(byte: number): number;
  /** Characters (code points) before a string index, plus 1: an error position. */
  toPosition(index: number): number;
  /** String index for an error position. */
  fromPosition(position: number): number;
}

const ASCII: Offsets = {
  toIndex: (byte) => byte,
  toPosition: (index) => index + 1,
  fromPosition: (position) => position - 1,
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
const ONLY_ASCII = /^[\x00-\x7f]*$/;

export function offsetsOf(sql: string): Offsets {
  return ONLY_ASCII.test(sql) ? ASCII : measured(sql);
}

/** Tables of where each character begins, in bytes and in units; looked up by halving. */
function measured(sql: string): Offsets {
  const bytes: number[] = [];
  const units: number[] = [];
  let byte = 0;
  for (let unit = 0; unit < sql.length; ) {
    const code = sql.codePointAt(unit) ?? 0;
    bytes.push(byte);
    units.push(unit);
    byte += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    unit += code < 0x10000 ? 1 : 2;
  }
  const character = (table: readonly number[], value: number): number => {
    let low = 0;
    let high = table.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((table[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    toIndex: (at) => units[character(bytes, at)] ?? sql.length,
    toPosition: (index) => character(units, index) + 1,
    fromPosition: (position) => units[position - 1] ?? sql.length,
  };
}
