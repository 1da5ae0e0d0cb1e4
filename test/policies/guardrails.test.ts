/** Guardrails as tables: what a rule accepts, and what it refuses to whom, with its reason, its place and a way on. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { catalogueTargets, decide, guardrailsFor, sizedTargets } from "#policies/decide.ts";
import { documentProblems, policyDocumentSchema } from "#policies/document.ts";
import { GUARD_KINDS, type Guard, type GuardKind, type Principal, type Question, type StatementFacts } from "#policies/question.ts";

const RIGHTS = ["read", "write", "schema", "admin"];
const agents = { groups: ["agents"] };

function documentWith(...rules: readonly object[]) {
  return policyDocumentSchema.parse({
    access: { rules: [{ name: "all", who: { groups: ["agents", "dba"] }, targets: ["orders", "crm"], may: RIGHTS }] },
    guardrails: { rules },
  });
}

function principal(...groups: readonly string[]): Principal {
  return { issuer: "https://idp", name: "agent", groups, actor: null };
}

function guard(kind: GuardKind, more: Partial<Guard> = {}): Guard {
  return { kind, position: 13, relation: "public.users", detail: null, rows: null, ...more };
}

function statement(who: Principal, guards: readonly Guard[], target = "orders"): Question {
  const facts: StatementFacts = { tag: "DELETE", needs: ["write"], tables: [], masking: null, guards };
  return { kind: "statement", principal: who, target, facts: { kind: "parsed", statements: [facts] } };
}

const agent = principal("agents");

describe("a guardrail", () => {
  for (const kind of GUARD_KINDS) {
    test(`refuses ${kind} where a rule denies it, and nothing else`, () => {
      const document = documentWith({ name: "none", target: "orders", deny: [kind] });
      for (const other of GUARD_KINDS) {
        const decision = decide(document, statement(agent, [guard(other, { rows: 1_000_000 })]));
        if (other !== kind) assert.equal(decision.verdict, "allow", other);
        else {
          assert.ok(decision.verdict === "deny");
          assert.deepEqual([decision.reason, decision.rule, decision.position], ["statement-guarded", "none", 13]);
          assert.ok(decision.message.startsWith(`${kind}: `), decision.message);
          assert.ok(decision.hint.length > 20);
        }
      }
    });
  }

  test("says what it was about and what would pass, so that a model can act on it", () => {
    const document = documentWith({ target: "orders", deny: [...GUARD_KINDS] });
    const said = (found: Guard) => {
      const decision = decide(document, statement(agent, [found]));
      return decision.verdict === "deny" ? `${decision.message} | ${decision.hint}` : decision.verdict;
    };
    assert.equal(
      said(guard("delete-without-where", { detail: "DELETE" })),
      "delete-without-where: DELETE has no condition that names rows of public.users, so it would delete every one | " +
        "add a WHERE that names the rows, e.g. by primary key",
    );
    assert.match(said(guard("unlimited-select", { rows: 250_000 })), /some 250000 of them \| add LIMIT/);
    assert.match(said(guard("cross-join", { detail: "orders" })), /connects public\.users to orders.*\| join them ON/);
    assert.match(said(guard("drop", { detail: "DROP TABLE" })), /DROP TABLE public\.users is refused/);
  });

  test("without a name is called by its place in the file", () => {
    const decision = decide(
      documentWith({ target: "crm", deny: ["drop"] }, { target: "orders", deny: ["drop"] }),
      statement(agent, [guard("drop")]),
    );
    assert.equal(decision.rule, "guardrails.rules.1");
  });

  test("holds for everybody, unless who and unless say otherwise", () => {
    const refused = (rule: object, who: Principal, target = "orders") =>
      decide(documentWith({ target: "orders", deny: ["truncate"], ...rule }), statement(who, [guard("truncate")], target)).verdict ===
      "deny";
    assert.equal(refused({}, agent), true);
    assert.equal(refused({}, agent, "crm"), false);
    assert.equal(refused({ who: agents }, agent), true);
    assert.equal(refused({ who: agents }, principal("dba")), false);
    assert.equal(refused({ unless: { groups: ["dba"] } }, principal("dba")), false);
    assert.equal(refused({ unless: { groups: ["dba"] } }, principal("agents", "dba")), false);
    assert.equal(refused({ who: agents, unless: { names: ["agent"] } }, agent), false);
    assert.equal(refused({ target: undefined, targets: ["crm", "orders"] }, agent, "crm"), true);
  });

  test("takes a table for big from its own number of rows on, or from 100,000", () => {
    const refused = (rows: number | null, bigTable?: number) => {
      const rule = { target: "orders", deny: ["unlimited-select"], ...(bigTable === undefined ? {} : { bigTable }) };
      return decide(documentWith(rule), statement(agent, [guard("unlimited-select", { rows })])).verdict === "deny";
    };
    assert.deepEqual([refused(99_999), refused(100_000), refused(null)], [false, true, false]);
    assert.deepEqual([refused(9, 10), refused(10, 10)], [false, true]);
  });

  test("refuses what cannot be seen through, unless the rule allows it or forbids only several statements", () => {
    const verdict = (rule: object) =>
      decide(documentWith({ target: "orders", ...rule }), statement(agent, [guard("opaque", { detail: "DO" })])).verdict;
    assert.equal(verdict({ deny: ["truncate"] }), "deny");
    assert.equal(verdict({ deny: ["truncate"], opaque: "deny" }), "deny");
    assert.equal(verdict({ deny: ["truncate"], opaque: "allow" }), "allow");
    assert.equal(verdict({ deny: ["multi-statement"] }), "allow");
  });

  test("refuses what does not parse, wherever one could apply, with the place of the error", () => {
    const facts = { kind: "unparsed", message: 'syntax error at or near "x"', position: 3, masked: false } as const;
    const ask = (target: string) =>
      decide(documentWith({ name: "g", target: "orders", deny: ["drop"] }), { kind: "statement", principal: agent, target, facts });
    assert.partialDeepStrictEqual(ask("orders"), { verdict: "deny", reason: "statement-unparsed", rule: "g", position: 3 });
    assert.partialDeepStrictEqual(ask("crm"), { verdict: "allow", reason: "unparsed" });
  });

  test("stands behind a missing right, before a mask and a permission", () => {
    const rules = [{ target: "orders", deny: ["truncate"] }];
    const document = policyDocumentSchema.parse({
      access: { rules: [{ who: agents, targets: ["orders"], may: ["read"] }] },
      guardrails: { rules },
      masking: { rules: [{ target: "orders", columns: ["a.b.c"], with: "redact" }] },
    });
    const masking = { kind: "rewritable", columns: [{ schema: "a", table: "b", column: "c", rule: "masking.rules.0" }] } as const;
    const ask = (needs: StatementFacts["needs"], guards: readonly Guard[]) =>
      decide(document, {
        kind: "statement",
        principal: agent,
        target: "orders",
        facts: { kind: "parsed", statements: [{ tag: "SELECT", needs, tables: [], masking, guards }] },
      });
    assert.partialDeepStrictEqual(ask(["write"], [guard("truncate")]), { reason: "access-not-granted" });
    assert.partialDeepStrictEqual(ask(["read"], [guard("truncate")]), { reason: "statement-guarded" });
    assert.partialDeepStrictEqual(ask(["read"], []), { verdict: "mask" });
  });
});

describe("the schema of guardrails", () => {
  const refusals: readonly (readonly [string, object, RegExp])[] = [
    ["a kind that is none", { target: "orders", deny: ["everything"] }, /deny\.0/],
    ["the kind that is always seen to", { target: "orders", deny: ["opaque"] }, /deny\.0/],
    ["no kind at all", { target: "orders", deny: [] }, /deny/],
    ["neither target nor targets", { deny: ["drop"] }, /either target or targets/],
    ["both target and targets", { target: "orders", targets: ["crm"], deny: ["drop"] }, /either target or targets/],
    ["a table that is big without rows", { target: "orders", deny: ["drop"], bigTable: 0 }, /bigTable/],
    ["nobody in particular", { target: "orders", deny: ["drop"], who: {} }, /needs at least one of/],
    ["a key that is misspelt", { target: "orders", deny: ["drop"], excpt: agents }, /excpt/],
  ];
  for (const [what, rule, message] of refusals) {
    test(`refuses ${what}`, () => {
      const parsed = policyDocumentSchema.safeParse({ guardrails: { rules: [rule] } });
      const words = parsed.success ? "" : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("\n");
      assert.match(words, message);
    });
  }

  test("a rule for a target that is not there is a problem with its place", () => {
    const document = documentWith({ target: "order", deny: ["drop"] }, { targets: ["orders", "cmr"], deny: ["drop"] });
    assert.deepEqual(documentProblems(document, ["orders", "crm"]), [
      { path: ["guardrails", "rules", 0, "target"], message: 'there is no target "order"' },
      { path: ["guardrails", "rules", 1, "targets", 1], message: 'there is no target "cmr"' },
    ]);
  });
});

describe("what guardrails need to know", () => {
  test("is asked by principal and target", () => {
    const document = documentWith(
      { target: "orders", deny: ["drop"], who: agents },
      { target: "orders", deny: ["cross-join"], unless: agents },
      { target: "crm", deny: ["unlimited-select"] },
    );
    assert.equal(guardrailsFor(document, agent, "orders"), "by-text");
    assert.equal(guardrailsFor(document, principal("dba"), "orders"), "by-catalogue");
    assert.equal(guardrailsFor(document, agent, "crm"), "by-catalogue");
    assert.equal(guardrailsFor(document, agent, "other"), "no");
    assert.deepEqual([...catalogueTargets(document)], ["orders", "crm"]);
    assert.deepEqual([...sizedTargets(document)], ["crm"]);
  });
});
