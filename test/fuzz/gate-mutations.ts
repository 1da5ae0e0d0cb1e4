/**
 * Changes to one statement, each a function of chance: token by token, which mostly breaks it, and by operands, relations,
 * names and whole queries, which mostly does not. What a mutation can't do to a text it leaves alone (undefined).
 */
import type { Chance } from "./gate-chance.ts";
import type { Forms } from "./gate-forms.ts";
import type { Operand, Piece, Pieces } from "./gate-pieces.ts";
import type { Vocabulary } from "./gate-vocabulary.ts";

export interface Means {
  readonly chance: Chance;
  readonly words: Vocabulary;
  readonly forms: Forms;
  /** A text to take parts from. */
  donor(): Pieces;
}

type Mutation = (source: Pieces, means: Means) => string | undefined;

const TEXT_MAX = 4_000;

export function mutated(sql: string, means: Means, times: number): string {
  let text = sql;
  for (let left = times; left > 0; left -= 1) {
    const mutation = means.chance.pick(MUTATIONS);
    const changed = mutation(means.forms.piecesOf(text), means);
    if (changed !== undefined && changed.length <= TEXT_MAX) text = changed;
  }
  return text;
}

const cut = ({ sql }: Pieces, from: number, to: number, put: string): string => sql.slice(0, from) + put + sql.slice(to);
const textIn = ({ sql }: Pieces, { start, end }: Pick<Piece, "start" | "end">): string => sql.slice(start, end);
const anyOf = <Value>(values: readonly Value[], { chance }: Means): Value | undefined =>
  values.length === 0 ? undefined : chance.pick(values);
const expressions = ({ operands }: Pieces): readonly Operand[] => operands.filter(({ role }) => role === "expression");
const names = ({ pieces }: Pieces): readonly Piece[] => pieces.filter(({ kind }) => kind === "name");

/** Mostly one that a relation of the text has. */
function maskedColumn(source: Pieces, { chance, words }: Means): string {
  const near = names(source).flatMap(({ text }) => words.maskedOf.get(text.toLowerCase()) ?? []);
  return chance.pick(near.length === 0 || chance.oneIn(8) ? words.maskedColumns : near);
}

/** A text as a query that may stand in parentheses; undefined for other kinds of statement. */
function queryOf({ sql, pieces }: Pieces): string | undefined {
  const first = pieces[0]?.text.toLowerCase() ?? "";
  const query = sql.trim().replace(/[;\s]+$/, "");
  // A comment to the end of the line would swallow the parenthesis behind it.
  return ["select", "with", "table", "values", "("].includes(first) && !query.includes(";") && !query.includes("--") ? query : undefined;
}

const filled = (form: string, first: string, second = ""): string => form.replaceAll("@", () => first).replaceAll("#", () => second);

function replaceOperand(source: Pieces, operand: Operand | undefined, put: string | undefined): string | undefined {
  return operand === undefined || put === undefined ? undefined : cut(source, operand.start, operand.end, put);
}

const TOKENS: readonly Mutation[] = [
  function swapped(source, means) {
    const [one, two] = [anyOf(source.pieces, means), anyOf(source.pieces, means)].toSorted((a, b) => (a?.start ?? 0) - (b?.start ?? 0));
    if (one === undefined || two === undefined || one.end > two.start) return undefined;
    return cut(source, one.start, two.end, textIn(source, two) + source.sql.slice(one.end, two.start) + textIn(source, one));
  },
  function doubled(source, means) {
    const piece = anyOf(source.pieces, means);
    return piece && cut(source, piece.end, piece.end, ` ${piece.text}`);
  },
  function removed(source, means) {
    const piece = anyOf(source.pieces, means);
    return piece && cut(source, piece.start, piece.end, "");
  },
  function inserted(source, means) {
    const [piece, put] = [anyOf(source.pieces, means), anyOf(means.donor().pieces, means)];
    return piece && put && cut(source, piece.start, piece.start, `${put.text} `);
  },
  function replaced(source, means) {
    const [piece, put] = [anyOf(source.pieces, means), anyOf(means.donor().pieces, means)];
    return piece && put && cut(source, piece.start, piece.end, put.text);
  },
];

const OPERANDS: readonly Mutation[] = [
  function fromElsewhere(source, means) {
    const donor = means.donor();
    const put = anyOf(expressions(donor), means);
    return replaceOperand(source, anyOf(expressions(source), means), put && textIn(donor, put));
  },
  function fromItself(source, means) {
    const put = anyOf(expressions(source), means);
    return replaceOperand(source, anyOf(expressions(source), means), put && textIn(source, put));
  },
  wrapped,
  wrapped,
  wrapped,
  function byMaskedColumn(source, means) {
    return replaceOperand(source, anyOf(expressions(source), means), maskedColumn(source, means));
  },
  function bySubquery(source, means) {
    const { maskedOf } = means.words;
    const [name, columns] = means.chance.pick([...maskedOf].filter(([, some]) => some.length > 0));
    const put = `(SELECT ${means.chance.pick(columns)} FROM ${means.chance.pick([means.forms.quote(name), name])} LIMIT 1)`;
    return replaceOperand(source, anyOf(expressions(source), means), put);
  },
  function byWholeRow(source, means) {
    const name = anyOf(names(source), means)?.text;
    const form = means.chance.pick(means.forms.wholeRows);
    return replaceOperand(source, anyOf(expressions(source), means), name && filled(form, name));
  },
  function byQuery(source, means) {
    const query = queryOf(means.donor());
    return replaceOperand(source, anyOf(expressions(source), means), query && `(${query})`);
  },
];

