/** Texts of several statements, step by step: what runs, what is left out, and what reads otherwise when its turn comes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Denial } from "#policies/decision.ts";
import { CAPABILITY, STATUS } from "#protocols/mysql/constants.ts";
import type { MysqlJudgement } from "#protocols/mysql/judge.ts";
import { okPayload, readError } from "#protocols/mysql/outcome.ts";
import type { Settings } from "#protocols/mysql/settings.ts";
import { PayloadWriter } from "#protocols/mysql/writer.ts";
import { allowed, type ConversationOptions, MysqlTalk, SPOKEN, type Step } from "#test/protocols/mysql/conversation.ts";
import { answer, failure, OK, query } from "#test/protocols/mysql/server-bytes.ts";

const DENIAL: Denial = { verdict: "deny", reason: "access-not-granted", rule: null, message: "no", hint: "", position: null };
const DENIED: Partial<MysqlJudgement> = { verdict: "deny", denial: DENIAL };
const SETTINGS = new MysqlTalk().state.settings;
const TRACKED = SPOKEN | CAPABILITY.sessionTrack;

/** By statement, what differs of its judgement; maybe by the settings that it is read by. */
type Judgements = Readonly<Record<string, Partial<MysqlJudgement> | ((settings: Settings) => Partial<MysqlJudgement>)>>;

/** A session whose texts are the statements that they name, apart by semicolons. */
function talk(statements: Judgements, options: ConversationOptions = {}): MysqlTalk {
  const judged = (sql: string, settings: Settings): Partial<MysqlJudgement> => {
    const said = statements[sql] ?? {};
    return typeof said === "function" ? said(settings) : said;
  };
  const judge = (sql: string, settings: Settings): Partial<MysqlJudgement> => {
    const parts = sql.split(";");
    if (parts.length === 1) return judged(sql, settings);
    const several = parts.map((part, index) => ({
      ...{ judgement: { ...allowed(part), ...judged(part, settings) }, sql: part, settings },
      ...{ behind: index === 0 ? null : index - 1, before: index === parts.length - 1 ? null : index },
    }));
    return { several };
  };
  return new MysqlTalk({ judge, upstreamCapabilities: TRACKED, ...options });
}

function textsOf({ upstream }: Step): readonly string[] {
  return upstream.map(({ payload }) => payload.toString("utf8", 1));
}

function errorIn({ client }: Step): string {
  const { errno, message } = readError(client.at(-1)?.payload ?? Buffer.from([0xff, 0, 0]), CAPABILITY.protocol41);
  return `${errno} ${message}`;
}

/** OK, and word of what has changed with it. */
function changed(entries: Readonly<Record<string, string>>): Buffer {
  const changes = new PayloadWriter();
  for (const [name, value] of Object.entries(entries)) {
    const data = new PayloadWriter();
    if (name !== "schema") data.lenencBytes(Buffer.from(name));
    changes.uint8(name === "schema" ? 1 : 0).lenencBytes(data.lenencBytes(Buffer.from(value)).done());
  }
  const nothing = { affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "" };
  return okPayload({ ...nothing, status: STATUS.autocommit, changes: changes.done() }, TRACKED);
}

/** What became of each statement on record. */
function fates(made: MysqlTalk): readonly string[] {
  return made.events.flatMap((event) => {
    if (event.kind === "denied" || event.kind === "result" || event.kind === "error") return [`${event.kind} ${event.statement}`];
    return event.kind === "skipped" ? [`skipped ${event.statement} because ${event.because}`] : [];
  });
}

describe("before anything runs", () => {
  for (const [what, judgement, told] of [
    ["that may not run", DENIED, /reason=access-not-granted/],
    ["that is a KILL", { instead: { kind: "kill", id: 1, connection: true } }, /KILL is carried out only as a text of its own/],
    ["that reads a file of the client's", { localFile: { name: "x" } }, /LOAD DATA LOCAL is relayed only as one statement by itself/],
    ["that executes what nothing seen has prepared", { named: { kind: "execute", name: "p" } }, /reason=statement-unparsed/],
  ] as const) {
    test(`one ${what} refuses all, and each is on record as refused or left out`, () => {
      const made = talk({ two: judgement }, { localFiles: true, effects: { kill: () => assert.fail("it was carried out") } });
      const step = made.client(query("one;two;three"));
      assert.deepEqual(textsOf(step), []);
      assert.match(errorIn(step), told);
      assert.deepEqual(
        made.of("statement").map(({ sql }) => sql),
        ["one", "two", "three"],
      );
      assert.deepEqual(fates(made), ["skipped 0 because 1", "denied 1", "skipped 2 because 1"]);
      assert.deepEqual(textsOf(made.client(query("one"))), ["one"], "the session does not go on");
    });
  }

  test("what nothing seen has prepared is executed for whom texts need not be understood", () => {
    const made = talk({ two: { named: { kind: "execute", name: "p" } } }, { mayPassUnparsed: true });
    made.client(query("one;two"));
    assert.deepEqual(textsOf(made.server(answer(OK))), ["two"]);
  });
});

