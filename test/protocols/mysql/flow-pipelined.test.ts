/**
 * A client that sends its commands ahead, as MariaDB's connectors do behind a login: however its bytes and the target's are cut, and
 * whenever they and judgements come, each command goes upstream in its turn and is answered, and none waits for ever.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CAPABILITY, COMMAND, STATUS } from "#protocols/mysql/constants.ts";
import { okPayload } from "#protocols/mysql/outcome.ts";
import { MysqlTalk, SPOKEN, type Step } from "#test/protocols/mysql/conversation.ts";
import { answer, column, command, eof, failure, OK, query, row } from "#test/protocols/mysql/server-bytes.ts";

const TRACKED = SPOKEN | CAPABILITY.sessionTrack;
/** The gateway asks for the session's settings by it. */
const PREAMBLE = "set settings";

const NOTHING = { affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "" };
const CHANGES = Buffer.from([1, 2, 1, 0x61]);

const ANSWERS = {
  ok: answer(OK),
  ping: answer(OK),
  rows: answer(Buffer.from([1]), column("c"), eof(), row("one"), row("two"), eof()),
  fails: answer(failure(1064, "no")),
  /** Settings may have changed before it failed, so that the gateway asks for them. */
  doubts: answer(failure(1231, "no")),
} as const;
type Kind = keyof typeof ANSWERS;

const SETTINGS = answer(okPayload({ ...NOTHING, status: STATUS.autocommit, changes: CHANGES }, TRACKED));

/** How one run goes: what the client sends, and from a row of numbers how all is cut and what comes first. */
interface Course {
  readonly kinds: readonly Kind[];
  readonly slow: boolean;
  readonly choices: readonly number[];
}

const course: fc.Arbitrary<Course> = fc.record({
  kinds: fc.array(fc.constantFrom<Kind>("ok", "ping", "rows", "fails", "doubts"), { minLength: 1, maxLength: 12 }),
  slow: fc.boolean(),
  choices: fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 60 }),
});

class Pipeline {
  readonly upstream: string[] = [];
  readonly answered: Buffer[] = [];
  readonly #talk: MysqlTalk;
  readonly #choices: readonly number[];
  #made = 0;
  #sent: Buffer;
  #target: Buffer = Buffer.alloc(0);
  #judged = 0;

  constructor({ kinds, slow, choices }: Course) {
    const judge = (sql: string) => {
      const judgement = { setsSeveral: sql.startsWith("doubts") };
      return slow ? Promise.resolve(judgement) : judgement;
    };
    this.#talk = new MysqlTalk({ judge, upstreamCapabilities: TRACKED, preamble: [PREAMBLE] });
    this.#choices = choices;
    this.#sent = Buffer.concat(kinds.map((kind, index) => (kind === "ping" ? command(COMMAND.ping) : query(`${kind} ${index}`))));
  }

  /** @returns false once nothing more can happen */
  async step(): Promise<boolean> {
    const moves: (() => Step | Promise<Step>)[] = [];
    const asked = this.#talk.asked[this.#judged];
    // The relay reads no client that a judgement is waited for.
    if (this.#sent.length > 0 && asked === undefined) moves.push(() => this.#talk.client(this.#cut("#sent")));
    if (this.#target.length > 0) moves.push(() => this.#talk.server(this.#cut("#target")));
    if (asked !== undefined) {
      moves.push(async () => {
        this.#judged++;
        return this.#talk.judged(await asked);
      });
    }
    const move = moves[this.#choice() % moves.length];
    if (move === undefined) return false;
    const { upstream, clientBytes } = await move();
    for (const { payload } of upstream) {
      const text = payload[0] === COMMAND.ping ? "ping" : payload.toString("utf8", 1);
      if (text !== PREAMBLE) this.upstream.push(text);
      this.#target = Buffer.concat([this.#target, text === PREAMBLE ? SETTINGS : ANSWERS[text.split(" ", 1)[0] as Kind]]);
    }
    this.answered.push(clientBytes);
    return true;
  }

  #choice(): number {
    return this.#choices[this.#made++ % this.#choices.length] ?? 0;
  }

  #cut(from: "#sent" | "#target"): Buffer {
    const bytes = from === "#sent" ? this.#sent : this.#target;
    const at = 1 + (this.#choice() % bytes.length);
    if (from === "#sent") this.#sent = bytes.subarray(at);
    else this.#target = bytes.subarray(at);
    return bytes.subarray(0, at);
  }
}

test("commands that are sent ahead each have their turn and their answer", async () => {
  await fc.assert(
    fc.asyncProperty(course, async (one) => {
      const pipeline = new Pipeline(one);
      while (await pipeline.step());
      assert.deepEqual(
        pipeline.upstream,
        one.kinds.map((kind, index) => (kind === "ping" ? "ping" : `${kind} ${index}`)),
      );
      assert.deepEqual(Buffer.concat(pipeline.answered), Buffer.concat(one.kinds.map((kind) => ANSWERS[kind])));
    }),
    { numRuns: 300 },
  );
});
