/** The generated tables still say what the packages say. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { TYPED_FIELDS } from "#protocols/sql/postgres/shape.ts";

test("every field of a fixed node type in the grammar's declarations is in the table", () => {
  const folder = createRequire(createRequire(import.meta.url).resolve("libpg-query")).resolve("@pgsql/types");
  const declarations = readFileSync(new URL("./types.d.ts", `file://${folder}`), "utf8");
  const interfaces = new Map(
    [...declarations.matchAll(/export interface (\w+) \{([\s\S]*?)\n\}/g)].map((match) => [match[1], match[2] ?? ""]),
  );
  let checked = 0;
  for (const [owner, fields] of Object.entries(TYPED_FIELDS)) {
    for (const [field, type] of Object.entries(fields)) {
      assert.match(interfaces.get(owner) ?? "", new RegExp(`\\b${field}\\?: ${type}(\\[\\])?;`));
      checked += 1;
    }
  }
  for (const statement of [
    "SelectStmt",
    "InsertStmt",
    "UpdateStmt",
    "DeleteStmt",
    "MergeStmt",
    "CopyStmt",
    "CommonTableExpr",
    "JoinExpr",
  ]) {
    for (const match of (interfaces.get(statement) ?? "").matchAll(/(\w+)\?: (\w+)(?:\[\])?;/g)) {
      const [, field = "", type = ""] = match;
      if (interfaces.has(type)) assert.equal(TYPED_FIELDS[statement]?.[field], type, `${statement}.${field}`);
    }
  }
  assert.ok(checked > 100);
});

test("the generator writes the table as it stands", () => {
  const path = new URL("../../../../protocols/sql/postgres/shape.ts", import.meta.url);
  const standing = readFileSync(path, "utf8");
  const written = execFileSync(process.execPath, ["tools/generate-shape.ts", "--print"], { encoding: "utf8" });
  const flat = (text: string) => text.replace(/[\s,]+/g, "");
  assert.equal(flat(written), flat(standing));
});
