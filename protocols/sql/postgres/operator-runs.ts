/**
 * What PostgreSQL's scanner would read over and over. It takes a run of operator characters as a whole and gives back all that
 * stands behind the beginning of a comment in it, or behind a sign at its end (scan.l, `xcstart` and `operator`), so that 20 kB of
 * nested comments, or of plus signs, cost seconds and 200 kB minutes. The server's own scanner does so for one session of its
 * own; here it would do so for all sessions of a worker.
 */

const OPERATOR_CHARACTERS = "~!@#^&|`?+-*/%<>=";
const IS_OPERATOR = new Uint8Array(128);
for (const character of OPERATOR_CHARACTERS) IS_OPERATOR[character.charCodeAt(0)] = 1;

const [PLUS, MINUS, STAR, SLASH] = [0x2b, 0x2d, 0x2a, 0x2f];

/** In characters that are read once more; the scanner reads some twenty million a second. Texts that people write have none. */
const AGAIN_MAX = 2_000_000;

/** @returns whether the scanner would read too much of the text again. Strings are not told apart: in them nothing is given back */
export function readsAgain(sql: string): boolean {
  let again = 0;
  for (let at = 0; at < sql.length; at++) {
    if (IS_OPERATOR[sql.charCodeAt(at)] !== 1) continue;
    const start = at;
    let returns = 0;
    let signs = true;
    for (; IS_OPERATOR[sql.charCodeAt(at)] === 1; at++) {
      const [code, next] = [sql.charCodeAt(at), sql.charCodeAt(at + 1)];
      // The rest of the line is a comment, unless this stands in one.
      if (code === MINUS && next === MINUS) signs = false;
      if ((code === SLASH && next === STAR) || (signs && (code === PLUS || code === MINUS))) returns++;
    }
    again += Math.max(0, returns - 1) * (at - start);
    if (again > AGAIN_MAX) return true;
  }
  return false;
}
