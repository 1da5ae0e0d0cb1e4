/**
 * RETURNING of a statement whose target has masked columns: each reference to one gives way to its mask over that very
 * reference, stars are spelled out, and what is returned goes by the names that it would have had.
 */
import { maskExpression } from "./mask-expression.ts";
import type { Located } from "./masked-calls.ts";
import { outputName } from "./output-name.ts";
import { display, type ProtectedAttribute } from "./protection.ts";
import { quoteIdentifier } from "./quoting.ts";
import { dotted } from "./rewrite.ts";
import { referenceOf } from "./scope.ts";
import type { SourceText } from "./source-text.ts";
import type { Splice } from "./splice.ts";
import type { Token, Tokens } from "./tokens.ts";
import { type Body, flagOf, isBody, locationOf, nodeOf, nodesOf, partsOf, type TreeNode, textOf, wordsOf } from "./tree.ts";
import type { MaskedWrite, Returned } from "./written-references.ts";

/** @returns why it can't be done, with its place, where the text is not of a form that is known */
export function returningSplices(
  writes: readonly MaskedWrite[],
  returned: readonly Returned[],
  text: SourceText,
): readonly Splice[] | Located {
  const [first] = writes;
  if (first === undefined) return [];
  const tokens = text.tokens();
  if (tokens === undefined) return lost(first, first.rangeVar, "say it in plainer SQL");
  const splices: Splice[] = [];
  const named = new Set<Body>();
  for (const write of writes) {
    for (const star of bareStars(write)) {
      const made = bareStar(write, star, tokens);
      if (made === undefined) return lost(write, star, "name the columns instead of *");
      splices.push(made);
    }
  }
  for (const one of returned) {
    const made = one.column === null ? star(one, tokens) : column(one, one.column, tokens);
    if (made === undefined) return lost(one.write, one.columnRef, "write the column's name plainly");
    splices.push(made);
    if (one.column === null || textOf(one.item, "name") !== "" || named.has(one.item)) continue;
    named.add(one.item);
    const end = endOf(one.item, tokens);
    if (end === undefined) return lost(one.write, one.columnRef, "give it a name by AS");
    splices.push({ start: end, end, text: ` AS ${quoteIdentifier(outputName(one.item))}` });
  }
  return splices;
}

/** Items of RETURNING that are `*` alone. */
export function bareStars({ node }: MaskedWrite): readonly Body[] {
  const returning = nodeOf(node.type, node.body, "returningClause");
  return (returning === undefined ? [] : nodesOf(returning.type, returning.body, "exprs")).flatMap(({ body }) => {
    const value = nodeOf("ResTarget", body, "val");
    const reference = value?.type === "ColumnRef" ? referenceOf(value.body) : undefined;
    return value !== undefined && reference?.star === true && reference.words.length === 0 ? [value.body] : [];
  });
}

function lost({ relation }: MaskedWrite, body: Body, hint: string): Located {
  const message = `RETURNING of ${display(relation)} could not be rewritten`;
  return { refusal: { reason: "masked-unresolved", rule: null, message, hint }, location: locationOf(body) };
}

function column({ columnRef }: Returned, { column: of, attribute }: NonNullable<Returned["column"]>, tokens: Tokens): Splice | undefined {
  const { words } = referenceOf(columnRef);
  const place = placeOf(columnRef, words.length, tokens);
  return place && { ...place, text: masked(words, attribute, of) };
}

function masked(words: readonly string[], { mask }: ProtectedAttribute, column: Parameters<typeof maskExpression>[1]): string {
  const made = maskExpression(mask, column, words.map(quoteIdentifier).join("."));
  return made.kind === "expression" ? `(${made.sql})` : "(NULL)";
}

function star({ write, columnRef }: Returned, tokens: Tokens): Splice | undefined {
  const { words } = referenceOf(columnRef);
  const named = placeOf(columnRef, words.length, tokens);
  const after = tokens.list[tokens.at(locationOf(columnRef) ?? -1) + 2 * words.length];
  return named === undefined || after?.text !== "*" ? undefined : { start: named.start, end: after.end, text: spelledOut(write, words) };
}

function spelledOut({ relation, attributes }: MaskedWrite, qualifier: readonly string[]): string {
  const columns = relation.columns.map((one) => {
    const words = [...qualifier, one.name];
    const attribute = attributes.get(one.number);
    if (attribute === undefined) return words.map(quoteIdentifier).join(".");
    return `${masked(words, attribute, one)} AS ${quoteIdentifier(one.name)}`;
  });
  return columns.join(", ");
}

/** The target's columns and the sources', in the order in which the server has them: MERGE puts the source first. */
function bareStar(write: MaskedWrite, columnRef: Body, tokens: Tokens): Splice | undefined {
  const token = tokens.list[tokens.at(locationOf(columnRef) ?? -1)];
  const { node, rangeVar } = write;
  const alias = rangeVar["alias"];
  const target = spelledOut(write, [isBody(alias) ? textOf(alias, "aliasname") : textOf(rangeVar, "relname")]);
  const sources = ["fromClause", "usingClause", "sourceRelation"].flatMap((field) => partsOf(node, field)).map(sourceAliases);
  if (token?.text !== "*" || sources.some((aliases) => aliases === undefined)) return undefined;
  const others = sources.flatMap((aliases) => aliases ?? []).map((name) => `${quoteIdentifier(name)}.*`);
  const list = node.type === "MergeStmt" ? [...others, target] : [target, ...others];
  return { start: token.start, end: token.end, text: list.join(", ") };
}

/** Undefined where `*` is not one alias after the other: joins merge columns, and some items have no alias. */
function sourceAliases(item: TreeNode): readonly string[] | undefined {
  const { type, body } = item;
  const alias = body["alias"];
  const name = isBody(alias) ? textOf(alias, "aliasname") : type === "RangeVar" ? textOf(body, "relname") : "";
  if (name !== "") return [name];
  if (type !== "JoinExpr" || flagOf(body, "isNatural") || wordsOf(body, "usingClause").length > 0) return undefined;
  const sides = ["larg", "rarg"].map((field) => {
    const side = nodeOf(type, body, field);
    return side === undefined ? undefined : sourceAliases(side);
  });
  return sides.some((side) => side === undefined) ? undefined : sides.flatMap((side) => side ?? []);
}

function placeOf(columnRef: Body, words: number, tokens: Tokens): { readonly start: number; readonly end: number } | undefined {
  const first = tokens.at(locationOf(columnRef) ?? -1);
  const last = tokens.list[first + 2 * (words - 1)];
  const start = tokens.list[first]?.start;
  return !dotted(tokens, first, words) || start === undefined || last === undefined ? undefined : { start, end: last.end };
}

/** Where an item ends: at the next comma outside brackets, or where the statement or the brackets around it end. */
function endOf(item: Body, { list, at }: Tokens): number | undefined {
  const first = at(locationOf(item) ?? -1);
  if (first < 0) return undefined;
  let depth = 0;
  let last: Token | undefined;
  for (const token of list.slice(first)) {
    const closes = token.text === ")" || token.text === "]";
    if (depth === 0 && (closes || token.text === "," || token.text === ";")) break;
    if (token.text === "(" || token.text === "[") depth += 1;
    else if (closes) depth -= 1;
    last = token;
  }
  return last?.end;
}
