/** Everything that the gate's fuzzer needs, from one seed: three servers, what is masked on them, a judge, and sessions. */

import { masksFor } from "#policies/decide.ts";
import { allowedFunctions, type PolicyDocument, policyDocumentSchema } from "#policies/document.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { resolveProtection } from "#protocols/sql/postgres/protection.ts";
import { quoteIdentifier } from "#protocols/sql/postgres/quoting.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { readCatalogue } from "#src/catalogue/reader.ts";
import { judgeText } from "#src/sessions/judge.ts";
import { searchFor } from "#test/masking/search.ts";
import { withMasks } from "#test/masking/seed.ts";
import { DOCUMENT, MASKED } from "#test/masking/twins.ts";
import { connectPostgres } from "#test/support/postgres.ts";
import { freshSecrets } from "./gate-canaries.ts";
import { Chance } from "./gate-chance.ts";
import { PLAIN_OUTPUTS } from "./gate-corpus.ts";
import { GateFuzzer } from "./gate-fuzzer.ts";
import { postgresDialect } from "./gate-postgres.ts";
import { GateSession, type Sent, startWorld, type World } from "./gate-session.ts";
import { vocabularyOf } from "./gate-vocabulary.ts";

const TARGET = "orders";
const HASHED = [
  "users.ssn",
  "users.email",
  "users.origin",
  "users.bio",
  "people.ssn",
  "events.secret",
  "payments.card",
  "v_own*.masked_nick",
];
/** The masks of the corpus, some columns hashed before all others count. */
const HASHING = policyDocumentSchema.parse({
  ...withMasks({}),
  masking: {
    ...Object(withMasks({})["masking"]),
    rules: [
      { name: "hashed", target: TARGET, columns: HASHED.map((name) => `public.${name}`), with: { hash: { key: {} } } },
      ...Object(withMasks({})["masking"]).rules,
    ],
  },
});
const JUDGED_MS_MAX = 2_000;

/** What is not to be as it is in the product: holes that the fuzzer must find, and somebody who watches. */
export interface Otherwise {
  readonly judge?: (sql: string) => Judgement;
  /** Columns are hashed where their type has room for it, in place of other masks. */
  readonly hashed?: boolean;
  readonly judgedMsMax?: number;
  readonly before?: (sql: string) => void;
}

export interface OpenedGate {
  readonly view: MaskingView;
  /** Of the same principal, where some columns are hashed. */
  readonly hashingJudge: (sql: string) => Judgement;
  fuzzer(seed: number, other?: Otherwise): GateFuzzer<Sent>;
  /** Frees what tries that were rolled back have left. */
  tidy(): Promise<void>;
  stop(): Promise<void>;
}

/** @param seed of the secrets */
export async function openGate(seed: number): Promise<OpenedGate> {
  await loadGrammar();
  const chance = new Chance(seed);
  const [own, others] = [freshSecrets(chance, false), freshSecrets(chance, true)];
  const [first, like, other] = await Promise.all([startWorld(own.seed), startWorld(own.seed), startWorld(others.seed)]);
  const worlds = [first, like, other];
  const [view, hashedView] = [await viewOf(first), await viewOf(first, HASHING)];
  const [hereNames, thereNames] = [namesIn(view), namesIn(await viewOf(other))];
  if (hereNames !== thereNames) throw new Error("the databases of one seed differ in what they hold");
  const stored = storedIn(view);
  const [words, search] = [vocabularyOf(view), searchFor(own.canaries)];
  const sessions = {
    first: new GateSession(first, stored),
    like: new GateSession(like, stored),
    other: new GateSession(other, stored),
  };
  const hashingJudge = judgeBy(hashedView, HASHING);
  return {
    view,
    hashingJudge,
    fuzzer: (number, { judge, hashed = false, judgedMsMax = JUDGED_MS_MAX, before } = {}) => {
      const own = hashed
        ? { view: hashedView, judge: hashingJudge, starts: PLAIN_OUTPUTS }
        : { view, judge: judge ?? judgeBy(view), starts: [] };
      const { first, like, other } = sessions;
      const under = (session: GateSession) => ({ try: (texts: readonly Sent[]) => session.try(texts, own.view) });
      const bound = { first: under(first), like: under(like), other: under(other) };
      const terms = { judge: own.judge, dialect: postgresDialect(own.starts), words, search, sessions: bound, judgedMsMax };
      return new GateFuzzer(number, { ...terms, ...(before === undefined ? {} : { before }) });
    },
    tidy: async () => {
      for (const session of Object.values(sessions)) session.end();
      await Promise.all(worlds.map(vacuumed));
    },
    stop: async () => {
      for (const session of Object.values(sessions)) session.end();
      await Promise.all(worlds.map(({ server }) => server.stop()));
    },
  };
}

/** The product's own judge, for a principal who may do everything and is under every mask of the view. */
export function judgeBy(view: MaskingView, document: PolicyDocument = DOCUMENT): (sql: string) => Judgement {
  const scope = { document, principal: MASKED, target: TARGET, view, catalogue: view.catalogue };
  return (sql) => judgeText(sql, { ...scope, guarded: true, rejudge: null, digest: () => "digest" });
}

async function viewOf({ server }: World, document: PolicyDocument = DOCUMENT): Promise<MaskingView> {
  const client = await connectPostgres(server);
  try {
    await client.query("SET statement_timeout = 0");
    const catalogue = await readCatalogue(async (sql) => (await client.query(sql)).rows);
    const { protection } = resolveProtection(catalogue, masksFor(document, MASKED, TARGET));
    return { catalogue, protection, functionsAllowed: allowedFunctions(document) };
  } finally {
    await client.end();
  }
}

async function vacuumed({ server }: World): Promise<void> {
  const client = await connectPostgres(server);
  try {
    await client.query("SET statement_timeout = 0");
    await client.query("VACUUM");
  } finally {
    await client.end();
  }
}

/** With their OIDs: answers name them. */
function namesIn({ catalogue }: MaskingView): string {
  return JSON.stringify([
    catalogue.relations.map(({ oid, schema, name }) => [oid, schema, name]),
    catalogue.types.map(({ schema, name }) => [schema, name]),
  ]);
}

/** All rows of all tables of the seed, without their masked columns. */
function storedIn({ catalogue, protection }: MaskingView): string {
  const tables = catalogue.relations.filter(
    ({ schema, kind }) => kind === "table" && schema !== "pg_catalog" && schema !== "information_schema",
  );
  const parts = tables.map(({ oid, schema, name, columns }) => {
    const open = columns.filter(({ number }) => protection.columns.get(oid)?.has(number) !== true);
    const row = `concat_ws('|', ${["''", ...open.map((column) => `t.${quoteIdentifier(column.name)}`)].join(", ")})`;
    return `SELECT '${name.replaceAll("'", "''")}', ${row} FROM ONLY ${quoteIdentifier(schema)}.${quoteIdentifier(name)} t`;
  });
  return parts.join(" UNION ALL ");
}
