/** The policy document: what it accepts, and that nothing in it can be written without being enforced. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { allowedFunctions, documentProblems, policyDocumentSchema } from "#policies/document.ts";

const agents = { groups: ["data-agents"] };

function messages(document: unknown): readonly string[] {
  const parsed = policyDocumentSchema.safeParse(document);
  return parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}

describe("policy document", () => {
  test("an empty document grants nothing and masks nothing", () => {
    const document = policyDocumentSchema.parse({});
    assert.deepEqual(document.access.rules, []);
    assert.deepEqual(document.masking.rules, []);
    assert.deepEqual(allowedFunctions(document), []);
  });

  test("the design's example becomes typed rules, called by their place when they have no name", () => {
    const document = policyDocumentSchema.parse({
      access: { rules: [{ who: agents, targets: ["orders"], may: ["read"] }] },
      masking: {
        rules: [
          { target: "orders", columns: ["public.users.ssn"], with: { keepLast: 4 }, unless: { groups: ["fraud-desk"] }, lookup: "none" },
          { name: "pii", target: "orders", columns: ["public.*.email"], with: null },
        ],
        functions: { allow: ["public.order_total"] },
      },
    });
    assert.deepEqual(document.access.rules, [{ name: "access.rules.0", who: agents, targets: ["orders"], may: ["read"] }]);
    assert.deepEqual(
      document.masking.rules.map(({ name, mask }) => [name, mask]),
      [
        ["masking.rules.0", { kind: "keepLast", characters: 4 }],
        ["pii", { kind: "null" }],
      ],
    );
    assert.deepEqual(allowedFunctions(document), ["public.order_total"]);
  });

  test("a rule may go by tags, which are folded, or by columns, or by both", () => {
    const rules = [
      { target: "t", tags: ["PII", "gdpr.art-9"], with: "redact" },
      { target: "t", columns: ["a.b.c"], tags: ["x_1"], with: "redact" },
    ];
    assert.deepEqual(
      policyDocumentSchema.parse({ masking: { rules } }).masking.rules.map(({ columns, tags }) => [columns, tags]),
      [
        [[], ["pii", "gdpr.art-9"]],
        [["a.b.c"], ["x_1"]],
      ],
    );
  });

  test("null and the word null mean the same mask", () => {
    const masks = [null, "null"].map((written) =>
      policyDocumentSchema.parse({ masking: { rules: [{ target: "t", columns: ["a.b.c"], with: written }] } }),
    );
    assert.deepEqual(masks[0]?.masking, masks[1]?.masking);
  });

  test("a masking rule says whether writes may assign, and without a word they may not", () => {
    const rules = [{}, { assign: "none" }, { assign: "values" }].map((said) => ({
      target: "t",
      columns: ["a.b.c"],
      with: "redact",
      ...said,
    }));
    const { masking } = policyDocumentSchema.parse({ masking: { rules } });
    assert.deepEqual(
      masking.rules.map(({ assign }) => assign),
      ["none", "none", "values"],
    );
  });

  const rule = { target: "orders", columns: ["public.users.ssn"], with: "redact" };
  const access = { who: agents, targets: ["orders"], may: ["read"] };
  const refused: readonly (readonly [string, unknown, RegExp])[] = [
    ["an approval, which nothing enforces yet", { approvals: { rules: [{ name: "x" }] } }, /approvals are not supported yet/],
    [
      "a rule that names nothing",
      { masking: { rules: [{ target: "t", with: "redact" }] } },
      /masking\.rules\.0: needs columns or tags \(databases\), or fields, headers, query or form/,
    ],
    ["an empty list of tags", { masking: { rules: [{ target: "t", tags: [], with: "redact" }] } }, /masking\.rules\.0\.tags/],
    ["a tag with a glob", { masking: { rules: [{ ...rule, tags: ["p*"] }] } }, /masking\.rules\.0\.tags\.0: expected a tag/],
    [
      "a tag with the mark that stands before it in comments",
      { masking: { rules: [{ ...rule, tags: ["sallyport:pii"] }] } },
      /expected a tag/,
    ],
    ["a hash without a key", { masking: { rules: [{ ...rule, with: { hash: {} } }] } }, /with/],
    [
      "a hash of fields of documents",
      { masking: { rules: [{ target: "t", fields: ["$.a"], with: { hash: { key: { env: "K" } } } }] } },
      /masking\.rules\.0\.with: hash is for columns of PostgreSQL targets/,
    ],
    ["equality lookup", { masking: { rules: [{ ...rule, lookup: "equality" }] } }, /lookup: equality is not supported yet/],
    ["a permission to assign that does not exist", { masking: { rules: [{ ...rule, assign: "all" }] } }, /expected none or values/],
    ["an unknown mask", { masking: { rules: [{ ...rule, with: "blur" }] } }, /expected redact, null, email, year/],
    ["a mask that keeps no character", { masking: { rules: [{ ...rule, with: { keepLast: 0 } }] } }, /with/],
    ["a column without its schema", { masking: { rules: [{ ...rule, columns: ["users.ssn"] }] } }, /expected schema\.table\.column/],
    ["a rule for nobody in particular", { access: { rules: [{ ...access, who: {} }] } }, /needs at least one of names, groups, issuers/],
    ["a rule that grants nothing", { access: { rules: [{ ...access, may: [] }] } }, /may/],
    ["a right that does not exist", { access: { rules: [{ ...access, may: ["everything"] }] } }, /may\.0/],
    [
      "a path that no request has",
      { access: { rules: [{ ...access, paths: ["/x/../y"] }] } },
      /access\.rules\.0\.paths\.0: no request path has/,
    ],
    ["a method that is never passed on", { access: { rules: [{ ...access, methods: ["TRACE"] }] } }, /methods\.0: CONNECT and TRACE/],
    ["fields beside columns", { masking: { rules: [{ ...rule, fields: ["$.a"] }] } }, /masking\.rules\.0\.fields: is for HTTP targets/],
    [
      "a filter in a path of fields",
      { masking: { rules: [{ target: "t", fields: ["$.a[?(@.b)]"], with: "redact" }] } },
      /fields\.0: filters can't be told while a document streams/,
    ],
    [
      "a slice in a path of fields",
      { masking: { rules: [{ target: "t", fields: ["$.a[1:2]"], with: "redact" }] } },
      /fields\.0: slices and indexes from the end/,
    ],
    ["onRevoke, which nothing enforces yet", { access: { rules: [], onRevoke: "disconnect" } }, /onRevoke is not supported yet/],
    ["a key that is misspelt", { acess: { rules: [] } }, /acess/],
    ["a key of a rule that is misspelt", { masking: { rules: [{ ...rule, unles: agents }] } }, /unles/],
  ];
  for (const [what, document, message] of refused) {
    test(`${what} is refused`, () => assert.match(messages(document).join("\n"), message));
  }

  test("a rule for a target that is not there is a problem with its place", () => {
    const document = policyDocumentSchema.parse({
      access: { rules: [{ ...access, targets: ["orders", "order"] }] },
      masking: { rules: [{ ...rule, target: "crm" }] },
    });
    assert.deepEqual(documentProblems(document, ["orders"]), [
      { path: ["access", "rules", 0, "targets", 1], message: 'there is no target "order"' },
      { path: ["masking", "rules", 0, "target"], message: 'there is no target "crm"' },
    ]);
  });
});
