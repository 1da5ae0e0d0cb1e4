/** The command of a statement, as its CommandComplete tag begins (protocol-message-formats: CommandComplete). */
import { type Body, flagOf, type TreeNode, textOf } from "./tree.ts";

const PLAIN: Readonly<Record<string, string>> = {
  SelectStmt: "SELECT",
  InsertStmt: "INSERT",
  UpdateStmt: "UPDATE",
  DeleteStmt: "DELETE",
  MergeStmt: "MERGE",
  TruncateStmt: "TRUNCATE TABLE",
  CopyStmt: "COPY",
  ExplainStmt: "EXPLAIN",
  VariableShowStmt: "SHOW",
  ConstraintsSetStmt: "SET CONSTRAINTS",
  DeclareCursorStmt: "DECLARE CURSOR",
  NotifyStmt: "NOTIFY",
  ListenStmt: "LISTEN",
  UnlistenStmt: "UNLISTEN",
  LockStmt: "LOCK TABLE",
  DoStmt: "DO",
  CallStmt: "CALL",
  LoadStmt: "LOAD",
  PrepareStmt: "PREPARE",
  ExecuteStmt: "EXECUTE",
  CreateStmt: "CREATE TABLE",
  IndexStmt: "CREATE INDEX",
  ViewStmt: "CREATE VIEW",
  RuleStmt: "CREATE RULE",
  CreateTrigStmt: "CREATE TRIGGER",
  CreateSeqStmt: "CREATE SEQUENCE",
  AlterSeqStmt: "ALTER SEQUENCE",
  CreateSchemaStmt: "CREATE SCHEMA",
  CreateEnumStmt: "CREATE TYPE",
  CreateRangeStmt: "CREATE TYPE",
  CompositeTypeStmt: "CREATE TYPE",
  AlterEnumStmt: "ALTER TYPE",
  CreateDomainStmt: "CREATE DOMAIN",
  CreateForeignTableStmt: "CREATE FOREIGN TABLE",
  RefreshMatViewStmt: "REFRESH MATERIALIZED VIEW",
  ClusterStmt: "CLUSTER",
  ReindexStmt: "REINDEX",
  CommentStmt: "COMMENT",
  SecLabelStmt: "SECURITY LABEL",
  CreatedbStmt: "CREATE DATABASE",
  AlterDatabaseStmt: "ALTER DATABASE",
  AlterDatabaseSetStmt: "ALTER DATABASE",
  AlterDatabaseRefreshCollStmt: "ALTER DATABASE",
  DropdbStmt: "DROP DATABASE",
  AlterSystemStmt: "ALTER SYSTEM",
  CheckPointStmt: "CHECKPOINT",
  CreateRoleStmt: "CREATE ROLE",
  AlterRoleStmt: "ALTER ROLE",
  AlterRoleSetStmt: "ALTER ROLE",
  DropRoleStmt: "DROP ROLE",
  ReassignOwnedStmt: "REASSIGN OWNED",
  DropOwnedStmt: "DROP OWNED",
  AlterDefaultPrivilegesStmt: "ALTER DEFAULT PRIVILEGES",
  CreateExtensionStmt: "CREATE EXTENSION",
  AlterExtensionStmt: "ALTER EXTENSION",
  AlterExtensionContentsStmt: "ALTER EXTENSION",
  ImportForeignSchemaStmt: "IMPORT FOREIGN SCHEMA",
};

const TRANSACTION: Readonly<Record<string, string>> = {
  TRANS_STMT_BEGIN: "BEGIN",
  TRANS_STMT_START: "START TRANSACTION",
  TRANS_STMT_COMMIT: "COMMIT",
  TRANS_STMT_ROLLBACK: "ROLLBACK",
  TRANS_STMT_SAVEPOINT: "SAVEPOINT",
  TRANS_STMT_RELEASE: "RELEASE",
  TRANS_STMT_ROLLBACK_TO: "ROLLBACK",
  TRANS_STMT_PREPARE: "PREPARE TRANSACTION",
  TRANS_STMT_COMMIT_PREPARED: "COMMIT PREPARED",
  TRANS_STMT_ROLLBACK_PREPARED: "ROLLBACK PREPARED",
};

