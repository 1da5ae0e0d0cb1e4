/**
 * The face of the MySQL protocol: what the gateway may use of this folder. README.md here lists the sections of the
 * specification that are spoken, and where they are deviated from.
 */

export { analyse as analyseMysql, type MysqlAnalysis, type TextMasking } from "#protocols/sql/mysql/analyse.ts";
export {
  type MysqlCatalogue,
  type MysqlColumn,
  type MysqlFlavour,
  type MysqlIndex,
  type MysqlReference,
  type MysqlReferenceAction,
  type MysqlServer,
  type MysqlTable,
  type MysqlTableKind,
  type MysqlTrigger,
  type MysqlView,
  type MysqlWall,
  SERVER_DATABASES,
} from "#protocols/sql/mysql/catalogue.ts";
export { type CutStatement, type Cuts, cutsOf } from "#protocols/sql/mysql/cuts.ts";
export { loadGrammar as loadMysqlGrammar } from "#protocols/sql/mysql/grammar.ts";
export { holds, type MysqlGrant, type MysqlGrants, readGrants } from "#protocols/sql/mysql/grants.ts";
export type { MaskedText } from "#protocols/sql/mysql/masked-text.ts";
export { wordsIn } from "#protocols/sql/mysql/mentioned.ts";
export { type MysqlMaskingView, type ResolvedMysqlProtection, resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
export { quoteName as quoteMysqlName } from "#protocols/sql/mysql/quoting.ts";
export { executedBy, type Reading, readings } from "#protocols/sql/mysql/readings.ts";
export type { SizeOf } from "#protocols/sql/mysql/reads.ts";
export { mysqlRuleProblems } from "#protocols/sql/mysql/rule-problems.ts";
export { secretsIn } from "#protocols/sql/mysql/secrets.ts";
export { sizesIn } from "#protocols/sql/mysql/sizes.ts";
export { DEFAULT_SQL_MODE, readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";
export { standsForAll as mysqlStandsForAll, templateOf as mysqlTemplateOf } from "#protocols/sql/mysql/template.ts";
export { NO_TEMPORARY } from "#protocols/sql/mysql/temporary.ts";
export { type TracedMysql, traceMysqlColumns } from "#protocols/sql/mysql/trace.ts";
export { isProtectedMysqlColumn, mysqlMaskOf } from "#protocols/sql/mysql/tripwire.ts";
export { seenThroughWalls, type WallColumn, type WallMark, wallColumnIn, wallMarkIn } from "#protocols/sql/mysql/walls.ts";
export { ClientFlow, type Outlets } from "./client-flow.ts";
export { checkBeginning, collationFor } from "./collations.ts";
export type { Outcome } from "./command-outcome.ts";
export { CAPABILITY, COMMAND, UTF8MB4_COLLATION } from "./constants.ts";
export { type Greeting, greetingPayload, readGreeting, SCRAMBLE_BYTES } from "./greeting.ts";
export type { Instead, MysqlJudge, MysqlJudgement, SessionEffects, StackedStatement } from "./judge.ts";
export { type HandshakeResponse, handshakeResponsePayload, readHandshakeResponse, readSslRequest, sslRequestPayload } from "./login.ts";
export { errorPayload, type OkPacket, okPayload, readError, readOk } from "./outcome.ts";
export { packets, takePacket } from "./packet.ts";
export { PasswordExchange, type PasswordStep } from "./password-exchange.ts";
export { QueryRun as MysqlQueryRun, type Row as MysqlRow } from "./query-run.ts";
export { requestedTarget } from "./requested.ts";
export { ServerFlow } from "./server-flow.ts";
export { SessionState, type SessionTerms } from "./session.ts";
export { applyChanges, type Settings } from "./settings.ts";
export { type LoginEffect, type ParsecSalt, UpstreamLogin } from "./upstream-login.ts";
export { denialError, faultError } from "./wire-errors.ts";
