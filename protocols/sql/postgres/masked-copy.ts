/**
 * COPY of a relation with masked columns by its name: it becomes COPY of a query that yields the same columns of the
 * same rows, masked. `COPY t TO` takes the rows of t alone, as ONLY does, and leaves generated columns out; both are
 * kept (PostgreSQL documentation, "COPY"). What the query form can't say is refused with the form that can.
 */
import type { Occurrence } from "./gate.ts";
import type { Refusal } from "./masked-calls.ts";
import { display } from "./protection.ts";
import { quoteIdentifier } from "./quoting.ts";
import { maskingQuery, nameTokens } from "./rewrite.ts";
import type { SourceText } from "./source-text.ts";
import type { Splice } from "./splice.ts";
import { isWord, type Token } from "./tokens.ts";
import { flagOf, locationOf, nodesOf, type TreeNode, wordsOf } from "./tree.ts";

/** Whether it is COPY of a relation to the client or a file, not of a query. */
export function copiesOut({ type, body }: TreeNode): boolean {
  return type === "CopyStmt" && !flagOf(body, "is_from") && body["query"] === undefined;
}

/** Undefined when `copySplice` can say it as COPY of a query. */
export function copyRefusal({ type, body }: TreeNode, { rangeVar, relation, columns }: Occurrence): Refusal | undefined {
  const [column] = columns;
  const shown = display(relation);
  const refused = (message: string, hint: string): Refusal => ({
    reason: "masked-statement-kind",
    rule: column?.rule ?? null,
    message: `${message}, and its column ${column?.column} is masked`,
    hint,
  });
  if (relation.kind !== "table" && relation.kind !== "materialized-view")
    return refused(
      `${shown} is a ${relation.kind.replace("-", " ")} and can't be copied by its name`,
      `COPY (SELECT … FROM ${shown}) TO STDOUT`,
    );
  const named = locationOf(rangeVar) ?? 0;
  if (nodesOf(type, body, "options").some((option) => (locationOf(option.body) ?? named) < named))
    return refused(`COPY BINARY is not understood for ${shown}`, "COPY … TO STDOUT (FORMAT binary)");
  const listed = wordsOf(body, "attlist");
  const twice = listed.find((name, index) => listed.indexOf(name) !== index);
  if (twice !== undefined) return refused(`column ${twice} of ${shown} is listed more than once`, "list it once");
  const generated = relation.columns.find((one) => one.generated && listed.includes(one.name));
  if (generated === undefined) return undefined;
  return refused(
    `column ${generated.name} of ${shown} is generated and can't be listed in COPY`,
    `COPY (SELECT … FROM ${shown}) TO STDOUT`,
  );
}

/**
 * From the relation's name to the end of the column list, if there is one. What stood there before PostgreSQL 7.3
 * (COPY BINARY, USING DELIMITERS) the query form has not: the text then does not parse again.
 */
export function copySplice({ body }: TreeNode, occurrence: Occurrence, text: SourceText): Splice | undefined {
  const { rangeVar, relation } = occurrence;
  const tokens = text.tokens();
  const named = tokens === undefined ? undefined : nameTokens(rangeVar, tokens);
  if (tokens === undefined || named === undefined || !isWord(tokens.list[named.first - 1], "copy")) return undefined;
  const listed = wordsOf(body, "attlist");
  const last = listed.length === 0 ? named.last : closingOf(tokens.list, named.last + 1);
  const from = tokens.list[named.first];
  const to = last === undefined ? undefined : tokens.list[last];
  if (locationOf(rangeVar) === undefined || from === undefined || to === undefined) return undefined;
  const columns = listed.length > 0 ? listed : relation.columns.filter(({ generated }) => !generated).map(({ name }) => name);
  return { start: from.start, end: to.end, text: `(${queryOf(occurrence, columns)})` };
}

/**
 * A name that is no column gets the server's own error: the subquery around our query has none of that name, and its
 * alias is none of the names, so that no whole row is meant.
 */
function queryOf({ relation, attributes }: Occurrence, columns: readonly string[]): string {
  let alias = "copied";
  while (columns.includes(alias)) alias += "_";
  const inner = maskingQuery(relation, attributes, true, (column) => columns.includes(column), []);
  return `SELECT ${columns.map(quoteIdentifier).join(", ")} FROM (${inner}) AS ${alias}`;
}

/** Place of the bracket that closes the one at `open`; a list of names holds no other. */
function closingOf(list: readonly Token[], open: number): number | undefined {
  if (list[open]?.text !== "(") return undefined;
  const found = list.findIndex((token, index) => index > open && token.text === ")");
  return found < 0 ? undefined : found;
}
