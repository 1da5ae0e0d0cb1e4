/** Names and strings as SQL that means the same under every sql_mode and character set of the session. */

export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** Backslashes count by sql_mode, and characters beyond ASCII by the session's set: such strings are spelled in digits. */
export function quoteString(value: string): string {
  if (/^[ -[\]-~]*$/.test(value)) return `'${value.replaceAll("'", "''")}'`;
  return `_utf8mb4 x'${[...new TextEncoder().encode(value)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}'`;
}
