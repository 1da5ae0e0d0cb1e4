/** An explanation as lines for people: verdict, the place in the text, columns with their origins, what is sent instead. */
import type { TracedColumn } from "#protocols/postgres/protocol.ts";
import type { ExplainedStatement, Explanation } from "#src/sessions/explain.ts";
import type { Colors, Screen } from "./screen.ts";
import { type Cell, type Column, tableLines } from "./table.ts";
import { columnsOf, visible, visibleLines } from "./visible.ts";

const COLUMNS: readonly Column[] = [
  { title: "column", widthMax: 40 },
  { title: "from", widthMax: 70 },
  { title: "shows", widthMax: 40 },
];
/** Origins that one row lists by name. */
const ORIGINS_MAX = 3;

export function explanationLines(sql: string, explanation: Explanation, { paint }: Screen): readonly string[] {
  const { statements } = explanation;
  return [
    ...verdictLines(explanation, paint),
    ...textLines(sql, explanation.position, paint),
    ...(explanation.hint === null ? [] : [`  ${paint.cyan("hint")}  ${visible(explanation.hint)}`]),
    ...statements.flatMap((statement, index) => ["", ...statementLines(statement, statements.length > 1 ? index + 1 : null, paint)]),
    ...(explanation.upstreamSql === null
      ? []
      : ["", paint.bold("Sent to the target"), ...sentLines(explanation.upstreamSql, explanation.inserted, paint)]),
  ];
}

/** Of a masked statement, the rules of the columns that it reads; the record names the first that holds for its tables. */
function verdictLines({ verdict, reason, rule, message, statements }: Explanation, paint: Colors): readonly string[] {
  const shade = verdict === "deny" ? paint.red : verdict === "mask" ? paint.yellow : paint.green;
  const read = new Set(statements.flatMap(({ masked }) => masked.flatMap(({ mask }) => (mask === null ? [] : [mask.rule]))));
  const rules = verdict === "mask" && read.size > 0 ? [...read].join(", ") : rule;
  const by = [reason, rules === null ? null : `rule ${rules}`].filter((part) => part !== null).map(visible);
  return [[paint.bold(shade(verdict)), ...by].join("  "), ...(message === null ? [] : [`  ${visible(message)}`])];
}

/** The text, with a caret under the character that it is about. */
function textLines(sql: string, position: number | null, paint: Colors): readonly string[] {
  const before = position === null ? null : [...sql].slice(0, position - 1).join("");
  const beginning = before === null ? 0 : before.lastIndexOf("\n") + 1;
  const row = before === null ? -1 : before.split("\n").length - 1;
  return sql.split("\n").flatMap((line, index) => {
    const shown = `    ${visibleLines(line).join("")}`;
    if (index !== row || before === null) return [shown];
    const indent = columnsOf(visibleLines(before.slice(beginning)).join(""));
    return [shown, `    ${" ".repeat(indent)}${paint.red("^")}`];
  });
}

function statementLines(statement: ExplainedStatement, number: number | null, paint: Colors): readonly string[] {
  const { tag, verdict, reason, message, needs, guards, columns, notes } = statement;
  const fired = guards.filter(({ rule }) => rule !== null).map(({ kind, rule }) => `${kind} (rule ${visible(rule ?? "")})`);
  const head = number === null ? [] : [`${paint.bold(`${number}. ${visible(tag)}`)}  ${[verdict, reason ?? ""].join("  ").trimEnd()}`];
  const why = number === null || message === null ? [] : [`  ${visible(message)}`];
  const rights = needs.map(
    ({ right, rule }) => `${right} ${rule === null ? paint.red("(no rule)") : paint.dim(`(rule ${visible(rule)})`)}`,
  );
  return [
    ...head,
    ...why,
    ...(needs.length === 0 ? [] : [`  needs ${rights.join(", ")}`]),
    ...(fired.length === 0 ? [] : [`  ${paint.red("guarded")} ${fired.join(", ")}`]),
    ...(columns === null ? ["  its columns can't be told"] : columnLines(columns, paint)),
    ...notes.map((note) => `  ${paint.yellow("note")}  ${visible(note)}`),
  ];
}

function columnLines(columns: readonly TracedColumn[], paint: Colors): readonly string[] {
  if (columns.length === 0) return [];
  const rows = columns.map((column): readonly Cell[] => [
    { text: visible(column.name) },
    { text: visible(originText(column)) },
    column.masked ? { text: visible(maskText(column)), paint: paint.yellow } : { text: "as it is" },
  ]);
  return tableLines(COLUMNS, rows, paint.dim).map((line) => `  ${line}`);
}

function originText({ origins, direct, vague }: TracedColumn): string {
  const named = origins.slice(0, ORIGINS_MAX).map(({ schema, table, column }) => `${schema}.${table}.${column}`);
  const more = origins.length > ORIGINS_MAX ? [`${origins.length - ORIGINS_MAX} more`] : [];
  const unknown = vague ? ["what can't be told"] : [];
  const all = [...named, ...more, ...unknown].join(", ");
  if (all === "") return "no column";
  return direct ? all : `computed from ${all}`;
}

function maskText({ origins, direct }: TracedColumn): string {
  const masks = origins.map(({ mask }) => mask).filter((mask) => mask !== null);
  const texts = [...new Set(masks.map(({ kind, rule }) => `${kind} (rule ${rule})`))];
  if (texts.length === 0) return "masked, in doubt";
  return direct ? texts.join(", ") : `of masked: ${texts.join(", ")}`;
}

/** What the gateway put into the text stands a column a line; the exact text is in `--json`. */
function sentLines(sql: string, inserted: Explanation["inserted"], paint: Colors): readonly string[] {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end } of inserted) {
    parts.push(sql.slice(at, start), broken(sql.slice(start, end)));
    at = end;
  }
  parts.push(sql.slice(at));
  return parts
    .join("")
    .split("\n")
    .map((line) => `    ${paint.dim(visibleLines(line).join(""))}`);
}

const LINE = "\n  ";

/** A masking subquery as lines: broken behind the commas of its list and before its FROM, where no quote or bracket is open. */
function broken(text: string): string {
  if (!text.startsWith("(SELECT ")) return text;
  let depth = 0;
  let quote = "";
  let out = "";
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? "";
    if (quote !== "") quote = character === quote ? "" : quote;
    else if (character === "'" || character === '"' || character === "`") quote = character;
    else if (character === "(") depth += 1;
    else if (character === ")") depth -= 1;
    const space = character === " " && quote === "" && depth === 1;
    if (space && out.endsWith(",")) out += `${LINE}       `;
    else if (space && text.startsWith("FROM ", index + 1)) out += `${LINE}  `;
    else out += character;
  }
  return out.replace("(", `(${LINE}`);
}
