/** Words of a shell command, for lines that people paste: quoted only where the shell would read them otherwise. */

export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** How the program is called: in a checkout, and where it is installed, in a project or for everybody. */
export const SELF = "npx sallyport";
