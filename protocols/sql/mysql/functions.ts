/**
 * What a call of a function needs. Functions of the server's own that compute from their arguments, the clock or the session
 * only read; one that is not named here may be a user's, or the server's way to files, locks and replication.
 */
import type { Right } from "#policies/question.ts";

const words = (text: string): ReadonlySet<string> => new Set(text.trim().toLowerCase().split(/\s+/));

/** MySQL manual, "Built-In Function and Operator Reference"; MariaDB documentation, "Built-in Functions". */
const READING = words(`
  abs acos adddate addtime aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg bin bin_to_uuid bit_and bit_count bit_length bit_or
  bit_xor cast ceil ceiling char char_length character_length charset coalesce coercibility collation compress concat concat_ws
  connection_id conv convert convert_tz cos cot count crc32 cume_dist curdate current_date current_role current_time current_timestamp
  current_user curtime database date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear decode default
  degrees dense_rank elt encode exp export_set extract field find_in_set first_value floor format format_bytes format_pico_time found_rows
  from_base64 from_days from_unixtime get_format greatest group_concat grouping hex hour if ifnull in inet6_aton inet6_ntoa inet_aton
  inet_ntoa insert instr interval is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isnull json_array json_array_append json_array_insert
  json_arrayagg json_compact json_contains json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert
  json_keys json_length json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object json_objectagg json_overlaps
  json_pretty json_query json_quote json_remove json_replace json_schema_valid json_schema_validation_report json_search json_set
  json_storage_free json_storage_size json_table json_type json_unquote json_valid json_value lag last_day last_insert_id last_value lcase lead
  least left length ln localtime localtimestamp locate log log10 log2 lower lpad ltrim make_set makedate maketime match max md5 median
  microsecond mid min minute mod month monthname name_const natural_sort_key now nth_value ntile nullif nvl nvl2 oct octet_length ord
  percent_rank percentile_cont percentile_disc period_add period_diff pi position pow power ps_current_thread_id ps_thread_id quarter quote
  radians rand random_bytes rank regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right round
  row_count row_number rpad rtrim schema sec_to_time second session_user sformat sha sha1 sha2 sign sin soundex space sqrt st_area st_asbinary
  st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_convexhull st_crosses st_difference st_dimension st_disjoint
  st_distance st_distance_sphere st_endpoint st_envelope st_equals st_geometryn st_geometrytype st_geomfromgeojson st_geomfromtext
  st_geomfromwkb st_intersection st_intersects st_isclosed st_isempty st_issimple st_isvalid st_latitude st_length st_longitude st_numpoints
  st_overlaps st_pointn st_simplify st_srid st_startpoint st_touches st_transform st_union st_validate st_within st_x st_y statement_digest
  statement_digest_text std stddev stddev_pop stddev_samp str_to_date strcmp string_to_vector subdate substr substring substring_index subtime
  sum sysdate system_user sys_guid tan time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_char to_days
  to_seconds trim truncate ucase uncompress uncompressed_length unhex unix_timestamp updatexml upper user utc_date utc_time utc_timestamp
  uuid uuid_short uuid_to_bin validate_password_strength values var_pop var_samp variance vector_dim vector_to_string version week weekday
  weekofyear weight_string year yearweek extractvalue benchmark sleep lastval point linestring polygon multipoint multilinestring
  multipolygon geometrycollection geomfromtext astext binary chr kdf vec_distance vec_totext vec_fromtext`);

/** They change sequences, locks or what other sessions see. */
const WRITING = words("get_lock release_lock release_all_locks is_free_lock is_used_lock nextval setval next_value_for");

/** @param name the parts of the function's name as written */
export function functionNeeds(name: readonly string[]): Right {
  const [only, ...others] = name.map((part) => part.toLowerCase());
  if (only === undefined) return "write";
  if (others.length > 0) return "write";
  if (READING.has(only)) return "read";
  if (WRITING.has(only)) return "write";
  if (
    only === "load_file" ||
    only === "roles_graphml" ||
    /^(asynchronous_connection_failover|group_replication|gtid_|master_pos_wait|source_pos_wait|wait_)/.test(only)
  )
    return "admin";
  return "write";
}
