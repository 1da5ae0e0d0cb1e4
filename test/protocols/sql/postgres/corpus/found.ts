/** What was found, by its cause; the objects that run code unseen; and what must go on working beside them. */
import type { Outcome } from "./bypass.ts";

export interface Found {
  readonly expect: Outcome;
  readonly text: string;
  /** The first version on which it was possible. */
  readonly since?: number;
}

const all = (expect: Outcome, ...texts: readonly string[]): readonly Found[] => texts.map((text) => ({ expect, text }));

export const HIDDEN_CODE = `
SELECT 1;
`;

export const FOUND: Readonly<Record<string, readonly Found[]>> = {
  "whole rows of the server's own relations by attribute notation": all(
    "mask",
    "SELECT a.to_jsonb FROM pg_stat_activity a",
    "SELECT a.row_to_json FROM pg_stat_activity a",
    "SELECT pg_stat_activity.to_jsonb FROM pg_stat_activity",
    "SELECT pg_catalog.pg_stat_activity.to_jsonb FROM pg_catalog.pg_stat_activity",
    "SELECT a.record_send FROM pg_stat_activity a",
    "SELECT l.j FROM pg_stat_activity a, LATERAL (SELECT a.to_jsonb AS j) l",
    "SELECT a.to_jsonb FROM pg_attribute a",
    "SELECT (SELECT a.to_jsonb) FROM pg_stat_activity a",
    "SELECT x.hash_record, x.to_json FROM pg_stat_activity x",
  ),
};

export const STILL_OPEN: readonly string[] = [
  "SELECT a.attname, a.tableoid::regclass FROM pg_catalog.pg_attribute a LIMIT 1",
  "SELECT a.pid, pg_stat_activity.state FROM pg_stat_activity a, pg_stat_activity LIMIT 1",
];
