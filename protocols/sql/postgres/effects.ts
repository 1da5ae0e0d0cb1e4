/** What a text does to its session, beyond rows: names it uses, COPY it begins, transactions, the catalogue. */
import type { NameUse } from "#protocols/wire/judgement.ts";
import { copyDirection } from "./reading.ts";
import { isTemporary } from "./search-path.ts";
import { type Body, flagOf, isBody, nodeOf, type TreeNode, textOf } from "./tree.ts";

export interface SessionEffects {
  /** Names as the server spells them, in the order of the text; DISCARD ALL frees all names too. */
  readonly names: readonly NameUse[];
  /** The first COPY with the client in the text. */
  readonly copy: "in" | "out" | null;
  /** BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their kin stand in the text. */
  readonly transactionControl: boolean;
  /** Tables, columns, functions … may differ once this has run and its transaction has been committed. */
  readonly changesCatalogue: boolean;
  /** The text holds no statement at all. */
  readonly fullyEmpty: boolean;
}

export interface LocatedStatement extends TreeNode {
  /** String indexes of the statement's text. */
  readonly start: number;
  readonly end: number;
}

const EMPTY: SessionEffects = {
  names: [],
  copy: null,
  transactionControl: false,
  changesCatalogue: false,
  fullyEmpty: true,
};

/** `changesCatalogue` is known from the rights: whatever needs `schema` or `admin` may change it. */
export function sessionEffects(statements: readonly LocatedStatement[], changesCatalogue: boolean): SessionEffects {
  if (statements.length === 0) return EMPTY;
  const names = statements.flatMap((statement, at) => nameUse(statement, at) ?? []);
  const copies = statements.filter(({ type }) => type === "CopyStmt").map(({ body }) => copyDirection(body));
  return {
    names,
    copy: copies.find((direction) => direction !== null) ?? null,
    transactionControl: statements.some(({ type }) => type === "TransactionStmt"),
    changesCatalogue,
    fullyEmpty: false,
  };
}

function nameUse({ type, body }: TreeNode, at: number): NameUse | undefined {
  switch (type) {
    case "PrepareStmt":
      return { kind: "prepare", at, name: textOf(body, "name") };
    case "ExecuteStmt":
      return { kind: "execute", at, name: textOf(body, "name") };
    case "DeallocateStmt":
      return { kind: "deallocate", at, name: textOf(body, "name") || null };
    case "DiscardStmt":
      return textOf(body, "target") === "DISCARD_ALL" ? { kind: "deallocate", at, name: null } : undefined;
    case "DeclareCursorStmt":
      return { kind: "declare", at, name: textOf(body, "portalname") };
    case "ClosePortalStmt":
      return { kind: "close", at, name: textOf(body, "portalname") || null };
    case "CreateStmt":
    case "CreateTableAsStmt":
    case "SelectStmt":
      return temporaryMade(type, body, at);
    case "FetchStmt":
      return flagOf(body, "ismove") ? undefined : { kind: "fetch", at, name: textOf(body, "portalname") };
    default:
      return undefined;
  }
}

function temporaryMade(type: string, body: Body, at: number): NameUse | undefined {
  const into = type === "CreateStmt" ? undefined : nodeOf(type, body, type === "SelectStmt" ? "intoClause" : "into");
  const made = type === "CreateStmt" ? body["relation"] : into?.body["rel"];
  return isBody(made) && isTemporary(made) ? { kind: "temporary", at, name: textOf(made, "relname") } : undefined;
}

/** The statements of a parsed text with their places; undefined when the tree has not the form that is expected. */
export function statementsOf(tree: unknown, toIndex: (byte: number) => number, length: number): readonly LocatedStatement[] | undefined {
  if (!isBody(tree)) return undefined;
  const list = tree["stmts"] ?? [];
  if (!Array.isArray(list)) return undefined;
  const found: LocatedStatement[] = [];
  for (const item of list) {
    const statement = isBody(item) && isBody(item["stmt"]) ? item["stmt"] : undefined;
    const [type] = statement === undefined ? [] : Object.keys(statement);
    const body = type === undefined ? undefined : statement?.[type];
    if (type === undefined || !isBody(body)) return undefined;
    const at = typeof item.stmt_location === "number" ? item.stmt_location : 0;
    const bytes = typeof item.stmt_len === "number" ? item.stmt_len : 0;
    found.push({ type, body, start: toIndex(at), end: bytes === 0 ? length : toIndex(at + bytes) });
  }
  return found;
}
