/**
 * What tools show otherwise under a mask than straight: each stands in docs/limits.md, under a mask. The tests hold that it is
 * still so, so that a change is noticed and the entry goes.
 */
export interface KnownDifference {
  readonly tool: string;
  readonly cases: readonly string[];
  /** Words of docs/limits.md. */
  readonly limit: string;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  { tool: "psql", cases: ["\\deu+", "\\dRs+"], limit: "options of user mappings and connection strings of subscriptions show NULL" },
  { tool: "psql", cases: ["\\dconfig"], limit: "`client_encoding` is UTF8; `search_path` and other settings are held" },
  { tool: "browsers", cases: ["as DBeaver connects: the search path"], limit: "`SHOW search_path` shows the resolved path" },
  { tool: "sequelize", cases: ["find or create"], limit: "Sequelize's `findOrCreate`" },
];
