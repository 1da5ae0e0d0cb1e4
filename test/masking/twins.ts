/**
 * Two databases from one seed: one as it is, the other with every protected cell replaced beforehand by what its mask
 * shows. A statement rewritten for the first must be answered as the statement itself by the second: whatever the
 * statement computes, it computes from masked values.
 */
import type pg from "pg";
import { masksFor } from "#policies/decide.ts";
import { allowedFunctions, policyDocumentSchema } from "#policies/document.ts";
import type { Principal } from "#policies/question.ts";
import { type MaskingView, resolveProtection } from "#protocols/sql/postgres/protection.ts";
import { quoteIdentifier } from "#protocols/sql/postgres/quoting.ts";
import { readCatalogue } from "#src/catalogue/reader.ts";
import { connectPostgres, runSql, type TestPostgres } from "#test/support/postgres.ts";
import { SEED, withMasks } from "./seed.ts";

export const DOCUMENT = policyDocumentSchema.parse(withMasks({}));
export const MASKED: Principal = { issuer: "https://idp.test", name: "reader", groups: ["owners"], actor: null };

export interface Twins {
  readonly raw: pg.Client;
  readonly masked: pg.Client;
  readonly view: MaskingView;
  end(): Promise<void>;
}

export async function makeTwins(server: TestPostgres): Promise<Twins> {
  await runSql(server, "CREATE DATABASE raw");
  await runSql(server, "CREATE DATABASE masked");
  const [raw, masked] = [await connectPostgres(server, "raw"), await connectPostgres(server, "masked")];
  for (const client of [raw, masked]) await client.query(SEED);
  const catalogue = await readCatalogue(async (sql) => (await raw.query(sql)).rows);
  const { protection } = resolveProtection(catalogue, masksFor(DOCUMENT, MASKED, "orders"));
  const view: MaskingView = { catalogue, protection, functionsAllowed: allowedFunctions(DOCUMENT) };
  await replaceCells(masked, view);
  for (const client of [raw, masked]) await client.query("SET work_mem = '4MB'");
  return {
    raw,
    masked,
    view,
    async end() {
      await raw.end();
      await masked.end();
    },
  };
}

/** Constraints that masked values would break are taken away first, and columns that are computed from masked ones. */
async function replaceCells(client: pg.Client, { catalogue, protection }: MaskingView): Promise<void> {
  const { rows } = await client.query(
    `SELECT conrelid::regclass::text AS relation, quote_ident(conname) AS name FROM pg_constraint
      WHERE contype IN ('f', 'u', 'c') AND conrelid >= 16384 AND conparentid = 0 ORDER BY contype = 'u'`,
  );
  for (const { relation, name } of rows) await client.query(`ALTER TABLE ${relation} DROP CONSTRAINT ${name} CASCADE`);
  for (const relation of catalogue.relations) {
    const attributes = protection.columns.get(relation.oid);
    const its = relation.columns.filter(({ number }) => attributes?.has(number) === true);
    // Views show what stands below them, partitions are replaced with what they are parts of.
    if (relation.kind === "view" || relation.schema === "pg_catalog" || its.length === 0 || isPartition(relation, catalogue)) continue;
    const name = `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;
    for (const { name: column, generatedFrom } of its)
      if (generatedFrom.length > 0) await client.query(`ALTER TABLE ${name} ALTER ${quoteIdentifier(column)} DROP EXPRESSION`);
    if (relation.kind !== "table" && relation.kind !== "partitioned-table") continue;
    const set = its.map(({ name: column, number }) => `${quoteIdentifier(column)} = ${attributes?.get(number)?.expression}`);
    await client.query(`UPDATE ${relation.kind === "table" ? "ONLY " : ""}${name} SET ${set.join(", ")}`);
  }
  // What one is filled from was made before it.
  for (const { kind, schema, name } of catalogue.relations)
    if (kind === "materialized-view") await client.query(`REFRESH MATERIALIZED VIEW ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`);
}

function isPartition({ parents }: MaskingView["catalogue"]["relations"][number], { relations }: MaskingView["catalogue"]): boolean {
  return parents.some((oid) => relations.some((one) => one.oid === oid && one.kind === "partitioned-table"));
}
