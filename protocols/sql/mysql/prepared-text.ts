/**
 * PREPARE and EXECUTE IMMEDIATE under a mask: what goes upstream holds the statement as it was written anew, in a string of ours.
 * What was found in that statement is told at the place of the client's string.
 */
import type { MaskingFacts } from "#policies/question.ts";
import { STATEMENT_BYTES_MAX } from "#protocols/wire/limits.ts";
import type { Token } from "./lexer.ts";
import type { MaskedSensitive, MaskedText, TextStretch } from "./masked-text.ts";
import { spelled, spelledString } from "./spelling.ts";
import type { SqlMode } from "./sql-mode.ts";

/**
 * @param masked of the statement that is prepared
 * @param at index of the token that holds it
 * @param tokens of the whole text
 */
export function preparedMasked(masked: MaskedText, at: number, tokens: readonly Token[], { noBackslashEscapes }: SqlMode): MaskedText {
  const literal = tokens[at];
  if (literal === undefined) throw new Error("broken invariant: what is prepared stands in no token");
  const { start, end, text: prepared } = literal;
  // Where in the client's string a literal stands depends on how it is escaped: the record shows a digest of the whole.
  const { ranges } = masked.sensitive;
  const inside = ranges.map((one) => prepared.slice(one.start, one.end));
  const sensitive: MaskedSensitive = { ranges: ranges.length === 0 ? [] : [{ start, end }], parameters: [], inside };
  if (masked.kind === "refused") return { ...masked, obstacle: { ...masked.obstacle, position: start + 1 }, sensitive };
  const backslashes = !noBackslashEscapes;
  const { text, inserted } = spelled(tokens, [{ start: at, end: at + 1, text: spelledString(masked.text, backslashes) }], backslashes);
  if (text.length > STATEMENT_BYTES_MAX) return tooLong(masked, start + 1, sensitive);
  const moved = movedInto(masked.text, masked.sensitiveUpstream, (inserted[0]?.start ?? 0) + 1, backslashes);
  return { ...masked, text, sensitive, sensitiveUpstream: moved, inserted: [] };
}

/** @param stretches of `text`, in order. @param from where its first character stands, behind the quote */
function movedInto(text: string, stretches: readonly TextStretch[], from: number, backslashes: boolean): readonly TextStretch[] {
  let at = 0;
  let place = from;
  const placeOf = (index: number): number => {
    place += spelledString(text.slice(at, index), backslashes).length - 2;
    at = index;
    return place;
  };
  return stretches.map((one) => ({ start: placeOf(one.start), end: placeOf(one.end) }));
}

function tooLong({ columns }: MaskedText & { kind: "rewritten" }, position: number, sensitive: MaskedSensitive): MaskedText {
  const message = "the statement grows too long when masks take their place";
  const hint = "name fewer views, or each of them once in a WITH clause";
  const obstacle = { reason: "masked-unsupported", rule: columns[0]?.rule ?? null, message, hint, position } as const;
  return { kind: "refused", obstacle, sensitive };
}

export function obstacleOfPrepared(masking: MaskingFacts | null, position: number): MaskingFacts | null {
  return masking?.kind === "obstacle" ? { kind: "obstacle", obstacle: { ...masking.obstacle, position } } : masking;
}
