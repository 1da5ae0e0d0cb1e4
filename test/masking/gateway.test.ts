/**
 * Hostile and honest statements through a whole gateway, on real servers: no byte that a masked principal receives, and
 * none that is left on record, shows a protected value; and work that asks for none goes on as it would without a gateway.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { REWRITTEN, UNTOUCHED } from "#test/protocols/sql/postgres/corpus/benign.ts";
import { run } from "#test/protocols/sql/postgres/corpus/client.ts";
import { recordingOf, recordings } from "#test/src/gateway/archive.ts";
import { message, text } from "#test/src/gateway/wire.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { BENIGN, LEFT_OUT, SHOWN_MASKED } from "./benign.ts";
import { type Answer, Attacker, type Way } from "./client.ts";
import { CONVERSATIONS, TYPED_ORACLES, typedQuestion } from "./conversations.ts";
import { NAME_CONVERSATIONS } from "./conversations-names.ts";
import { DEFAULTS } from "./defaults.ts";
import { KNOWN, OPEN_CONVERSATIONS, OPEN_TYPES } from "./known.ts";
import { ORACLES } from "./oracles.ts";
import { probings } from "./recorded.ts";
import type { Conversation, Scene } from "./scene.ts";
import { canaryIn, joinedCells } from "./search.ts";
import { AGENTS, PROBES, SEED, withMasks } from "./seed.ts";
import { FOUND, HOSTILE, type Hostile } from "./statements.ts";

const LAST_WORDS = "SELECT 'that was all'";
/** The sessions of what is known to be open: their recordings hold what they saw. */
const OPEN = "open";
const WAYS: readonly Way[] = ["simple", "extended", "binary"];

function shownIn(answers: readonly Answer[]): string | undefined {
  const bytes = Buffer.concat(answers.map((answer) => answer.bytes));
  return canaryIn(bytes) ?? answers.map((answer) => canaryIn(joinedCells(answer.rows))).find((found) => found !== undefined);
}

/** What of an answer could tell something. */
const told = ({ rows, error, tags }: Answer) => ({
  rows,
  tags,
  error: error === null ? null : ["C", "M", "D", "H"].map((field) => error.get(field) ?? null),
});

/** All recordings, once the session in which this was said is among them. */
async function sealedUpTo(gateway: TestGateway, sql: string): Promise<Awaited<ReturnType<typeof recordings>>> {
  await recordingOf(gateway, sql);
  return recordings(gateway);
}