describe("one after the other", () => {
  test("each runs once the one before it is answered", () => {
    const made = talk({});
    assert.deepEqual(textsOf(made.client(query("one;two;three"))), ["one"]);
    assert.deepEqual(textsOf(made.server(answer(OK))), ["two"]);
    assert.deepEqual(textsOf(made.server(answer(OK))), ["three"]);
    assert.deepEqual(textsOf(made.server(answer(OK))), []);
    assert.deepEqual(fates(made), ["result 0", "result 1", "result 2"]);
  });

  test("what stands behind one that fails does not run, and is on record as left out", () => {
    const made = talk({});
    made.client(query("one;two;three"));
    const step = made.server(answer(failure(1146, "Table 'app.t' doesn't exist", "42S02")));
    assert.deepEqual(textsOf(step), []);
    assert.match(errorIn(step), /^1146 /);
    assert.deepEqual(fates(made), ["error 0", "skipped 1 because 0", "skipped 2 because 0"]);
  });
});

describe("at its turn", () => {
  /** Reads otherwise where the settings are not those of before. */
  const reads = (now: Settings): Partial<MysqlJudgement> => ({
    upstreamSql: now.sqlMode.ansiQuotes || now.charset !== SETTINGS.charset || now.database !== SETTINGS.database ? "other" : "two",
  });

  for (const [what, change] of [
    ["sql_mode", { sql_mode: "ANSI_QUOTES" }],
    ["character set", { character_set_client: "latin1" }],
    ["database", { schema: "other" }],
  ] as const) {
    test(`a statement that reads otherwise by the ${what} that the one before it has set does not run`, () => {
      const made = talk({ two: reads });
      made.client(query("one;two;three"));
      const step = made.server(answer(changed(change)));
      assert.deepEqual(textsOf(step), []);
      assert.match(errorIn(step), /reason=statement-unparsed/);
      assert.deepEqual(fates(made), ["result 0", "denied 1", "skipped 2 because 1"]);
    });

    test(`one that reads the same by another ${what} runs`, () => {
      const made = talk({ two: { upstreamSql: "two" } });
      made.client(query("one;two"));
      assert.deepEqual(textsOf(made.server(answer(changed(change)))), ["two"]);
    });
  }

  test("a statement whose names mean other temporary tables by then does not run", () => {
    let holds = true;
    const made = talk({ two: { holdsWith: () => holds } }, { underMask: true });
    made.client(query("one;two"));
    holds = false;
    const step = made.server(answer(OK));
    assert.deepEqual(textsOf(step), []);
    assert.match(errorIn(step), /reason=masked-unresolved/);
  });
});

describe("EXECUTE of a name", () => {
  const statements: Judgements = {
    prepare: { named: { kind: "prepare", name: "p", text: "SELECT 1", at: 3 } },
    execute: { named: { kind: "execute", name: "p" } },
  };

  test("runs what PREPARE has prepared, and nothing where that failed", () => {
    const made = talk(statements);
    made.client(query("prepare"));
    made.server(answer(OK));
    assert.deepEqual(textsOf(made.client(query("execute"))), ["execute"]);
    made.server(answer(OK));
    made.client(query("prepare"));
    made.server(answer(failure(1064, "no")));
    assert.match(errorIn(made.client(query("execute"))), /reason=statement-unparsed/);
  });

  test("does not run what means something else by now", () => {
    let holds = true;
    const made = talk({ ...statements, prepare: { ...statements["prepare"], holdsWith: () => holds } }, { underMask: true });
    made.client(query("prepare"));
    made.server(answer(OK));
    holds = false;
    assert.match(errorIn(made.client(query("execute"))), /reason=masked-unresolved/);
  });
});
