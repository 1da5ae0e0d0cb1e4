/**
 * Functions that extensions of PostgreSQL's own distribution bring and that may be called under a mask: each is written
 * in C and computes from its arguments alone (or, `unaccent`, from a dictionary). What runs SQL from a text, reads
 * tables or files, or changes settings is left out.
 *
 * Source: PostgreSQL documentation, appendix "Additional Supplied Modules and Extensions".
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const HARMLESS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    "fuzzystrmatch",
    words("daitch_mokotoff difference dmetaphone dmetaphone_alt levenshtein levenshtein_less_equal metaphone soundex text_soundex"),
  ],
  [
    "hstore",
    words(`akeys avals defined delete each exist exists_all exists_any hs_concat hs_contained hs_contains hstore hstore_to_array hstore_to_json
      hstore_to_json_loose hstore_to_jsonb hstore_to_jsonb_loose hstore_to_matrix isdefined isexists fetchval skeys slice slice_array svals
      tconvert`),
  ],
  ["intarray", words("icount idx intset sort sort_asc sort_desc subarray uniq")],
  ["ltree", words("index lca ltree2text nlevel subltree subpath text2ltree")],
  ["pg_trgm", words("show_trgm similarity strict_word_similarity word_similarity")],
  ["pgcrypto", words("crypt digest gen_random_bytes gen_random_uuid gen_salt hmac")],
  ["tablefunc", words("normal_rand")],
  ["unaccent", words("unaccent")],
  [
    "uuid-ossp",
    words(`uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuid_nil uuid_ns_dns uuid_ns_oid
      uuid_ns_url uuid_ns_x500`),
  ],
]);

/** @param extension the one that brought the function, by the catalogue's word */
export function isHarmlessOfExtension(extension: string, name: string): boolean {
  return HARMLESS.get(extension)?.has(name) === true;
}
