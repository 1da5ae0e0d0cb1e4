/** The grammar of JSON numbers (RFC 8259 section 6) as a table, so that one can be read split anywhere. */

export interface NumberState {
  /** Whether a number may end here. */
  readonly whole: boolean;
  readonly name: "start" | "sign" | "zero" | "digits" | "point" | "fraction" | "exponent" | "exponent-sign" | "power";
}

export const NUMBER_START: NumberState = { whole: false, name: "start" };
const SIGN: NumberState = { whole: false, name: "sign" };
const ZERO: NumberState = { whole: true, name: "zero" };
const DIGITS: NumberState = { whole: true, name: "digits" };
const POINT: NumberState = { whole: false, name: "point" };
const FRACTION: NumberState = { whole: true, name: "fraction" };
const EXPONENT: NumberState = { whole: false, name: "exponent" };
const EXPONENT_SIGN: NumberState = { whole: false, name: "exponent-sign" };
const POWER: NumberState = { whole: true, name: "power" };

/** The state behind one more byte; undefined where no number goes on so. */
export function continues(state: NumberState, byte: number): NumberState | undefined {
  const digit = byte >= 0x30 && byte <= 0x39;
  const exponent = byte === 0x65 || byte === 0x45;
  switch (state.name) {
    case "start":
      if (byte === 0x2d) return SIGN;
      return digit ? (byte === 0x30 ? ZERO : DIGITS) : undefined;
    case "sign":
      return digit ? (byte === 0x30 ? ZERO : DIGITS) : undefined;
    case "zero":
    case "digits":
      if (digit && state.name === "digits") return DIGITS;
      if (byte === 0x2e) return POINT;
      return exponent ? EXPONENT : undefined;
    case "point":
      return digit ? FRACTION : undefined;
    case "fraction":
      if (digit) return FRACTION;
      return exponent ? EXPONENT : undefined;
    case "exponent":
      if (byte === 0x2b || byte === 0x2d) return EXPONENT_SIGN;
      return digit ? POWER : undefined;
    case "exponent-sign":
    case "power":
      return digit ? POWER : undefined;
  }
}

/** Whatever can stand behind a value: blanks, a comma, a bracket, a record separator. */
export function isNumberEnd(byte: number): boolean {
  return (
    byte === 0x2c || byte === 0x5d || byte === 0x7d || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0x1e
  );
}
