/**
 * Random clients against a model of a server, in random order and random cuts: the flows must follow. What is recorded
 * under a statement is what the server ran for it; nothing refused is run; and under a mask no protected text comes through.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Judgement, NameUse } from "#protocols/wire/judgement.ts";
import type { EventBody } from "#protocols/wire/transcript.ts";
import { ModelServer } from "#test/fuzz/model-server.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed, denied } from "#test/protocols/postgres/judgements.ts";
import { corpusValues, fuzzing } from "#test/support/fuzz.ts";

/** Texts that a mask protects, and that the server quotes in its rows, errors and notices. */
const PROTECTED = "secret";
/** Texts that would be judged otherwise by the time they are run: under a mask nothing of them may be run by a name. */
const STALE = "stale";

function judge(sql: string) {
  if (sql.includes("refuse")) return denied(sql);
  // An EXECUTE shows errors of another text.
  const lasting = sql.split(";").map((text) => !/^\s*(rows|copyout)/.test(text));
  return allowed(sql, { lasting, uses: usesIn(sql), rebuildErrors: /secret|execute/.test(sql), holds: () => !sql.includes(STALE) });
}

function usesIn(sql: string): readonly NameUse[] {
  const texts = sql.split(";").filter((text) => text.trim() !== "");
  return texts.flatMap((text, at): NameUse[] => {
    const [, verb, name = ""] = /^\s*(prepare|execute|deallocate) (\w+)/.exec(text) ?? [];
    if (verb === "deallocate") return [{ kind: verb, at, name: name === "all" ? null : name }];
    return verb === "prepare" || verb === "execute" ? [{ kind: verb, at, name }] : [];
  });
}

const name = fc.constantFrom("", "s", "t");
const portal = fc.constantFrom("", "p");
const verb = fc.constantFrom(
  ...["rows 0", "rows 1", "rows 3", "fail", "break", "copyin", "copyfail", "copyout", "refuse"],
  ...["prepare s as rows 2", "prepare s as rows 1", "prepare t as break", "prepare t as rows 1 late", "set"],
  ...["execute s", "execute t", "deallocate s", "deallocate t late", "deallocate all"],
);
/** `#` becomes a number of its own, by which a text is known again. */
const statement = fc
  .tuple(verb, fc.boolean(), fc.nat({ max: 5 }), fc.nat({ max: 3 }))
  .map(
    ([what, hidden, speed, age]) =>
      `${what}${hidden ? ` ${PROTECTED}` : ""}${speed === 0 ? ` ${SLOW}` : ""}${age === 0 ? ` ${STALE}` : ""} #`,
  );
const several = fc.array(statement, { maxLength: 3 }).map((texts) => texts.join(";"));

const message = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("query" as const), several) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("parse" as const), name, statement) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("bind" as const), name, portal) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("execute" as const), portal, fc.constantFrom(0, 1, 2)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("sync" as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("data" as const), fc.constantFrom("x", "bad")) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("done" as const, "cancel" as const, "flush" as const, "call" as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("describe statement" as const, "close statement" as const), name) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("describe portal" as const, "close portal" as const), portal) },
);
/** Mostly of what goes through and yields rows. */
const reading = fc.constantFrom("rows 0 #", "rows 1 #", "rows 3 #", "rows 3 #", "copyout #", "break #", "set #");
const plainMessage = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constant("query" as const),
      fc.array(reading, { minLength: 1, maxLength: 3 }).map((texts) => texts.join(";")),
    ),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant("parse" as const), fc.constant(""), reading) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("bind" as const), fc.constant(""), portal) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("execute" as const), portal, fc.constantFrom(0, 2)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("sync" as const)) },
  { weight: 2, arbitrary: message },
);
type Message = typeof message extends fc.Arbitrary<infer Value> ? Value : never;

function bytesOf(sent: Message, id: number): Buffer {
  const known = (sql: string) => sql.replaceAll("#", () => `#${id}`);
  switch (sent[0]) {
    case "query":
      return c.query(known(sent[1]));
    case "parse":
      return c.parse(sent[1], known(sent[2]));
    case "bind":
      return c.bind(sent[1], [], sent[2]);
    case "execute":
      return c.execute(sent[1], sent[2]);
    case "sync":
      return c.SYNC;
    case "data":
      return c.copyData(`${sent[1]}${id},`);
    case "done":
      return c.COPY_DONE;
    case "cancel":
      return c.copyFail("no");
    case "flush":
      return c.FLUSH;
    case "call":
      return c.functionCall();
    case "describe statement":
      return c.describeStatement(sent[1]);
    case "describe portal":
      return c.describePortal(sent[1]);
    case "close statement":
      return c.closeStatement(sent[1]);
    case "close portal":
      return c.closePortal(sent[1]);
  }
}

