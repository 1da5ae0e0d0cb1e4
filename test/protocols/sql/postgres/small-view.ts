/** A catalogue of three tables, written by hand, with two masked columns: for tests that need no server. */
import type { Assign } from "#policies/question.ts";
import type { CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { type MaskingView, resolveProtection } from "#protocols/sql/postgres/protection.ts";

export function columns(...names: readonly (readonly [string, string, string])[]): readonly CatalogueColumn[] {
  return names.map(([name, type, category], index) => ({
    name,
    number: index + 1,
    type,
    typeOid: 0,
    category,
    notNull: false,
    baseType: type,
    generated: false,
    generatedFrom: [],
    default: null,
    tags: [],
  }));
}

export function table(oid: number, name: string, list: readonly CatalogueColumn[]): CatalogueRelation {
  return {
    oid,
    schema: "public",
    name,
    kind: "table",
    columns: list,
    primaryKey: [1],
    parents: [],
    reads: [],
    definition: null,
    securityBarrier: false,
    rules: [],
    triggers: [],
    calls: [],
    checks: [],
    indexes: [],
    partitionKey: "",
    policies: [],
    triggerConditions: [],
    skipsUnchanged: false,
    references: [],
    estimatedRows: null,
  };
}

/** @param assign whether writes may give the masked columns values */
export function smallView(assign: Assign = "none"): MaskingView {
  const catalogue = {
    version: "1",
    serverVersion: "18.1",
    database: "shop",
    searchPath: ["pg_catalog", "public"],
    walls: [],
    relations: [
      table(1, "users", columns(["id", "integer", "N"], ["name", "text", "S"], ["ssn", "text", "S"], ["salary", "numeric", "N"])),
      table(2, "orders", columns(["id", "integer", "N"], ["user_id", "integer", "N"], ["total", "numeric", "N"], ["status", "text", "S"])),
      table(3, "größe", columns(["id", "integer", "N"], ["geheim", "text", "S"])),
    ],
    functions: [],
    operators: [],
    types: [],
  };
  const { protection } = resolveProtection(catalogue, [
    { rule: "pii", columns: ["public.users.ssn", "public.größe.geheim"], tags: [], mask: { kind: "redact" }, assign },
    { rule: "pay", columns: ["public.users.salary"], tags: [], mask: { kind: "null" }, assign },
  ]);
  return { catalogue, protection, functionsAllowed: [] };
}
