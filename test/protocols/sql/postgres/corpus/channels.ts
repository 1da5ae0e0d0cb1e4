/**
 * Tables on which the success or failure of an honest-looking write depends on a masked column, one for each thing by
 * which it can: `secret` is masked in all of them. For each: two writes whose outcomes differ by what is stored, seen
 * directly, and writes to the same table that must go on working.
 */

export interface ChannelCase {
  readonly by: string;
  readonly tables: string;
  /** Directly the two end differently: that is what a masked principal must not be able to ask. */
  readonly held: string;
  readonly free: string;
  /** Pass for a masked principal. */
  readonly passes: readonly string[];
  /** The oldest server that has it. */
  readonly since?: 18;
}

export const CHANNELS: readonly ChannelCase[] = [
  {
    by: "a check of both",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, n int, CHECK (name <> secret)); INSERT INTO t VALUES (1, 'a', 'zebra', 1)",
    held: "UPDATE t SET name = 'zebra' WHERE id = 1",
    free: "UPDATE t SET name = 'horse' WHERE id = 1",
    passes: ["UPDATE t SET n = 2 WHERE id = 1", "INSERT INTO t (id, name) VALUES (2, 'zebra')", "DELETE FROM t"],
  },
  {
    by: "a check, by an upsert",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, n int, CHECK (name <> secret)); INSERT INTO t VALUES (1, 'a', 'zebra', 1)",
    held: "INSERT INTO t (id, name) VALUES (1, 'zebra') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    free: "INSERT INTO t (id, name) VALUES (1, 'horse') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    passes: ["INSERT INTO t (id, n) VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n"],
  },
  {
    by: "a check, by MERGE",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, n int, CHECK (name <> secret)); INSERT INTO t VALUES (1, 'a', 'zebra', 1)",
    held: "MERGE INTO t USING (VALUES (1)) v(id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET name = 'zebra'",
    free: "MERGE INTO t USING (VALUES (1)) v(id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET name = 'horse'",
    passes: [
      "MERGE INTO t USING (VALUES (1)) v(id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET n = 9 WHEN NOT MATCHED THEN INSERT (id) VALUES (v.id)",
    ],
  },
  {
    by: "a check of whole rows",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, CHECK (name <> split_part(t.*::text, ',', 3))); INSERT INTO t VALUES (1, '(', 'zebra')",
    held: "UPDATE t SET name = 'zebra)' WHERE id = 1",
    free: "UPDATE t SET name = 'horse)' WHERE id = 1",
    passes: ["DELETE FROM t WHERE id = 1"],
  },
  {
    by: "a check that was never validated",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text); INSERT INTO t VALUES (1, 'a', 'zebra'), (2, 'b', 'horse'); ALTER TABLE t ADD CHECK (secret < 'm') NOT VALID",
    held: "UPDATE t SET name = 'x' WHERE id = 1",
    free: "UPDATE t SET name = 'x' WHERE id = 2",
    passes: ["DELETE FROM t WHERE id = 1", "INSERT INTO t (id, name) VALUES (3, 'c')"],
  },
  {
    by: "a check of a generated column",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, both_of text GENERATED ALWAYS AS (name || secret) STORED, CHECK (both_of <> 'xzebra')); INSERT INTO t VALUES (1, 'a', 'zebra')",
    held: "UPDATE t SET name = 'x' WHERE id = 1",
    free: "UPDATE t SET name = 'y' WHERE id = 1",
    passes: ["INSERT INTO t (id, name) VALUES (3, 'c')"],
  },
  {
    by: "a generated column that fails",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, n int, secret int, product int GENERATED ALWAYS AS (n * secret) STORED, note text); INSERT INTO t VALUES (1, 1, 70000)",
    held: "UPDATE t SET n = 31000 WHERE id = 1",
    free: "UPDATE t SET n = 30000 WHERE id = 1",
    passes: ["UPDATE t SET note = 'x' RETURNING *", "INSERT INTO t (id, n) VALUES (2, 31000)"],
  },
  {
    by: "a unique index of both",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, n int, UNIQUE (name, secret)); INSERT INTO t VALUES (1, 'a', 'zebra'), (2, 'b', 'zebra'), (3, 'c', 'horse')",
    held: "UPDATE t SET name = 'a' WHERE id = 2",
    free: "UPDATE t SET name = 'a' WHERE id = 3",
    passes: ["UPDATE t SET n = 1", "INSERT INTO t (id, name) VALUES (4, 'a')", "UPDATE t SET secret = DEFAULT WHERE id = 1"],
  },
  {
    by: "a unique index with a default",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text DEFAULT 'new', n int, UNIQUE (name, secret)); INSERT INTO t VALUES (1, 'a', 'new'), (2, 'b', 'old')",
    held: "INSERT INTO t (id, name) VALUES (3, 'a')",
    free: "INSERT INTO t (id, name) VALUES (3, 'b')",
    passes: ["UPDATE t SET n = 1", "DELETE FROM t"],
  },
  {
    by: "a unique index with a default, updated to it",
    tables: "CREATE TABLE t (id int PRIMARY KEY, secret text UNIQUE DEFAULT 'new', name text); INSERT INTO t VALUES (1, 'new'), (2, 'old')",
    held: "UPDATE t SET secret = DEFAULT WHERE id = 2",
    free: "UPDATE t SET secret = DEFAULT WHERE id = 1",
    passes: ["UPDATE t SET name = 'x'"],
  },
  {
    by: "a partial unique index",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, n int); CREATE UNIQUE INDEX ON t (name) WHERE secret IS DISTINCT FROM 'zebra'; INSERT INTO t VALUES (1, 'a', 'zebra'), (2, 'b', 'horse')",
    held: "INSERT INTO t (id, name) VALUES (3, 'b')",
    free: "INSERT INTO t (id, name) VALUES (3, 'a')",
    passes: ["UPDATE t SET n = 1"],
  },
  {
    by: "a unique index on an expression of both",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, n int); CREATE UNIQUE INDEX ON t (coalesce(secret, name)); INSERT INTO t VALUES (1, 'a', 'zebra')",
    held: "INSERT INTO t (id, name) VALUES (3, 'zebra')",
    free: "INSERT INTO t (id, name) VALUES (3, 'horse')",
    passes: ["UPDATE t SET n = 1"],
  },
  {
    by: "an index on an expression that fails",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, n int, secret int, name text); CREATE INDEX ON t ((n * secret)); INSERT INTO t VALUES (1, 1, 70000)",
    held: "UPDATE t SET n = 31000 WHERE id = 1",
    free: "UPDATE t SET n = 30000 WHERE id = 1",
    passes: ["UPDATE t SET name = 'x'", "INSERT INTO t (id, n) VALUES (2, 31000)"],
  },
  {
    by: "the length of an index entry",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, n int); CREATE INDEX ON t (name, secret, n); INSERT INTO t VALUES (1, 'a', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 30) i)), (2, 'a', 'x')",
    held: "UPDATE t SET name = (SELECT string_agg(md5(i::text), '') FROM generate_series(100, 160) i) WHERE id = 1",
    free: "UPDATE t SET name = (SELECT string_agg(md5(i::text), '') FROM generate_series(100, 160) i) WHERE id = 2",
    passes: ["UPDATE t SET n = 5"],
  },
  {
    by: "an exclusion constraint",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, room int4range, secret int4range, EXCLUDE USING gist (room WITH =, secret WITH &&)); INSERT INTO t VALUES (1, '[1,1]', '[5,9]'), (2, '[2,2]', '[7,8]'), (3, '[3,3]', '[20,30]')",
    held: "UPDATE t SET room = '[1,1]' WHERE id = 2",
    free: "UPDATE t SET room = '[1,1]' WHERE id = 3",
    passes: ["DELETE FROM t WHERE id = 1"],
  },
  {
    by: "a foreign key of both",
    tables:
      "CREATE TABLE pairs (a text, secret text, UNIQUE (a, secret)); INSERT INTO pairs VALUES ('a', 'zebra'), ('b', 'zebra'); CREATE TABLE t (id int PRIMARY KEY, name text, secret text, n int, FOREIGN KEY (name, secret) REFERENCES pairs (a, secret)); INSERT INTO t VALUES (1, 'a', 'zebra')",
    held: "UPDATE t SET name = 'b' WHERE id = 1",
    free: "UPDATE t SET name = 'c' WHERE id = 1",
    passes: ["UPDATE t SET n = 1", "DELETE FROM t"],
  },
  {
    by: "a foreign key to it, when rows go",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text UNIQUE); INSERT INTO t VALUES (1, 'a', 'zebra'), (2, 'b', 'horse'); CREATE TABLE badges (id int, ref text REFERENCES t (secret)); INSERT INTO badges VALUES (1, 'zebra')",
    held: "DELETE FROM t WHERE id = 1",
    free: "DELETE FROM t WHERE id = 2",
    passes: ["UPDATE t SET name = 'x'", "INSERT INTO t (id, name) VALUES (3, 'c')", "DELETE FROM badges"],
  },
  {
    by: "what an update cascades to",
    tables:
      "CREATE TABLE owners (id int PRIMARY KEY, name text); INSERT INTO owners VALUES (1), (2); CREATE TABLE t (id int PRIMARY KEY, owner int REFERENCES owners ON UPDATE CASCADE, secret int, CHECK (owner <> secret)); INSERT INTO t VALUES (1, 1, 7)",
    held: "UPDATE owners SET id = 7 WHERE id = 1",
    free: "UPDATE owners SET id = 8 WHERE id = 1",
    passes: ["UPDATE owners SET name = 'x'", "DELETE FROM owners WHERE id = 2", "INSERT INTO owners VALUES (9)"],
  },
  {
    by: "what a delete sets to NULL elsewhere",
    tables:
      "CREATE TABLE owners (id int PRIMARY KEY, name text); INSERT INTO owners VALUES (1), (2); CREATE TABLE t (id int PRIMARY KEY, owner int REFERENCES owners ON DELETE SET NULL, secret int, CHECK (owner IS NOT NULL OR secret > 5)); INSERT INTO t VALUES (1, 1, 7), (2, 2, 3)",
    held: "DELETE FROM owners WHERE id = 2",
    free: "DELETE FROM owners WHERE id = 1",
    passes: ["UPDATE owners SET name = 'x'"],
  },
  {
    by: "a foreign key to what a delete takes along",
    tables:
      "CREATE TABLE owners (id int PRIMARY KEY); INSERT INTO owners VALUES (1), (2); CREATE TABLE t (id int PRIMARY KEY, owner int REFERENCES owners ON DELETE CASCADE, secret text UNIQUE); INSERT INTO t VALUES (1, 1, 'zebra'), (2, 2, 'horse'); CREATE TABLE badges (ref text REFERENCES t (secret)); INSERT INTO badges VALUES ('zebra')",
    held: "DELETE FROM owners WHERE id = 1",
    free: "DELETE FROM owners WHERE id = 2",
    passes: ["INSERT INTO owners VALUES (9)"],
  },
  {
    by: "the partition that a row lies in, named by errors and counters",
    tables:
      "CREATE TABLE t (id int, name text NOT NULL, secret text) PARTITION BY LIST (secret); CREATE TABLE t_zebra PARTITION OF t FOR VALUES IN ('zebra'); CREATE TABLE t_others PARTITION OF t DEFAULT; INSERT INTO t VALUES (1, 'a', 'zebra'), (2, 'b', 'horse')",
    held: "UPDATE t SET name = NULL WHERE id = 1",
    free: "UPDATE t SET name = NULL WHERE id = 2",
    passes: ["INSERT INTO t (id, name) VALUES (3, 'c')"],
  },
  {
    by: "a check of the partition that a row is moved to",
    tables:
      "CREATE TABLE t (id int, region text, secret text, n int) PARTITION BY LIST (region); CREATE TABLE t_n PARTITION OF t FOR VALUES IN ('n'); CREATE TABLE t_s PARTITION OF t FOR VALUES IN ('s'); ALTER TABLE t_s ADD CHECK (secret < 'm'); INSERT INTO t VALUES (1, 'n', 'zebra'), (2, 'n', 'horse')",
    held: "UPDATE t SET region = 's' WHERE id = 1",
    free: "UPDATE t SET region = 's' WHERE id = 2",
    passes: ["UPDATE t SET n = 1", "INSERT INTO t (id, region) VALUES (3, 's')", "DELETE FROM t"],
  },
  {
    by: "a check of a child",
    tables:
      "CREATE TABLE t (id int, name text, secret text, n int); CREATE TABLE child (CHECK (name <> secret)) INHERITS (t); INSERT INTO child VALUES (1, 'a', 'zebra')",
    held: "UPDATE t SET name = 'zebra'",
    free: "UPDATE t SET name = 'horse'",
    passes: ["UPDATE t SET n = 1", "UPDATE ONLY t SET n = 1"],
  },
  {
    by: "a policy",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text); INSERT INTO t VALUES (1, 'a', 'zebra'); ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (name <> secret); CREATE ROLE lowly; GRANT ALL ON t TO lowly; SET ROLE lowly",
    held: "UPDATE t SET name = 'zebra'",
    free: "UPDATE t SET name = 'horse'",
    passes: [],
  },
  {
    by: "a policy that reads a masked table, on one that is not masked",
    tables:
      "CREATE TABLE t (id int, secret text); INSERT INTO t VALUES (1, 'zebra'); CREATE TABLE diary (id int, name text); ALTER TABLE diary ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON diary USING (NOT EXISTS (SELECT FROM t WHERE t.secret = diary.name)); CREATE ROLE lowly; GRANT ALL ON t, diary TO lowly; SET ROLE lowly",
    held: "INSERT INTO diary VALUES (1, 'zebra')",
    free: "INSERT INTO diary VALUES (1, 'horse')",
    passes: [],
  },
  {
    by: "a trigger's condition, seen in what the trigger does",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, changed int DEFAULT 0); CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed := 1; RETURN NEW; END'; CREATE TRIGGER b BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.secret = NEW.name) EXECUTE FUNCTION bump(); INSERT INTO t VALUES (1, 'a', 'zebra')",
    held: "UPDATE t SET name = 'zebra' RETURNING changed",
    free: "UPDATE t SET name = 'horse' RETURNING changed",
    passes: ["UPDATE t SET changed = 5", "INSERT INTO t (id) VALUES (2)"],
  },
  {
    by: "a virtual column in a check",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, n int, both_of text GENERATED ALWAYS AS (name || secret) VIRTUAL, CHECK (both_of <> 'xzebra')); INSERT INTO t VALUES (1, 'a', 'zebra')",
    held: "UPDATE t SET name = 'x' WHERE id = 1",
    free: "UPDATE t SET name = 'y' WHERE id = 1",
    passes: ["UPDATE t SET n = 1"],
    since: 18,
  },
];

