/** Masking rules that name what does not exist, and rules by tag, through a whole gateway on real servers. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { runCommand } from "#test/src/cli/terminal.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type Sections, TARGET } from "#test/support/gateway-files.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { type Relay, startRelay } from "#test/support/relay.ts";
import { until } from "#test/support/waiting.ts";

const SEED = `
  CREATE TABLE people (id int PRIMARY KEY, name text, ssn text, born date);
  INSERT INTO people VALUES (1, 'Ada', 'ssn-of-ada', '1815-12-10');
  COMMENT ON COLUMN people.ssn IS 'social security number sallyport:pii';
  CREATE TABLE plain (id int);`;

const AGENTS = { agent: ["data-agents"], desk: ["fraud-desk"] } as const;

type Rule = Readonly<Record<string, unknown>>;

const masking =
  (...rules: readonly Rule[]) =>
  (sections: Sections): Sections => ({
    ...sections,
    masking: { rules: rules.map((rule) => ({ target: TARGET, with: "redact", unless: { groups: ["fraud-desk"] }, ...rule })) },
  });

async function loggedIn(gateway: TestGateway, name: keyof typeof AGENTS): Promise<pg.Client> {
  const login = await gateway.login(name);
  const client = new pg.Client({ ...login, ssl: { ca: gateway.ca, servername: "localhost" } });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** One statement in a session of its own; a refusal as `code reason`. */
async function ask(gateway: TestGateway, name: keyof typeof AGENTS, sql: string): Promise<unknown> {
  try {
    const client = await loggedIn(gateway, name);
    try {
      return Object.values((await client.query(sql)).rows[0] ?? {})[0];
    } finally {
      await client.end();
    }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    return `${error.code} ${error.detail}`;
  }
}

const SSN = "SELECT ssn FROM people";
const UNREAD = "57P03 reason=catalogue-unavailable";
const UNFIT = "F0000 reason=masking-rules-unfit";

/** Once the worker has what the keeper has logged: until then it says what it said before. */
async function toldOf(gateway: TestGateway, before: string, then: string): Promise<void> {
  const isThen = async () => {
    const said = String(await ask(gateway, "agent", SSN));
    assert.ok(said === then || said.startsWith(before), said);
    return said === then;
  };
  await until(isThen, `the agent is told ${then}`);
}

