/**
 * What an account may do, read off the lines of SHOW GRANTS. Lines that take something away again (partial revokes) are passed
 * over, so that too much is found rather than too little. A line may hold the digest of a password: nothing of it is handed on.
 */
import { lex, type Token } from "./lexer.ts";
import { DEFAULT_SQL_MODE } from "./sql-mode.ts";

export type GrantScope =
  | { readonly kind: "global" }
  /** A pattern: `_` and `%` stand for others unless a backslash is before them. */
  | { readonly kind: "database"; readonly pattern: string }
  | { readonly kind: "table"; readonly database: string; readonly name: string }
  | { readonly kind: "other" };

export interface MysqlGrant {
  /** In capitals: `SELECT`, `SHOW VIEW`, `ALL PRIVILEGES`. Those of single columns are among them. */
  readonly privileges: readonly string[];
  readonly scope: GrantScope;
  readonly grantable: boolean;
}

export interface MysqlGrants {
  readonly grants: readonly MysqlGrant[];
  /** Roles, as SQL names them. */
  readonly roles: readonly string[];
}

export function readGrants(lines: readonly string[]): MysqlGrants {
  const read = lines.flatMap((line) => {
    const lexed = lex(line, { sqlMode: DEFAULT_SQL_MODE, executes: null });
    return lexed.kind === "error" || !isWord(lexed.tokens[0], "grant") ? [] : [lineOf(lexed.tokens)];
  });
  return { grants: read.flatMap(({ grants }) => grants), roles: read.flatMap(({ roles }) => roles) };
}

/** Whether one of the privileges is held on a table; `name` null asks for the database as a whole. */
export function holds(grants: readonly MysqlGrant[], wanted: readonly string[], database: string, name: string | null): boolean {
  return grants.some(
    ({ privileges, scope }) =>
      privileges.some((one) => one === "ALL PRIVILEGES" || wanted.includes(one)) &&
      (scope.kind === "global" ||
        (scope.kind === "database" && fits(scope.pattern, database)) ||
        (scope.kind === "table" && scope.database === database && scope.name === name)),
  );
}

function fits(pattern: string, database: string): boolean {
  const parts = pattern.match(/\\.|[^\\]/gsu) ?? [];
  const expression = parts.map((part) =>
    part === "%" ? ".*" : part === "_" ? "." : (part.at(-1) ?? "").replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"),
  );
  return new RegExp(`^${expression.join("")}$`, "su").test(database);
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === "word" && token.text.toLowerCase() === word;
}

function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token?.kind === "symbol" && token.text === symbol;
}

/** `GRANT privileges ON what TO whom …`, or `GRANT roles TO whom …`. */
function lineOf(tokens: readonly Token[]): MysqlGrants {
  const on = tokens.findIndex((token) => isWord(token, "on"));
  const to = tokens.findIndex((token) => isWord(token, "to"));
  if (on < 0 || (to >= 0 && to < on)) return { grants: [], roles: parted(tokens.slice(1, to)).map(roleOf) };
  const grantable = tokens.some((token, index) => isWord(token, "grant") && isWord(tokens[index + 1], "option"));
  const scope = scopeOf(tokens.slice(on + 1, to));
  return { grants: [{ privileges: parted(tokens.slice(1, on)).map(privilegeOf), scope, grantable }], roles: [] };
}

/** By the commas outside brackets. */
function parted(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isSymbol(token, "(")) depth += 1;
    if (isSymbol(token, ")")) depth -= 1;
    if (depth === 0 && isSymbol(token, ",")) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

/** Its words; columns behind it are left out. */
function privilegeOf(tokens: readonly Token[]): string {
  const end = tokens.findIndex((token) => isSymbol(token, "("));
  return (end < 0 ? tokens : tokens.slice(0, end)).map(({ text }) => text.toUpperCase()).join(" ");
}

/** As names in back-ticks with what stands between. */
function roleOf(tokens: readonly Token[]): string {
  return tokens.map(({ kind, text }) => (kind === "symbol" ? text : kind === "user-variable" ? `@${quoted(text)}` : quoted(text))).join("");
}

function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

function scopeOf(tokens: readonly Token[]): GrantScope {
  const dot = tokens.findIndex((token) => isSymbol(token, "."));
  const [before, behind] = [tokens[dot - 1], tokens[dot + 1]];
  if (dot < 1 || before === undefined || behind === undefined) return { kind: "other" };
  // What is said before the name: FUNCTION, PROCEDURE, PACKAGE; TABLE is not written out.
  if (dot > 1 && !isWord(tokens[0], "table")) return { kind: "other" };
  if (isSymbol(before, "*")) return { kind: "global" };
  if (isSymbol(behind, "*")) return { kind: "database", pattern: before.text };
  return { kind: "table", database: before.text, name: behind.text };
}
