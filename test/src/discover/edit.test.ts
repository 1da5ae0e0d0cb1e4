/** Rules added to configurations as people write them: what stood there stands there still, and `patch` takes the diff. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { withRules } from "#src/discover/edit.ts";
import type { Finding, Proposal } from "#src/discover/proposal.ts";
import { blockLines } from "#src/discover/rule-text.ts";
import { unifiedDiff } from "#src/discover/unified-diff.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

function finding(table: string, column: string, more: Partial<Finding> = {}): Finding {
  return {
    ...{ schema: "public", table, column, kind: "email", what: "e-mail addresses", confidence: 0.99, matched: 98, sampled: 100 },
    ...{ named: true, shape: null, pure: true, mask: "email", coveredBy: null },
    ...more,
  };
}

const PROPOSALS: readonly Proposal[] = [
  {
    name: "discovered-email",
    kind: "email",
    mask: "email",
    findings: [finding("users", "email"), finding("My Table", 'odd: "column" # [x]')],
  },
  {
    name: "discovered-card",
    kind: "card",
    mask: { keepLast: 4 },
    findings: [
      finding("payments", "card", {
        kind: "card",
        what: "payment card numbers",
        shape: "9999 9999 9999 9999",
        named: false,
        mask: { keepLast: 4 },
      }),
    ],
  },
];

const ADDED = [
  { name: "discovered-email", target: "orders", columns: ["public.users.email", 'public.My Table.odd: "column" # [x]'], with: "email" },
  { name: "discovered-card", target: "orders", columns: ["public.payments.card"], with: { keepLast: 4 } },
];

const FILES: Readonly<Record<string, string>> = {
  "a list in blocks": `# of a test
access:
  rules: []
masking:
  rules:
    - name: ssn                  # the first
      target: orders
      columns:
        - public.users.ssn
      with: redact

    # a rule that was taken out:
    # - { target: orders, columns: [a.b.c], with: redact }
recording:
  directory: r
`,
  "a list without further indentation": `masking:
  rules:
  - target: orders
    columns: [public.users.ssn]
    with: redact
state: { sqlite: s }
`,
  "items in brackets": `masking:
  rules:
    - { name: ssn, target: orders, columns: [public.users.ssn], with: redact } # one line
  functions: { allow: [public.f] }
`,
  "a list at the end of the file, without a line end":
    "a: 1\nmasking:\n  rules:\n    - target: orders\n      columns: [a.b.c]\n      with: redact",
  "an empty list": "masking:\n  rules: [] # none yet\n  functions: { allow: [] }\nb: 2\n",
  "an empty list in brackets": "masking: { rules: [] }\nb: 2\n",
  "a list in brackets": "masking: { rules: [{ target: orders, columns: [a.b.c], with: redact }], functions: { allow: [] } }\nb: 2\n",
  "a list in brackets over lines, with comments": `masking:
  rules: [
    { target: orders, columns: [a.b.c], with: redact },   # one
    { target: orders, columns: [a.b.d], with: redact }    # two
  ]
b: 2
`,
  "a list in brackets that ends with a comma": "masking:\n  rules: [\n    { target: orders, columns: [a.b.c], with: redact },\n  ]\n",
  "no masking at all": "a: 1\nb:\n  - 2",
  JSON: `${JSON.stringify({ a: 1, masking: { rules: [{ target: "orders", columns: ["a.b.c"], with: "redact" }] }, b: { c: [1] } }, null, 2)}\n`,
  "JSON on one line": JSON.stringify({ masking: { rules: [{ target: "orders", columns: ["a.b.c"], with: "redact" }] }, b: 2 }),
  "JSON without masking": `${JSON.stringify({ a: 1, b: { c: [1] } }, null, 2)}\n`,
  "lines that end with CR LF":
    "a: 1\r\nmasking:\r\n  rules:\r\n    - target: orders\r\n      columns: [a.b.c]\r\n      with: redact\r\nb: 2\r\n",
};

let folder: string;
before(async () => {
  folder = await scratchFolder("edit");
});
after(() => removeFolder(folder));

describe("adding rules", () => {
  for (const [what, text] of Object.entries(FILES)) {
    test(`to ${what}`, () => {
      const edited = withRules(text, PROPOSALS, "orders");
      assert.ok(edited !== undefined, "no place was found");
      const before = parse(text);
      const now = parse(edited);
      assert.deepEqual(now.masking.rules, [...(before.masking?.rules ?? []), ...ADDED]);
      assert.deepEqual({ ...now, masking: { ...now.masking, rules: 0 } }, { ...before, masking: { ...before.masking, rules: 0 } });
      // Signs were added and none taken away, but for an empty pair of brackets and the blank before it.
      let at = 0;
      for (const sign of text.replace(/ \[\](?= #)/, "")) {
        at = edited.indexOf(sign, at) + 1;
        assert.ok(at > 0, `${JSON.stringify(sign)} is lost`);
      }
      assert.match(edited, /98 of 100 values look like e-mail addresses, the name says so, confidence 0\.99/);
      if (text.includes("\r")) assert.doesNotMatch(edited, /[^\r]\n/);
    });

    test(`to ${what}: patch makes of the old file the new one`, () => {
      const edited = withRules(text, PROPOSALS, "orders") ?? "";
      mkdirSync(join(folder, "conf"), { recursive: true });
      writeFileSync(join(folder, "conf", "sallyport.yaml"), text);
      const diff = `${unifiedDiff("conf/sallyport.yaml", text, edited).join("\n")}\n`;
      const { status, stdout, stderr } = spawnSync("patch", ["-p0", "--binary", "--fuzz=0"], {
        cwd: folder,
        input: diff,
        encoding: "utf8",
      });
      assert.equal(status, 0, stdout + stderr + diff);
      assert.equal(readFileSync(join(folder, "conf", "sallyport.yaml"), "utf8"), edited);
    });
  }

  for (const [what, text] of [
    ["an alias", "x: &rules []\nmasking: { rules: *rules }\n"],
    ["no map", "- 1\n"],
    ["no YAML", "a: [\n"],
    ["rules that are no list", "masking: { rules: 1 }\n"],
    ["a document that ends by itself", "a: 1\n...\n"],
  ] as const) {
    test(`there is no answer for ${what}`, () => assert.equal(withRules(text, PROPOSALS, "orders"), undefined));
  }

  test("target names that YAML would read as something else stay texts", () => {
    for (const target of ["1e3", "true", "null", "0x1f", "a.b-c_d", "no"]) {
      for (const text of ["a: 1\n", "masking: { rules: [] }\n"]) {
        const edited = withRules(text, PROPOSALS, target);
        assert.equal(parse(edited ?? "")?.masking.rules[0].target, target);
      }
    }
  });

  test("the rules alone are YAML too", () => {
    assert.deepEqual(parse(blockLines(PROPOSALS, "orders").join("\n")), ADDED);
  });
});

describe("a unified diff", () => {
  const text = fc
    .array(fc.constantFrom("a", "b", "", "c d"), { maxLength: 12 })
    .chain((lines) => fc.boolean().map((end) => lines.join("\n") + (end ? "\n" : "")));

  test("of any two texts is applied by patch", () => {
    fc.assert(
      fc.property(text, text, (old, now) => {
        fc.pre(old !== "" && now !== "");
        writeFileSync(join(folder, "t"), old);
        const lines = unifiedDiff("t", old, now);
        if (lines.length > 0) {
          const { status, stdout } = spawnSync("patch", ["-p0", "--fuzz=0"], {
            cwd: folder,
            input: `${lines.join("\n")}\n`,
            encoding: "utf8",
          });
          assert.equal(status, 0, stdout);
        }
        assert.equal(readFileSync(join(folder, "t"), "utf8"), now);
      }),
      { numRuns: 60 },
    );
  });

  test("of equal texts is empty", () => assert.deepEqual(unifiedDiff("t", "a\nb", "a\nb"), []));
});