/** With `assign: values` in force: what must stay refused although values may be assigned. */
export const ASSIGNED_CHANNELS: readonly ChannelCase[] = [
  {
    by: "a trigger that skips what changes nothing",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text); CREATE TRIGGER calm BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); INSERT INTO t VALUES (1, 'a', 'zebra')",
    held: "UPDATE t SET secret = 'zebra' RETURNING id",
    free: "UPDATE t SET secret = 'horse' RETURNING id",
    passes: ["UPDATE t SET name = 'x'", "INSERT INTO t VALUES (2, 'b', 'zebra')"],
  },
  {
    by: "a trigger that asks whether something changes",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text, changed int DEFAULT 0); CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed := 1; RETURN NEW; END'; CREATE TRIGGER b BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION bump(); INSERT INTO t VALUES (1, 'a', 'zebra')",
    held: "UPDATE t SET secret = 'zebra' RETURNING changed",
    free: "UPDATE t SET secret = 'horse' RETURNING changed",
    passes: ["UPDATE t SET name = 'x' RETURNING changed"],
  },
  {
    by: "a check of two masked columns",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, secret text, secret2 text, CHECK (secret <> secret2)); INSERT INTO t VALUES (1, 'x', 'zebra')",
    held: "UPDATE t SET secret = 'zebra'",
    free: "UPDATE t SET secret = 'horse'",
    passes: ["UPDATE t SET secret = 'a', secret2 = 'b'", "INSERT INTO t VALUES (2, 'a', 'b')"],
  },
  {
    by: "an exclusion constraint on what is assigned",
    tables: "CREATE TABLE t (id int PRIMARY KEY, secret int4range, EXCLUDE USING gist (secret WITH &&)); INSERT INTO t VALUES (1, '[5,9]')",
    held: "INSERT INTO t VALUES (2, '[1,6]')",
    free: "INSERT INTO t VALUES (2, '[1,4]')",
    passes: ["DELETE FROM t"],
  },
  {
    by: "a partial unique index by what is assigned",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, name text, secret text); CREATE UNIQUE INDEX ON t (name) WHERE secret = 'zebra'; INSERT INTO t VALUES (1, 'a', 'zebra'), (2, 'b', 'horse')",
    held: "INSERT INTO t VALUES (3, 'a', 'zebra')",
    free: "INSERT INTO t VALUES (3, 'b', 'zebra')",
    passes: ["DELETE FROM t WHERE id = 1"],
  },
  {
    by: "a foreign key to it, when it is assigned",
    tables:
      "CREATE TABLE t (id int PRIMARY KEY, secret text UNIQUE); INSERT INTO t VALUES (1, 'zebra'), (2, 'horse'); CREATE TABLE badges (ref text REFERENCES t (secret)); INSERT INTO badges VALUES ('zebra')",
    held: "UPDATE t SET secret = 'x' WHERE id = 1",
    free: "UPDATE t SET secret = 'x' WHERE id = 2",
    passes: ["INSERT INTO t VALUES (3, 'cow')"],
  },
  {
    by: "rows that move by a masked partition key",
    tables:
      "CREATE TABLE t (id int, secret text) PARTITION BY LIST (secret); CREATE TABLE t_zebra PARTITION OF t FOR VALUES IN ('zebra'); CREATE TABLE t_cow PARTITION OF t FOR VALUES IN ('cow'); INSERT INTO t VALUES (1, 'zebra'), (2, 'cow')",
    held: "UPDATE t_zebra SET secret = 'cow' WHERE id = 1",
    free: "UPDATE t_zebra SET secret = 'cow' WHERE id = 2",
    passes: ["INSERT INTO t VALUES (3, 'cow')"],
  },
  {
    by: "an element of an array",
    tables: "CREATE TABLE t (id int PRIMARY KEY, secret text[]); INSERT INTO t VALUES (1, '{a,b}'), (2, '{{a},{b}}')",
    held: "UPDATE t SET secret[1] = 'x' WHERE id = 2",
    free: "UPDATE t SET secret[1] = 'x' WHERE id = 1",
    passes: ["UPDATE t SET secret = '{x}' WHERE id = 1"],
  },
];
