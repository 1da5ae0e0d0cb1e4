/** Which columns are masked beyond those that rules name, and by what; without a server. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ActiveMask } from "#policies/question.ts";
import type { MysqlCatalogue } from "#protocols/sql/mysql/catalogue.ts";
import { resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { catalogueOf, table } from "#test/protocols/sql/mysql/small-catalogue.ts";

const MASK: ActiveMask = { rule: "pii", columns: ["app.users.ssn"], tags: [], mask: { kind: "keepLast", characters: 2 } };

/** `table.column` with rule and mask of each. */
function maskedIn(catalogue: MysqlCatalogue, masks: readonly ActiveMask[] = [MASK]): Readonly<Record<string, string>> {
  const { protection } = resolveMysqlProtection(catalogue, masks);
  const found: Record<string, string> = {};
  for (const [{ name }, columns] of protection.columns) {
    for (const [column, { rule, mask, assignable }] of columns) {
      found[`${name}.${column}`] = `${rule} ${mask.kind}${assignable ? ", assignable" : ""}`;
    }
  }
  return found;
}

describe("what is masked", () => {
  test("reaches columns that are generated from a masked one, at whatever distance, whole", () => {
    const made = { tail: { generation: "right(`SSN`,4)" }, end: { generation: "upper(`tail`)" }, other: { generation: "upper(`city`)" } };
    const users = table("app", "users", ["id", "city", "ssn", "tail", "end", "other"], {}, made);
    assert.deepEqual(maskedIn(catalogueOf([users])), {
      "users.ssn": "pii keepLast",
      "users.tail": "pii redact",
      "users.end": "pii redact",
    });
  });

  test("reaches foreign keys to a masked column, and those to these", () => {
    const key = (to: string, name: string, refersTo: string) => ({
      references: [
        { name: "fk", database: "app", table: to, columns: [{ name, refersTo }], onDelete: "refuse", onUpdate: "refuse" } as const,
      ],
    });
    const badges = table("app", "badges", ["id", "of"], key("users", "of", "ssn"));
    const doors = table("app", "doors", ["id", "by"], key("badges", "by", "of"));
    const others = table("app", "others", ["id", "of"], key("users", "of", "id"));
    const found = maskedIn(catalogueOf([table("app", "users", ["id", "ssn"]), badges, doors, others]));
    assert.deepEqual(found, { "users.ssn": "pii keepLast", "badges.of": "pii redact", "doors.by": "pii redact" });
  });

  test("is by the first of two rules that name a column", () => {
    const second: ActiveMask = { rule: "later", columns: ["app.*.*"], tags: [], mask: { kind: "null" }, assign: "values" };
    const found = maskedIn(catalogueOf([table("app", "users", ["id", "ssn"])]), [MASK, second]);
    assert.deepEqual(found, { "users.ssn": "pii keepLast", "users.id": "later null, assignable" });
  });

  test("shows NULL where the rule's mask does not fit the column, and tells so", () => {
    const catalogue = catalogueOf([
      table("app", "users", ["id", "ssn"], {}, { ssn: { type: "json", dataType: "json", charset: null, characters: null } }),
    ]);
    assert.deepEqual(maskedIn(catalogue), { "users.ssn": "pii null" });
    const { protection, problems } = resolveMysqlProtection(catalogue, [MASK]);
    const [columns] = protection.columns.values();
    assert.match(columns?.get("ssn")?.expression ?? "", /NULL/);
    assert.deepEqual(
      problems.map(({ kind }) => kind),
      ["unfit"],
    );
  });

  test("stays masked behind a wall of the login's own, though no rule names it any more", () => {
    const users = table("app", "users", ["id", "ssn", "card"], { wall: { database: "app_wall", name: "users" } });
    const wall = { name: "app_wall", database: "app", ofLogin: true, masked: [{ table: "users", column: "card", rule: "gone" }] };
    assert.deepEqual(maskedIn({ ...catalogueOf([users]), walls: [wall] }), { "users.ssn": "pii keepLast", "users.card": "gone redact" });
    const another = { ...wall, ofLogin: false };
    assert.deepEqual(maskedIn({ ...catalogueOf([users]), walls: [another] }), { "users.ssn": "pii keepLast" });
  });
});
