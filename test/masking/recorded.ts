/** Statements that compare a probe with a protected column, in every way found: none may leave it readable on record. */
import type { Way } from "./client.ts";

export interface Probing {
  readonly sql: string;
  readonly way: Way;
  readonly parameters: readonly string[];
}

/** `P` stands for the probe; these run, masked. */
const RUNNING = [
  "SELECT id FROM users WHERE ssn = 'P'",
  "SELECT id FROM users WHERE ssn LIKE '%P%'",
  "SELECT id FROM users u WHERE u::text LIKE '%P%'",
  "SELECT id FROM users u WHERE to_jsonb(u)->>'ssn' = 'P'",
  "SELECT id FROM users u WHERE row_to_json(u)::text ~ 'P'",
  "SELECT id FROM users u WHERE (u.id, u.ssn) = (1, 'P')",
  "SELECT id FROM users u WHERE u.to_jsonb->>'ssn' = 'P'",
  "EXPLAIN SELECT id FROM users WHERE ssn = 'P'",
  "SELECT id FROM (SELECT id, ssn AS x FROM users) s WHERE x = 'P'",
  "WITH s(id, x) AS (SELECT id, ssn FROM users) SELECT id FROM s WHERE x IN ('a', 'P')",
  "SELECT id FROM users JOIN (VALUES ('P')) v(s) ON s = ssn",
  "SELECT CASE ssn WHEN 'P' THEN 1 END FROM users",
  "SELECT nullif(email, 'P'), position('P' in ssn), strpos(bio, 'P'), replace(ssn, 'P', '') FROM users",
  "SELECT id FROM badges WHERE ssn_ref = 'P'",
  "COPY (SELECT id FROM users WHERE ssn = 'P') TO STDOUT",
  "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM users WHERE ssn = 'P'",
];

/** Of several statements, one behind the other. */
const SERIES = [
  "BEGIN; DECLARE c CURSOR FOR SELECT id FROM users WHERE ssn = 'P'; FETCH ALL FROM c; COMMIT",
  "PREPARE p AS SELECT id FROM users WHERE ssn = 'P'; EXECUTE p; DEALLOCATE ALL",
  "PREPARE p AS SELECT id FROM users WHERE ssn = $1; EXECUTE p ('P'); DEALLOCATE ALL",
  "PREPARE p (text, int) AS SELECT id FROM orders WHERE status = $1; EXECUTE p ('P', 1); DEALLOCATE ALL",
];

/** Refused, or failing; what was asked is on record all the same. */
const REFUSED = [
  "SELECT 1 FROM view_of_view WHERE harmless = 'P'",
  "SELECT ssn_exists('P')",
  "SELECT 'P'::known_ssn",
  "INSERT INTO badges VALUES (1, 'P')",
  "UPDATE users SET ssn = 'P'",
  "DELETE FROM users WHERE ssn = 'P'",
  "DECLARE c CURSOR FOR SELECT id FROM users WHERE ssn = 'P'",
  "EXECUTE nothing ('P')",
  "EXPLAIN EXECUTE nothing ('P')",
  "PREPARE p AS SELECT user_ssn(1) WHERE 'P' = ''",
  "COPY (SELECT id FROM users WHERE ssn = 'P') TO PROGRAM 'cat'",
  "EXPLAIN ANALYZE SELECT id FROM users WHERE ssn = 'P'",
  "SELECT id FROM users WHERE ssn = 'P' AND nothing = 1",
  "SELECT id FROM users WHERE ssn = 'P' FOR UPDATE",
];

const PARAMETERS = [
  "SELECT id FROM users WHERE ssn = $1",
  "SELECT id FROM users u WHERE u::text LIKE $1",
  "SELECT id FROM users WHERE email IN ($1, 'x')",
  "SELECT 1 FROM view_of_view WHERE harmless = $1",
  "INSERT INTO badges VALUES (1, $1)",
];

export function probings(probe: string): readonly Probing[] {
  const filled = (sql: string): string => sql.replaceAll("P'", `${probe}'`).replaceAll("'P%", `'${probe}%`).replaceAll("%P%", `%${probe}%`);
  const literal = [...RUNNING, ...REFUSED].map(filled);
  return [
    ...SERIES.map((sql) => ({ sql: filled(sql), way: "simple" as const, parameters: [] })),
    ...literal.flatMap((sql) => (["simple", "extended"] as const).map((way) => ({ sql, way, parameters: [] }))),
    ...PARAMETERS.map((sql) => ({ sql, way: "extended" as const, parameters: [probe] })),
  ];
}
