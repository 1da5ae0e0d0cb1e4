/**
 * What a statement needs, read off its tree: each statement type has its rights here, statements inside others
 * (data-modifying WITH, the query of COPY, PREPARE, EXPLAIN ANALYZE) add theirs, and so does every function called.
 * A node type that is not known here needs every right.
 */
import type { Right } from "#policies/question.ts";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { setsBeneath } from "./changes-reading.ts";
import { readsOtherwise } from "./encodings.ts";
import { attributeNeeds, functionNeeds } from "./functions.ts";
import { isKnownPart } from "./parts.ts";
import { explains, literalText, nameOfCall, settingByFilter, settingName } from "./reading.ts";
import { isSuperuserSetting } from "./superuser-settings.ts";
import { type Body, flagOf, nodesOf, numberOf, type Place, type TreeNode, textOf, walk, wordsOf } from "./tree.ts";

type Needs = readonly Right[];
const READ: Needs = ["read"];
const WRITE: Needs = ["write"];
const SCHEMA: Needs = ["schema"];
const ADMIN: Needs = ["admin"];
const RIGHTS = ["read", "write", "schema", "admin"] as const satisfies Needs;
const EVERY: Needs = RIGHTS;

/** Objects of the whole server, of roles or of other servers. */
const ADMIN_OBJECTS: ReadonlySet<string> = new Set([
  "OBJECT_DATABASE",
  "OBJECT_EVENT_TRIGGER",
  "OBJECT_EXTENSION",
  "OBJECT_FDW",
  "OBJECT_FOREIGN_SERVER",
  "OBJECT_LANGUAGE",
  "OBJECT_LARGEOBJECT",
  "OBJECT_PARAMETER_ACL",
  "OBJECT_POLICY",
  "OBJECT_PUBLICATION",
  "OBJECT_ROLE",
  "OBJECT_SUBSCRIPTION",
  "OBJECT_TABLESPACE",
  "OBJECT_USER_MAPPING",
]);

const ADMIN_ALTERATIONS: ReadonlySet<string> = new Set([
  "AT_ChangeOwner",
  "AT_EnableRowSecurity",
  "AT_DisableRowSecurity",
  "AT_ForceRowSecurity",
  "AT_NoForceRowSecurity",
]);

const byObject =
  (field: string) =>
  (body: Body): Needs =>
    ADMIN_OBJECTS.has(textOf(body, field)) ? ADMIN : SCHEMA;