/** Who is next, and how much: bytes of the client, messages for the server to work off, or bytes of its answers. */
const turn = fc.tuple(fc.constantFrom("client", "server", "answer"), fc.integer({ min: 1, max: 60 }));

/** Several messages at a time, so that there is something behind what is answered. */
const aheadTurn = fc.oneof(fc.tuple(fc.constant("client"), fc.integer({ min: 1, max: 200 })), turn);

/** Judgements of texts with this word come later; until then nothing more of the client is read. */
const SLOW = "slow";
const later: Promise<Judgement> = new Promise(() => undefined);

interface Run {
  readonly session: Conversation;
  readonly server: ModelServer;
}

/** Ends that a client which follows no rules may bring about: nobody can know what the server skips, or what it has skipped. */
const UNKNOWABLE = /a COPY failed with a pipeline behind it|what was sent behind it was done/;

function run(
  messages: readonly Message[],
  turns: readonly (readonly [string, number])[],
  underMask: boolean,
  rowsPerStatement = Number.POSITIVE_INFINITY,
): Run {
  let asked = "";
  const slowly = (sql: string) => {
    asked = sql;
    return sql.includes(SLOW) ? later : judge(sql);
  };
  const session = new Conversation({ judge: slowly, underMask, caps: { rowsPerStatement } });
  const server = new ModelServer();
  let answers = Buffer.alloc(0);
  let over = false;
  let queue = Buffer.concat(messages.map((sent, index) => bytesOf(sent, index)));
  const send = (...bytes: readonly Buffer[]) => server.receive(session.client(...bytes));
  const judged = () => server.receive(session.answer(judge(asked)));
  const answer = () => {
    answers = Buffer.concat([answers, server.step()]);
  };
  const deliver = (bytes: number) => {
    try {
      if (!session.state.fatal && !over) session.server(answers.subarray(0, bytes));
    } catch (error) {
      if (!(error instanceof Error && UNKNOWABLE.test(error.message))) throw error;
      over = true;
      server.dead = true;
    }
    answers = answers.subarray(bytes);
  };
  for (const [who, amount] of turns) {
    // As the relay does: nothing goes to the target while it is to be cancelled.
    if (session.state.interrupts && who === "client") assert.equal(server.cancel(), 0, "a cancel request could hit what it must not");
    else if (who === "client" && session.asked !== undefined) judged();
    else if (who === "client") {
      send(queue.subarray(0, amount));
      queue = queue.subarray(amount);
    } else if (who === "server") for (let count = amount % 4; count >= 0; count--) answer();
    else deliver(amount);
  }
  while (session.state.interrupts && !over) {
    while (!server.idle) answer();
    deliver(answers.length);
  }
  // To the end: what is left goes out, a COPY that waits for data is ended, and everything is answered.
  while (session.asked !== undefined) judged();
  send(queue);
  while (session.asked !== undefined) judged();
  for (const ending of [[], [c.COPY_DONE], [c.SYNC], [c.COPY_DONE, c.SYNC], [c.COPY_DONE, c.SYNC], [c.COPY_DONE, c.SYNC]]) {
    if (ending.length > 0 && ending[0] === c.COPY_DONE && !server.copying) continue;
    send(...ending);
    while (!server.idle) answer();
    deliver(answers.length);
  }
  return { session, server };
}

const idOf = (sql: unknown): string | undefined => /#\d+/.exec(String(sql))?.[0];

/** The text that a `statement` or `prepare` event holds. */
function textOf(session: Conversation, event: number | null): string | undefined {
  const held = event === null ? undefined : session.events[event - 1];
  return held?.kind === "statement" || held?.kind === "prepare" ? String(held.sql) : undefined;
}

