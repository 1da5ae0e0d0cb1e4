/**
 * The server's own relations under a mask: which may be read, and which of their columns show NULL. Wide enough for
 * psql's `\d` family, drivers, ORMs and browsers of the schema. Left out is what holds statistics of values
 * (`pg_statistic`, `pg_stats`), other sessions' statements, large objects, and credentials.
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const IN_CATALOGUE = words(`
  pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_available_extension_versions pg_available_extensions
  pg_cast pg_class pg_collation pg_constraint pg_conversion pg_database pg_db_role_setting pg_default_acl pg_depend pg_description pg_enum
  pg_event_trigger pg_extension pg_foreign_data_wrapper pg_foreign_server pg_foreign_table pg_group pg_index pg_indexes pg_inherits
  pg_init_privs pg_language pg_largeobject_metadata pg_locks pg_matviews pg_namespace pg_opclass pg_operator pg_opfamily pg_parameter_acl
  pg_partitioned_table pg_policies pg_policy pg_prepared_xacts pg_proc pg_publication pg_publication_namespace pg_publication_rel
  pg_publication_tables pg_range pg_replication_slots pg_rewrite pg_roles pg_rules pg_seclabel pg_seclabels pg_sequence pg_sequences
  pg_settings pg_shdepend pg_shdescription pg_shseclabel pg_stat_activity pg_stat_all_indexes pg_stat_all_tables pg_stat_database
  pg_stat_gssapi pg_stat_replication pg_stat_ssl pg_stat_sys_indexes pg_stat_sys_tables pg_stat_user_functions pg_stat_user_indexes
  pg_stat_user_tables pg_statio_all_indexes pg_statio_all_sequences pg_statio_all_tables pg_statio_user_indexes pg_statio_user_sequences
  pg_statio_user_tables pg_statistic_ext pg_subscription pg_subscription_rel pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names
  pg_transform pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict pg_ts_parser pg_ts_template pg_type pg_user pg_user_mappings pg_views`);

/** In `information_schema`, which otherwise describes the schema alone. */
const OUT_OF_INFORMATION = words("user_mapping_options _pg_user_mappings");

/**
 * Hidden whatever the rules say: values of existing rows (`attmissingval`), texts and keys that other sessions chose,
 * places of rows that they wait for, and options that can hold a password.
 */
export const SERVER_COLUMNS: readonly (readonly [relation: string, column: string])[] = [
  ["pg_attribute", "attmissingval"],
  ["pg_locks", "page"],
  ["pg_locks", "tuple"],
  ["pg_locks", "classid"],
  ["pg_locks", "objid"],
  ["pg_locks", "objsubid"],
  ["pg_prepared_xacts", "gid"],
  ["pg_stat_activity", "query"],
  ["pg_subscription", "subconninfo"],
  ["pg_user_mappings", "umoptions"],
];

export function isServers(schema: string): boolean {
  return schema === "pg_catalog" || schema === "information_schema";
}

/** Whether a relation of `pg_catalog` or `information_schema` may be read. */
export function isOpen(schema: string, name: string): boolean {
  return schema === "pg_catalog" ? IN_CATALOGUE.has(name) : !OUT_OF_INFORMATION.has(name);
}