/** Rights by statement type. A function reads what the type alone does not tell. */
const STATEMENTS: Readonly<Record<string, Needs | ((body: Body) => Needs)>> = {
  SelectStmt: selectNeeds,
  InsertStmt: changeNeeds,
  UpdateStmt: (body) => [...changeNeeds(body), ...(setsBeneath(body) ? ADMIN : [])],
  DeleteStmt: changeNeeds,
  MergeStmt: ["read", "write"],
  TruncateStmt: WRITE,
  CopyStmt: copyNeeds,
  // Inside CREATE FUNCTION … BEGIN ATOMIC.
  ReturnStmt: READ,

  VariableSetStmt: settingNeeds,
  VariableShowStmt: READ,
  TransactionStmt: (body) => (textOf(body, "kind").includes("PREPARE") ? WRITE : READ),
  ConstraintsSetStmt: READ,
  ExplainStmt: READ,
  PrepareStmt: READ,
  ExecuteStmt: READ,
  DeallocateStmt: READ,
  DeclareCursorStmt: READ,
  FetchStmt: READ,
  ClosePortalStmt: READ,
  DiscardStmt: READ,
  ListenStmt: READ,
  UnlistenStmt: READ,
  NotifyStmt: WRITE,
  // 1 is ACCESS SHARE, which reading takes anyway.
  LockStmt: (body) => (numberOf(body, "mode") === 1 ? READ : WRITE),
  // Its body is a text in another language.
  DoStmt: EVERY,
  CallStmt: WRITE,

  CreateTableAsStmt: SCHEMA,
  CreateStmt: SCHEMA,
  AlterTableStmt: (body) => (nodesOf("", body, "cmds").some((c) => ADMIN_ALTERATIONS.has(textOf(c.body, "subtype"))) ? ADMIN : SCHEMA),
  IndexStmt: SCHEMA,
  ViewStmt: SCHEMA,
  RuleStmt: SCHEMA,
  CreateTrigStmt: SCHEMA,
  CreateFunctionStmt: SCHEMA,
  AlterFunctionStmt: SCHEMA,
  CreateSeqStmt: SCHEMA,
  AlterSeqStmt: SCHEMA,
  CreateSchemaStmt: SCHEMA,
  CreateEnumStmt: SCHEMA,
  AlterEnumStmt: SCHEMA,
  CreateRangeStmt: SCHEMA,
  CompositeTypeStmt: SCHEMA,
  CreateDomainStmt: SCHEMA,
  AlterDomainStmt: SCHEMA,
  AlterTypeStmt: SCHEMA,
  DefineStmt: SCHEMA,
  AlterOperatorStmt: SCHEMA,
  AlterCollationStmt: SCHEMA,
  CreateOpClassStmt: SCHEMA,
  CreateOpFamilyStmt: SCHEMA,
  AlterOpFamilyStmt: SCHEMA,
  CreateConversionStmt: SCHEMA,
  CreateCastStmt: SCHEMA,
  CreateStatsStmt: SCHEMA,
  AlterStatsStmt: SCHEMA,
  AlterTSDictionaryStmt: SCHEMA,
  AlterTSConfigurationStmt: SCHEMA,
  CreateForeignTableStmt: SCHEMA,
  RefreshMatViewStmt: SCHEMA,
  VacuumStmt: SCHEMA,
  ClusterStmt: SCHEMA,
  ReindexStmt: SCHEMA,
  DropStmt: byObject("removeType"),
  CommentStmt: byObject("objtype"),
  RenameStmt: byObject("renameType"),
  AlterObjectSchemaStmt: byObject("objectType"),
  AlterObjectDependsStmt: byObject("objectType"),

  AlterOwnerStmt: ADMIN,
  GrantStmt: ADMIN,
  GrantRoleStmt: ADMIN,
  AlterDefaultPrivilegesStmt: ADMIN,
  CreateRoleStmt: ADMIN,
  AlterRoleStmt: ADMIN,
  AlterRoleSetStmt: ADMIN,
  DropRoleStmt: ADMIN,
  ReassignOwnedStmt: ADMIN,
  DropOwnedStmt: ADMIN,
  CreatePolicyStmt: ADMIN,
  AlterPolicyStmt: ADMIN,
  SecLabelStmt: ADMIN,
  CreatedbStmt: ADMIN,
  AlterDatabaseStmt: ADMIN,
  AlterDatabaseSetStmt: ADMIN,
  AlterDatabaseRefreshCollStmt: ADMIN,
  DropdbStmt: ADMIN,
  AlterSystemStmt: ADMIN,
  CheckPointStmt: ADMIN,
  LoadStmt: ADMIN,
  CreateTableSpaceStmt: ADMIN,
  DropTableSpaceStmt: ADMIN,
  AlterTableSpaceOptionsStmt: ADMIN,
  AlterTableMoveAllStmt: ADMIN,
  CreateExtensionStmt: ADMIN,
  AlterExtensionStmt: ADMIN,
  AlterExtensionContentsStmt: ADMIN,
  CreateFdwStmt: ADMIN,
  AlterFdwStmt: ADMIN,
  CreateForeignServerStmt: ADMIN,
  AlterForeignServerStmt: ADMIN,
  CreateUserMappingStmt: ADMIN,
  AlterUserMappingStmt: ADMIN,
  DropUserMappingStmt: ADMIN,
  ImportForeignSchemaStmt: ADMIN,
  CreateAmStmt: ADMIN,
  CreateEventTrigStmt: ADMIN,
  AlterEventTrigStmt: ADMIN,
  CreatePLangStmt: ADMIN,
  CreateTransformStmt: ADMIN,
  CreatePublicationStmt: ADMIN,
  AlterPublicationStmt: ADMIN,
  CreateSubscriptionStmt: ADMIN,
  AlterSubscriptionStmt: ADMIN,
  DropSubscriptionStmt: ADMIN,
};

export function isStatementType(type: string): boolean {
  return Object.hasOwn(STATEMENTS, type);
}

