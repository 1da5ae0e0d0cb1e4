/**
 * Which relations a statement under a mask may read, and in which of them it meets a mask. The server's own are on
 * a list, wide enough for psql's `\d` family, drivers and ORMs; what holds statistics of values, other sessions' work,
 * credentials or large objects is not on it.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { lookupIn } from "./lookup.ts";
import { type Refusal, rowTypeRefusal } from "./masked-calls.ts";
import { display, type MaskingView, type ProtectedAttributes } from "./protection.ts";
import { relationText } from "./reading.ts";
import { type Body, textOf } from "./tree.ts";

export type RelationVerdict =
  | { readonly kind: "clear"; readonly relation: CatalogueRelation }
  | { readonly kind: "protected"; readonly relation: CatalogueRelation; readonly attributes: ProtectedAttributes }
  /** Clear as far as it goes: what its definition reads is yet to be judged. */
  | { readonly kind: "view"; readonly relation: CatalogueRelation; readonly attributes: ProtectedAttributes | undefined }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly relation: CatalogueRelation | undefined };

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const SERVER_RELATIONS = words(`
  pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_available_extension_versions pg_available_extensions
  pg_cast pg_class pg_collation pg_constraint pg_conversion pg_database pg_db_role_setting pg_default_acl pg_depend pg_description pg_enum
  pg_event_trigger pg_extension pg_foreign_data_wrapper pg_foreign_server pg_foreign_table pg_group pg_index pg_indexes pg_inherits
  pg_init_privs pg_language pg_matviews pg_namespace pg_opclass pg_operator pg_opfamily pg_parameter_acl pg_partitioned_table pg_policies
  pg_policy pg_proc pg_publication pg_publication_namespace pg_publication_rel pg_publication_tables pg_range pg_rewrite pg_roles pg_rules
  pg_seclabel pg_seclabels pg_sequence pg_sequences pg_settings pg_shdepend pg_shdescription pg_shseclabel pg_stat_activity
  pg_stat_all_indexes pg_stat_all_tables pg_stat_database pg_stat_ssl pg_stat_sys_indexes pg_stat_sys_tables pg_stat_user_functions
  pg_stat_user_indexes pg_stat_user_tables pg_statio_all_indexes pg_statio_all_sequences pg_statio_all_tables pg_statio_user_indexes
  pg_statio_user_sequences pg_statio_user_tables pg_statistic_ext pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names
  pg_transform pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict pg_ts_parser pg_ts_template pg_type pg_user pg_views`);

/** In `information_schema`, which otherwise describes the schema alone. */
const INFORMATION_REFUSED = words(`
  foreign_data_wrapper_options foreign_server_options foreign_table_options user_mapping_options user_mappings
  _pg_foreign_data_wrappers _pg_foreign_servers _pg_foreign_table_columns _pg_foreign_tables _pg_user_mappings`);

/** PostgreSQL cuts names to this many bytes; longer ones never name what they seem to. */
const NAME_BYTES_MAX = 63;

export function judgeRelation(view: MaskingView, rangeVar: Body): RelationVerdict {
  const database = textOf(rangeVar, "catalogname");
  const schema = textOf(rangeVar, "schemaname");
  const name = textOf(rangeVar, "relname");
  const relation =
    (database === "" || database === view.catalogue.database) && Buffer.byteLength(name) <= NAME_BYTES_MAX
      ? lookupIn(view.catalogue).relation(schema === "" ? null : schema, name)
      : undefined;
  if (relation === undefined) return { kind: "refused", refusal: unresolved(rangeVar), relation: undefined };
  const refusal = relationRefusal(view, relation, rangeVar["inh"] === true);
  if (refusal !== undefined) return { kind: "refused", refusal, relation };
  const attributes = view.protection.columns.get(relation.oid);
  if (relation.definition !== null) return { kind: "view", relation, attributes };
  return attributes === undefined ? { kind: "clear", relation } : { kind: "protected", relation, attributes };
}

function unresolved(rangeVar: Body): Refusal {
  return {
    reason: "masked-unresolved",
    rule: null,
    message: `relation ${relationText(rangeVar)} is not in the catalogue as the gateway knows it`,
    hint: "check the name and its schema; a relation made just now is known after some seconds",
  };
}

/** @param below whether rows of its children are read too */
function relationRefusal(view: MaskingView, relation: CatalogueRelation, below: boolean): Refusal | undefined {
  const shown = display(relation);
  if (relation.schema === "pg_catalog" || relation.schema === "information_schema") {
    const open = relation.schema === "pg_catalog" ? SERVER_RELATIONS.has(relation.name) : !INFORMATION_REFUSED.has(relation.name);
    return open ? undefined : refusedServerRelation(shown);
  }
  const foreign = below ? foreignIn(view, relation) : isUnnamedForeign(view, relation) ? relation : undefined;
  if (foreign !== undefined) {
    const whose = foreign === relation ? "" : `, whose rows ${shown} shows,`;
    return {
      reason: "masked-unresolved",
      rule: null,
      message: `foreign table ${display(foreign)}${whose} may hold masked columns of another server`,
      hint: "a masking rule that names its columns makes it readable",
    };
  }
  if (relation.kind === "other") return unresolved({ relname: shown });
  return rowTypeRefusal(view, relation.schema, relation.name);
}

/** A relation itself, or a partition or child at any depth, that another server fills and no rule names. */
function foreignIn(view: MaskingView, relation: CatalogueRelation): CatalogueRelation | undefined {
  const { children } = lookupIn(view.catalogue);
  const seen = new Set([relation]);
  for (const one of seen) {
    if (isUnnamedForeign(view, one)) return one;
    for (const child of children.get(one.oid) ?? []) seen.add(child);
  }
  return undefined;
}

function isUnnamedForeign({ protection }: MaskingView, { oid, kind }: CatalogueRelation): boolean {
  return kind === "foreign-table" && !protection.columns.has(oid);
}

function refusedServerRelation(shown: string): Refusal {
  return {
    reason: "masked-catalogue",
    rule: null,
    message: `${shown} may not be read where columns are masked: it can hold values of masked columns or credentials`,
    hint: "the schema itself is described by pg_class, pg_attribute, information_schema and their like",
  };
}
