/** Text that an agent chose must not steer the terminal it is shown on, nor look like another text. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { clipped, columnsOf, disarmed, safeJson, visible, visibleLines } from "#src/cli/visible.ts";

/** Anything a terminal could act on or hide. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;

describe("text made visible", () => {
  const hostile: readonly (readonly [what: string, text: string, shown: string])[] = [
    ["clipboard writes (OSC 52)", "\x1b]52;c;cm0gLXJm\x07", "\\x1b]52;c;cm0gLXJm\\x07"],
    ["clearing the screen", "\x1b[2J\x1b[H", "\\x1b[2J\\x1b[H"],
    ["the one-byte CSI", "\u009b31m", "\\x9b31m"],
    ["a bidirectional override", "user\u202eresu", "user\\u{202e}resu"],
    ["isolates", "\u2066x\u2069", "\\u{2066}x\\u{2069}"],
    ["zero-width characters", "a\u200bb\ufeff", "a\\u{200b}b\\u{feff}"],
    ["tag characters", "\u{e0041}", "\\u{e0041}"],
    ["a lone surrogate", "\ud800", "\\u{d800}"],
    ["line breaks and tabs", "a\r\n\tb\u2028c", "a\\r\\n\\tb\\u{2028}c"],
    ["NUL and DEL", "\0\x7f", "\\x00\\x7f"],
  ];
  for (const [what, text, shown] of hostile) test(`writes out ${what}`, () => assert.equal(visible(text), shown));

  test("leaves words of any script alone", () => {
    for (const text of ["select 'straße' — ok", "日本語", "עברית", "naïve café", "€ 5,00", "😀"]) assert.equal(visible(text), text);
  });

  test("holds no hidden character, whatever came in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.doesNotMatch(visible(text), HIDDEN);
        for (const line of visibleLines(text)) assert.doesNotMatch(line, HIDDEN);
        assert.doesNotMatch(safeJson({ [text]: text }), HIDDEN);
      }),
    );
  });

  test("keeps lines as lines", () => assert.deepEqual(visibleLines("select 1\r\n\tfrom t\rx"), ["select 1", "    from t\\rx"]));
});

describe("data for printing", () => {
  test("is disarmed at every depth, and keeps its line breaks", () => {
    const shown = disarmed({ sql: "select\n1\x1b[2J", rows: [["\x9b", null, { hex: "\x1b" }]], count: 3 });
    assert.deepEqual(shown, { sql: "select\n1\\x1b[2J", rows: [["\\x9b", null, { hex: "\\x1b" }]], count: 3 });
  });

  test("as JSON means what it meant", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        assert.equal(JSON.parse(safeJson({ text })).text, text);
      }),
    );
    assert.equal(safeJson("\u009b\u{e0041}"), '"\\u009b\\udb40\\udc41"');
  });
});

describe("width on a terminal", () => {
  test("counts wide characters twice and combining marks not at all", () => {
    assert.equal(columnsOf("abc"), 3);
    assert.equal(columnsOf("日本"), 4);
    assert.equal(columnsOf("e\u0301"), 1);
    assert.equal(columnsOf("😀"), 2);
  });

  test("cuts to the columns there are, never through a wide character", () => {
    assert.equal(clipped("abcdef", 4), "abc…");
    assert.equal(clipped("日本語", 4), "日…");
    assert.equal(clipped("abcd", 4), "abcd");
  });
});
