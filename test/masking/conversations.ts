/** Attacks by the order and kind of messages, where the text alone looks harmless or is never seen to be described. */
import { message, query, SYNC, words } from "#test/src/gateway/wire.ts";
import { type Answer, bindMessage, describeMessage, executeMessage, parseMessage } from "./client.ts";
import { type Conversation, close, FLUSH, parseTyped, type Scene, SECRET, sent, short } from "./scene.ts";

/** A typed parameter is read by its type's input function, and what stands around it is resolved by its type. */
const typed =
  (type: string, sql: string, value: string): Conversation =>
  async (scene) =>
    sent(scene, parseTyped("", sql, [await scene.typeOid(type)]), bindMessage("", "", false, [value]), executeMessage(""), SYNC);

export const CONVERSATIONS: Readonly<Record<string, Conversation>> = {
  "Execute without Describe": (scene) => sent(scene, parseMessage("", SECRET), bindMessage("", ""), executeMessage(""), SYNC),
  "Execute without Describe, binary": (scene) => sent(scene, parseMessage("", SECRET), bindMessage("", "", true), executeMessage(""), SYNC),
  "a portal fetched row by row": (scene) =>
    sent(
      scene,
      parseMessage("s", "TABLE users"),
      bindMessage("p", "s"),
      ...[1, 1, 1, 0].map((rows) => executeMessage("p", rows)),
      close("S", "s"),
      SYNC,
    ),
  "one statement bound twice, in two formats, in turns": (scene) =>
    sent(
      scene,
      parseMessage("", SECRET),
      bindMessage("a", ""),
      bindMessage("b", "", true),
      ...["a", "b", "a", "b"].map((portal) => executeMessage(portal, 1)),
      SYNC,
    ),
  "a named portal fetched by SQL": async (scene) => {
    const { attacker } = scene;
    const begun = await attacker.ask("BEGIN");
    const bound = await sent(scene, parseMessage("", SECRET), bindMessage("door", ""), SYNC);
    return [begun, ...bound, await attacker.ask("FETCH ALL FROM door"), await attacker.ask("ROLLBACK")];
  },
  "a portal named by SQL, executed by message": async (scene) => {
    const asked = [await scene.attacker.ask("BEGIN"), await scene.attacker.ask(`DECLARE door CURSOR FOR ${SECRET}`)];
    return [
      ...asked,
      ...(await sent(scene, describeMessage("P", "door"), executeMessage("door"), SYNC)),
      await scene.attacker.ask("ROLLBACK"),
    ];
  },
  "a statement prepared by message, executed by SQL": async (scene) => {
    const prepared = await sent(scene, parseMessage("door", SECRET), SYNC);
    const texts = [
      "EXECUTE door",
      "EXPLAIN ANALYZE EXECUTE door",
      "EXPLAIN (VERBOSE) EXECUTE door",
      "CREATE TEMP TABLE t AS EXECUTE door",
      "COPY (EXECUTE door) TO STDOUT",
    ];
    const answers: Answer[] = [...prepared];
    for (const sql of texts) answers.push(await scene.attacker.ask(sql));
    return [...answers, ...(await sent(scene, close("S", "door"), SYNC))];
  },
  "a name whose second Parse is refused": (scene) =>
    sent(scene, parseMessage("n", "SELECT 1"), parseMessage("n", "SELECT user_ssn(1)"), bindMessage("", "n"), executeMessage(""), SYNC),
  "a refused Parse, then Bind of the name behind Sync": async (scene) => [
    ...(await sent(scene, parseMessage("n2", "SELECT user_ssn(1)"), SYNC)),
    ...(await sent(scene, bindMessage("", "n2"), executeMessage(""), SYNC)),
  ],
  "a pipeline with an error in the middle": async ({ attacker }) => {
    const one = (sql: string) => [parseMessage("", sql), bindMessage("", ""), executeMessage("")];
    attacker.send(...one(SECRET), ...one("SELECT 1/0"), ...one("SELECT user_ssn(1)"), SYNC, ...one(SECRET), SYNC);
    return [await attacker.answer(2)];
  },
  "an error that skips a Parse of a name used later": async ({ attacker }) => {
    attacker.send(parseMessage("k", "SELECT 1"), SYNC);
    attacker.send(
      parseMessage("", "SELECT 1/0"),
      bindMessage("", ""),
      executeMessage(""),
      close("S", "k"),
      parseMessage("k", SECRET),
      SYNC,
    );
    attacker.send(bindMessage("", "k"), executeMessage(""), close("S", "k"), SYNC);
    return [await attacker.answer(3)];
  },
  "a pipeline that ends a transaction between Parse and Bind": (scene) =>
    sent(
      scene,
      parseMessage("", "BEGIN"),
      bindMessage("", ""),
      executeMessage(""),
      parseMessage("t", SECRET),
      parseMessage("", "ROLLBACK"),
      bindMessage("", ""),
      executeMessage(""),
      bindMessage("", "t"),
      executeMessage(""),
      close("S", "t"),
      SYNC,
    ),
  "Query between Parse and Bind": async ({ attacker }) => {
    attacker.send(
      parseMessage("q", SECRET),
      query("SET application_name = 'x'"),
      bindMessage("", "q"),
      executeMessage(""),
      close("S", "q"),
      SYNC,
    );
    return [await attacker.answer(2)];
  },
  "Flush in place of Sync": async ({ attacker }) => {
    attacker.send(parseMessage("", SECRET), FLUSH, bindMessage("", ""), FLUSH, executeMessage("", 1), FLUSH, executeMessage(""), SYNC);
    return [await attacker.answer()];
  },
  "COPY TO STDOUT by extended protocol": (scene) =>
    sent(scene, parseMessage("", "COPY users TO STDOUT"), bindMessage("", ""), executeMessage(""), SYNC),
  "COPY messages where no COPY is": async ({ attacker }) => {
    attacker.send(message("d", Buffer.from("x\n")), message("c"), query(SECRET));
    return [await attacker.answer()];
  },
  "rows copied in, then read by a rule": async ({ attacker }) => {
    attacker.send(query("COPY ruled FROM STDIN"));
    const answer = await attacker.answer();
    if (answer.tags.endsWith("G")) attacker.send(message("d", Buffer.from("1\n")), message("c"));
    return answer.tags.endsWith("G") ? [answer, await attacker.answer()] : [answer];
  },
  "a malformed row copied in, whose error would quote a row": async ({ attacker }) => {
    attacker.send(query("COPY users (id, name, email) FROM STDIN"));
    const answer = await attacker.answer();
    if (answer.tags.endsWith("G")) attacker.send(message("d", Buffer.from("1\tx\ty\n")), message("c"));
    return answer.tags.endsWith("G") ? [answer, await attacker.answer()] : [answer];
  },
  FunctionCall: async ({ attacker, other }) => {
    const { rows } = await other.query<{ oid: number }>("SELECT 'user_ssn(int)'::regprocedure::oid::int AS oid");
    attacker.send(message("F", words(rows[0]?.oid ?? 0), short(0), short(1), words(1), Buffer.from("1"), short(0)));
    return [await attacker.answer()];
  },
  "a view replaced between Parse and Bind": async (scene) => {
    const { attacker, other } = scene;
    await scene.changed(() => scene.other.query("CREATE OR REPLACE VIEW swapped AS SELECT id, note FROM inbox"));
    const before = await sent(scene, parseMessage("w", "SELECT note FROM swapped"), bindMessage("", "w"), executeMessage(""), SYNC);
    await scene.changed(() => scene.other.query("CREATE OR REPLACE VIEW swapped AS SELECT id, ssn::text AS note FROM users"));
    const after = await sent(scene, bindMessage("", "w"), executeMessage(""), SYNC);
    const asked = [await attacker.ask("SELECT note FROM swapped"), ...(await sent(scene, close("S", "w"), SYNC))];
    await other.query("DROP VIEW swapped");
    return [...before, ...after, ...asked];
  },
  "a table swapped between Parse and Bind": async (scene) => {
    const before = await sent(scene, parseMessage("x", "SELECT note FROM inbox"), SYNC);
    await scene.changed(() =>
      scene.other.query("ALTER TABLE inbox RENAME TO inbox_kept; CREATE VIEW inbox AS SELECT id, ssn::text AS note FROM users"),
    );
    const after = await sent(scene, bindMessage("", "x"), executeMessage(""), close("S", "x"), SYNC);
    await scene.changed(() => scene.other.query("DROP VIEW inbox; ALTER TABLE inbox_kept RENAME TO inbox"));
    return [...before, ...after];
  },
  "notices of the lowest level beside values and failures": async ({ attacker }) => {
    const answers: Answer[] = [];
    for (const name of ["debug5", "log", "notice"]) {
      answers.push(await attacker.ask(`SET client_min_messages = ${name}`));
      for (const setting of [
        "debug_print_plan",
        "debug_print_parse",
        "debug_print_rewritten",
        "log_statement_stats",
        "log_duration",
        "log_min_duration_statement",
      ])
        answers.push(await attacker.ask(`SET ${setting} = 1`));
      for (const way of ["simple", "extended"] as const)
        for (const sql of [SECRET, "SELECT ssn::int FROM users", "SELECT count(*) FROM users GROUP BY email", "SELECT user_ssn(1)"])
          answers.push(await attacker.ask(sql, way));
    }
    return answers;
  },
  "a prepared statement behind DISCARD": async (scene) => {
    const prepared = await sent(scene, parseMessage("gone", "SELECT 1"), SYNC);
    const discarded = await scene.attacker.ask("DEALLOCATE ALL");
    return [
      ...prepared,
      discarded,
      ...(await sent(scene, parseMessage("gone", SECRET), bindMessage("", "gone"), executeMessage(""), close("S", "gone"), SYNC)),
    ];
  },
  "more parameters than the text has, of another type": typed("user_ref", "SELECT ssn FROM users WHERE $1 IS NOT NULL", "(1)"),
  "a parameter of a row, taken by attribute notation": typed("user_ref", "SELECT ($1).text", "(1)"),
  "a parameter whose row is turned to JSON": typed("tickets", "SELECT to_jsonb($1), row_to_json($1), $1::text", '(1,"(1)",)'),
  "an advisory lock whose key somebody else made of a value": async ({ attacker, other }) => {
    await other.query("SELECT pg_advisory_lock(pin) FROM users WHERE id = 1");
    const asked = ["TABLE pg_locks", "SELECT objid, l FROM pg_locks l", "SELECT pg_lock_status()", "SELECT max(objid::int8) FROM pg_locks"];
    const answers = [];
    for (const sql of asked) answers.push(await attacker.ask(sql));
    await other.query("SELECT pg_advisory_unlock_all()");
    return answers;
  },
  "the search path narrowed between Parse and Bind": async (scene) => [
    ...(await sent(scene, parseMessage("p", "SELECT ssn FROM users"), SYNC)),
    await scene.attacker.ask("SET search_path = ''"),
    ...(await sent(scene, bindMessage("", "p"), executeMessage(""), close("S", "p"), SYNC)),
    await scene.attacker.ask(SECRET),
    await scene.attacker.ask("SELECT set_config('search_path', 'evil', false)"),
    await scene.attacker.ask(SECRET),
    await scene.attacker.ask("RESET search_path"),
  ],
  "a NOTIFY by somebody else": async ({ attacker, other }) => {
    const listening = await attacker.ask("LISTEN news");
    await other.query("SELECT pg_notify('news', ssn) FROM users WHERE id = 1");
    return [listening, await attacker.ask("SELECT 1"), await attacker.ask("UNLISTEN *")];
  },
  "a ParameterStatus that carries a value": async ({ attacker }) => [
    await attacker.ask("SELECT set_config('application_name', (SELECT ssn FROM users WHERE id = 1), false)"),
    await attacker.ask("SELECT set_config('application_name', user_ssn(1), false)"),
    await attacker.ask("SELECT set_config('DateStyle', (SELECT ssn FROM users WHERE id = 1), false)"),
    await attacker.ask("SET application_name = 'x'"),
  ],
  "a parameter of a checked domain": typed("known_ssn", "SELECT $1", "836-52-7710"),
  "a parameter of a row with a checked domain": typed("holders", "SELECT $1 IS NULL", "(1,836-52-7710)"),
  "a parameter of an array of a checked domain": typed("_known_ssn", "SELECT $1", "{836-52-7710}"),
  "a parameter whose cast is a function": typed("user_ref", "SELECT $1::text", "(1)"),
  "a parameter whose cast is a function, unwritten": typed("user_ref", "INSERT INTO inbox VALUES (5, $1) RETURNING note", "(1)"),
  "a parameter of a row whose cast is a function": typed("tickets", "SELECT ($1).who::text", '(1,"(1)",)'),
  "a parameter that makes a call another one": typed("int4", "SELECT upper($1)", "1"),
  "a parameter that makes an operator another one": typed("int4", "SELECT ### $1", "1"),
  "a parameter of a protected table's row": typed("users", "SELECT $1.whole", "(1,a,b,c,d,e,1,1,,,,,,,,,,,,)"),
  "a parameter that names a relation": typed("regclass", "SELECT * FROM pg_get_viewdef($1)", "users_view"),
  "parameters of many types, then the error": async (scene) =>
    sent(
      scene,
      parseMessage("", "SELECT id FROM users WHERE ssn = $1 AND salary > $2::numeric"),
      bindMessage("", "", false, ["x", "not a number"]),
      executeMessage(""),
      SYNC,
    ),
  "Describe of what is masked": (scene) =>
    sent(scene, parseMessage("", "TABLE users"), describeMessage("S", ""), bindMessage("", ""), describeMessage("P", ""), SYNC),
  "an empty statement, then Execute of an old portal": async (scene) => [
    ...(await sent(scene, parseMessage("", SECRET), bindMessage("old", ""), SYNC)),
    ...(await sent(scene, executeMessage("old"), parseMessage("", ""), bindMessage("", ""), executeMessage(""), SYNC)),
  ],
  "ROLLBACK TO a savepoint with a portal open": async (scene) => {
    const { attacker } = scene;
    const answers = [await attacker.ask("BEGIN"), await attacker.ask("SAVEPOINT s")];
    answers.push(...(await sent(scene, parseMessage("v", SECRET), bindMessage("v", "v"), executeMessage("v", 1), SYNC)));
    answers.push(await attacker.ask("ROLLBACK TO s"));
    answers.push(...(await sent(scene, executeMessage("v"), SYNC)));
    return [...answers, await attacker.ask("ROLLBACK"), ...(await sent(scene, close("S", "v"), SYNC))];
  },
};

/** Typed parameters as oracles: two values whose answers must not differ. */
export const TYPED_ORACLES: readonly (readonly [type: string, sql: string, held: string, free: string])[] = [
  ["known_ssn", "SELECT 1 WHERE $1 IS NOT NULL", "836-52-7719", "000-00-0000"],
  ["holders", "SELECT 1 WHERE $1 IS NOT NULL", "(1,836-52-7719)", "(1,000-00-0000)"],
  ["_known_ssn", "SELECT 1 WHERE $1 IS NOT NULL", "{836-52-7719}", "{000-00-0000}"],
  ["text", "SELECT count(*) FROM users WHERE ssn = $1", "836-52-7719", "000-00-0000"],
  ["text", "SELECT id FROM users u WHERE u::text LIKE '%' || $1 || '%'", "836-52-7719", "000-00-0000"],
];

export const typedQuestion = async (scene: Scene, type: string, sql: string, value: string): Promise<readonly Answer[]> =>
  typed(type, sql, value)(scene);