/** The rights that running a statement takes, from the least to the most. Never empty. */
export function statementNeeds(statement: TreeNode, catalogue: Catalogue | null): readonly Right[] {
  const needs = new Set<Right>();
  const settings = new Map<Body, string>();
  walk(statement, (place) => {
    const setting = settingByFilter(place);
    if (setting !== undefined) settings.set(setting.call, setting.name);
    for (const right of nodeNeeds(place, catalogue, settings)) needs.add(right);
    // Planning alone runs nothing of what is explained.
    return place.type !== "ExplainStmt" || explains(place.body).analyze;
  });
  return RIGHTS.filter((right) => needs.has(right));
}

function nodeNeeds({ type, body, parent, field }: Place, catalogue: Catalogue | null, settings: ReadonlyMap<Body, string>): Needs {
  if (type === "FuncCall") return callNeeds(body, catalogue, settings.get(body));
  if (type === "ColumnRef" || type === "A_Indirection") return attributesNeeds(type, body, catalogue);
  if (type === "SelectStmt" && parent === "InsertStmt" && field === "selectStmt" && onlyValues(body)) return [];
  if (isStatementType(type)) {
    const rule = STATEMENTS[type];
    return typeof rule === "function" ? rule(body) : (rule ?? EVERY);
  }
  return isKnownPart(type) ? [] : EVERY;
}

/** `('/etc/passwd'::text).pg_read_file` is a call too, and so is `t.nextval` where t has no such column. */
function attributesNeeds(type: string, body: Body, catalogue: Catalogue | null): Needs {
  const words = wordsOf(body, type === "ColumnRef" ? "fields" : "indirection");
  const attributes = type === "ColumnRef" ? (words.length > 1 ? words.slice(-1) : []) : words;
  return attributes.flatMap((word) => attributeNeeds(word, catalogue));
}

function callNeeds(body: Body, catalogue: Catalogue | null, settled: string | undefined): Needs {
  const called = nameOfCall(body);
  if (called.name !== "set_config") return functionNeeds(called, catalogue);
  const [first, second] = nodesOf("FuncCall", body, "args");
  const setting = settled ?? (first === undefined ? undefined : literalText(first)?.toLowerCase());
  if (setting === undefined || changesRole(setting) || isSuperuserSetting(setting)) return ADMIN;
  const value = second === undefined ? undefined : (literalText(second) ?? null);
  return readsOtherwise(setting, value) ? ADMIN : READ;
}

function selectNeeds(body: Body): Needs {
  const needs: Right[] = ["read"];
  if (body["lockingClause"] !== undefined) needs.push("write");
  if (body["intoClause"] !== undefined) needs.push("schema");
  return needs;
}

function onlyValues(body: Body): boolean {
  return body["valuesLists"] !== undefined;
}

/** As in PostgreSQL, a change that looks at rows (WHERE, FROM, RETURNING, ON CONFLICT) reads them too. */
function changeNeeds(body: Body): Needs {
  const reads = ["whereClause", "fromClause", "usingClause", "returningClause", "onConflictClause"];
  return reads.some((field) => body[field] !== undefined) ? ["read", "write"] : WRITE;
}

function copyNeeds(body: Body): Needs {
  if (textOf(body, "filename") !== "" || flagOf(body, "is_program")) return ADMIN;
  return flagOf(body, "is_from") ? WRITE : READ;
}

function settingNeeds(body: Body): Needs {
  const name = settingName(body);
  // RESET ROLE and SET SESSION AUTHORIZATION DEFAULT go back to the gateway's login, as DISCARD ALL does.
  if (changesRole(name) && !goesBack(body)) return ADMIN;
  const [value] = nodesOf("VariableSetStmt", body, "args");
  if (value !== undefined && isSuperuserSetting(name)) return ADMIN;
  return readsOtherwise(name, value === undefined ? undefined : (literalText(value) ?? null)) ? ADMIN : READ;
}

function goesBack(body: Body): boolean {
  return textOf(body, "kind") === "VAR_RESET" || (textOf(body, "kind") === "VAR_SET_DEFAULT" && !flagOf(body, "is_local"));
}

function changesRole(setting: string): boolean {
  return setting === "role" || setting === "session_authorization";
}
