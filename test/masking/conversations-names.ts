/** Attacks by names that are given to one thing and then stand for another: prepared statements, cursors, temporary tables. */
import { query, SYNC } from "#test/src/gateway/wire.ts";
import { type Answer, bindMessage, describeMessage, executeMessage, parseMessage } from "./client.ts";
import { type Conversation, close, SECRET, sent } from "./scene.ts";

export const NAME_CONVERSATIONS: Readonly<Record<string, Conversation>> = {
  "a table swapped between PREPARE and EXECUTE, by every way to the name": async (scene) => {
    const { attacker } = scene;
    const answers = [
      await attacker.ask("PREPARE w1 AS SELECT note FROM inbox"),
      await attacker.ask("PREPARE w1 AS SELECT 1"),
      await attacker.ask("BEGIN; PREPARE w2 AS SELECT * FROM inbox; ROLLBACK"),
      await attacker.ask("PREPARE w3 AS TABLE inbox; SELECT 1/0; DEALLOCATE w3"),
      ...(await sent(scene, parseMessage("w4", "SELECT note FROM inbox"), parseMessage("w5", "EXECUTE w1"), SYNC)),
      await attacker.ask("DECLARE w6 CURSOR WITH HOLD FOR SELECT note FROM inbox"),
    ];
    await scene.changed(() =>
      scene.other.query("ALTER TABLE inbox RENAME TO inbox_kept; CREATE VIEW inbox AS SELECT id, ssn::text AS note FROM users"),
    );
    for (const name of ["w1", "w2", "w3", "w4"])
      answers.push(await attacker.ask(`EXECUTE ${name}`), await attacker.ask(`EXECUTE ${name}`, "extended"));
    answers.push(...(await sent(scene, bindMessage("", "w5"), executeMessage(""), SYNC)), await attacker.ask("FETCH ALL FROM w6"));
    attacker.send(query("DEALLOCATE w1"), query("EXECUTE w2"), query("PREPARE w1 AS SELECT 1; EXECUTE w3"), query("EXECUTE w1"));
    answers.push(await attacker.answer(4));
    for (const name of ["w1", "w2", "w3"]) answers.push(...(await sent(scene, bindMessage("", name), executeMessage(""), SYNC)));
    await scene.changed(() => scene.other.query("DROP VIEW inbox; ALTER TABLE inbox_kept RENAME TO inbox"));
    return [...answers, await attacker.ask("CLOSE ALL"), await attacker.ask("DEALLOCATE ALL")];
  },
  "PREPARE, EXECUTE and Bind of one name in a pipeline": async ({ attacker }) => {
    attacker.send(query(`PREPARE n AS ${SECRET}`), query("PREPARE n AS SELECT 1"), query("EXECUTE n"), query("DEALLOCATE n"));
    attacker.send(query("EXECUTE n"), query(`PREPARE n AS ${SECRET}; EXECUTE n; DEALLOCATE n; EXECUTE n`), query("DEALLOCATE ALL"));
    attacker.send(parseMessage("n", SECRET), query("EXECUTE n"), bindMessage("", "n", true), executeMessage(""), SYNC);
    attacker.send(
      query("DEALLOCATE ALL"),
      query(`PREPARE n AS ${SECRET}`),
      bindMessage("", "n"),
      executeMessage(""),
      SYNC,
      query("DISCARD ALL"),
    );
    return [await attacker.answer(13)];
  },
  "a statement of SQL bound by message, without Describe, in either format": async (scene) => [
    await scene.attacker.ask(`PREPARE b AS ${SECRET}`),
    ...(await sent(scene, bindMessage("", "b"), executeMessage(""), bindMessage("", "b", true), executeMessage(""), SYNC)),
    ...(await sent(scene, bindMessage("p", "b"), executeMessage("p", 1), executeMessage("p", 1), executeMessage("p"), SYNC)),
    ...(await sent(scene, describeMessage("S", "b"), close("S", "b"), SYNC)),
  ],
  "a statement of SQL bound by a message that is too large to be looked at": async (scene) => {
    const { attacker } = scene;
    const answers = [await attacker.ask("PREPARE b (text) AS SELECT ssn, length($1) FROM users")];
    answers.push(...(await sent(scene, bindMessage("", "b", false, ["x".repeat(2 * 1024 * 1024)]), executeMessage(""), SYNC)));
    return [...answers, await attacker.ask("DEALLOCATE b")];
  },
  "an EXECUTE and a FETCH that were parsed before what they stand for changed": async (scene) => {
    const { attacker } = scene;
    const answers = [
      await attacker.ask("BEGIN; PREPARE v AS SELECT 1; DECLARE d CURSOR FOR SELECT 1"),
      ...(await sent(scene, parseMessage("e", "EXECUTE v"), parseMessage("f", "FETCH ALL FROM d"), SYNC)),
      await attacker.ask(`DEALLOCATE v; PREPARE v AS ${SECRET}; CLOSE d; DECLARE d CURSOR FOR ${SECRET}`),
      ...(await sent(scene, bindMessage("", "e"), executeMessage(""), bindMessage("", "f", true), executeMessage(""), SYNC)),
      await attacker.ask("COMMIT"),
    ];
    return [...answers, await attacker.ask("DEALLOCATE ALL")];
  },
  "a temporary table under the name of a masked one, before and after its making": async ({ attacker }) => {
    const answers: Answer[] = [];
    for (const sql of [
      "CREATE TABLE pg_temp.users AS SELECT ssn, email FROM users",
      "SELECT u.ssn, t.ssn FROM users u, pg_temp.users t",
      ...[
        "SELECT users.ssn FROM users",
        "SELECT pg_temp.users.ssn FROM pg_temp.users",
        "TABLE users",
        "SELECT pg_temp.users FROM pg_temp.users",
      ],
      ...[
        "SET search_path = ''",
        "TABLE users",
        "SELECT ssn FROM public.users",
        "SET search_path = public, pg_temp",
        "SELECT ssn FROM users",
      ],
      ...["INSERT INTO pg_temp.users SELECT ssn, email FROM users", "COPY pg_temp.users TO STDOUT", "DROP TABLE users", "TABLE users"],
      ...["RESET search_path", "DROP TABLE pg_temp.users", "TABLE users"],
    ])
      answers.push(await attacker.ask(sql), await attacker.ask(sql, "extended"));
    return answers;
  },
  "a table made by somebody else under a name that was taken for a temporary one": async (scene) => {
    const { attacker, other } = scene;
    const answers = [
      await attacker.ask("CREATE TEMP TABLE raw_copy AS SELECT 1 AS n"),
      await attacker.ask("PREPARE r AS SELECT * FROM raw_copy"),
      ...(await sent(scene, parseMessage("s", "SELECT * FROM raw_copy"), SYNC)),
    ];
    await scene.changed(async () => {
      await other.query("CREATE VIEW raw_copy AS SELECT ssn::text AS n FROM users");
      for (const sql of ["SELECT * FROM raw_copy", "EXECUTE r", "COPY (TABLE raw_copy) TO STDOUT"]) answers.push(await attacker.ask(sql));
      answers.push(...(await sent(scene, bindMessage("", "s"), executeMessage(""), SYNC)));
    });
    for (const sql of ["SELECT * FROM raw_copy", "EXECUTE r", "DROP TABLE pg_temp.raw_copy", "SELECT * FROM raw_copy", "EXECUTE r"])
      answers.push(await attacker.ask(sql));
    answers.push(...(await sent(scene, bindMessage("", "s"), executeMessage(""), close("S", "s"), SYNC)));
    await other.query("DROP VIEW raw_copy");
    return [...answers, await attacker.ask("DEALLOCATE ALL")];
  },
  "names that a server cuts off": async ({ attacker }) => {
    const long = "n".repeat(63);
    const answers: Answer[] = [];
    for (const sql of [
      `PREPARE ${long}a AS ${SECRET}`,
      `EXECUTE ${long}b`,
      `DEALLOCATE ${long}c`,
      `PREPARE ${"é".repeat(40)} AS ${SECRET}`,
      `EXECUTE ${"é".repeat(41)}`,
    ])
      answers.push(await attacker.ask(sql));
    return answers;
  },
  "a setting changed between PREPARE and EXECUTE": async ({ attacker }) => {
    const answers: Answer[] = [];
    for (const sql of [
      "PREPARE g AS SELECT * FROM inbox",
      "SET search_path = evil, public",
      "SET LOCAL search_path = pg_temp",
      "SET plan_cache_mode = force_generic_plan",
      "EXECUTE g",
      `PREPARE h (int) AS ${SECRET} WHERE id = $1`,
      ...["EXECUTE h (1)", "EXECUTE h (1)", "SET plan_cache_mode = force_custom_plan", "EXECUTE h (2)", "RESET ALL", "DEALLOCATE ALL"],
    ])
      answers.push(await attacker.ask(sql));
    return answers;
  },
};
