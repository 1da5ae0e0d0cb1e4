/**
 * Writes `protocols/sql/postgres/shape.ts`: which fields of the parser's tree hold a node of a fixed type without
 * saying so, and which node types there are, read from the type declarations of the grammar's own package.
 *
 *     node tools/generate-shape.ts [--print]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const TARGET = new URL("../protocols/sql/postgres/shape.ts", import.meta.url);
const INTERFACE = /export interface (\w+) \{([\s\S]*?)\n\}/g;
const FIELD = /(\w+)\?: ([^;]+);/g;
/** Never in the tree of a text: made by the server's analysis, or by other calls of the package. */
const NOT_IN_TEXT = new Set(["ParseResult", "ScanResult", "SummaryResult", "Query", "RangeTblEntry", "PLAssignStmt", "JsonExpr"]);

const folder = createRequire(createRequire(import.meta.url).resolve("libpg-query")).resolve("@pgsql/types");
const declarations = readFileSync(new URL("./types.d.ts", `file://${folder}`), "utf8");
const interfaces = new Set([...declarations.matchAll(INTERFACE)].map(([, name]) => name));
const shapes: string[] = [];
for (const [, owner = "", body = ""] of declarations.matchAll(INTERFACE)) {
  if (NOT_IN_TEXT.has(owner)) continue;
  const typed = [...body.matchAll(FIELD)]
    .map(([, field, type = ""]) => [field, type.replace("[]", "").trim()] as const)
    .filter(([, type]) => interfaces.has(type) && type !== "Query");
  if (typed.length > 0) shapes.push(`  ${owner}: { ${typed.map(([field, type]) => `${field}: "${type}"`).join(", ")} },`);
}

const text = `/**
 * Fields of the parser's tree that hold a node of one fixed type; everywhere else a node names its type itself.
 * Written by \`tools/generate-shape.ts\` from the grammar package's declarations; not edited by hand.
 */

/** Owner type, field, type of what the field holds. */
export const TYPED_FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
${shapes.join("\n")}
};
`;
if (process.argv.includes("--print")) process.stdout.write(text);
else writeFileSync(TARGET, text);
