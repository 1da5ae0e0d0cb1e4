/** Sends a text to the server as the gateway would for the corpus' principal, and gives back all that came of it. */
import type pg from "pg";
import { decide, masksFor } from "#policies/decide.ts";
import { allowedFunctions, type PolicyDocument } from "#policies/document.ts";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { type MaskingView, resolveProtection } from "#protocols/sql/postgres/protection.ts";
import { readCatalogue } from "#src/catalogue/reader.ts";
import { AGENT, DOCUMENT } from "./seed.ts";

export interface Result {
  readonly names: readonly string[];
  readonly types: readonly number[];
  /** Of each column: table OID and attribute number. */
  readonly origins: readonly (readonly [number, number])[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface Answer {
  /** `allow`, `mask`, or the reason of a denial. */
  readonly outcome: string;
  readonly denial: { readonly message: string; readonly hint: string; readonly position: number | null } | null;
  readonly sent: string | null;
  readonly results: readonly Result[];
  readonly outputMasked: readonly (readonly boolean[])[];
  readonly error: string | null;
}

export async function viewOf(client: pg.Client, document: PolicyDocument = DOCUMENT): Promise<MaskingView> {
  const catalogue = await readCatalogue(async (sql) => (await client.query(sql)).rows);
  const { protection, problems } = resolveProtection(catalogue, masksFor(document, AGENT, "shop"));
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return { catalogue, protection, functionsAllowed: allowedFunctions(document) };
}

export async function ask(client: pg.Client, view: MaskingView, sql: string, document: PolicyDocument = DOCUMENT): Promise<Answer> {
  const { facts, rewritten } = analyse(sql, view);
  const decision = decide(document, { kind: "statement", principal: AGENT, target: "shop", facts });
  const none = { sent: null, results: [], outputMasked: [], error: null };
  if (decision.verdict === "deny") return { ...none, outcome: decision.reason, denial: decision };
  if (decision.verdict === "mask" && rewritten === null) throw new Error("a decision to mask without a rewritten text");
  const sent = rewritten?.sql ?? sql;
  const outputMasked = rewritten?.outputMasked ?? [];
  return { ...none, outcome: decision.verdict, denial: null, sent, outputMasked, ...(await run(client, sent)) };
}

/** Every value as the text that the server sent. */
export async function run(client: pg.Client, sql: string): Promise<{ readonly results: readonly Result[]; readonly error: string | null }> {
  const asText = { getTypeParser: () => (value: string) => value };
  try {
    const answer: unknown = await client.query({ text: sql, rowMode: "array", types: asText });
    const list = (Array.isArray(answer) ? answer : [answer]) as pg.QueryArrayResult<(string | null)[]>[];
    const results = list.map(({ fields, rows }) => ({
      names: fields.map(({ name }) => name),
      types: fields.map(({ dataTypeID }) => dataTypeID),
      origins: fields.map(({ tableID, columnID }) => [tableID, columnID] as const),
      rows,
    }));
    return { results, error: null };
  } catch (error) {
    // Whatever the server said, in all of its fields.
    return { results: [], error: JSON.stringify(error, [...Object.getOwnPropertyNames(error), "message", "detail", "hint", "where"]) };
  }
}