for (const version of [18, 15] as const) {
  describe(`masks on PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let gateway: TestGateway;
    let other: pg.Client;
    let attacker: Attacker;
    const count = { cases: 0, leaks: 0, benign: 0, identical: 0 };
    const oids = new Map<string, number>();

    const login = (agent: keyof typeof AGENTS) => Attacker.login(gateway, agent);
    /** A fresh session where the last case ended the old one; out of any transaction. */
    const ready = async () => {
      if (attacker.closed) attacker = await login("owner");
      await attacker.ask("ROLLBACK");
      await attacker.ask("RESET ALL");
    };
    const scene = (client = attacker): Scene => ({
      attacker: client,
      other,
      changed: gateway.changed,
      async typeOid(name) {
        const known = oids.get(name);
        if (known !== undefined) return known;
        const { rows } = await other.query<{ oid: number }>("SELECT $1::regtype::oid::int AS oid", [name]);
        oids.set(name, rows[0]?.oid ?? 0);
        return rows[0]?.oid ?? 0;
      },
    });
    /** In a session of its own. */
    const apart = async (conversation: Conversation, application = OPEN) => {
      const client = await Attacker.login(gateway, "owner", { application_name: application });
      const answers = await conversation(scene(client));
      client.end();
      return answers;
    };
    const hold = (name: string, answers: readonly Answer[]) => {
      count.cases += 1;
      const shown = shownIn(answers);
      if (shown !== undefined) count.leaks += 1;
      assert.equal(shown, undefined, name);
    };
    /** Sends one text; data for a COPY that it starts is cut off. */
    const ask = async (client: Attacker, sql: string, way: Way): Promise<Answer> => {
      const answer = await client.ask(sql, way);
      if (!answer.tags.endsWith("G")) return answer;
      client.send(message("f", text("no")), ...(way === "simple" ? [] : [message("S")]));
      return client.answer();
    };
    const play = async (hostile: Hostile, way: Way): Promise<readonly Answer[]> => {
      await ready();
      const answers: Answer[] = [];
      for (const sql of typeof hostile === "string" ? [hostile] : hostile) {
        if (attacker.closed) break;
        answers.push(await ask(attacker, sql, way));
      }
      return answers;
    };

    before(async () => {
      postgres = await startPostgres({ version });
      other = await connectPostgres(postgres);
      await other.query(SEED);
      gateway = await startGateway({ postgres, agents: AGENTS, configure: withMasks });
      attacker = await login("owner");
    });
    after(async () => {
      await other.end();
      await gateway.stop();
      await postgres.stop();
    });

    const every = { ...FOUND, ...HOSTILE, ...DEFAULTS };
    for (const [group, cases] of Object.entries(every)) {
      const chosen = version === 18 || group in FOUND ? cases : cases.filter((_, index) => index % 4 === 0);
      describe(group, () => {
        for (const [index, hostile] of chosen.entries()) {
          const name = typeof hostile === "string" ? hostile : hostile.join("; ");
          // Both formats differ only in how results look: every text goes by two ways, in turns by the third.
          const ways = WAYS.filter((way) => way !== (index % 2 === 0 ? "binary" : "extended") || group in FOUND);
          test(`nothing shows: ${name.slice(0, 160)}`, async () => {
            for (const way of ways) hold(`${way}: ${name}`, await play(hostile, way));
          });
        }
      });
    }

    describe("conversations", () => {
      for (const [name, conversation] of Object.entries({ ...CONVERSATIONS, ...NAME_CONVERSATIONS })) {
        test(`nothing shows: ${name}`, async () => {
          await ready();
          const answers = OPEN_CONVERSATIONS.has(name) ? await apart(conversation) : await conversation(scene());
          if (OPEN_CONVERSATIONS.has(name)) assert.notEqual(shownIn(answers), undefined, "shows no more: take it off the list");
          else hold(name, answers);
        });
      }
    });

    describe("oracles", () => {
      for (const [held, free] of ORACLES) {
        test(`no difference: ${held}`, async () => {
          for (const way of ["simple", "extended"] as const) {
            const [one] = await play(held, way);
            const [two] = await play(free, way);
            assert.ok(one !== undefined && two !== undefined);
            hold(held, [one, two]);
            assert.deepEqual(told(one), told(two));
          }
        });
      }
      for (const [type, sql, held, free] of TYPED_ORACLES) {
        test(`no difference by a parameter of type ${type}: ${sql}`, async () => {
          const asked = (value: string) => apart((one) => typedQuestion(one, type, sql, value), OPEN_TYPES.has(type) ? OPEN : "");
          const [one] = await asked(held);
          const [two] = await asked(free);
          assert.ok(one !== undefined && two !== undefined);
          hold(sql, [one, two]);
          if (OPEN_TYPES.has(type)) assert.notDeepEqual(told(one), told(two), "tells no more: take it off the list");
          else assert.deepEqual(told(one), told(two));
        });
      }
    });

    describe("what is known to show", () => {
      for (const { text: sql, why } of KNOWN) {
        test(`${sql}: ${why}`, async () => {
          const answers = await play(sql, "simple");
          assert.deepEqual(
            answers.map(({ reason, error }) => [reason, error]),
            [[null, null]],
          );
          assert.notEqual(shownIn(answers), undefined, "shows no more: take it off the list");
        });
      }
    });

    describe("start-up", () => {
      const HOSTILE_START: readonly Readonly<Record<string, string>>[] = [
        { options: "-c search_path=evil" },
        { options: "-c standard_conforming_strings=off" },
        { search_path: "evil, public" },
        { client_encoding: "SJIS" },
        { role: "postgres" },
        { session_authorization: "postgres" },
        { replication: "database" },
        { options: "-c debug_print_plan=on -c client_min_messages=debug5" },
        { options: "-c session_preload_libraries=dblink" },
      ];
      for (const parameters of HOSTILE_START) {
        test(`refused, or harmless: ${JSON.stringify(parameters)}`, async () => {
          const client = await Attacker.login(gateway, "reader", parameters).catch((error: unknown) => String(error));
          if (typeof client === "string") {
            count.cases += 1;
            assert.match(client, /login refused/);
            return;
          }
          hold(JSON.stringify(parameters), [
            await client.ask("TABLE users"),
            await client.ask("SELECT $1::text || ssn FROM users", "binary", ["a"]),
          ]);
          client.end();
        });
      }

      test("protocol 3.2 shows nothing more", async () => {
        const client = await Attacker.login(gateway, "reader", {}, 0x30002);
        hold("3.2", [await client.ask("TABLE users"), await client.ask("TABLE users", "binary")]);
        client.end();
      });
    });

    describe("honest work", () => {
      const fits = (sql: string) => !LEFT_OUT.some((pattern) => pattern.test(sql));
      for (const sql of [...BENIGN, ...REWRITTEN.filter(fits), ...UNTOUCHED.filter(fits)]) {
        test(`as without a gateway: ${sql.slice(0, 160)}`, async () => {
          await ready();
          count.benign += 1;
          await other.query("BEGIN");
          const direct = await run(other, sql);
          await other.query("ROLLBACK");
          await attacker.ask("BEGIN");
          const shown = await ask(attacker, sql, "simple");
          await attacker.ask("ROLLBACK");
          // Errors keep their code; their sentence may be withheld.
          const code = /"code":"(\w+)"/.exec(direct.error ?? "")?.[1] ?? null;
          assert.deepEqual(shown.error?.get("C") ?? null, code, shown.error?.get("M"));
          const names = direct.results.filter((result) => result.names.length > 0).map((result) => result.names);
          if (direct.error === null)
            assert.deepEqual(
              shown.names.filter((some) => some.length > 0),
              names,
            );
          const [plain, masked] = [direct.results.flatMap(visible), visibleOf(shown)];
          if (direct.error === null) assert.deepEqual(masked, plain);
          count.identical += 1;
        });
      }
    });

    test("the search would find what the statements are after: under no mask they show it", async () => {
      const boss = await login("boss");
      await boss.ask("SET statement_timeout = '10s'");
      const texts = Object.values(HOSTILE)
        .flat()
        .filter(
          (one): one is string =>
            typeof one === "string" &&
            /^(SELECT|TABLE|WITH|COPY \()/.test(one) &&
            !/set_config|pg_advisory|setval|generate_series\(1, pin/.test(one),
        );
      const silent: string[] = [];
      for (const sql of texts) {
        await boss.ask("BEGIN");
        if (shownIn([await ask(boss, sql, "simple")]) === undefined) silent.push(sql);
        await boss.ask("ROLLBACK");
      }
      boss.end();
      assert.ok(silent.length < texts.length * 0.4, `${silent.length} of ${texts.length} show nothing even so:\n${silent.join("\n")}`);
    });

    test("what stays on record shows no protected value, and no literal that was compared with one", async (t) => {
      await ready();
      for (const probe of PROBES)
        for (const { sql, way, parameters } of probings(probe)) {
          await attacker.ask("ROLLBACK");
          await attacker.ask(sql, way, parameters);
        }
      await attacker.ask("ROLLBACK");
      await attacker.ask(LAST_WORDS);
      attacker.end();
      const sealed = await sealedUpTo(gateway, LAST_WORDS);
      const shown: string[] = [];
      let statements = 0;
      for (const events of sealed.values()) {
        const [start] = events;
        if (start?.kind === "session-start" && (start.principal.name === "boss" || start.application === OPEN)) continue;
        for (const { at: _, prev: __, ...event } of events) {
          if (event.kind === "statement") statements += 1;
          const line = JSON.stringify(event);
          const found = PROBES.find((probe) => line.includes(probe)) ?? canaryIn(Buffer.from(line));
          if (found !== undefined) shown.push(`${found}: ${line.slice(0, 400)}`);
        }
      }
      assert.ok(statements > count.cases, `only ${statements} statements are on record`);
      t.diagnostic(
        `leaks ${count.leaks} of ${count.cases}, benign ${count.identical} of ${count.benign} identical; open, and counted apart: ${OPEN_CONVERSATIONS.size + OPEN_TYPES.size}`,
      );
      assert.deepEqual(
        shown.filter((line) => !KNOWN.some(({ text: sql }) => line.includes(sql)) && !knownRows(line)),
        [],
      );
    });
  });
}

/** Rows that `KNOWN` statements brought, as they are recorded. */
function knownRows(line: string): boolean {
  return line.startsWith("moodsecretgrim");
}

function isShown(name: string): boolean {
  return !SHOWN_MASKED.has(name) && !name.startsWith("masked_");
}

function visible({ names, rows }: { readonly names: readonly string[]; readonly rows: readonly (readonly (string | null)[])[] }) {
  return rows.map((row) => row.filter((_, index) => isShown(names[index] ?? "")));
}

/** The answer's rows lie one behind the other; widths tell where the next result's begin. */
function visibleOf({ names, rows }: Answer) {
  return rows.map((row) => {
    const own = names.find((some) => some.length === row.length) ?? [];
    return row.filter((_, index) => isShown(own[index] ?? ""));
  });
}
