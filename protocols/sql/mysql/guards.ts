/**
 * What a statement does that a guardrail may forbid: changes without a condition, dropped and altered objects, what cannot
 * be seen through. Facts only, and of the client's own text; which of them are refused to whom is the policy's matter.
 */
import type { Guard, GuardKind } from "#policies/question.ts";
import { readsOf, type SizeOf } from "./reads.ts";
import { type Body, isBody, namesIn, nodeOf, walk } from "./tree.ts";
import { columnOf, conjunctsOf, truthOf } from "./truth.ts";

type Note = (kind: GuardKind, relation?: string | null, detail?: string, rows?: number) => void;

/**
 * @param tree of one statement; undefined for one that the grammar does not read, of which only the first words are known
 * @param first whether the statement is the first of its text
 * @param position of the statement, in characters of the text from 1
 * @param sizeOf tells how large relations are
 */
export function guardsOf(tree: unknown, first: boolean, position: number, sizeOf: SizeOf): readonly Guard[] {
  const found = new Map<string, Guard>();
  const note: Note = (kind, relation = null, detail, rows) => {
    found.set(`${kind}/${relation}`, { kind, position, relation, detail: detail ?? null, rows: rows ?? null });
  };
  if (!first) note("multi-statement");
  try {
    if (tree !== undefined && !isOnlyPlanned(tree)) {
      noteStatement(tree, note);
      noteReads(tree, sizeOf, note);
      walk(tree, (key, value) => {
        if (isBody(value)) noteChange(key, value, note);
        return true;
      });
    }
  } catch (error) {
    // The stack gave out.
    if (!(error instanceof RangeError)) throw error;
    note("opaque", null, "a statement that is too deep to be followed");
  }
  return [...found.values()];
}

/** Planning alone runs nothing. */
function isOnlyPlanned(tree: unknown): boolean {
  const [type, body] = nodeOf(tree) ?? [];
  return type === "Explain" && body?.["analyze"] !== true;
}

/** Of a query whose rows come to the client; of one inside a write only what nothing connects. */
function noteReads(tree: unknown, sizeOf: SizeOf, note: Note): void {
  const [type, body] = nodeOf(tree) ?? [];
  if (type === "Explain") noteReads(body?.["statement"], sizeOf, note);
  const source = type === "Query" ? body : type === "Insert" ? body?.["source"] : type === "CreateTable" ? body?.["query"] : undefined;
  if (!isBody(source)) return;
  const { read, apart } = readsOf(source, sizeOf);
  if (read !== null && type === "Query") note("unlimited-select", read.relation, undefined, read.rows);
  for (const { relation, first } of apart) note("cross-join", relation, first);
}

/** Statements that run what stands elsewhere. */
const OPAQUE: Readonly<Record<string, string>> = { Call: "CALL", Execute: "EXECUTE" };

function noteStatement(tree: unknown, note: Note): void {
  const [type = "", body = {}] = nodeOf(tree) ?? [];
  const opaque = OPAQUE[type];
  if (opaque !== undefined) note("opaque", null, opaque);
  if (type === "Truncate") for (const one of listOf(body["table_names"])) note("truncate", isBody(one) ? nameIn(one["name"]) : null);
  else if (type.startsWith("Drop")) noteDrop(type, body, note);
  else if (type === "RenameTable") note("alter", null, "RENAME TABLE");
  else if (type.startsWith("Alter")) {
    const command = spelled(type);
    const relation = nameIn(body["name"]);
    note("alter", relation, command);
    const drops = listOf(body["operations"]).some((operation) => nodeOf(operation)?.[0] === "DropColumn");
    if (drops) note("drop", relation, `${command} DROP COLUMN`);
  }
}

function noteDrop(type: string, body: Body, note: Note): void {
  const kind = type === "Drop" ? `DROP ${spelled(String(body["object_type"]))}` : spelled(type);
  const names = [...listOf(body["names"]), body["trigger_name"], ...describedIn(body["func_desc"]), ...describedIn(body["proc_desc"])];
  note("drop", names.map(nameIn).find((name) => name !== null) ?? null, kind);
}

function describedIn(value: unknown): readonly unknown[] {
  return listOf(value).map((one) => (isBody(one) ? one["name"] : undefined));
}

/** `DropProcedure` is DROP PROCEDURE. */
function spelled(type: string): string {
  return type.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toUpperCase();
}

function noteChange(key: string, body: Body, note: Note): void {
  if (key === "Update" && Array.isArray(body["assignments"])) {
    const sources = sourcesIn([body["table"]]);
    if (!namesRows(body, sources)) note("update-without-where", sources.shown, "UPDATE");
  }
  if (key === "Delete" && isBody(body["from"])) {
    const from = Object.values(body["from"]).flatMap(listOf);
    const sources = sourcesIn([...from, ...listOf(body["using"])]);
    if (!namesRows(body, sources)) note("delete-without-where", sources.shown, "DELETE");
  }
}

interface Sources {
  /** Aliases and names, in lower case, that a column may be qualified with. */
  readonly names: ReadonlySet<string>;
  readonly shown: string | null;
  /** What joins demand. */
  readonly conditions: readonly unknown[];
}

function sourcesIn(items: readonly unknown[]): Sources {
  const names = new Set<string>();
  const conditions: unknown[] = [];
  let shown: string | null = null;
  walk(items, (key, value) => {
    if (key === "Table" && isBody(value)) {
      const written = namesIn(value["name"]);
      shown ??= written.join(".");
      const alias = isBody(value["alias"]) ? value["alias"]["name"] : undefined;
      names.add((isBody(alias) ? String(alias["value"]) : (written.at(-1) ?? "")).toLowerCase());
    }
    if (key === "On") conditions.push(value);
    // Its own rows are no rows of the statement's.
    return key !== "subquery";
  });
  return { names, shown, conditions };
}

/** Whether a condition names rows, LIMIT bounds them, or none is reached at all. */
function namesRows(body: Body, { names, conditions }: Sources): boolean {
  if (body["limit"] !== null && body["limit"] !== undefined) return true;
  const all = [body["selection"], ...conditions].flatMap(conjunctsOf);
  const truths = all.map(truthOf);
  if (truths.some((truth) => truth === false || truth === null)) return true;
  return all.some((conjunct, index) => truths[index] === undefined && namesColumn(conjunct, names));
}

/** Columns inside a query of its own are that query's, unless they say whose they are. */
function namesColumn(conjunct: unknown, names: ReadonlySet<string>): boolean {
  const stack: { readonly value: unknown; readonly inside: boolean }[] = [{ value: conjunct, inside: false }];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { value, inside } = at;
    const column = columnOf(value);
    if (column !== undefined && (column.length === 1 ? !inside : names.has(column.at(-2) ?? ""))) return true;
    if (column !== undefined) continue;
    if (Array.isArray(value)) for (const one of value) stack.push({ value: one, inside });
    else if (isBody(value)) {
      for (const key in value) if (!OTHER_NAMES.has(key)) stack.push({ value: value[key], inside: inside || key === "Select" });
    }
  }
  return false;
}

/** Below these stand names of functions, relations, types: no columns. */
const OTHER_NAMES: ReadonlySet<string> = new Set(["name", "alias", "collation", "data_type"]);

function nameIn(value: unknown): string | null {
  const names = namesIn(value);
  return names.length === 0 ? null : names.join(".");
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
