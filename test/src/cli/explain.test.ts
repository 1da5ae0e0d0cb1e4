/** What explain says of statements, on the demo's shop as real servers hold it, is what the gateway then does with them. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Secret } from "#protocols/wire/secret.ts";
import { demoConfiguration } from "#src/demo/configuration.ts";
import { seedShop } from "#src/demo/seed.ts";
import { makeAuditorIdentity } from "#src/setup/keys.ts";
import { type Ran, runCommand } from "#test/src/cli/terminal.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { read } from "#test/support/tree.ts";

const AGENT = ["--as", "report-agent", "--group", "data-agents"];
const MASKED = "select name, email, ssn from users where ssn = '931-07-1110'";

for (const version of [18, 15] as const) {
  describe(`explain on PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let gateway: TestGateway;
    let config: string;

    const explain = (sql: string | undefined, ...options: readonly string[]): Promise<Ran> =>
      runCommand(["explain", "--target", "shop", "--config", config, ...options, ...(sql === undefined ? [] : [sql])]);
    const told = async (sql: string, ...options: readonly string[]): Promise<Record<string, unknown>> => {
      const { code, objects, err } = await explain(sql, "--json", ...options);
      assert.equal(code, 0, err);
      const [object, ...others] = objects();
      assert.equal(others.length, 0);
      assert.ok(object);
      return object;
    };
    const statementOf = (object: Record<string, unknown>, index = 0) => {
      const { statements } = object;
      assert.ok(Array.isArray(statements));
      return statements[index];
    };

    before(async () => {
      postgres = await startPostgres({ version });
      const superuser = { name: "postgres", password: new Secret(postgres.password) } as const;
      const never = new Promise<void>(() => undefined);
      const shop = await seedShop({ host: "127.0.0.1", port: postgres.port, superuser, ended: never }, postgres.ca);
      // The demo's own configuration, with the papers of the test's gateway, which runs meanwhile.
      gateway = await startGateway({
        postgres: { ...postgres, database: shop.name, user: shop.user, password: shop.password.expose() },
        agents: { "report-agent": ["data-agents"] },
        configure: (sections) => {
          const { orders } = Object(sections["targets"]);
          const rules = [{ name: "agents-read", who: { groups: ["data-agents"] }, targets: ["shop"], may: ["read"] }];
          const masking = [
            { name: "ssn", target: "shop", columns: ["public.users.ssn"], with: "redact" },
            { name: "cards", target: "shop", columns: ["public.payments.card"], with: { keepLast: 4 } },
            { name: "e-mail", target: "shop", columns: ["public.users.email"], with: "email", unless: { groups: ["support"] } },
          ];
          const guardrails = [
            { name: "joined", target: "shop", deny: ["cross-join"] },
            { name: "no-blanket-writes", target: "shop", deny: ["update-without-where", "delete-without-where"] },
          ];
          return {
            ...sections,
            targets: { shop: orders },
            access: { rules },
            masking: { rules: masking },
            guardrails: { rules: guardrails },
          };
        },
      });
      config = gateway.configFile;
    });
    after(async () => {
      await gateway.stop();
      await postgres.stop();
    });

    test("the README shows what it prints", async () => {
      const [, command = "", output = ""] =
        /<!-- explain -->\n```\n\$ sallyport explain ([^\n]*)\n\n([\s\S]*?)```\n<!-- \/explain -->/.exec(read("README.md")) ?? [];
      assert.notEqual(output, "");
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
      const { out } = await runCommand(["explain", "--config", config, ...words]);
      assert.equal(out, output);
      // What stands there of the rules is the demo's own.
      const demo = demoConfiguration({
        port: 1,
        databasePort: 2,
        databaseUser: "u",
        issuer: "https://localhost",
        mysql: null,
        recipient: (await makeAuditorIdentity()).recipient,
      });
      for (const rule of output.matchAll(/rule ([\w-]+)/g)) assert.match(demo, new RegExp(`name: ${rule[1]}$`, "m"));
    });

    test("a masked statement: verdict, origins, masks, rights and what is sent, which is what the gateway sends", async () => {
      const object = await told(MASKED, ...AGENT);
      assert.partialDeepStrictEqual(object, {
        target: "shop",
        database: "shop",
        principal: { name: "report-agent", groups: ["data-agents"] },
        rightsAssumed: false,
        verdict: "mask",
        reason: null,
        message: null,
        hint: null,
        position: null,
        underMask: true,
      });
      assert.partialDeepStrictEqual(statementOf(object), {
        tag: "SELECT",
        verdict: "mask",
        needs: [{ right: "read", rule: "agents-read" }],
        tables: ["users"],
      });
      const { columns, notes } = statementOf(object);
      assert.deepEqual(
        columns.map(({ name, direct, masked, origins }: Record<string, unknown>) => [name, direct, masked, origins]),
        [
          ["name", true, false, [{ schema: "public", table: "users", column: "name", mask: null }]],
          ["email", true, true, [{ schema: "public", table: "users", column: "email", mask: { rule: "e-mail", kind: "email" } }]],
          ["ssn", true, true, [{ schema: "public", table: "users", column: "ssn", mask: { rule: "ssn", kind: "redact" } }]],
        ],
      );
      assert.deepEqual(notes, ["a condition on masked public.users.ssn sees masked values and can't use index users_ssn_key"]);
      // The rewritten text runs, and shows what the gateway shows.
      const client = await connectPostgres({ ...postgres, database: "shop" });
      const direct = await client.query(String(object["upstreamSql"]).replace(/where.*/, "order by ssn, name, email limit 3"));
      await client.end();
      const agent = await connectPostgres({ ...postgres, ...(await gateway.login()), database: "shop", ca: gateway.ca });
      const { rows } = await agent.query("select name, email, ssn from users order by ssn, name, email limit 3");
      await agent.end();
      assert.deepEqual(direct.rows, rows);
    });

    test("computed columns name all that goes in; stars and common table expressions are followed", async () => {
      const { columns } = statementOf(
        await told(
          "with u as (select * from users) select id, lower(email) || city as c, (select max(card) from payments) m, 1 as one from u",
          ...AGENT,
        ),
      );
      const seen = columns.map(
        ({ name, direct, masked, origins }: { name: string; direct: boolean; masked: boolean; origins: { column: string }[] }) => [
          name,
          direct,
          masked,
          origins.map(({ column }) => column).join(),
        ],
      );
      assert.deepEqual(seen, [
        ["id", true, false, "id"],
        ["c", false, true, "city,email"],
        ["m", false, true, "card"],
        ["one", false, false, ""],
      ]);
    });

    test("a guardrail refuses here as it does in the gateway", async () => {
      const object = await told("select u.name from orders o, users u", ...AGENT);
      assert.partialDeepStrictEqual(object, { verdict: "deny", reason: "statement-guarded", rule: "joined", position: 30 });
      assert.match(String(object["hint"]), /^join them ON/);
      const joined = await told("select o.id from orders o join orders p on p.id = o.id", ...AGENT);
      assert.equal(joined["verdict"], "allow");
    });

    test("a refusal says where, why, and what would make it pass", async () => {
      const sql = "select name\n  from users tablesample system (10)";
      const object = await told(sql, ...AGENT);
      assert.equal(object["verdict"], "deny");
      assert.equal(object["reason"], "masked-unsupported");
      assert.equal(object["upstreamSql"], null);
      assert.match(String(object["hint"]), /ORDER BY random\(\)/);
      const { out } = await explain(sql, ...AGENT);
      const lines = out.split("\n");
      const text = lines.findIndex((line) => line.includes("from users tablesample"));
      assert.equal(lines[text + 1]?.indexOf("^"), lines[text]?.indexOf("users"));
    });

    test("the caret stands under wide and escaped characters as under plain ones", async () => {
      const { out } = await explain("select '日本\u202e', name frm users", ...AGENT);
      const lines = out.split("\n");
      const text = lines.findIndex((line) => line.includes("frm"));
      assert.ok(lines[text]?.includes("'日本\\u{202e}'"));
      // Two columns for each of the wide characters, eight for the one that is written out.
      assert.equal(lines[text + 1]?.indexOf("^"), (lines[text]?.indexOf("users") ?? 0) + 2);
    });

    test("of several statements each is told apart, and one that may not run keeps all from running", async () => {
      const sql = "select 1; update orders set status = 'paid' where id = 1; select ssn from users";
      const object = await told(sql, ...AGENT);
      assert.equal(object["verdict"], "deny");
      assert.equal(object["reason"], "access-not-granted");
      const { statements } = object;
      assert.ok(Array.isArray(statements));
      assert.deepEqual(
        statements.map(({ tag, verdict }) => [tag, verdict]),
        [
          ["SELECT", "allow"],
          ["UPDATE", "deny"],
          ["SELECT", "mask"],
        ],
      );
      assert.deepEqual(statements[1].needs, [
        { right: "read", rule: "agents-read" },
        { right: "write", rule: null },
      ]);
    });

    test("guards that fire are named with their rule, others without", async () => {
      const object = await told("update orders set status = 'x'; select 1");
      assert.equal(object["reason"], "statement-guarded");
      assert.deepEqual(
        [0, 1].map((index) => statementOf(object, index).guards.map(({ kind, rule }: Record<string, unknown>) => [kind, rule])),
        [[["update-without-where", "no-blanket-writes"]], [["multi-statement", null]]],
      );
      const { out } = await explain("update orders set status = 'x'");
      assert.match(out, /guarded update-without-where \(rule no-blanket-writes\)/);
    });

    test("masks are those of whom it is asked for", async () => {
      const kinds = async (...options: readonly string[]) => {
        const { columns } = statementOf(await told("select email, ssn from users", ...options));
        return columns.map(({ masked }: { masked: boolean }) => masked);
      };
      assert.deepEqual(await kinds(...AGENT), [true, true]);
      assert.deepEqual(await kinds(...AGENT, "--group", "support"), [false, true]);
    });

    test("nobody named: under every mask, every right assumed", async () => {
      const object = await told("update orders set status = 'paid' where id = 1");
      assert.equal(object["verdict"], "allow");
      assert.equal(object["rightsAssumed"], true);
      assert.equal((await told("select ssn from users"))["verdict"], "mask");
      assert.equal((await told("select ssn from users", "--as", "stranger"))["reason"], "target-not-granted");
    });

    test("text that does not parse is placed, and no columns are claimed for it", async () => {
      const object = await told("select ssn frm users where", ...AGENT);
      assert.equal(object["verdict"], "deny");
      assert.deepEqual(object["statements"], []);
      assert.equal(typeof object["position"], "number");
    });

    test("--check fails where it would be refused, and only there", async () => {
      assert.equal((await explain(MASKED, ...AGENT, "--check")).code, 0);
      assert.equal((await explain("drop table users", ...AGENT)).code, 0);
      assert.equal((await explain("drop table users", ...AGENT, "--check")).code, 1);
      assert.equal((await explain("select 1", "--database", "nowhere")).code, 2);
    });

    test("the statement is not run", async () => {
      const client = await connectPostgres({ ...postgres, database: "shop" });
      await client.query("create sequence ticks");
      await explain("select nextval('ticks')");
      await explain("drop table order_items");
      const { rows } = await client.query("select is_called, (select count(*) from order_items) > 0 as there from ticks");
      assert.deepEqual(rows, [{ is_called: false, there: true }]);
      await client.end();
    });

    test("control characters in a statement reach no terminal as they are", async () => {
      const { out } = await explain("select '\u001b]52;c;eA==\u0007' as \"\u001b[31m\" from users", ...AGENT);
      assert.doesNotMatch(out, /[^\n\P{Cc}]/u);
    });

    test("a target that is down is said to be, without a secret", async () => {
      const sections = JSON.parse(readFileSync(config, "utf8"));
      sections.targets.shop.address = "127.0.0.1:1";
      const down = join(gateway.folder, "down.yaml");
      writeFileSync(down, JSON.stringify(sections));
      const { code, err } = await runCommand(["explain", "--target", "shop", "--config", down, "select 1", "--json"]);
      assert.equal(code, 1);
      assert.equal(JSON.parse(err).error.code, "target-unreachable");
    });
  });
}
