/** The join of policies, as a table: question, expected verdict, one reason. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decide, masksFor } from "#policies/decide.ts";
import { policyDocumentSchema } from "#policies/document.ts";
import type { MaskingFacts, Principal, Question, Right, TextFacts } from "#policies/question.ts";

const document = policyDocumentSchema.parse({
  access: {
    rules: [
      { name: "readers", who: { groups: ["agents", "fraud-desk"] }, targets: ["orders"], may: ["read"] },
      { name: "writers", who: { groups: ["agents"], names: ["loader"] }, targets: ["orders"], may: ["write"] },
      { name: "owners", who: { groups: ["dba"] }, targets: ["orders", "plain"], may: ["read", "write", "schema", "admin"] },
      { name: "plain-readers", who: { groups: ["agents"], issuers: ["https://idp"] }, targets: ["plain"], may: ["read"] },
    ],
  },
  masking: {
    rules: [{ name: "pii", target: "orders", columns: ["public.users.ssn"], with: "redact", unless: { groups: ["fraud-desk"] } }],
  },
});

function principal(groups: readonly string[], name = "agent", issuer = "https://idp"): Principal {
  return { issuer, name, groups, actor: null };
}

const ssn = { schema: "public", table: "users", column: "ssn", rule: "pii" };
const clear: MaskingFacts = { kind: "clear" };
const rewritable: MaskingFacts = { kind: "rewritable", columns: [ssn] };
const obstacle: MaskingFacts = {
  kind: "obstacle",
  obstacle: { reason: "masked-write", rule: "pii", message: "no", hint: "none", position: 7 },
};

function parsed(...statements: readonly (readonly [needs: readonly Right[], masking: MaskingFacts | null])[]): TextFacts {
  return { kind: "parsed", statements: statements.map(([needs, masking]) => ({ tag: "SELECT", needs, tables: [], masking, guards: [] })) };
}

function unparsed(masked: boolean): TextFacts {
  return { kind: "unparsed", message: 'syntax error at or near "x"', position: 3, masked };
}

function statement(who: Principal, facts: TextFacts, target = "orders"): Question {
  return { kind: "statement", principal: who, target, facts };
}

const agent = principal(["agents"]);
const desk = principal(["fraud-desk"]);
const table: readonly (readonly [string, Question, Record<string, unknown>])[] = [
  ["a connection that a rule grants", { kind: "connect", principal: agent, target: "orders" }, { verdict: "allow", rule: "readers" }],
  [
    "a connection that none grants",
    { kind: "connect", principal: agent, target: "crm" },
    { verdict: "deny", reason: "target-not-granted" },
  ],
  [
    "a connection of another issuer's namesake",
    { kind: "connect", principal: principal(["agents"], "agent", "https://other"), target: "plain" },
    { verdict: "deny", reason: "target-not-granted" },
  ],
  ["a read", statement(agent, parsed([["read"], clear])), { verdict: "allow", rule: "readers", reason: null }],
  [
    "a write without the right",
    statement(agent, parsed([["write"], clear])),
    { verdict: "deny", reason: "access-not-granted", rule: null },
  ],
  [
    "a write by the one name that may",
    statement(principal(["agents"], "loader"), parsed([["write"], clear])),
    { verdict: "allow", rule: "writers" },
  ],
  ["rights of two rules together", statement(principal(["agents"], "loader"), parsed([["read", "write"], clear])), { verdict: "allow" }],
  [
    "a text of which one statement is not granted",
    statement(agent, parsed([["read"], clear], [["schema"], clear])),
    { verdict: "deny", reason: "access-not-granted" },
  ],
  ["a text without a statement", statement(agent, parsed()), { verdict: "allow" }],
  ["a masked read", statement(agent, parsed([["read"], rewritable])), { verdict: "mask", rule: "pii", columns: [ssn] }],
  [
    "an obstacle",
    statement(principal(["dba"]), parsed([["read"], rewritable], [["write"], obstacle])),
    { verdict: "deny", reason: "masked-write", rule: "pii", position: 7 },
  ],
  [
    "a missing right before an obstacle",
    statement(agent, parsed([["write"], obstacle])),
    { verdict: "deny", reason: "access-not-granted" },
  ],
  ["whom the rule leaves out", statement(desk, parsed([["read"], null])), { verdict: "allow", rule: "readers" }],
  [
    "facts that were made without the masks in force",
    statement(agent, parsed([["read"], null])),
    { verdict: "deny", reason: "masked-unresolved" },
  ],
  [
    "unparsed text of one with every right",
    statement(principal(["dba"]), unparsed(false), "plain"),
    { verdict: "allow", reason: "unparsed" },
  ],
  [
    "unparsed text of one with fewer rights",
    statement(agent, unparsed(false), "plain"),
    { verdict: "deny", reason: "statement-unparsed", position: 3 },
  ],
  ["unparsed text where columns are masked", statement(principal(["dba"]), unparsed(true)), { verdict: "deny", reason: "masked-unparsed" }],
  [
    "unparsed text whose facts forgot the mask",
    statement(principal(["dba"]), unparsed(false)),
    { verdict: "deny", reason: "masked-unparsed", position: 3 },
  ],
];

describe("decide", () => {
  for (const [what, question, expected] of table) {
    test(`${what}: ${expected["verdict"]} ${expected["reason"] ?? ""}`, () => {
      const decision: unknown = decide(document, question);
      assert.partialDeepStrictEqual(decision, expected);
    });
  }

  test("a document without rules denies everything", () => {
    const empty = policyDocumentSchema.parse({});
    for (const [, question] of table) assert.equal(decide(empty, question).verdict, "deny");
  });

  test("a denial says in one lower-case sentence what is missing, and in its hint what is needed", () => {
    const decision = decide(document, statement(agent, parsed([["write", "schema"], clear])));
    assert.ok(decision.verdict === "deny");
    assert.equal(decision.message, 'SELECT needs "write" and "schema" on orders, which no access rule grants this principal');
    assert.equal(decision.hint, "a rule with may: [write, schema] for orders is needed");
  });
});

describe("masksFor", () => {
  test("gives the rules of the target that do not leave the principal out", () => {
    assert.deepEqual(masksFor(document, agent, "orders"), [
      { rule: "pii", columns: ["public.users.ssn"], tags: [], mask: { kind: "redact" }, assign: "none" },
    ]);
    assert.deepEqual(masksFor(document, desk, "orders"), []);
    assert.deepEqual(masksFor(document, agent, "plain"), []);
  });

  describe("with several fields in `unless`", () => {
    const masked = (unless: unknown, who: Principal) => {
      const rules = [{ target: "orders", columns: ["public.users.ssn"], with: "redact", unless }];
      return masksFor(policyDocumentSchema.parse({ masking: { rules } }), who, "orders").length === 1;
    };
    const unless = { names: ["ada", "grace"], groups: ["fraud-desk", "audit"], issuers: ["https://idp"] };

    test("spares those alone who match every one of them", () => {
      assert.equal(masked(unless, principal(["x", "audit"], "ada")), false);
      assert.equal(masked(unless, principal(["fraud-desk"], "grace")), false);
      for (const [why, who] of [
        ["another name", principal(["audit"], "edsger")],
        ["no such group", principal(["x"], "ada")],
        ["no group at all", principal([], "ada")],
        ["another issuer, whose names and groups are its own", principal(["audit"], "ada", "https://other")],
        ["a name in other letters", principal(["audit"], "Ada")],
        ["a group in other letters", principal(["AUDIT"], "ada")],
        ["an issuer with a slash more", principal(["audit"], "ada", "https://idp/")],
      ] as const)
        assert.equal(masked(unless, who), true, why);
    });

    test("of two fields each counts", () => {
      assert.equal(masked({ names: ["ada"], issuers: ["https://idp"] }, principal([], "ada")), false);
      assert.equal(masked({ names: ["ada"], issuers: ["https://idp"] }, principal([], "ada", "https://other")), true);
      assert.equal(masked({ groups: ["audit"], issuers: ["https://idp"] }, principal(["audit"], "x", "https://other")), true);
      assert.equal(masked({ names: ["ada"], groups: ["audit"] }, principal(["audit"], "grace")), true);
    });

    test("who acts for another is that other to a rule: its own name spares nobody", () => {
      const acting: Principal = { ...principal(["agents"], "robot"), actor: "ada" };
      assert.equal(masked({ names: ["ada"] }, acting), true);
    });

    test("nothing in it, or a field without entries, is refused", () => {
      for (const empty of [{}, { names: [] }, { groups: [] }, { names: ["ada"], groups: [] }, { names: [""] }])
        assert.throws(() => masked(empty, agent), /names|groups|issuers|small|expected/i, JSON.stringify(empty));
    });
  });

  test("one rule may spare whom another does not, in the order of the rules", () => {
    const rules = [
      { name: "some", target: "orders", columns: ["public.users.ssn"], with: { keepLast: 4 }, unless: { groups: ["audit"] } },
      { name: "all", target: "orders", columns: ["public.users.ssn"], with: "redact" },
    ];
    const policy = policyDocumentSchema.parse({ masking: { rules } });
    const names = (who: Principal) => masksFor(policy, who, "orders").map(({ rule }) => rule);
    assert.deepEqual(names(principal(["audit"])), ["all"]);
    assert.deepEqual(names(principal(["x"])), ["some", "all"]);
  });
});
