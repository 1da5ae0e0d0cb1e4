/** Everything that the gate's fuzzer needs on MySQL or MariaDB, from one seed: three servers, what is masked on them, a judge, and sessions. */
import { masksFor } from "#policies/decide.ts";
import { allowedFunctions, policyDocumentSchema } from "#policies/document.ts";
import type { Principal } from "#policies/question.ts";
import type { MysqlJudgement } from "#protocols/mysql/judge.ts";
import type { Settings } from "#protocols/mysql/settings.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { type MysqlMaskingView, resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { quoteName, quoteString } from "#protocols/sql/mysql/quoting.ts";
import { readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";
import { readMysqlCatalogue } from "#src/catalogue/mysql-reader.ts";
import { MysqlJudgements } from "#src/sessions/mysql-judge.ts";
import { MysqlAttacker, type MysqlWay, readable } from "#test/masking/mysql/client.ts";
import { MYSQL_STEADY } from "#test/masking/mysql/seed.ts";
import { maskingRules } from "#test/masking/mysql/world.ts";
import { searchFor } from "#test/masking/search.ts";
import { type MysqlFlavour, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { Chance } from "./gate-chance.ts";
import { GateFuzzer } from "./gate-fuzzer.ts";
import { freshMysqlSecrets } from "./mysql-canaries.ts";
import { MYSQL_DIALECT, mysqlDialectBy } from "./mysql-dialect.ts";
import { MysqlGateSession, type MysqlSent, type MysqlTerms, type MysqlTwin } from "./mysql-session.ts";
import { mysqlVocabulary } from "./mysql-vocabulary.ts";

const TARGET = "orders";
const DOCUMENT = policyDocumentSchema.parse({
  access: { rules: [{ who: { groups: ["agents"] }, targets: [TARGET], may: ["read", "write", "schema", "admin"] }] },
  masking: { rules: maskingRules([TARGET]), functions: { allow: ["app.order_total"] } },
});
const MASKED: Principal = { issuer: "https://idp.test", name: "reader", groups: ["agents"], actor: null };
const JUDGED_MS_MAX = 2_000;
/** Long enough for what is meant to end, short enough for what is not. */
const STATEMENT_MS = 400;

export type MysqlTextJudge = (sql: string, settings: Settings) => MysqlJudgement;

/** What is not to be as it is in the product: holes that the fuzzer must find, and somebody who watches. */
export interface MysqlOtherwise {
  readonly judge?: MysqlTextJudge;
  /** What the tripwire goes by, in place of what is masked. */
  readonly view?: MysqlMaskingView;
  readonly before?: (sql: string) => void;
  /** Every text goes this way; else by chance. */
  readonly way?: MysqlWay;
}

export interface OpenedMysqlGate {
  readonly view: MysqlMaskingView;
  fuzzer(seed: number, other?: MysqlOtherwise): GateFuzzer<MysqlSent>;
  stop(): Promise<void>;
}

/** @param seed of the secrets */
export async function openMysqlGate(flavour: MysqlFlavour, seed: number): Promise<OpenedMysqlGate> {
  await loadGrammar();
  const chance = new Chance(seed);
  const [own, others] = [freshMysqlSecrets(chance, false), freshMysqlSecrets(chance, true)];
  const twins = await Promise.all([own, own, others].map(({ seed: statements }) => startTwin(flavour, statements)));
  const [one, two, three] = twins;
  if (one === undefined || two === undefined || three === undefined) throw new Error("three servers were started");
  const view = await viewOf(one.server);
  if (namesIn(view) !== namesIn(await viewOf(three.server))) throw new Error("the databases of one seed differ in what they hold");
  const stored = storedIn(view);
  const sessions = [one, two, three].map((twin) => new MysqlGateSession(twin, stored));
  const [first, like, another] = sessions;
  if (first === undefined || like === undefined || another === undefined) throw new Error("three servers have three sessions");
  const restored = async (): Promise<void> => {
    if (!twins.some(({ spoilt }) => spoilt)) return;
    for (const session of sessions) session.end();
    for (const [index, twin] of twins.entries()) {
      twin.server.sql(`${withoutLimit(twin.server)}; DROP DATABASE app; DROP DATABASE shop; DROP DATABASE other; CREATE DATABASE app CHARACTER SET utf8mb4;
        ${(index < 2 ? own : others).seed.join("\n")} ${ANALYSED}`);
      twin.spoilt = false;
    }
  };
  const [words, search] = [mysqlVocabulary(view), searchFor(own.canaries)];
  return {
    view,
    fuzzer: (number, other = {}) => {
      const judge = other.judge ?? mysqlJudgeBy(view);
      const terms: MysqlTerms = { view: other.view ?? view, judge, guarded: true };
      const under = (session: MysqlGateSession, guarded = true) => ({
        try: async (texts: readonly MysqlSent[]) => {
          if (session === first) await restored();
          return session.try(texts, { ...terms, guarded });
        },
        shake: (by: Chance) => session.shake(by),
      });
      return new GateFuzzer(number, {
        ...{ dialect: other.way === undefined ? MYSQL_DIALECT : mysqlDialectBy(other.way), words, search, judgedMsMax: JUDGED_MS_MAX },
        judge: (sql, before) => judge(sql, settingsBehind(before, view)),
        sessions: { first: under(first), like: under(like), other: under(another) },
        unguarded: { first: under(first, false), other: under(another, false) },
        ...(other.before === undefined ? {} : { before: other.before }),
      });
    },
    stop: async () => {
      for (const session of sessions) session.end();
      await Promise.all(twins.map(({ server }) => server.stop()));
    },
  };
}

/** The product's own judge, for a principal who may do everything and is under every mask of the view. */
export function mysqlJudgeBy(view: MysqlMaskingView): MysqlTextJudge {
  const scope = {
    document: DOCUMENT,
    principal: MASKED,
    target: TARGET,
    view,
    guarded: false,
    sizeOf: null,
    rejudge: null,
    digest: () => "digest",
  };
  return new MysqlJudgements().judge(scope);
}

/** As texts of the session will have set them, for the first judgement; the session's own judges by what the server says. */
function settingsBehind(before: readonly string[], { catalogue }: MysqlMaskingView): Settings {
  const database = before.findLast((sql) => /^USE \w+$/.test(sql))?.slice(4) ?? "app";
  const set = before.map((sql) => /sql_mode\s*:?=\s*'([\w,]*)'/i.exec(sql)?.[1]).findLast((mode) => mode !== undefined);
  return { database, sqlMode: readSqlMode(set ?? catalogue.sqlMode), charset: "utf8mb4" };
}

const ANALYSED = ["app.users", "app.orders", "app.badges", "shop.users", "shop.orders", "shop.payments"]
  .map((table) => `ANALYZE TABLE ${table};`)
  .join(" ");

async function startTwin(flavour: MysqlFlavour, seed: readonly string[]): Promise<MysqlTwin> {
  const settings = { ...MYSQL_STEADY, "innodb-lock-wait-timeout": "2" };
  const server = await startMysql({ flavour, settings, seed: [...seed, ANALYSED] });
  server.sql(
    flavour === "mysql9" ? `SET GLOBAL max_execution_time = ${STATEMENT_MS}` : `SET GLOBAL max_statement_time = ${STATEMENT_MS / 1000}`,
  );
  return { server, spoilt: false };
}

/** For what is not tried, but needed. */
function withoutLimit({ flavour }: TestMysql): string {
  return flavour === "mysql9" ? "SET max_execution_time = 0" : "SET max_statement_time = 0";
}

async function viewOf(server: TestMysql): Promise<MysqlMaskingView> {
  const client = await MysqlAttacker.straight(server, "app");
  try {
    await client.query(withoutLimit(server));
    const catalogue = await readMysqlCatalogue(async (sql) => {
      const { columns, rows } = await client.query(sql);
      return rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name.toLowerCase(), readable(row[index] ?? null)])));
    });
    const { protection } = resolveMysqlProtection(catalogue, masksFor(DOCUMENT, MASKED, TARGET));
    return { catalogue, protection, functionsAllowed: allowedFunctions(DOCUMENT) };
  } finally {
    client.end();
  }
}

function namesIn({ catalogue }: MysqlMaskingView): string {
  return JSON.stringify(catalogue.tables.map(({ database, name, columns }) => [database, name, columns.map((column) => column.name)]));
}

/** All rows of all tables of the seed, without their masked columns, in an order that does not depend on these. */
function storedIn({ catalogue, protection }: MysqlMaskingView): string {
  const tables = catalogue.tables.filter(({ kind, database }) => kind === "table" && ["app", "shop", "other"].includes(database));
  return tables
    .map((table) => {
      const open = table.columns.filter(({ name }) => protection.columns.get(table)?.has(name) !== true).map(({ name }) => quoteName(name));
      const order = open.map((_, index) => index + 2).join(", ");
      return `SELECT ${[quoteString(table.name), ...open].join(", ")} FROM ${quoteName(table.database)}.${quoteName(table.name)} ORDER BY ${order}`;
    })
    .join("; ");
}
