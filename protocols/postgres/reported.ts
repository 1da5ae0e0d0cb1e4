/** Settings that the server reports by itself (protocol-async, ParameterStatus): which end a session, and which are told on. */
import { isJudgeableEncoding } from "#protocols/sql/postgres/encodings.ts";
import { Fault } from "#protocols/wire/fault.ts";

/** What ParameterStatus may tell a principal under a mask. */
const TOLD_UNDER_MASK = new Set([
  "application_name",
  "client_encoding",
  "DateStyle",
  "default_transaction_read_only",
  "in_hot_standby",
  "integer_datetimes",
  "IntervalStyle",
  "is_superuser",
  "scram_iterations",
  "server_encoding",
  "server_version",
  "standard_conforming_strings",
  "TimeZone",
]);

/** Also asked of what the target reports at login. @throws Fault `upstream-out-of-step` */
export function checkSetting(name: string, value: string): void {
  if (name === "client_encoding" && !isJudgeableEncoding(value)) {
    throw new Fault("upstream-out-of-step", "the session's client_encoding is one in which statements can't be judged; the session ends");
  }
  if (name === "standard_conforming_strings" && value !== "on") {
    throw new Fault("upstream-out-of-step", "standard_conforming_strings is off, so that statements can't be judged; the session ends");
  }
}

export function toldUnderMask(name: string): boolean {
  return TOLD_UNDER_MASK.has(name);
}
