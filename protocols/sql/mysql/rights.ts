/** What a statement needs, read off its tree. What the grammar does not know is in recognised/. */
import type { Right } from "#policies/question.ts";
import { functionNeeds } from "./functions.ts";
import type { Token } from "./lexer.ts";
import { isBody, namesIn, nodeOf, walk } from "./tree.ts";

export interface Need {
  readonly tag: string;
  readonly needs: readonly Right[];
}

const EVERY: readonly Right[] = ["read", "write", "schema", "admin"];

/** By the node that stands for the statement. */
const BY_NODE: Readonly<Record<string, readonly [tag: string, ...needs: Right[]]>> = {
  Query: ["SELECT", "read"],
  Insert: ["INSERT", "write"],
  Update: ["UPDATE", "read", "write"],
  Delete: ["DELETE", "read", "write"],
  Truncate: ["TRUNCATE", "write"],
  CreateTable: ["CREATE TABLE", "schema"],
  CreateView: ["CREATE VIEW", "schema"],
  CreateIndex: ["CREATE INDEX", "schema"],
  CreateDatabase: ["CREATE DATABASE", "admin"],
  CreateSchema: ["CREATE DATABASE", "admin"],
  AlterTable: ["ALTER TABLE", "schema"],
  AlterView: ["ALTER VIEW", "schema"],
  Drop: ["DROP", "schema"],
  RenameTable: ["RENAME TABLE", "schema"],
  Analyze: ["ANALYZE TABLE", "schema"],
  OptimizeTable: ["OPTIMIZE TABLE", "schema"],
  Grant: ["GRANT", "admin"],
  Revoke: ["REVOKE", "admin"],
  /** Of any connection of the login that the gateway shares out; one of the principal's own is seen to by the gateway. */
  Kill: ["KILL", "admin"],
  Call: ["CALL", "write"],
  Set: ["SET", "read"],
};

/** @param tree of one statement. @param tokens of it, as the client wrote them. @returns undefined when nothing is known of it */
export function statementNeeds(tree: unknown, tokens: readonly Token[]): Need | undefined {
  const node = nodeOf(tree);
  return node === undefined ? undefined : needsOfNode(node[0], node[1], tree, tokens);
}

function needsOfNode(name: string, body: Readonly<Record<string, unknown>>, tree: unknown, tokens: readonly Token[]): Need | undefined {
  if (name === "Explain") {
    const inner = body["statement"];
    const found = statementNeeds(inner, []);
    if (found === undefined) return undefined;
    // Without ANALYZE the optimiser still calls functions, where it takes their value for constant.
    return { tag: "EXPLAIN", needs: body["analyze"] === true ? found.needs : [...new Set<Right>(["read", ...calledIn(inner)])] };
  }
  const known = BY_NODE[name];
  if (known === undefined) return { tag: name.toUpperCase(), needs: EVERY };
  const [tag, ...needs] = known;
  const all = new Set<Right>([...needs, ...inside(name, tree)]);
  if (name === "Set") for (const need of settingNeeds(tokens)) all.add(need);
  if (name === "Drop" && !DROPPED_BY_SCHEMA.has(String(body["object_type"]))) all.add("admin");
  // `CREATE TABLE t AS TABLE u` has no SELECT in it.
  if (name === "CreateTable" && isBody(body["query"])) all.add("read");
  // Rows that stood there before come back, and another table's go in.
  if (name === "Insert" && (Array.isArray(body["returning"]) || tokens.some((token) => isWord(token, "table")))) all.add("read");
  return { tag: tag === "INSERT" && isWord(tokens[0], "replace") ? "REPLACE" : tag, needs: [...all] };
}

/** What DROP takes away by the right to the schema alone; users, roles and databases are more. */
const DROPPED_BY_SCHEMA: ReadonlySet<string> = new Set(["Table", "View", "Index", "Sequence"]);

const CHANGES: ReadonlySet<string> = new Set(["Insert", "Update", "Delete", "Merge", "CreateTable"]);

/** Functions, row locks, and queries inside writes. */
function inside(name: string, tree: unknown): readonly Right[] {
  const needs: Right[] = [...calledIn(tree)];
  walk(tree, (key, value) => {
    // A shared lock is for those who read, as the server has it; see docs/access.md.
    if (key === "locks" && Array.isArray(value) && value.some((lock) => !isBody(lock) || lock["lock_type"] !== "Share"))
      needs.push("write");
    if (key === "into" && isBody(value)) needs.push("write");
    if (key === "Select" && name !== "Query") needs.push("read");
    // WITH … UPDATE and its kin are queries to the grammar.
    if (name === "Query" && CHANGES.has(key) && isBody(value)) needs.push("write");
    return true;
  });
  return needs;
}

function calledIn(tree: unknown): readonly Right[] {
  const needs: Right[] = [];
  walk(tree, (key, value) => {
    if (key === "Function" && isBody(value)) needs.push(functionNeeds(namesIn(value["name"])));
    return true;
  });
  return needs;
}

/** Where there is no tree: whatever stands before a bracket may be a function, and a dot before it makes it a user's. */
export function calledBy(tokens: readonly Token[]): readonly Right[] {
  return tokens.flatMap(({ kind, text }, index) => {
    const next = tokens[index + 1];
    const before = tokens[index - 1];
    if ((kind !== "word" && kind !== "quoted-name") || next?.kind !== "symbol" || next.text !== "(") return [];
    if (kind === "word" && BEFORE_BRACKETS.has(text.toLowerCase())) return [];
    const qualified = before?.kind === "symbol" && before.text === ".";
    return [functionNeeds(qualified ? ["", text] : [text])];
  });
}

const BEFORE_BRACKETS: ReadonlySet<string> = new Set(["where", "and", "or", "xor", "not", "like", "select", "exists", "from"]);

/** What servers let only their administrators set, session or not: the binary log and what replicates, and who a session passes for. */
const ADMIN_VARIABLE =
  /^(sql_log_bin|sql_log_off|gtid_\w+|pseudo_\w+|binlog_\w+|server_id|debug\w*|proxy_user|session_track_\w+|wsrep_\w+|skip_replication|original_\w+|immediate_server_version|sql_require_primary_key|default_table_encryption|log_disabled_statements)$/;

/** Session variables are the session's own business; global ones, passwords and roles are not. */
export function settingNeeds(tokens: readonly Token[]): readonly Right[] {
  const words = tokens.map(({ text }) => text.toLowerCase());
  const admin = ["global", "persist", "persist_only", "password", "role", "resource"].some((word) => words.includes(word));
  // `session_track_…` is how the gateway knows by which settings a text is read.
  return admin || words.some((word) => ADMIN_VARIABLE.test(word)) ? ["admin"] : [];
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === "word" && token.text.toLowerCase() === word;
}
