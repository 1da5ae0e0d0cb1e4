/**
 * SHOW, form by form. What tells of the schema, of settings and of one's own mistakes only reads; what tells of other
 * sessions, of accounts or of replication is administration. A form that is not here is not understood.
 *
 * Source: MySQL manual, "SHOW Statements"; MariaDB documentation, "SHOW".
 */
import type { Right } from "#policies/question.ts";
import { form } from "./form.ts";

const IN = "[{from|in} @name]";
const CHARSET = "{character set|char set|charset}";

const READ = [
  "{databases|schemas} [@filter]",
  `[extended] [full] tables ${IN} [@filter]`,
  `open tables ${IN} [@filter]`,
  `table status ${IN} [@filter]`,
  `[extended] [full] {columns|fields} {from|in} @table ${IN} [@filter]`,
  `[extended] {index|indexes|keys} {from|in} @table ${IN} [@filter]`,
  "create {table|view|function|procedure|trigger|event|sequence|package|package body|library} @table",
  "create {database|schema} [if not exists] @name",
  `[full] {triggers|events} ${IN} [@filter]`,
  "{procedure|function|package|package body|library} status [@filter]",
  "[global|session|local] {variables|status} [@filter]",
  "{warnings|errors} [limit @number [{,|offset} @number]]",
  "count ( * ) {warnings|errors}",
  "[storage] engines",
  "plugins [@filter]",
  "plugins soname {@string|@filter}",
  "{privileges|authors|contributors|locales}",
  "grants [for current_user [( )]]",
  `${CHARSET} [@filter]`,
  "collation [@filter]",
];

const ADMIN = [
  "[full] processlist",
  "grants for @plain",
  "create {user|server} @user",
  "create user current_user [( )]",
  "engine @name {status|mutex|logs}",
  "{binary|master} logs",
  "{binary log|master|binlog} status",
  "{binlog|relaylog} @plain",
  "{slave|replica|all slaves|all replicas} @plain",
  "replicas",
  "{profile|profiles} [@plain]",
  "{procedure|function|package body} code @table",
  "{explain|analyze} [format = @name] for @number",
  "{client_statistics|user_statistics|index_statistics|table_statistics} [@filter]",
];

const known = (notations: readonly string[], ...needs: readonly Right[]) =>
  notations.map((notation) => ({ tag: "SHOW", needs, matches: form(`show ${notation}`) }));

export const SHOW = [...known(READ, "read"), ...known(ADMIN, "read", "admin")];
