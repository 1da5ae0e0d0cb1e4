/** What a text does to its session, beyond rows: names it prepares, COPY it begins, transactions, the catalogue. */
import { copyDirection } from "./reading.ts";
import { isBody, type TreeNode, textOf } from "./tree.ts";

export interface SessionEffects {
  /** SQL-level PREPARE: the name, as the server spells it, and the text of the whole PREPARE statement. */
  readonly prepares: readonly { readonly name: string; readonly sql: string }[];
  /** Names that DEALLOCATE frees; null stands for all of them (DEALLOCATE ALL, DISCARD ALL). */
  readonly deallocates: readonly (string | null)[];
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
  prepares: [],
  deallocates: [],
  copy: null,
  transactionControl: false,
  changesCatalogue: false,
  fullyEmpty: true,
};

/** `changesCatalogue` is known from the rights: whatever needs `schema` or `admin` may change it. */
export function sessionEffects(sql: string, statements: readonly LocatedStatement[], changesCatalogue: boolean): SessionEffects {
  if (statements.length === 0) return EMPTY;
  const prepares = statements
    .filter(({ type }) => type === "PrepareStmt")
    .map(({ body, start, end }) => ({ name: textOf(body, "name"), sql: sql.slice(start, end) }));
  const deallocates = statements.flatMap(({ type, body }): (string | null)[] => {
    if (type === "DeallocateStmt") return [textOf(body, "name") || null];
    return type === "DiscardStmt" && textOf(body, "target") === "DISCARD_ALL" ? [null] : [];
  });
  const copies = statements.filter(({ type }) => type === "CopyStmt").map(({ body }) => copyDirection(body));
  return {
    prepares,
    deallocates,
    copy: copies.find((direction) => direction !== null) ?? null,
    transactionControl: statements.some(({ type }) => type === "TransactionStmt"),
    changesCatalogue,
    fullyEmpty: false,
  };
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
