/** What a principal may see on a MySQL target while its catalogue is not known: nothing that masks or guardrails would need it for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { policyDocumentSchema } from "#policies/document.ts";
import type { ActiveMask } from "#policies/question.ts";
import { loadMysqlGrammar } from "#protocols/mysql/protocol.ts";
import type { SeenCatalogue } from "#src/catalogue/seen.ts";
import { MysqlStandings } from "#src/gateway/mysql/standings.ts";
import type { StandingOf } from "#src/gateway/standing.ts";
import { catalogueOf, table } from "#test/protocols/sql/mysql/small-catalogue.ts";

const MASK: ActiveMask = { rule: "pii", columns: ["app.users.ssn"], tags: [], mask: { kind: "redact" } };
const WHOSE: StandingOf = {
  principal: { issuer: "https://idp", name: "x", groups: [], actor: null },
  ...{ target: "shop", catalogue: "shop", masks: [], guarded: "no", mayPassUnparsed: false },
};

function standingsOver(catalogues: ReadonlyMap<string, SeenCatalogue>): MysqlStandings {
  const document = policyDocumentSchema.parse({ access: { rules: [] } });
  return new MysqlStandings({ document, catalogues, digest: () => "", maskKeys: new Map(), refresh: async () => undefined });
}

test("without a catalogue nobody is served who is under a mask, or under a guardrail that asks how large tables are", () => {
  const standings = standingsOver(new Map());
  const unavailable = { code: "catalogue-unavailable" };
  assert.throws(() => standings.standing({ ...WHOSE, masks: [MASK] }), unavailable);
  assert.throws(() => standings.standing({ ...WHOSE, guarded: "by-catalogue" }), unavailable);
  assert.equal(standings.standing({ ...WHOSE, guarded: "by-text" }).underMask, false);
  assert.equal(standings.standing(WHOSE).underMask, false);
});

test("a session that began with one is not judged without", async () => {
  await loadMysqlGrammar();
  const catalogues = new Map<string, SeenCatalogue>([["shop", catalogueOf([table("app", "users", ["id", "ssn"])])]]);
  const standing = standingsOver(catalogues).standing({ ...WHOSE, masks: [MASK] });
  assert.equal(standing.isProtected("app", "users", "ssn"), true);
  catalogues.clear();
  assert.throws(() => standing.isProtected("app", "users", "ssn"), { code: "catalogue-unavailable" });
});
