/**
 * Which settings a principal under a mask may change: those that decide neither how statements are read and answered, nor what
 * the server writes down of them. Source: MySQL manual, "Server System Variables"; MariaDB documentation of the same.
 */
import { checkCalls } from "./masked-functions.ts";
import type { TableContext } from "./masked-tables.ts";
import { readExpression } from "./read-expression.ts";
import { type Reader, Refused } from "./reading.ts";

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const SETTABLE = words(`
  autocommit big_tables bulk_insert_buffer_size completion_type default_week_format div_precision_increment foreign_key_checks
  group_concat_max_len information_schema_stats_expiry innodb_lock_wait_timeout interactive_timeout join_buffer_size lc_time_names
  lock_wait_timeout low_priority_updates max_error_count max_execution_time max_heap_table_size max_join_size max_statement_time
  net_read_timeout net_write_timeout query_cache_type read_buffer_size read_rnd_buffer_size sort_buffer_size sql_auto_is_null sql_big_selects
  sql_notes sql_quote_show_create sql_safe_updates sql_select_limit sql_warnings time_zone timestamp tmp_table_size transaction_isolation
  transaction_read_only tx_isolation tx_read_only unique_checks updatable_views_with_limit wait_timeout`);

/** They change what rows a statement takes, not how it is read. */
const MODES = words(`
  allow_invalid_dates error_for_division_by_zero no_auto_create_user no_auto_value_on_zero no_engine_substitution no_unsigned_subtraction
  no_zero_date no_zero_in_date only_full_group_by strict_all_tables strict_trans_tables time_truncate_fractional traditional`);

const CHARSETS = words("character_set_client character_set_connection character_set_results collation_connection");

/** Behind SET, to the end. @throws Refused */
export function readSettings(reader: Reader, context: TableContext): void {
  do readSetting(reader, context);
  while (reader.acceptSymbol(","));
}

function readSetting(reader: Reader, context: TableContext): void {
  const start = reader.at;
  if (reader.acceptWord("names")) {
    readCharset(reader, start);
    if (reader.acceptWord("collate")) readCharset(reader, start);
    return;
  }
  if (reader.acceptWord("character", "set") || reader.acceptWord("charset")) {
    readCharset(reader, start);
    return;
  }
  if (reader.token?.kind === "user-variable") {
    reader.at++;
    readEquals(reader);
    readConstant(reader, context);
    return;
  }
  const name = readName(reader, start);
  readEquals(reader);
  if (name === "sql_mode") readModes(reader, start);
  else if (CHARSETS.has(name)) {
    if (name !== "character_set_results" || !acceptUnconverted(reader)) readCharset(reader, start);
  } else if (SETTABLE.has(name)) readValue(reader, context);
  else throw unsettable(name, start);
}

/** NULL and `binary` mean the same: results come as columns hold them. Dumps ask for it while they read definitions. */
function acceptUnconverted(reader: Reader): boolean {
  const { token } = reader;
  const named = (token?.kind === "word" || token?.kind === "string") && /^(null|binary)$/i.test(token.text);
  // NULL is no string.
  if (!named || (token.kind === "string" && token.text.toLowerCase() === "null")) return false;
  reader.at++;
  return true;
}

function unsettable(name: string, at: number): Refused {
  return new Refused("masked-setting", `${name} may not be set under a mask`, "leave it at its default", at);
}

/** `x`, `SESSION x`, `@@x`, `@@session.x`; those of others are out of reach. */
function readName(reader: Reader, start: number): string {
  if (reader.token?.kind === "system-variable") {
    reader.at++;
    if (/^(session|local)$/.test(reader.word()) && reader.symbol(1) === ".") reader.at += 2;
  } else if (/^(session|local)$/.test(reader.word())) reader.at++;
  const name = reader.word();
  if (name === "") throw reader.unexpected("a setting");
  reader.at++;
  if (["global", "persist", "persist_only"].includes(name)) throw unsettable(`a ${name} setting`, start);
  return name;
}

function readEquals(reader: Reader): void {
  if (!reader.acceptSymbol(":=")) reader.expectSymbol("=");
}

/** A constant, DEFAULT, or another variable: `@OLD_SQL_MODE` of dumps holds what was a setting. */
function readValue(reader: Reader, context: TableContext): void {
  if (["default", "on", "off", "read", "repeatable", "serializable"].includes(reader.word())) {
    reader.at++;
    if (reader.symbol() === "-") {
      reader.at++;
      reader.name();
    }
  } else readConstant(reader, context);
}

/** Whatever is computed without a table. */
function readConstant(reader: Reader, { view, database }: TableContext): void {
  const start = reader.at;
  const { tables, calls } = reader.found;
  const before = { tables: tables.length, calls: calls.length };
  readExpression(reader);
  if (tables.length > before.tables) {
    const hint = "set user variables alone, or read it with a SELECT and set the variable to what came";
    throw new Refused("masked-statement-kind", "a setting may not be set from a query under a mask", hint, start);
  }
  checkCalls(calls.slice(before.calls), view, database);
}

function readCharset(reader: Reader, start: number): void {
  const { token } = reader;
  const name = token?.kind === "word" || token?.kind === "string" ? token.text : "";
  if (!/^(utf8(mb[34])?)(_[0-9a-z_]+)?$/i.test(name)) {
    throw new Refused("masked-setting", "sessions under a mask are in UTF-8", "SET NAMES utf8mb4", start);
  }
  reader.at++;
}

/** Stands for the modes that the session has. */
const CURRENT = "@@sql_mode";

function readModes(reader: Reader, start: number): void {
  if (reader.acceptWord("default")) return;
  const written = reader.word() === "concat" && reader.symbol(1) === "(" ? readJoinedModes(reader) : readMode(reader);
  const modes = written?.split(",").map((mode) => mode.trim());
  const unknown = modes === undefined ? "what is computed" : modes.find((mode) => mode !== "" && mode !== CURRENT && !MODES.has(mode));
  if (unknown !== undefined) {
    const hint = "list modes that do not change how statements are read, as one string, or behind @@sql_mode and a comma in CONCAT";
    throw new Refused("masked-setting", `sql_mode may not be set to ${unknown} under a mask`, hint, start);
  }
}

/** `CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')`, as connectors add to what is there. @returns null for any other */
function readJoinedModes(reader: Reader): string | null {
  reader.at += 2;
  let written = "";
  do {
    const part = acceptCurrentModes(reader) ? CURRENT : reader.token?.kind === "string" ? readMode(reader) : null;
    if (part === null) return null;
    written += part;
  } while (reader.acceptSymbol(","));
  reader.expectSymbol(")");
  return written;
}

function acceptCurrentModes(reader: Reader): boolean {
  if (reader.token?.kind !== "system-variable") return false;
  return readName(reader, reader.at) === "sql_mode";
}

function readMode(reader: Reader): string | null {
  const { token } = reader;
  if (token?.kind !== "string" && token?.kind !== "word") return null;
  reader.at++;
  return token.text.toLowerCase();
}