for (const version of [18, 15] as const) {
  describe(`masking rules on PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let admin: pg.Client;
    let relay: Relay;
    before(async () => {
      postgres = await startPostgres({ version });
      admin = await connectPostgres(postgres);
      await admin.query(SEED);
      relay = await startRelay(postgres);
    });
    after(async () => {
      await admin.end();
      await relay.stop();
      await postgres.stop();
    });

    const start = (...rules: readonly Rule[]) => startGateway({ postgres, agents: AGENTS, configure: masking(...rules), upstream: relay });
    const rulesSaid = (gateway: TestGateway) =>
      gateway.log().flatMap(({ event, level, path, problem }) => (event === "masking-rule" ? [`${level} ${path}: ${problem}`] : []));

    for (const [what, rule, place] of [
      [
        "an exact name of nothing",
        { columns: ["public.people.ssn", "public.people.sn"] },
        "masking.rules.0.columns.1: public.people.sn names no column",
      ],
      ["a tag that no column bears", { tags: ["secret"] }, "masking.rules.0.tags.0: no column of target orders bears the tag secret"],
      [
        "a mask that the column's type has no room for",
        { columns: ["public.people.born"], with: "email" },
        "masking.rules.0.columns.0: public.people.born: email needs a text column",
      ],
    ] as const) {
      test(`serve does not start on ${what}, and says where it stands`, async () => {
        await assert.rejects(start(rule), (error: Error) => {
          assert.match(error.message, /ended with 2 before it was ready/);
          assert.ok(error.message.includes(`error: ${place}`), error.message);
          assert.match(error.message, /sallyport\.yaml:\d+:\d+: error/);
          return true;
        });
      });
    }

    test("by tag: columns are masked, a tag that comes and goes is followed, and nobody under a mask can take it away", async () => {
      const gateway = await start({ tags: ["PII"] });
      try {
        assert.equal(await ask(gateway, "agent", SSN), "***");
        assert.equal(await ask(gateway, "agent", "SELECT name FROM people WHERE ssn = 'ssn-of-ada'"), undefined);
        assert.equal(await ask(gateway, "desk", SSN), "ssn-of-ada");
        assert.match(String(await ask(gateway, "agent", "COMMENT ON COLUMN people.ssn IS NULL")), /reason=masked-statement-kind/);
        // The gateway saw this statement: the next one is judged by what it did.
        assert.equal(await ask(gateway, "desk", "COMMENT ON TABLE people IS 'all of it sallyport:pii'"), undefined);
        assert.equal(
          await until(
            async () => (await ask(gateway, "agent", "SELECT name FROM people")) === "***" && "masked",
            "the tag of the table counts",
          ),
          "masked",
        );
        await admin.query("COMMENT ON TABLE people IS NULL");
        assert.equal(
          await until(async () => (await ask(gateway, "agent", "SELECT name FROM people")) === "Ada" && "bare", "the tag is gone"),
          "bare",
        );
        assert.equal(await ask(gateway, "agent", SSN), "***");
        // Through the gateway, so that the next statement is judged by it; a rule by name would have lost the column.
        assert.equal(await ask(gateway, "desk", "ALTER TABLE people RENAME ssn TO number"), undefined);
        assert.equal(
          await until(
            async () => (await ask(gateway, "agent", "SELECT number FROM people")) === "***" && "masked",
            "the renamed column is read",
          ),
          "masked",
        );
      } finally {
        await gateway.stop();
        await admin.query("COMMENT ON TABLE people IS NULL; ALTER TABLE people RENAME number TO ssn");
      }
    });

    // What follows is the gateway's own doing, whatever the server's version.
    if (version !== 18) return;

    test("a glob of nothing is a warning; a column that later DDL takes from a rule is one too, and sessions go on", async () => {
      const gateway = await start({ columns: ["public.people.ssn", "*.*.salary"] });
      try {
        assert.deepEqual(rulesSaid(gateway), ["warn masking.rules.0.columns.1: *.*.salary names no column of target orders"]);
        const client = await loggedIn(gateway, "agent");
        assert.deepEqual((await client.query(SSN)).rows, [{ ssn: "***" }]);
        await admin.query("ALTER TABLE people RENAME ssn TO number");
        await until(
          () => rulesSaid(gateway).includes("warn masking.rules.0.columns.0: public.people.ssn names no column of target orders"),
          "the warning",
        );
        assert.deepEqual((await client.query("SELECT id FROM people")).rows, [{ id: 1 }]);
        await client.end();
        assert.equal(await ask(gateway, "agent", "SELECT id FROM people"), 1);
        // The same rule in a file that is read again is no worse than it was.
        await gateway.reconfigure((sections) => ({
          ...sections,
          recording: { ...Object(sections["recording"]), results: { rowsPerStatement: 7 } },
        }));
        assert.equal(await ask(gateway, "agent", "SELECT id FROM people"), 1);
      } finally {
        await gateway.stop();
        await admin.query("ALTER TABLE people RENAME number TO ssn");
      }
    });

    test("a reload with a rule that names nothing is refused as a whole, with its line, and the old configuration stays", async () => {
      const gateway = await start({ columns: ["public.people.ssn"] });
      try {
        let access: unknown;
        const refused = await gateway.reconfigure((sections) => {
          access = sections["access"];
          return {
            ...masking({ columns: ["public.people.born"], with: "year" }, { columns: ["public.people.no"] })(sections),
            access: { rules: [] },
          };
        });
        assert.partialDeepStrictEqual(refused, {
          ...{ event: "reload-refused", level: "error" },
          path: "masking.rules.1.columns.0",
          message: "public.people.no names no column of target orders",
        });
        assert.ok(Number(refused["line"]) > 1);
        assert.equal(await ask(gateway, "agent", SSN), "***");
        assert.equal(String(await ask(gateway, "agent", "SELECT born::text FROM people")), "1815-12-10");
        await gateway.reconfigure((sections) => ({ ...masking({ columns: ["public.people.born"], with: "year" })(sections), access }));
        assert.equal(String(await ask(gateway, "agent", "SELECT born::text FROM people")), "1815-01-01");
      } finally {
        await gateway.stop();
      }
    });

    test("a target that is down does not fail the start; once it is read, a rule of nothing keeps masked principals out until the schema is right", async () => {
      relay.set({ toServer: { cut: { afterBytes: 0, how: "reset" } } });
      const gateway = await start({ columns: ["public.people.ssn", "public.people.sn"] });
      try {
        assert.match(String(await ask(gateway, "agent", SSN)), /^57P03 reason=catalogue-unavailable/);
        relay.set({ toServer: {} });
        await until(
          () => rulesSaid(gateway).includes("error masking.rules.0.columns.1: public.people.sn names no column of target orders"),
          "the error",
        );
        await toldOf(gateway, UNREAD, UNFIT);
        assert.equal(await ask(gateway, "agent", "SELECT id FROM plain"), UNFIT);
        assert.equal(await ask(gateway, "desk", SSN), "ssn-of-ada");
        await admin.query("ALTER TABLE people ADD sn text");
        await until(() => gateway.log().some(({ event }) => event === "masking-rules-fit"), "the rules fit");
        await toldOf(gateway, UNFIT, "***");
      } finally {
        relay.set({ toServer: {} });
        await gateway.stop();
        await admin.query("ALTER TABLE people DROP IF EXISTS sn");
      }
    });

    test("a corrected configuration lets them in too, on every worker", async () => {
      relay.set({ toServer: { cut: { afterBytes: 0, how: "reset" } } });
      const gateway = await startGateway({
        postgres,
        agents: AGENTS,
        configure: masking({ columns: ["public.people.sn"] }),
        upstream: relay,
        workers: 2,
      });
      try {
        relay.set({ toServer: {} });
        await until(() => rulesSaid(gateway).length > 0, "the error");
        await toldOf(gateway, UNREAD, UNFIT);
        await gateway.reconfigure(masking({ columns: ["public.people.ssn"] }));
        for (let count = 0; count < 8; count += 1) assert.equal(await ask(gateway, "agent", SSN), "***");
      } finally {
        relay.set({ toServer: {} });
        await gateway.stop();
      }
    });

    test("check opens no connection; with --targets it finds the same, and says so when a target can't be reached", async () => {
      const gateway = await start({ columns: ["public.people.ssn", "*.*.salary"] });
      try {
        await gateway.reconfigure(masking({ columns: ["public.people.sn", "*.*.salary"] }));
        const { accepted } = relay;
        assert.equal((await runCommand(["check", "--config", gateway.configFile])).code, 0);
        assert.equal(relay.accepted - accepted <= 1, true);
        const found = await runCommand(["check", "--targets", "--config", gateway.configFile, "--json"]);
        assert.equal(found.code, 2);
        assert.deepEqual(
          found.objects().map(({ level, path, message }) => `${level} ${path}: ${message}`),
          [
            "error masking.rules.0.columns.0: public.people.sn names no column of target orders",
            "warning masking.rules.0.columns.1: *.*.salary names no column of target orders",
          ],
        );
        await gateway.reconfigure(masking({ columns: ["public.people.ssn"] }));
        assert.equal((await runCommand(["check", "--targets", "--config", gateway.configFile])).code, 0);
        relay.set({ toServer: { cut: { afterBytes: 0, how: "reset" } } });
        const down = await runCommand(["check", "--targets", "--config", gateway.configFile]);
        assert.equal(down.code, 2);
        assert.match(down.out, /error: targets\.orders: target orders at /);
      } finally {
        relay.set({ toServer: {} });
        await gateway.stop();
      }
    });
  });
}
