/**
 * Settings that PostgreSQL keeps for superusers (`pg_settings.context` is `superuser`, `superuser-backend` or `backend`). The
 * gateway's login may be one, and those whom it serves are not: triggers and foreign keys, the server's own log and what it audits
 * would be theirs to switch off.
 *
 * Source: pg_settings of PostgreSQL 15 and 18; documentation, "Server Configuration".
 */
const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const NAMES: ReadonlySet<string> = new Set(
  words(`
  allow_in_place_tablespaces allow_system_table_mods backtrace_functions commit_delay compute_query_id deadlock_timeout
  debug_discard_caches dynamic_library_path event_triggers extension_control_path extension_destdir ignore_checksum_failure
  ignore_system_indexes jit_debugging_support jit_dump_bitcode jit_profiling_support lc_messages lo_compat_privileges
  local_preload_libraries log_connections log_disconnections log_duration log_error_verbosity log_executor_stats log_lock_failures
  log_lock_waits log_min_duration_sample log_min_duration_statement log_min_error_statement log_min_messages log_parameter_max_length
  log_parser_stats log_planner_stats log_replication_commands log_statement log_statement_sample_rate log_statement_stats
  log_temp_files log_transaction_sample_rate max_stack_depth post_auth_delay session_preload_libraries session_replication_role
  temp_file_limit track_activities track_cost_delay_timing track_counts track_functions track_io_timing track_wal_io_timing
  update_process_title wal_compression wal_consistency_checking wal_init_zero wal_recycle zero_damaged_pages`),
);

/** Of extensions that watch sessions: what they look at is not for those to say who are watched. */
const WATCHING = /^(auto_explain|pg_stat_statements|pgaudit|sepgsql)\./;

/** @param setting in lower case */
export function isSuperuserSetting(setting: string): boolean {
  return NAMES.has(setting) || WATCHING.test(setting);
}
