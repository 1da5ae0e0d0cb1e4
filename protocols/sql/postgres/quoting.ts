/** Text that PostgreSQL reads back as what was meant, whatever it holds. */

/** Always quoted, so that neither case nor a keyword can change what is named. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Safe with `standard_conforming_strings` on, which is pinned; a backslash makes it an E string, read alike either way. */
export function quoteLiteral(value: string): string {
  const doubled = value.replaceAll("'", "''");
  return doubled.includes("\\") ? `E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}
