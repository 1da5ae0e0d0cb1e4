/**
 * What becomes of a text under a mask: refused with its reason, or written anew so that protected columns are masked where
 * they are read. Whatever passes goes upstream in our own spelling, never in the client's bytes, also where nothing in it is
 * protected. Pure and synchronous; `loadGrammar` must have been awaited once.
 */
import type { Obstacle, ProtectedColumn } from "#policies/question.ts";
import { STATEMENT_BYTES_MAX } from "#protocols/wire/limits.ts";
import { splitStatements } from "./canonical.ts";
import { lex, type Token } from "./lexer.ts";
import { maskedForm } from "./masked-form.ts";
import type { MaskedForm, MaskedSettings } from "./masked-form-types.ts";
import type { MysqlMaskingView } from "./protection.ts";
import { Refused } from "./reading.ts";
import { executedBy } from "./readings.ts";
import type { TemporaryChange } from "./temporary.ts";

export interface TextStretch {
  readonly start: number;
  readonly end: number;
}

/** Literals and parameters that may be recorded only as keyed digests. */
export interface MaskedSensitive {
  /** Of the client's text: indexes, in order, not overlapping. */
  readonly ranges: readonly TextStretch[];
  /** Parameters, from 1. */
  readonly parameters: readonly number[];
  /** Set for PREPARE: the literals that stand in the string, as they are spelled there. */
  readonly inside?: readonly string[];
}

export type MaskedText =
  | { readonly kind: "refused"; readonly obstacle: Obstacle; readonly sensitive: MaskedSensitive }
  | {
      readonly kind: "rewritten";
      /** What goes upstream. */
      readonly text: string;
      /** Protected columns of the tables that it names; empty: nothing in it is masked (a verdict `allow`, not `mask`). */
      readonly columns: readonly ProtectedColumn[];
      /** Of each output column, whether it derives from a masked one; empty where no rows come or they can't be counted. */
      readonly outputMasked: readonly boolean[];
      /** Of each output column, names of masked columns that are aliases of it and no more; empty where there are none. */
      readonly renamed: readonly (readonly string[])[];
      readonly sensitive: MaskedSensitive;
      /** The same ranges as they stand in `text`. */
      readonly sensitiveUpstream: readonly TextStretch[];
      /** Where in `text` stands what the gateway put there, in order; empty where that can't be told. */
      readonly inserted: readonly TextStretch[];
      /** Errors and warnings of the server could show values of the rows that it writes or reads. */
      readonly rebuildErrors: boolean;
      /** What it does to the session's temporary tables. */
      readonly temporary: TemporaryChange | null;
    };

/** @param sql of one COM_QUERY or COM_STMT_PREPARE: one statement; several are refused */
export function maskedText(sql: string, view: MysqlMaskingView, settings: MaskedSettings): MaskedText {
  const lexed = lex(sql, { sqlMode: settings.sqlMode, foreign: settings.foreign, executes: executedBy(view.catalogue.server) });
  if (lexed.kind === "error") {
    const hint = "leave comments with ! or + out; close what is open";
    const obstacle: Obstacle = { reason: "masked-unparsed", rule: null, message: lexed.message, hint, position: lexed.index + 1 };
    return { kind: "refused", obstacle, sensitive: { ranges: [{ start: 0, end: sql.length }], parameters: [] } };
  }
  const statements = splitStatements(lexed.tokens);
  const [tokens = []] = statements;
  try {
    if (statements.length > 1) throw new Refused("masked-statement-kind", "several statements in one text", "send them one by one");
    if (settings.foreign && !/^[\0-\x7f]*$/.test(sql)) throw new Refused("masked-setting", "the text is not in UTF-8", "SET NAMES utf8mb4");
    if (sql.includes("\ufffd")) {
      const hint = "send bytes as x'…' or as parameters";
      throw new Refused("masked-unparsed", "the text is not UTF-8, or holds what stands for such", hint);
    }
    const form = maskedForm(sql, tokens, view, settings);
    if (form.text.length > STATEMENT_BYTES_MAX) {
      const hint = "name fewer views, or each of them once in a WITH clause";
      throw new Refused("masked-unsupported", "the statement grows too long when masks take their place", hint);
    }
    return rewritten(form, tokens, view);
  } catch (error) {
    if (error instanceof Refused) return refused(error, tokens, view);
    // The stack gave out.
    if (error instanceof RangeError)
      return refused(new Refused("masked-unsupported", "the statement is too deep", "simplify it"), tokens, view);
    throw error;
  }
}

function rewritten(form: MaskedForm, tokens: readonly Token[], view: MysqlMaskingView): MaskedText {
  const { names } = form;
  const literals =
    names === null || speaksOf(tokens, (name) => names.has(name) || view.protection.columnNames.has(name)) ? literalsIn(tokens) : [];
  return {
    kind: "rewritten",
    text: form.text,
    columns: form.columns,
    outputMasked: form.outputMasked,
    renamed: form.renamed,
    sensitive: sensitiveOf(literals, tokens),
    sensitiveUpstream: literals.flatMap((index) => {
      const start = form.starts[index] ?? -1;
      return start < 0 || tokens[index]?.kind === "parameter" ? [] : [{ start, end: form.ends[index] ?? start }];
    }),
    inserted: form.inserted,
    rebuildErrors: form.rebuildErrors,
    temporary: form.temporary ?? null,
  };
}

function refused({ reason, message, hint, rule, at }: Refused, tokens: readonly Token[], view: MysqlMaskingView): MaskedText {
  const token = at === null ? undefined : tokens[Math.min(at, tokens.length - 1)];
  const position = token === undefined ? null : token.start + 1;
  const literals = reason === "masked-unparsed" || speaksOf(tokens, mayBeMasked(view)) ? literalsIn(tokens) : [];
  return { kind: "refused", obstacle: { reason, rule, message, hint, position }, sensitive: sensitiveOf(literals, tokens) };
}

function speaksOf(tokens: readonly Token[], isMeant: (name: string) => boolean): boolean {
  return tokens.some(({ kind, text }) => (kind === "word" || kind === "quoted-name") && isMeant(text.toLowerCase()));
}

/** Of a statement that was not read to its end: a name of a protected column, or of a table or view that may have one. */
function mayBeMasked({ catalogue, protection }: MysqlMaskingView): (name: string) => boolean {
  const views = catalogue.tables.filter(({ kind }) => kind === "view");
  const tables = new Set([...protection.columns.keys(), ...views].map(({ name }) => name.toLowerCase()));
  return (name) => protection.columnNames.has(name) || tables.has(name);
}

const LITERALS: ReadonlySet<Token["kind"]> = new Set(["string", "number", "bits", "parameter"]);

function literalsIn(tokens: readonly Token[]): readonly number[] {
  return tokens.flatMap(({ kind }, index) => (LITERALS.has(kind) ? [index] : []));
}

function sensitiveOf(literals: readonly number[], tokens: readonly Token[]): MaskedSensitive {
  const marked = new Set(literals);
  const parameters = tokens.flatMap(({ kind }, index) => (kind === "parameter" ? [index] : []));
  return {
    ranges: literals.flatMap((index) => {
      const token = tokens[index];
      return token === undefined || token.kind === "parameter" ? [] : [{ start: token.start, end: token.end }];
    }),
    parameters: parameters.flatMap((index, place) => (marked.has(index) ? [place + 1] : [])),
  };
}