/** Object types whose words are not simply their name with spaces. */
const OBJECT_WORDS: Readonly<Record<string, string>> = {
  OBJECT_MATVIEW: "MATERIALIZED VIEW",
  OBJECT_FDW: "FOREIGN DATA WRAPPER",
  OBJECT_FOREIGN_SERVER: "SERVER",
  OBJECT_OPCLASS: "OPERATOR CLASS",
  OBJECT_OPFAMILY: "OPERATOR FAMILY",
  OBJECT_STATISTIC_EXT: "STATISTICS",
  OBJECT_TSCONFIGURATION: "TEXT SEARCH CONFIGURATION",
  OBJECT_TSDICTIONARY: "TEXT SEARCH DICTIONARY",
  OBJECT_TSPARSER: "TEXT SEARCH PARSER",
  OBJECT_TSTEMPLATE: "TEXT SEARCH TEMPLATE",
  OBJECT_TABCONSTRAINT: "TABLE",
  OBJECT_COLUMN: "TABLE",
  OBJECT_ATTRIBUTE: "TYPE",
  OBJECT_DOMCONSTRAINT: "DOMAIN",
};

export function objectWords(type: string): string {
  return OBJECT_WORDS[type] ?? type.replace(/^OBJECT_/, "").replaceAll("_", " ");
}

const READ: Readonly<Record<string, (body: Body) => string>> = {
  TransactionStmt: (body) => TRANSACTION[textOf(body, "kind")] ?? "TRANSACTION",
  VariableSetStmt: (body) => (textOf(body, "kind").startsWith("VAR_RESET") ? "RESET" : "SET"),
  DiscardStmt: (body) => textOf(body, "target").replace("_", " "),
  FetchStmt: (body) => (flagOf(body, "ismove") ? "MOVE" : "FETCH"),
  ClosePortalStmt: (body) => (textOf(body, "portalname") === "" ? "CLOSE CURSOR ALL" : "CLOSE CURSOR"),
  DeallocateStmt: (body) => (textOf(body, "name") === "" ? "DEALLOCATE ALL" : "DEALLOCATE"),
  VacuumStmt: (body) => (flagOf(body, "is_vacuumcmd") ? "VACUUM" : "ANALYZE"),
  CreateTableAsStmt: (body) => (textOf(body, "objtype") === "OBJECT_MATVIEW" ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS"),
  CreateFunctionStmt: (body) => (flagOf(body, "is_procedure") ? "CREATE PROCEDURE" : "CREATE FUNCTION"),
  AlterFunctionStmt: (body) => `ALTER ${objectWords(textOf(body, "objtype"))}`,
  AlterTableStmt: (body) => `ALTER ${objectWords(textOf(body, "objtype"))}`,
  DropStmt: (body) => `DROP ${objectWords(textOf(body, "removeType"))}`,
  RenameStmt: (body) => `ALTER ${objectWords(textOf(body, "renameType"))}`,
  AlterObjectSchemaStmt: (body) => `ALTER ${objectWords(textOf(body, "objectType"))}`,
  AlterOwnerStmt: (body) => `ALTER ${objectWords(textOf(body, "objectType"))}`,
  DefineStmt: (body) => `CREATE ${objectWords(textOf(body, "kind"))}`,
  GrantStmt: (body) => (flagOf(body, "is_grant") ? "GRANT" : "REVOKE"),
  GrantRoleStmt: (body) => (flagOf(body, "is_grant") ? "GRANT ROLE" : "REVOKE ROLE"),
};

/** For statement types not named here: the words of the type, e.g. `CREATE POLICY`. */
export function statementTag({ type, body }: TreeNode): string {
  const read = READ[type];
  if (read !== undefined) return read(body);
  if (type === "SelectStmt" && body["intoClause"] !== undefined) return "SELECT INTO";
  return (
    PLAIN[type] ??
    type
      .replace(/Stmt$/, "")
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .toUpperCase()
  );
}
