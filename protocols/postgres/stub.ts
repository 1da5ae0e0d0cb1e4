/** TEMPORARY */
export const redactSql = (sql: string, _r: unknown, _d: unknown): string => sql;
