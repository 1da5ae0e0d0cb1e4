/**
 * What tools show otherwise under a mask than straight: each stands in docs/limits.md, under a mask. The tests hold that it is
 * still so, so that a change is noticed and the entry goes.
 */
export interface KnownDifference {
  readonly tools: readonly string[];
  readonly cases: readonly string[];
  /** Words of docs/limits.md. */
  readonly limit: string;
}

const PSQL = ["psql", "psql 18"];

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  { tools: PSQL, cases: ["\\deu+", "\\dRs+"], limit: "options of user mappings and connection strings of subscriptions show NULL" },
  { tools: PSQL, cases: ["\\dconfig"], limit: "`client_encoding` is UTF8; `search_path` and other settings are held" },
  { tools: ["browsers"], cases: ["as DBeaver connects: the search path"], limit: "`SHOW search_path` shows the resolved path" },
  { tools: ["sequelize"], cases: ["find or create"], limit: "Sequelize's `findOrCreate`" },
];
