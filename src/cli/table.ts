/** Small aligned tables for terminals and pipes: a heading, a rule, one line a row. Cells must already be visible text. */
import { clipped, columnsOf } from "./visible.ts";

export interface Cell {
  /** What it measures; must hold no control characters. */
  readonly text: string;
  /** Colours it after it was measured; must not change its width. */
  readonly paint?: (text: string) => string;
}

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Terminal columns at most; longer cells end in an ellipsis. */
  readonly widthMax?: number;
}

const CELL_WIDTH_MAX = 60;

/** The lines of a table, without line ends. Rows shorter than `columns` are filled up with empty cells. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly Cell[])[], heading: (text: string) => string): string[] {
  const cut = rows.map((row) => columns.map((column, index) => cutCell(row[index] ?? { text: "" }, column)));
  const widths = columns.map((column, index) => Math.max(columnsOf(column.title), ...cut.map((row) => columnsOf(row[index]?.text ?? ""))));
  const line = (cells: readonly Cell[]): string =>
    cells
      .map((cell, index) => padded(cell, widths[index] ?? 0, columns[index]?.align ?? "left"))
      .join("  ")
      .trimEnd();
  return [
    heading(line(columns.map((column) => ({ text: column.title })))),
    heading(widths.map((width) => "─".repeat(width)).join("  ")),
    ...cut.map(line),
  ];
}

function cutCell(cell: Cell, column: Column): Cell {
  return { ...cell, text: clipped(cell.text, column.widthMax ?? CELL_WIDTH_MAX) };
}

function padded(cell: Cell, width: number, align: "left" | "right"): string {
  const gap = " ".repeat(Math.max(0, width - columnsOf(cell.text)));
  const text = cell.paint === undefined ? cell.text : cell.paint(cell.text);
  return align === "right" ? gap + text : text + gap;
}
