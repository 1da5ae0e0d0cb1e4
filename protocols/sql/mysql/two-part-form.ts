/** A statement in which another one stands: its head as it is spelled, and behind it what became of the other by itself. */
import type { Token } from "./lexer.ts";
import type { MaskedForm } from "./masked-form-types.ts";
import { Refused } from "./reading.ts";
import type { Spelled } from "./spelling.ts";

/**
 * @param at where the other statement begins among the tokens
 * @param between what stands between head and statement
 * @param read makes the form of the tokens from there on
 * @throws Refused as `read` does, its place told among the tokens of the whole
 */
export function twoPartForm(
  tokens: readonly Token[],
  head: Spelled,
  at: number,
  between: string,
  read: (tokens: readonly Token[]) => MaskedForm,
): MaskedForm {
  const form = shifted(at, () => read(tokens.slice(at)));
  const places = headPlaces(tokens, head);
  const behind = head.text.length + between.length;
  for (const [index, start] of form.starts.entries()) {
    places.starts[at + index] = start < 0 ? -1 : start + behind;
    places.ends[at + index] = start < 0 ? -1 : (form.ends[index] ?? 0) + behind;
  }
  const inserted = [...head.inserted, ...form.inserted.map(({ start, end }) => ({ start: start + behind, end: end + behind }))];
  return { ...form, text: `${head.text}${between}${form.text}`, inserted, ...places };
}

/** Of the first of the tokens; the others stand nowhere. */
export function headPlaces(tokens: readonly Token[], { starts, ends }: Spelled): Pick<Spelled, "starts" | "ends"> {
  const all = { starts: new Int32Array(tokens.length).fill(-1), ends: new Int32Array(tokens.length).fill(-1) };
  all.starts.set(starts);
  all.ends.set(ends);
  return all;
}

function shifted<Value>(by: number, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Refused) || error.at === null) throw error;
    throw new Refused(error.reason, error.message, error.hint, error.at + by, error.rule);
  }
}