/** Whether what an event shows, which names the text that ran, belongs to the event that it is recorded under. */
function checkAttribution(session: Conversation, event: EventBody): void {
  if (event.kind === "rows") {
    for (const [value] of event.rows) {
      const held = textOf(session, event.statement);
      if (held?.startsWith("--")) continue;
      assert.equal(idOf(held), idOf(value), `rows of ${value} are recorded under ${held}`);
    }
  }
  if (event.kind === "error" && event.from === "target" && event.statement !== null) {
    const held = textOf(session, event.statement);
    const shown = event.fields["M"] ?? "";
    if (!held?.startsWith("--") && idOf(shown) !== undefined)
      assert.equal(idOf(held), idOf(shown), `the error of ${shown} is recorded under ${held}`);
  }
}

function check({ session, server }: Run): void {
  for (const event of session.events) checkAttribution(session, event);
  const recorded = new Set(
    session.events.flatMap((event) => (event.kind === "statement" || event.kind === "prepare" ? [idOf(event.sql)] : [])),
  );
  for (const sql of server.ran) {
    assert.doesNotMatch(sql, /refuse/);
    assert.ok(recorded.has(idOf(sql)), `${sql} ran and is on no record`);
  }
  if (server.dead) return;
  session.assertIdle();
  const done = session.of("copy").filter((event) => event.direction === "in" && event.outcome === "done");
  assert.deepEqual(
    done.map((event) => event.data),
    server.copied.map(({ data }) => data),
  );
}

/** All texts of one message are judged together, and share its number: what it prepares itself, it may run. */
function checkNames({ session, server }: Run): void {
  const texts = session.events.flatMap((event) => (event.kind === "statement" || event.kind === "prepare" ? [String(event.sql)] : []));
  const stale = new Set(texts.filter((sql) => sql.includes(STALE)).map(idOf));
  for (const { sql, by } of server.byName)
    assert.ok(idOf(sql) === idOf(by) || !stale.has(idOf(sql)), `${sql} was run by its name, though it is judged otherwise`);
}

/** What the client is shown: no more rows in a row than the limit, and behind an error nothing before ReadyForQuery. */
function checkShown(session: Conversation, rowsPerStatement: number): void {
  const bytes = session.toClient;
  let rows = 0;
  let failed = false;
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
    const tag = bytes.toString("latin1", at, at + 1);
    rows = tag === "D" ? rows + 1 : 0;
    assert.ok(rows <= rowsPerStatement, "more rows than the limit");
    if (failed) assert.match(tag, /[ZNSAE]/, `${tag} behind an error`);
    if (failed && tag === "E")
      assert.ok(session.state.fatal || bytes.toString("utf8", at).includes("VFATAL"), "a second error before ReadyForQuery");
    failed = tag === "E" || (failed && tag !== "Z");
  }
}

describe("a random client and a model of a server", () => {
  test("are followed in every order, and the record says what ran", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 30 }), fc.array(turn, { maxLength: 40 }), (messages, turns) => {
        check(run(messages, turns, false));
      }),
      fuzzing(500),
    );
  });

  test("under a mask show nothing that a protected text's error could carry", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 30 }), fc.array(turn, { maxLength: 40 }), (messages, turns) => {
        const { session, server } = run(messages, turns, true);
        for (const event of session.events) {
          if (event.kind === "error" || event.kind === "notice") assert.doesNotMatch(JSON.stringify(event.fields), new RegExp(PROTECTED));
        }
        check({ session, server });
        checkNames({ session, server });
      }),
      fuzzing(500),
    );
  });

  test("with results over the limit see one error for each, and no cancel request hits what comes next", () => {
    fc.assert(
      fc.property(
        fc.array(plainMessage, { minLength: 5, maxLength: 30 }),
        fc.array(aheadTurn, { minLength: 40, maxLength: 120 }),
        fc.boolean(),
        fc.constantFrom(0, 1, 2),
        (messages, turns, underMask, limit) => {
          const { session, server } = run(messages, turns, underMask, limit);
          checkShown(session, limit);
          check({ session, server });
        },
      ),
      fuzzing(1000),
    );
  });

  for (const { name: find, value } of corpusValues("model")) {
    test(`are followed in what was found before: ${find}`, () => {
      const { messages, turns } = value as {
        readonly messages: readonly Message[];
        readonly turns: readonly (readonly [string, number])[];
      };
      for (const underMask of [false, true]) check(run(messages, turns, underMask));
      checkNames(run(messages, turns, true));
    });
  }
});
