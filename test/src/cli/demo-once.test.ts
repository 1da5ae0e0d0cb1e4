/** What `demo --once` counts as broken masking: it must be able to fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { maskingProblems } from "#src/cli/demo-once.ts";
import type { Answer } from "#src/demo/client.ts";

const columns = ["name", "email", "ssn", "card"];
const answer = (...row: (string | null)[]): Answer => ({ columns, rows: [row] });
const database = answer("Ada", "ada@example.com", "900-01-0001", "4242424242424242");
const support = answer("Ada", "ada@example.com", "***", "************4242");
const report = answer("Ada", "***@example.com", "***", "************4242");

test("what each agent may see and nothing else is no problem", () => {
  assert.deepEqual(maskingProblems({ database, support, report }), []);
});

const broken: readonly (readonly [what: string, seen: Partial<Parameters<typeof maskingProblems>[0]>, problem: string])[] = [
  ["an ssn in clear", { support: answer("Ada", "ada@example.com", "900-01-0001", "***") }, "support-agent got ssn in clear"],
  ["an e-mail address in clear", { report: answer("Ada", "ada@example.com", "***", "***") }, "report-agent got email in clear"],
  ["a value in another column's place", { report: answer("Ada", "900-01-0001", "***", "***") }, "report-agent got ssn in clear"],
  [
    "a mask where none should be",
    { support: answer("Ada", "***", "***", "***") },
    "support-agent got another email than the database holds",
  ],
  ["a name that changed", { report: answer("Eve", "***", "***", "***") }, "report-agent got another name than the database holds"],
];
for (const [what, seen, problem] of broken) {
  test(`${what} is a problem, told without the value`, () => {
    assert.deepEqual(maskingProblems({ database, support, report, ...seen }), [problem]);
  });
}

test("missing rows are a problem", () => {
  const problems = maskingProblems({ database, support, report: { columns, rows: [] } });
  assert.ok(problems.includes("report-agent got 0 rows instead of 1"));
});
