/**
 * For people who ask what a statement would show them: of each output column its name, the columns of tables that it derives
 * from, and the masks on these. It decides nothing; whether a statement may run is for `analyse.ts` and the policies.
 */
import { byName, type TracedColumn, type TracedOrigin } from "#protocols/sql/traced.ts";
import { splitStatements } from "./canonical.ts";
import { type MysqlCatalogue, type MysqlTable, mysqlLookup } from "./catalogue.ts";
import { type LexerOptions, lex, type Token } from "./lexer.ts";
import { type Followed, Lineage, type Output } from "./lineage.ts";
import { QUERIES, writes } from "./masked-form.ts";
import { type NamedStatement, namedStatement } from "./named-statement.ts";
import { outputName } from "./output-name.ts";
import type { MysqlMaskingView } from "./protection.ts";
import { readQuery } from "./read-query.ts";
import { readWrite } from "./read-write.ts";
import { Reader, Refused, type TableMention } from "./reading.ts";
import { DEFAULT_SQL_MODE, type SqlMode } from "./sql-mode.ts";
import { viewsIn } from "./view-definitions.ts";

export interface Traced {
  readonly catalogue: MysqlCatalogue;
  /** What is masked for the principal; null when nothing is. */
  readonly view: MysqlMaskingView | null;
  readonly sqlMode: SqlMode;
  readonly database: string | null;
  readonly executes: LexerOptions["executes"];
}

export interface TracedMysql {
  /** Empty for a write that yields no rows; null where its columns can't be told. */
  readonly outputs: readonly TracedColumn[] | null;
  /** Every column that it refers to anywhere, ordered by name; null where that can't be told. */
  readonly reads: readonly TracedOrigin[] | null;
}

/** @returns one for each statement: undefined for one that is neither query nor write, or is not read here */
export function traceMysqlColumns(sql: string, traced: Traced): readonly (TracedMysql | undefined)[] {
  const lexed = lex(sql, { sqlMode: traced.sqlMode, executes: traced.executes });
  if (lexed.kind === "error") return [];
  return splitStatements(lexed.tokens).map((tokens) => {
    try {
      return traceStatement(sql, tokens, traced);
    } catch (error) {
      if (error instanceof Refused || error instanceof RangeError) return undefined;
      throw error;
    }
  });
}

function traceStatement(sql: string, tokens: readonly Token[], traced: Traced): TracedMysql | undefined {
  const [first] = tokens;
  const named = namedStatement(tokens);
  if (named !== undefined) return traceNamed(named, traced);
  const reader = new Reader(tokens, mysqlLookup(traced.catalogue).fold, readQuery);
  const lineage = new Lineage(reader.found, followedIn(sql, tokens, traced), reader.fold);
  if (writes(tokens)) {
    const { returning, scope } = readWrite(reader);
    return told(reader, lineage, returning === null ? [] : lineage.ofSelect({ items: returning.items, scope }));
  }
  const word = first?.kind === "word" ? first.text.toLowerCase() : (first?.text ?? "");
  if (!QUERIES.has(word) && word !== "(") return undefined;
  const query = readQuery(reader);
  return reader.token === undefined ? told(reader, lineage, lineage.outputs(query)) : undefined;
}

/** What is prepared yields rows when it is executed; what EXECUTE stands for is not known here. */
function traceNamed(named: NamedStatement, traced: Traced): TracedMysql | undefined {
  if (!("text" in named)) return named.kind === "deallocate" ? { outputs: [], reads: [] } : undefined;
  const [inside] = traceMysqlColumns(named.text, traced);
  return inside === undefined || named.kind === "immediate" ? inside : { ...inside, outputs: [] };
}

function told({ found }: Reader, lineage: Lineage<Trace>, outputs: readonly Output<Trace>[] | null): TracedMysql {
  const { origins, vague } = joined(found.columns.map((mention) => lineage.valueOf(mention)));
  const columns = outputs?.map(({ name, value }): TracedColumn => {
    const sorted = byName([...value.origins.values()]);
    const masked = sorted.some(({ mask }) => mask !== null);
    return { name, origins: sorted, direct: value.direct, masked, vague: value.vague };
  });
  return { outputs: columns ?? null, reads: vague ? null : byName([...origins.values()]) };
}

interface Trace {
  readonly origins: ReadonlyMap<string, TracedOrigin>;
  /** It is its one origin as it stands. */
  readonly direct: boolean;
  /** Others, which can't be told, may have gone in. */
  readonly vague: boolean;
}

const NOWHERE: ReadonlyMap<string, TracedOrigin> = new Map();

function joined(traces: readonly Trace[]): Trace {
  const origins = new Map(traces.flatMap((trace) => [...trace.origins]));
  return { origins, direct: false, vague: traces.some(({ vague }) => vague) };
}

function followedIn(sql: string, tokens: readonly Token[], traced: Traced): Followed<Trace> {
  const { flavour } = traced.catalogue.server;
  return {
    columnsOf: (mention) => columnsOf(mention, traced),
    unknown: { origins: NOWHERE, direct: false, vague: true },
    computed: joined,
    either(traces) {
      const all = joined(traces);
      return { ...all, direct: all.origins.size === 1 && traces.every(({ direct }) => direct) };
    },
    nameOf: (item, plain) => outputName(item.span, tokens, sql, flavour, plain),
  };
}

/** Views over masked columns are followed through, as they will run; others count as what they are called. */
function columnsOf({ parts }: TableMention, traced: Traced): readonly Output<Trace>[] | null {
  const [first = "", second] = parts;
  const inside = second === undefined ? traced.database : first;
  const table = inside === null ? undefined : mysqlLookup(traced.catalogue).table(inside, second ?? first);
  if (table === undefined) return null;
  const attributes = traced.view?.protection.columns.get(table);
  const below = definedBelow(table, traced);
  return table.columns.map(({ name, invisible }, index) => {
    const attribute = attributes?.get(name);
    const mask = attribute === undefined ? null : { rule: attribute.rule, kind: attribute.mask.kind };
    const origin = { schema: table.database, table: table.name, column: name, mask };
    const itself = { origins: new Map([[JSON.stringify([table.database, table.name, name]), origin]]), direct: true, vague: false };
    const value = mask === null ? (below?.[index]?.value ?? itself) : itself;
    return { name, value, hidden: invisible, spelt: table.kind === "view" };
  });
}

/** The output columns of a view's definition; null where it stands for itself. */
function definedBelow(table: MysqlTable, traced: Traced): readonly Output<Trace>[] | null {
  const definition = table.view?.definition ?? null;
  if (definition === null || traced.view === null || viewsIn(traced.view)(table).kind !== "rewritten") return null;
  const lexed = lex(definition, { sqlMode: DEFAULT_SQL_MODE, executes: null });
  if (lexed.kind === "error") return null;
  const reader = new Reader(lexed.tokens, mysqlLookup(traced.catalogue).fold, readQuery);
  const query = readQuery(reader);
  const inside = { ...traced, database: table.database, sqlMode: DEFAULT_SQL_MODE };
  return new Lineage(reader.found, followedIn(definition, lexed.tokens, inside), reader.fold).outputs(query);
}
