/** Tables must line up by what a terminal shows, not by how many code units a cell has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { tableLines } from "#src/cli/table.ts";

const plain = (text: string): string => text;

test("columns are as wide as their widest cell, and numbers stand to the right", () => {
  const lines = tableLines(
    [{ title: "name" }, { title: "rows", align: "right" }],
    [
      [{ text: "日本" }, { text: "7" }],
      [{ text: "report-agent" }, { text: "12345" }],
    ],
    plain,
  );
  assert.deepEqual(lines, ["name           rows", "────────────  ─────", "日本              7", "report-agent  12345"]);
});

test("a painted cell is measured without its paint", () => {
  const [, , row] = tableLines([{ title: "a" }, { title: "b" }], [[{ text: "xyz", paint: (text) => `<${text}>` }, { text: "1" }]], plain);
  assert.equal(row, "<xyz>  1");
});

test("a cell too many is left out and a missing one is empty", () => {
  const lines = tableLines([{ title: "a" }, { title: "b" }], [[{ text: "1" }], [{ text: "1" }, { text: "2" }, { text: "3" }]], plain);
  assert.deepEqual(lines.slice(2), ["1", "1  2"]);
});

test("a long cell ends in an ellipsis at its column's width", () => {
  const [, , row] = tableLines([{ title: "a", widthMax: 5 }], [[{ text: "abcdefgh" }]], plain);
  assert.equal(row, "abcd…");
});
