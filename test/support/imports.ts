/**
 * What a source file imports, read off its text by a small scanner of our own: the import rules are checked with
 * it as well as by the linter, so that a pattern that matches nothing cannot hide a broken rule.
 */
import { dirname, join } from "node:path/posix";
import { lineOf } from "#test/support/tree.ts";

export interface Import {
  readonly specifier: string;
  /** `import type` and `export type … from`: gone when the types are stripped. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A string or template is left out of `code` and stands there as `"3"`, its number in `literals`; comments are gone. */
interface Skeleton {
  readonly code: string;
  readonly literals: readonly string[];
}

const LITERAL_OR_COMMENT =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<=[=(,:!&|?{};\n[]\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*/g;
const STATEMENT = /(?:^|[;}\n])\s*(?:import|export)\b(?<clause>[^;"=]*?)"(?<literal>\d+)"/g;
const CALL = /\b(?:import|require|import\.meta\.resolve)\s*\(\s*(?:"(?<literal>\d+)"\s*[,)])?/g;

/** @throws Error for an import whose specifier is computed: no rule could be checked on it */
export function importsOf(source: string): readonly Import[] {
  const { code, literals } = skeleton(source);
  const found: Import[] = [];
  for (const match of code.matchAll(STATEMENT)) {
    const clause = match.groups?.["clause"] ?? "";
    // `export function f() { return "x" }` has no `from`; a bare `import "x"` has an empty clause.
    if (clause.trim() !== "" && !/\bfrom\s*$/.test(clause)) continue;
    const specifier = literals[Number(match.groups?.["literal"])] ?? "";
    found.push({ specifier, typeOnly: /^\s+type\b(?!\s+from\b)/.test(clause), line: lineOf(code, match.index + match[0].length) });
  }
  for (const match of code.matchAll(CALL)) {
    const specifier = literals[Number(match.groups?.["literal"])];
    const line = lineOf(code, match.index);
    if (specifier === undefined || specifier.includes("${")) throw new Error(`line ${line}: an import with a computed specifier`);
    found.push({ specifier, typeOnly: /\btypeof\s+$/.test(code.slice(0, match.index)), line });
  }
  return found.sort((left, right) => left.line - right.line);
}

/** `./x.ts` of `a/b.ts` is `a/x.ts`; `#a/x.ts` is `a/x.ts`; what is no file of ours is `node:…` or `npm:package`. */
export function resolveImport(from: string, specifier: string): string {
  if (specifier.startsWith(".")) return join(dirname(from), specifier);
  if (specifier.startsWith("#")) return specifier.slice(1);
  if (specifier.startsWith("node:")) return specifier;
  const parts = specifier.split("/");
  return `npm:${parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/")}`;
}

/** The code without what is only text. Lines stay where they were. */
export function skeleton(source: string): Skeleton {
  const literals: string[] = [];
  const code = source.replace(LITERAL_OR_COMMENT, (token) => {
    const lines = token.replace(/[^\n]/g, "");
    if (token.startsWith("//") || token.startsWith("/*")) return ` ${lines}`;
    if (token.startsWith("/")) return "0";
    return `"${literals.push(token.slice(1, -1)) - 1}"${lines}`;
  });
  return { code, literals };
}