function wrapped(source: Pieces, means: Means): string | undefined {
  const operand = anyOf(expressions(source), means);
  return operand && replaceOperand(source, operand, filled(means.chance.pick(means.forms.wrappings), textIn(source, operand)));
}

const RELATIONS: readonly Mutation[] = [
  function byRelation(source, means) {
    const operand = anyOf(relations(source), means);
    const name = means.chance.pick(means.chance.oneIn(2) ? means.words.relations : means.words.masked);
    return replaceOperand(source, operand, name);
  },
  function byAliased(source, means) {
    const operand = anyOf(relations(source), means);
    if (operand === undefined) return undefined;
    const { chance, words } = means;
    const form = chance.pick(means.forms.relations);
    return replaceOperand(
      source,
      operand,
      filled(form, chance.pick(words.relations), chance.pick(["u", "users", "orders", ...words.maskedColumns])),
    );
  },
  function byQuery(source, means) {
    const query = queryOf(means.donor());
    return replaceOperand(source, anyOf(relations(source), means), query && `(${query}) ${means.chance.pick(["q", "u", "users", "ssn"])}`);
  },
];

const relations = ({ operands }: Pieces): readonly Operand[] => operands.filter(({ role }) => role === "relation");

const NAMES: readonly Mutation[] = [
  function renamed(source, means) {
    const piece = anyOf(names(source), means);
    const { chance, words } = means;
    return (
      piece &&
      cut(
        source,
        piece.start,
        piece.end,
        chance.oneIn(3) ? chance.pick([...words.relations, ...words.columns]) : maskedColumn(source, means),
      )
    );
  },
  function renamedAlias(source, means) {
    const operand = anyOf(
      source.operands.filter(({ role }) => role === "alias"),
      means,
    );
    return replaceOperand(
      source,
      operand,
      means.chance.pick(means.chance.oneIn(2) ? means.words.maskedColumns : ["users", "orders", "u", "excluded", "old", "new"]),
    );
  },
  function aliased(source, means) {
    const operand = anyOf(expressions(source), means);
    return operand && cut(source, operand.end, operand.end, ` AS ${means.chance.pick(means.words.columns)}`);
  },
  function qualified(source, means) {
    const piece = anyOf(names(source), means);
    return piece && cut(source, piece.start, piece.start, `${means.chance.pick(means.forms.qualifiers)}.`);
  },
  function spelledOtherwise(source, means) {
    const piece = anyOf(
      names(source).filter(({ text }) => /^[a-z_]+$/i.test(text)),
      means,
    );
    return piece && cut(source, piece.start, piece.end, means.forms.spelling(piece.text, means.chance));
  },
];

const TEXTS: readonly Mutation[] = [
  wrappedQuery,
  wrappedQuery,
  wrappedQuery,
  function setOperation(source, means) {
    const [one, two] = [queryOf(source), queryOf(means.donor())];
    return one && two && filled(means.chance.pick(means.forms.setOperations), one, two);
  },
  function clause({ sql }, { chance, forms }) {
    return sql.replace(/[;\s]+$/, "") + chance.pick(forms.clauses);
  },
  function comment(source, means) {
    const piece = anyOf(source.pieces, means);
    return piece && cut(source, piece.start, piece.start, means.chance.pick(means.forms.comments));
  },
  function literal(source, means) {
    const piece = anyOf(
      source.pieces.filter(({ kind }) => kind === "literal"),
      means,
    );
    return piece && cut(source, piece.start, piece.end, means.chance.pick(means.forms.literals));
  },
];

function wrappedQuery(source: Pieces, means: Means): string | undefined {
  const query = queryOf(source);
  return query && filled(means.chance.pick(means.forms.queryWrappings), query);
}

/** Tokens rarely: of what they make, little is a statement. */
const MUTATIONS: readonly Mutation[] = [
  TOKENS,
  OPERANDS,
  OPERANDS,
  OPERANDS,
  OPERANDS,
  RELATIONS,
  RELATIONS,
  NAMES,
  NAMES,
  TEXTS,
  TEXTS,
  TEXTS,
].flatMap((kind) =>
  // Each kind has the same weight, however many it has.
  Array.from({ length: 60 }, (_, index) => kind[index % kind.length]).filter((one): one is Mutation => one !== undefined),
);
