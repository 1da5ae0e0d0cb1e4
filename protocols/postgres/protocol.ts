/**
 * The face of the PostgreSQL protocol: what the gateway may use of this folder. README.md here lists the sections of the
 * specification that are spoken, and where they are deviated from.
 */

export type { Catalogue } from "#protocols/sql/catalogue.ts";
export { analyse } from "#protocols/sql/postgres/analyse.ts";
export type { Analysis } from "#protocols/sql/postgres/analysis.ts";
export { changesReading } from "#protocols/sql/postgres/changes-reading.ts";
export { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
export { type MaskingView, type ResolvedProtection, resolveProtection } from "#protocols/sql/postgres/protection.ts";
export { quoteIdentifier } from "#protocols/sql/postgres/quoting.ts";
export { ruleProblems } from "#protocols/sql/postgres/rule-problems.ts";
export { templateOf } from "#protocols/sql/postgres/template.ts";
export { traceColumns } from "#protocols/sql/postgres/trace.ts";
export { isProtectedOrigin } from "#protocols/sql/postgres/tripwire.ts";
export { WALL_MARK } from "#protocols/sql/postgres/wall.ts";
export type { RuleProblem, WholeRule } from "#protocols/sql/rule-problems.ts";
export type { TracedColumn, TracedOrigin } from "#protocols/sql/traced.ts";
export { recordedText } from "#protocols/wire/recorded.ts";
export { ClientFlow } from "./client-flow.ts";
export { CLIENT, SERVER } from "./constants.ts";
export {
  authenticationCleartextPassword,
  authenticationOk,
  backendKeyData,
  cancelRequest,
  negotiateProtocolVersion,
  parameterStatus,
  query as simpleQuery,
  readyForQuery,
  sslRequest,
  startupMessage,
  terminate,
} from "./encode.ts";
export { type CancelKey, type Opening, readOpening } from "./negotiation.ts";
export { type UpstreamIdentity, upstreamParameters } from "./parameters.ts";
export { PasswordReader } from "./password.ts";
export { QueryRun } from "./query-run.ts";
export { checkSetting, toldUnderMask } from "./reported.ts";
export { ServerFlow } from "./server-flow.ts";
export { type HashValue, SessionState, type SessionTerms } from "./session.ts";
export { asksForReplication, type FirstMessage, type RequestedTarget, readFirstMessage, requestedTarget, type Startup } from "./startup.ts";
export { takeMessage } from "./take-message.ts";
export { type LoginEffect, type LoginResult, UpstreamLogin } from "./upstream-login.ts";
export { denialMessage, faultMessage } from "./wire-errors.ts";
