/** What one protocol keeps and another does not yet: refused where nothing would enforce it, so that nobody relies on it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Folder, makeFolder, told } from "./folder.ts";

let folder: Folder;
before(async () => {
  folder = await makeFolder();
});
after(() => folder.remove());

async function refused(parts: Readonly<Record<string, string | null>>): Promise<readonly string[]> {
  const result = await folder.load(folder.yaml(parts));
  assert.ok(result.kind === "refused", "the configuration must be refused");
  return told(result.problems);
}

describe("MySQL targets", () => {
  test("guardrails that nothing would enforce are refused: those of MySQL targets", async () => {
    const problems = await refused({
      targets: `
  orders: { protocol: postgres, address: "db:5432", credential: { user: app } }
  shop: { protocol: mysql, address: "db:3306", credential: { user: app } }`,
      guardrails: "{ rules: [{ target: orders, deny: [drop] }, { targets: [orders, shop], deny: [drop, cross-join] }] }",
    });
    assert.deepEqual(problems, ["guardrails.rules.1.deny.1: cross-join is not supported yet for MySQL targets"]);
  });
});
