/**
 * From the text of COM_QUERY or COM_STMT_PREPARE to the facts that policies judge, and to what the gateway does with it.
 * Pure and synchronous; `loadGrammar` must have been awaited once.
 */
import type { MaskingFacts, Right, StatementFacts, TextFacts } from "#policies/question.ts";
import { splitStatements } from "./canonical.ts";
import { parseTokens } from "./grammar.ts";
import { guardsOf } from "./guards.ts";
import { type LexerOptions, lex, type Token } from "./lexer.ts";
import { type MaskedText, maskedText } from "./masked-text.ts";
import { type NamedStatement, namedStatement } from "./named-statement.ts";
import { obstacleOfPrepared, preparedMasked } from "./prepared-text.ts";
import type { MysqlMaskingView } from "./protection.ts";
import { executedBy } from "./readings.ts";
import type { SizeOf } from "./reads.ts";
import { type LocalFile, localFileOf } from "./recognised/local-file.ts";
import { recognise } from "./recognised/recognise.ts";
import { settingsBesideCharset } from "./recognised/settings.ts";
import { calledBy, settingNeeds, statementNeeds } from "./rights.ts";
import type { SqlMode } from "./sql-mode.ts";
import { NO_TEMPORARY, type TemporaryTables } from "./temporary.ts";
import { namesIn, walk } from "./tree.ts";

export interface TextSettings {
  readonly sqlMode: SqlMode;
  /** The session's character set is not UTF-8. */
  readonly foreign?: boolean;
  readonly executes: LexerOptions["executes"];
  /** How large relations are, as far as that is known. */
  readonly sizeOf?: SizeOf;
  /** It stands behind others in the text that it came in. */
  readonly behindOthers?: boolean;
}

/** What is masked for the principal, and the session's current database. */
export interface TextMasking {
  readonly view: MysqlMaskingView;
  readonly database: string | null;
  /** The session's own; none when left out. */
  readonly temporary?: TemporaryTables;
}

export interface MysqlAnalysis {
  readonly facts: TextFacts;
  /** Set when the text is one KILL. */
  readonly kill: { readonly id: number; readonly connection: boolean } | null;
  /** Set where the text has LOAD DATA LOCAL. */
  readonly localFile: LocalFile | null;
  /** Set when the text is one PREPARE, EXECUTE or DEALLOCATE; of PREPARE all the rest is what it prepares. */
  readonly named: NamedStatement | null;
  readonly changesCatalogue: boolean;
  /** What becomes of the text under a mask; null where the principal is under none. */
  readonly masked: MaskedText | null;
}

/** @param masking null: the principal is under no mask. Under one, only executable comments are read that the server surely executes */
export function analyse(sql: string, settings: TextSettings, masking: TextMasking | null = null): MysqlAnalysis {
  const { tokens, ...analysis } = analysed(
    sql,
    masking === null ? settings : { ...settings, executes: executedBy(masking.view.catalogue.server) },
  );
  if (analysis.named !== null && "text" in analysis.named) return preparedAnalysis(analysis.named, tokens, settings, masking);
  if (masking === null) return analysis;
  const { facts } = analysis;
  if (facts.kind === "unparsed") return { ...analysis, facts: { ...facts, masked: true } };
  // The gateway carries it out, and nothing of it goes upstream.
  if (analysis.kill !== null) return { ...analysis, facts: { kind: "parsed", statements: [{ ...KILL, masking: { kind: "clear" } }] } };
  const { view, database, temporary = NO_TEMPORARY } = masking;
  const masked = maskedText(sql, view, { sqlMode: settings.sqlMode, foreign: settings.foreign === true, database, temporary });
  const statements = facts.statements.map((statement) => ({ ...statement, masking: maskingOf(masked) }));
  // What only the session sees is in no catalogue.
  const changesCatalogue = analysis.changesCatalogue && !(masked.kind === "rewritten" && masked.temporary !== null);
  return { ...analysis, facts: { kind: "parsed", statements }, masked, changesCatalogue };
}

/** Servers convert the string between character sets before they read it: beyond ASCII nothing outside quotes is certain then. */
function preparedAnalysis(
  named: NamedStatement & { readonly text: string; readonly at: number },
  tokens: readonly Token[],
  settings: TextSettings,
  masking: TextMasking | null,
): MysqlAnalysis {
  const position = (tokens[named.at]?.start ?? 0) + 1;
  const foreign = settings.foreign === true || masking === null;
  const inner = analyse(named.text, { ...settings, foreign, executes: null }, masking);
  const { facts, masked } = inner;
  const nested = inner.named !== null || inner.kill !== null || inner.localFile !== null;
  if (facts.kind === "unparsed" || facts.statements.length !== 1 || nested || /[\ud800-\udfff]/.test(named.text)) {
    const why = facts.kind === "unparsed" ? facts.message : "it is not one statement that can be prepared";
    const refused = unparsed(`what is prepared: ${why}`, position);
    return { ...refused, facts: { kind: "unparsed", message: `what is prepared: ${why}`, position, masked: masking !== null } };
  }
  const statements = facts.statements.map((statement): StatementFacts => {
    const guards = statement.guards.map((guard) => ({ ...guard, position }));
    return { ...statement, guards, masking: obstacleOfPrepared(statement.masking, position) };
  });
  return {
    ...inner,
    facts: { kind: "parsed", statements },
    named,
    masked: masked === null ? null : preparedMasked(masked, named.at, tokens, settings.sqlMode),
  };
}

