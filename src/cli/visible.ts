/**
 * Recorded text as a terminal may safely show it. An agent chooses every byte of its SQL, labels and values: control
 * characters could move the cursor, set the clipboard (OSC 52) or hide lines (CVE-2023-28487), and bidirectional or
 * invisible characters could show another text than the one that ran. All of them are written out as escapes.
 */

/**
 * Controls (Cc), format characters with bidi marks, joiners and tags among them (Cf), lone surrogates (Cs), unassigned and
 * private-use code points (Cn, Co: fonts and terminals show what they like), line and paragraph separators (Zl, Zp).
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** `text` on one line: every character that is not plainly visible stands as `\n`, `\x1b`, `\u{202e}` … */
export function visible(text: string): string {
  return text.replace(HIDDEN, escaped);
}

/** The lines of `text`, each made visible; line breaks and tabs keep their meaning. */
export function visibleLines(text: string): string[] {
  return text
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) => visible(line.replaceAll("\t", "    ")));
}

/**
 * A copy of plain data in which every string has been made visible, line breaks and tabs excepted: whatever is printed of
 * it, also where a damaged file holds text in place of a number, cannot steer a terminal.
 */
export function disarmed<T>(data: T): T {
  return JSON.parse(JSON.stringify(data), (_key, value) =>
    typeof value === "string"
      ? value.replaceAll("\r\n", "\n").replace(HIDDEN, (hidden) => (hidden === "\n" || hidden === "\t" ? hidden : escaped(hidden)))
      : value,
  );
}

/** JSON on one line that is safe to show as it is: the characters that JSON allows but a terminal may act on are escaped too. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(HIDDEN, (hidden) =>
    Array.from({ length: hidden.length }, (_, index) => `\\u${hidden.charCodeAt(index).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** Terminal columns that `text`, already visible, takes up: East Asian wide characters and emoji take two, combining marks none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += /\p{M}/u.test(character) ? 0 : isWide(character) ? 2 : 1;
  return columns;
}

/** East Asian Width W and F (Unicode UAX #11), by block. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

function isWide(character: string): boolean {
  return WIDE.test(character);
}

/** `text`, already visible, cut to at most `columns`, with an ellipsis where something is missing. */
export function clipped(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = "";
  let used = 0;
  for (const character of text) {
    const width = columnsOf(character);
    if (used + width > columns - 1) break;
    kept += character;
    used += width;
  }
  return `${kept}…`;
}