function maskingOf(masked: MaskedText): MaskingFacts {
  if (masked.kind === "refused") return { kind: "obstacle", obstacle: masked.obstacle };
  return masked.columns.length === 0 ? { kind: "clear" } : { kind: "rewritable", columns: masked.columns };
}

interface Analysed extends MysqlAnalysis {
  /** Of a text of one statement; empty for one that is not understood. */
  readonly tokens: readonly Token[];
}

function analysed(sql: string, settings: TextSettings): Analysed {
  const lexed = lex(sql, settings);
  if (lexed.kind === "error") return unparsed(lexed.message, lexed.index + 1);
  const statements = splitStatements(lexed.tokens);
  const kill = statements.length === 1 ? killOf(statements[0] ?? []) : null;
  const [only = []] = statements;
  const named = statements.length === 1 && !lexed.executableComments ? namedStatement(only) : undefined;
  const facts: StatementFacts[] = named === undefined ? [] : [{ ...NAMED, tag: named.kind.toUpperCase() }];
  for (const tokens of named === undefined ? statements : []) {
    const found =
      kill === null
        ? statementFacts(
            settings.sqlMode.pipesAsConcat ? tokens : tokens.map(orForPipes),
            facts.length === 0 && settings.behindOthers !== true,
            settings.sizeOf,
          )
        : KILL;
    if (found === undefined) return unparsed("the statement could not be understood", (tokens[0]?.start ?? 0) + 1);
    facts.push(found);
  }
  return {
    facts: { kind: "parsed", statements: facts },
    kill,
    localFile: localFileOf(statements),
    named: named ?? null,
    tokens: only,
    changesCatalogue: facts.some(({ needs }) => needs.includes("schema") || needs.includes("admin")),
    masked: null,
  };
}

/** Of the principal's own sessions alone: the gateway carries it out. */
const KILL: StatementFacts = { tag: "KILL", needs: ["read"], tables: [], masking: null, guards: [] };

/** Of a statement that the session prepared: it was judged then. What is prepared is judged in the place of PREPARE. */
const NAMED = { needs: ["read"], tables: [], masking: null, guards: [] } as const;

/** The grammar takes `||` for what joins texts, and binds it so; unless sql_mode says that, it is OR. */
function orForPipes(token: Token): Token {
  return token.kind === "symbol" && token.text === "||" ? { ...token, kind: "word", text: "OR" } : token;
}

const unknownSize: SizeOf = () => null;

function statementFacts(tokens: readonly Token[], first: boolean, sizeOf = unknownSize): StatementFacts | undefined {
  const position = (tokens[0]?.start ?? 0) + 1;
  const known = recognise(tokens);
  if (known !== undefined) {
    const needs = new Set<Right>([...known.needs, ...calledBy(tokens)]);
    return { ...known, needs: [...needs], masking: null, guards: guardsOf(undefined, first, position, sizeOf) };
  }
  const settings = settingsBesideCharset(tokens);
  if (settings !== undefined) return settingFacts(tokens, settings, first);
  const parsed = parseTokens(tokens);
  const tree = parsed.kind === "tree" && Array.isArray(parsed.tree) && parsed.tree.length === 1 ? (parsed.tree[0] as unknown) : undefined;
  const need = tree === undefined ? undefined : statementNeeds(tree, tokens);
  if (need === undefined) return undefined;
  const guards = guardsOf(tree, first, position, sizeOf);
  return { ...need, tables: tablesIn(tree), masking: null, guards };
}

/** @param settings the others of a list in which a character set is set */
function settingFacts(tokens: readonly Token[], settings: readonly (readonly Token[])[], first: boolean): StatementFacts | undefined {
  const others = settings.map((one) => statementFacts(one, true));
  if (others.some((one) => one?.tag !== "SET")) return undefined;
  const needs = new Set<Right>(["read", ...settingNeeds(tokens), ...others.flatMap((one) => one?.needs ?? [])]);
  return {
    tag: "SET",
    needs: [...needs],
    tables: others.flatMap((one) => one?.tables ?? []),
    masking: null,
    guards: guardsOf(undefined, first, (tokens[0]?.start ?? 0) + 1, unknownSize),
  };
}

function tablesIn(tree: unknown): readonly string[] {
  const tables = new Set<string>();
  walk(tree, (key, value) => {
    if (key === "Table" && typeof value === "object" && value !== null && "name" in value) tables.add(namesIn(value.name).join("."));
    if (key === "TableName" || key === "TableObject") tables.add(namesIn(value).join("."));
    return true;
  });
  tables.delete("");
  return [...tables];
}

function unparsed(message: string, position: number): Analysed {
  return {
    facts: { kind: "unparsed", message, position, masked: false },
    kill: null,
    localFile: null,
    named: null,
    tokens: [],
    changesCatalogue: true,
    masked: null,
  };
}

function killOf(tokens: readonly Token[]): MysqlAnalysis["kill"] {
  const found = /^kill (query |connection |hard |soft )*(\d+)$/.exec(wordsOf(tokens).trim());
  return found === null ? null : { id: Number(found[2]), connection: !found[0].includes("query ") };
}

function wordsOf(tokens: readonly Token[]): string {
  return `${tokens.map(({ text }) => text.toLowerCase()).join(" ")} `;
}
